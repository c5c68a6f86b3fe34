import { DeveloperAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Builds so that money and stock add up when everything happens twice and at once. */
export class ShopDeveloper extends DeveloperAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## How to build in a shop

- Use the money type that is there. Where an amount is split (a discount over lines, a refund over payments), give the remainder away by a fixed rule, so that the parts sum to the whole to the cent.
- Change stock, counters of vouchers and the state of an order by one conditional statement or under a row lock, in the transaction of the order. Never read, decide in memory and write.
- Give every call to a payment provider or carrier an idempotency key derived from our own id and the operation (\`refund:<return id>\`), stored before the call. A timeout means "unknown": ask the provider before trying again with another key.
- Do not call a provider inside a database transaction. Write what is to be done, commit, then do it, and let the webhook settle it.
- A webhook handler verifies the signature over the raw body, stores the event under its id, answers at once, and takes states in any order: a "refunded" before its "captured" must not be lost.
- Copy onto the order line what was sold: name, SKU, unit price, tax rate, discount. Do not join to the product for anything that was promised.
- Keep card data, full addresses and access tokens out of logs and errors. Add a field to an event or an export only when its receiver needs it.
- Dates of promotions have a time zone, the shop's; the end is exclusive.
- Lists (catalogue, orders) are paged by key; prices of a list come in one query, not one for each product.
- A change of a price, tax or promotion rule comes with a table of examples as its test, with odd amounts: 0.01, 0.99, three for two, 100 % off, a currency without decimals.`;
  }
}
