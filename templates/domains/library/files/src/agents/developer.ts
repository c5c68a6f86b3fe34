import { DeveloperAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Adds without anybody noticing who did not ask for it. */
export class LibraryDeveloper extends DeveloperAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## How to build in a library

- Decide first which kind of release the change is, and say it in the commit (feat, fix, feat! with a BREAKING CHANGE footer) and in \`pr_body\`. Add the changeset or changelog entry as the repository does it.
- Export nothing that no criterion asks for: what is exported stays for years. Keep helpers out of the entry points; do not export a dependency's types.
- New behaviour comes as an optional member of an options object with today's behaviour as its default. No positional boolean. No new overload in the middle of the list.
- Validate input at the public edge and throw the library's own errors with a stable code, a message that names the argument, and \`cause\`. Internals trust their types.
- Do not mutate arguments, keep references to callers' objects, or swallow errors of callbacks. Release timers, listeners and handles when the signal aborts and when the work ends.
- Type for callers: inference from arguments rather than explicit type parameters, readonly for what is only read, unknown rather than any, no conditional types where an overload reads better. Keep error messages of wrong calls legible.
- No top-level work or state; load what is large or optional with a dynamic import.
- Use syntax and built-ins of the oldest supported runtime; look at "engines" and the CI matrix.
- Tests go through the public entry, also the built one where the repository has such a test. Types have tests (expectTypeOf, tsd, or what is there), including a call that must not compile.
- Documentation and example of each public change are part of it: TSDoc with what, throws, default, since.`;
  }
}
