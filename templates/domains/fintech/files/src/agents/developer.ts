import { DeveloperAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Builds so that the books balance after every crash. */
export class LedgerDeveloper extends DeveloperAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## How to build with money

- Go through the ledger's own posting function; never write entries or balances beside it. Where there is none for the case, add one whose entries sum to zero by construction and check it in the database, too.
- Use the money and rate types that are there. Parse amounts from strings; refuse more decimals than the currency has rather than rounding input. In JSON amounts are strings or integers of the smallest unit.
- Split an amount by largest remainder or the rule that the code has, so that the parts sum to the whole.
- Check and take a balance or a limit in one conditional statement, or under a lock in a fixed order of accounts (by id), so that two transfers between the same accounts cannot deadlock.
- Store the idempotency key in the transaction of the effect, unique in the database. Derive references for partners from our own id, store them before the call, and make the call outside the transaction.
- Model outcomes as "succeeded, failed, unknown". Unknown is looked up with the same reference; nothing is released or sent again before.
- Take the current time and the bank calendar as parameters; a calendar date is no timestamp. Use the project's business-day functions.
- Corrections are reversals and new postings, also in migrations and scripts: no update of an entry, ever.
- Write the audit record in the same transaction, with actor, authority and reason. Log ids, not account numbers, names or documents.
- Tests: a property that the sum of all entries is zero after any sequence of operations; the same command twice; two at once; a crash between call and answer; amounts at the edges of rounding.`;
  }
}
