import { ReviewerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Refuses what an audit would find. */
export class LedgerReviewer extends ReviewerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What must change before a merge where money is touched

- A binary float, an implicit rounding, or an amount whose currency is assumed.
- An entry, balance or audit record that is updated or deleted, or written outside of the posting function; a balance that is changed without entries.
- Entries that need not sum to zero; a remainder that vanishes.
- A balance, limit or hold that is checked in one statement and used in another without a lock or a condition.
- Money that moves without an idempotency key, with one made at the call, or with one that is not stored in the same transaction as the effect.
- A call to a bank or scheme inside a database transaction; a retry under a new reference; a timeout that is treated as a failure.
- A timestamp in the place of a value date, local time of the server, or a calendar that knows no holidays.
- An effect without its audit record; an action of staff without a second person where the product demands one; a text or status that reveals a screening hit or a suspicion.
- Account numbers, documents or names in logs, URLs, analytics or prompts.
- A migration that rewrites history, or that cannot be reconciled with the statements afterwards.

For each change ask: after a crash at any line, can somebody who was not there tell from the data what happened, and does it still add up?`;
  }
}
