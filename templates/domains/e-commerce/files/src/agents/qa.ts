import { QaAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Tries what customers, carriers and providers really do. */
export class ShopQa extends QaAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What to try in a shop

- **The last piece**: two checkouts of it at once; a reservation that expires during payment; a cancellation that arrives while the parcel is packed; a return of more pieces than were bought. Stock is never negative, and on hand = reserved + available throughout.
- **Twice**: the pay button clicked twice, the same webhook twice, a refund retried after a timeout. One charge, one order, one refund, one e-mail.
- **Out of order**: the redirect before the webhook, the webhook before the redirect, "refunded" before "captured", a capture after the authorisation lapsed.
- **Amounts**: 0, 0.01, discounts larger than the cart, a fixed discount over three lines of 3.33, quantities of 0, -1, 1.5 and 10 000, currencies with 0 and 3 decimals. The lines, the tax and the total of cart, order, invoice and payment agree to the cent.
- **Manipulation**: a price, discount, currency or shipping cost changed in the request; another customer's cart, address or order id; a voucher used in two tabs at once beyond its limit.
- **Promotions**: two that exclude each other, in both orders; one that ends while the cart is open; an item removed so that a threshold is no longer met; a partial return of "three for two".
- **Tax and place**: a change of country in the last step; a valid, an invalid and an unreachable VAT id check; tax-free goods beside taxed ones.
- **Payment states**: declined, authentication asked and abandoned, pending for days (bank transfer), partially captured, chargeback.

A finding gives the amounts: cart, expected total, actual total.`;
  }
}
