import { QaAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Is the user who upgrades without reading. */
export class LibraryQa extends QaAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What to try in a library

- **Yesterday's program**: the README's examples and the old tests, unchanged, against the new code: same results, same errors (class, code, order of validation), same types.
- **Types**: does each documented call still infer the same, with strict on? A callback with fewer parameters, a subclass, an object with more properties, a readonly array, a value of type unknown, exhaustive switches over exported unions.
- **Entries**: import and require each entry as the package exports it, from the packed files where they can be built; look for a file that was reachable before, an entry without types, code that runs at import.
- **Guests' manners**: output on the console, listeners, timers or handles left after use and after an abort, changed arguments, frozen and shared input, a callback that throws, a promise that nobody awaits.
- **Misuse**: undefined for an option (as good as absent), null, wrong types from plain JavaScript, objects without a prototype, an option of another name close to the right one, the same instance used twice and at once.
- **Versions**: built-ins or syntax beyond the oldest supported runtime.
- **Release**: does the commit type and changelog say what the change does to users? A break that is called a fix is a finding of severity error.`;
  }
}
