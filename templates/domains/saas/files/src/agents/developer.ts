import { DeveloperAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Builds for many tenants, two versions at once, and no night shift. */
export class SaasDeveloper extends DeveloperAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## How to build in a SaaS

- Take tenant and actor from the request's context and pass them on explicitly to jobs and events; a job without a tenant is an error. New tables have the tenant id, its index first in composite keys, foreign keys that include it, and a policy for rows.
- Ask the one authorisation function and the one entitlement function; do not compare roles or plan names in a handler. Refuse by default.
- Unknown and foreign ids give the same answer, and take the same way to it.
- Cache keys, locks, rate limits, uploads and idempotency keys begin with the tenant.
- Lists are paged by cursor with an upper bound; counts over large tables are estimated or precomputed; nothing is loaded whole because the test data is small.
- Schema changes: add nullable or with a constant default, write both, backfill in batches in a job that can be stopped, read the new, remove the old in a later release. Indexes are built concurrently, constraints validated after being added. Jobs and events of the old version must be understood.
- Webhooks out: from a stored event in the transaction of the change, signed with a timestamp, retried with backoff and jitter, given up visibly; addresses of customers are checked against private networks at connection time. Webhooks in: verify, store by id, answer, process; order means nothing.
- Billing: record usage by an id with its own time, unique in the database. Compute proration from the provider's answer or one function, never a second time elsewhere.
- A new place that stores personal data is added to export and erasure in the same change.
- Tests have two tenants by default, and assert that the second sees nothing.`;
  }
}
