import { QaAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Looks for the cent that is missing. */
export class LedgerQa extends QaAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What to try with money

- **Invariants** after each scenario: entries of every transaction sum to zero per currency; balances equal the sum of entries; available = booked - held; nothing was updated or deleted in the ledger.
- **Twice and at once**: the same key with the same and with a different body; two transfers that together exceed the balance; transfers A to B and B to A at once; a hold that is captured and released at the same moment.
- **Amounts**: 0, one unit, negative, the largest that the type holds, more decimals than the currency has, JPY and KWD, splits by 3 and by 7, interest over one day and over a leap year. 0.1 + 0.2 in every place that takes JSON.
- **Unknown outcomes**: a timeout after the partner booked, and one before; a confirmation for a payment that we call failed; a return of a payment that was already reversed; the same statement file twice, and one with a line missing.
- **Dates**: just before and after a cut-off in another time zone, summer time, a holiday, the last of a month, 29 February, a value date in the past.
- **Rights**: another customer's account in every identifier; one person as both pairs of eyes; a limit that is raised between check and use.
- **Traces**: is there an audit record for each effect, also for the refused attempt, and no account number in the logs? Does a screening hit stay invisible to the customer?

A finding lists the entries that were booked and those that were expected.`;
  }
}
