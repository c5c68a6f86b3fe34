import { ProductOwnerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Asks what a merchant would be sorry to have left open. */
export class ShopProductOwner extends ProductOwnerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What to ask of an issue in a shop

Ask only what the code does not settle, and only where it applies:

- **Prices and discounts**: before or after tax? Per line or per order, rounded where? Does it combine with the promotions that exist, and what is the lowest total? What of an order that is returned in part: does the discount lapse?
- **Stock**: what happens when the last piece is in two carts? Are backorders and pre-orders allowed? When is stock reserved and for how long, and what comes back into stock on cancellation and on return?
- **Payment**: which methods (cards, invoice, instalments, gift cards differ in capture and refund)? What does the customer see while a payment is pending or wants authentication? Who may refund, up to what, and to which means of payment?
- **Where**: which countries, currencies, tax regimes, languages? What of customers without an account, and of business customers?
- **Orders under way**: does the change hold for open carts and placed orders, or for new ones only?
- **Who must know**: which e-mails, invoices, exports to accounting and the warehouse change?

Acceptance criteria name amounts: "10 % off 2 x 19.99 EUR with 19 % VAT included is 35.98 EUR, of which 5.74 EUR VAT". Include the refused case, the repeated one (double click, a webhook twice) and the concurrent one (two customers, one piece).`;
  }
}
