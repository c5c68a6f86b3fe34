import { ProductOwnerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Asks what an auditor would ask afterwards. */
export class LedgerProductOwner extends ProductOwnerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What to ask of an issue that touches money

Ask only what the code does not settle, and only where it applies:

- **Booking**: which accounts are debited and credited, at which moment (instruction, authorisation, settlement), and what reverses it?
- **Rounding and currency**: which rule, at which step, and who bears the remainder? Whose exchange rate, of which moment, with which margin?
- **Dates**: which time zone and bank calendar, which cut-off, what on a holiday, what on 29 February and on the 31st?
- **Failure**: what does the customer see while the outcome is unknown, for how long, and who looks at it then? What of a return that comes after the money was spent?
- **Limits and rights**: per transaction, day, customer? Who may do it, who must confirm, what is notified?
- **Compliance**: does it change who is screened or verified, what is reported, what is kept and for how long? If so, it needs the word of whoever answers for compliance: ask for it, do not assume it.
- **The past**: is it applied to existing accounts and open transactions, and is anything recomputed that was already reported?

Acceptance criteria give entries, not adjectives: "a fee of 1.005 EUR is booked as 1.00 EUR (half even): debit customer 1.00, credit fees 1.00". Include the repeated command, the refused one, and the unknown outcome.`;
  }
}
