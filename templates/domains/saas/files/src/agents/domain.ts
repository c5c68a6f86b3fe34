const PRODUCT = {{json:description}};

/** What everybody on the team knows about the business. Correct it where yours differs: it is part of every prompt. */
export const DOMAIN = `This product is a service that many customers share: ${PRODUCT}

- **Tenants are walled off.** The tenant comes from the authenticated session or key, never from a parameter that the client chooses. Every query, cache key, job, file path, search index, export and metric is scoped by it; row level security or a scoped repository enforces it where code forgets. One customer seeing another's data is the worst thing that can happen here.
- **People and rights**: a person may belong to several tenants with different roles; invitations, removal, changes of role and single sign-on take effect at once, also for open sessions, API keys and scheduled jobs. Support staff that look into a tenant leave a trace.
- **Subscriptions** have plans, seats, usage, trials, coupons, and states (trialing, active, past due, paused, cancelled at period end, ended). Entitlements are asked for by name in one place ("may export"), not by the name of a plan. Existing customers keep what they bought until somebody decides otherwise.
- **Billing**: changes in the middle of a period are prorated by a rule (by the second or the day, credited or charged now or at renewal). Usage is recorded once by an id, and late events go to an open period. The billing provider's webhooks are the truth about payment; failed payments go through dunning before access ends, and data survives that for a stated time.
- **Webhooks and APIs are promises.** Outgoing webhooks are signed, carry an id and a version, are retried with backoff, and may arrive twice and out of order. APIs are versioned, paged by cursor, take an idempotency key on what creates, and fail with stable codes. Fields are added, never renamed or given another meaning.
- **Fairness**: limits per tenant (requests, jobs, storage, rows), answered by 429 with Retry-After; queues and pools that one loud tenant cannot fill. The largest tenant is a thousand times the median: what is fine for ten rows meets a million.
- **Deployments have no downtime.** Old and new code run side by side for minutes, jobs of the old code wait in the queue. Changes of the schema are expand, backfill in batches, switch, contract, in separate releases; no statement locks a large table.
- **Personal data**: the customer is the controller, we process (GDPR). Export and deletion reach every copy: replicas, search, caches, logs, analytics, backups by expiry, sub-processors. Region of storage may be part of a contract.
- **Trust**: audit log for administrators, rotation of keys, secrets shown once, sessions that can be ended.`;
