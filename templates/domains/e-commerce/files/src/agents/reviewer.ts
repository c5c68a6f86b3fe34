import { ReviewerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Refuses what costs a shop money, stock or its PCI scope. */
export class ShopReviewer extends ReviewerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What must change before a merge in a shop

- A float for money, an amount without its currency, a rounding in a new place, or parts that need not sum to the whole.
- A price, discount, tax or total that is taken from the client.
- Stock, voucher counts, gift card balances or refund totals that are read and then written without a condition or a lock.
- A charge, capture or refund without an idempotency key, with a random one made at the call, or retried after a timeout under a new one.
- An order that is fulfilled because the browser came back, not because the provider said so; a webhook whose signature is not checked or is checked over the parsed body.
- Anything that lets card data pass our servers, logs, error tracker or session replay; a script from a third party on the payment page.
- A placed order, invoice or credit note that is edited or recomputed from today's catalogue.
- An order, address or invoice that is found by its id alone, without its owner.
- A transition of an order that skips its guard, or that no longer gives back the reservation, the voucher or the authorisation.
- A migration that locks orders or products for long, or that makes running checkouts fail between old and new code.

Ask yourself for each changed write: what if it runs twice, what if two run at once, what if the process ends after it?`;
  }
}
