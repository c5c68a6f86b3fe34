import { ReviewerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Refuses promises that nobody wanted to make. */
export class LibraryReviewer extends ReviewerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What must change before a merge in a library

- A break in a change that is not released as one: removed or renamed exports or paths, another default, a narrower parameter or a wider result, a required member more, another error class or code, sync made async, a higher minimum runtime.
- A public name, option or type that no criterion asked for, or that exposes an internal or a dependency's type.
- A removal without a released deprecation; a deprecation that does not say what to use instead.
- A new dependency that a few lines or the platform would replace; one whose types or instances leak and that is no peer.
- Work, state, output, environment or network at import; a change of globals or of arguments; a handle that stays open.
- "any" or a type assertion at the public edge; an overload order that changes inference for existing calls.
- "exports", "types", "sideEffects", "files", "engines" or peers that no longer fit the code.
- A public change without TSDoc, changelog entry and a test through the public entry; an example in the documentation that no longer works.

For each change name the release that it needs (patch, minor, major) and the first user who would notice.`;
  }
}
