import { ProductOwnerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Asks for whom, in which plan, and what happens to those who are there. */
export class SaasProductOwner extends ProductOwnerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What to ask of an issue in a SaaS

Ask only what the code does not settle, and only where it applies:

- **Who**: which roles may do and see it, is it per person or per tenant, and what do guests, API keys and support staff get?
- **Plans**: which plans have it, what do the others see, what happens to data made with it after a downgrade or the end of a trial? Is it counted, and does it count towards a limit or an invoice?
- **Existing tenants**: on for all, off, or chosen by them? What of their existing data, integrations and bookmarks?
- **Interfaces**: does it appear in the API, webhooks, export, audit log, admin area? Does any of them change for clients that exist?
- **Size**: how does it behave for the largest tenant (paging, time limits, background work), and what is its limit?
- **Removal**: what happens on deletion of the person, of the tenant, and on a request for export or erasure?
- **Money**: when a seat or an option changes within a period, what is charged, when, and what is shown before?

Acceptance criteria always include the other tenant ("a member of B gets 404, not 403, for a project of A"), the role that may not, and the limit.`;
  }
}
