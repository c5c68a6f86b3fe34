import { QaAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Is the other tenant, the removed member and the loudest client. */
export class SaasQa extends QaAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What to try in a SaaS

- **As the other tenant**: every id of A used by B in path, query, body, nested object, bulk call, export, file address, search, web socket and webhook setting. Compare status, body and time with an id that does not exist.
- **As who may not**: each lower role, the removed member with an open session, the revoked key, the invited person with another address, a person of two tenants with the wrong one selected.
- **Plans**: at the limit, one above, two requests at once at the limit; a downgrade with more seats or data than the new plan has; a trial that ends in the middle of a job; a payment that fails and then succeeds.
- **Billing**: seats up and down within one period, on its first and last second, in February; the same usage event twice and one that arrives after the invoice; provider webhooks twice and out of order.
- **Webhooks out**: a receiver that is slow, redirects, answers 500, points to a private address or the metadata service, or changes its DNS in between.
- **Size**: one tenant with very many rows while others work; a page size of 0, -1, a million; deep paging; an export that outlives a deployment.
- **Two versions**: does the code before this change survive the new schema, and the new code rows and queued jobs of the old?
- **Erasure**: after deletion of a person or a tenant, is it gone from search, caches, exports, audit views and jobs under way?`;
  }
}
