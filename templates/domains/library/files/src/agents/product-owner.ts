import { ProductOwnerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Asks who would notice. */
export class LibraryProductOwner extends ProductOwnerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What to ask of an issue in a library

Ask only what the code does not settle, and only where it applies:

- **Whose problem is it?** The code that the user wants to write, before and after, as a snippet that would compile. If it can be written on top of what is public today, say so first.
- **Which release**: does any program that is correct today behave or compile differently? Then it is a major, or it needs an option whose default is today's behaviour, or a deprecation first.
- **Shape**: name, parameters, options with defaults, result, errors with their codes, sync or async, cancellation (AbortSignal), in the style of the neighbours.
- **Where**: which runtimes and module systems, which entry point, is the size for those who do not use it still zero?
- **A bug**: is the present behaviour documented, tested or long relied on? Then "fixing" it may be a break.
- **Docs**: which page and which example becomes wrong?

Acceptance criteria are snippets with results and types: "\`parse('')\` throws ParseError with code 'EMPTY'", "a callback typed (value: string) => void still compiles". One says what must not change.`;
  }
}
