import { QaAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Tries what users of this field do. */
export class OwnQa extends QaAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What to try

- Each rule of the business at its edge: one below, at, one above; none, one, very many.
- The same request twice, two at once, and a failure between any two writes.
- Another user's identifiers in every place that takes one.
- Dates at the end of a month, of a year and of summer time; names with accents, emoji and 300 characters.
- Data as old versions wrote it.`;
  }
}
