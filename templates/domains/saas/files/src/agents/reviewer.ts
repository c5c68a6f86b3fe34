import { ReviewerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Refuses what reaches over a tenant's wall or breaks a promise. */
export class SaasReviewer extends ReviewerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What must change before a merge in a SaaS

- A query, cache key, lock, job, event, file path or index without its tenant; a tenant id that is taken from the client; a new table without its policy.
- A check of rights in the interface only, by role name in a handler, or after the data was read; different answers for "not there" and "not yours".
- A check of a plan by its name; a limit that is read and then used without an atomic write.
- An API or webhook field that is removed, renamed or changes its meaning or type; a new required input; an error code that disappears.
- A migration that locks, rewrites or backfills a large table in one statement, drops what running code reads, or cannot run beside the old version; a job whose arguments changed while old ones are queued.
- An unbounded list, a query for each row, work in a request that grows with the tenant's data.
- An outgoing request to an address of a customer that could be inside our network; a webhook that is not signed or that is sent before the commit.
- Usage or seats that can be counted twice or not at all; proration computed in a second place.
- Personal data in a new place that export and erasure do not know, in logs, in error reports or in a URL.
- A secret that is shown again, stored readable, or compared without constant time.

Ask of each change: what does the other tenant see, what does the largest one feel, and what happens in the ten minutes of the deployment?`;
  }
}
