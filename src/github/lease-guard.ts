import { AsyncLocalStorage } from 'node:async_hooks';
import type { Octokit } from '@octokit/rest';
import { BanyanError } from '../kernel/errors.ts';

/*
 * Whoever was stopped for longer than its lease (a suspended function, a machine out of breath) may wake up between looking and writing,
 * while another has taken its work over. By its own clock it knows, and writes no more.
 */

/** Whether what is worked on is still ours, as far as the clock of this process tells. */
export type HoldsLease = () => boolean;

const leases = new AsyncLocalStorage<HoldsLease>();

/** Does work whose writes to GitHub are for the holder of a lease only. */
export function underLease<T>(holds: HoldsLease, work: () => Promise<T>): Promise<T> {
  return leases.run(holds, work);
}

/** Looked at last of all, after every wait for a budget: what follows is the request. */
export function leaseGuard(octokit: { hook: Octokit['hook'] }): void {
  octokit.hook.before('request', ({ method, url }) => {
    const holds = leases.getStore();
    if (method === 'GET' || !holds || holds()) return;
    throw new BanyanError('lease_lost', `${method} ${url} was not sent: the lease has run out`, { retry: 'transient' });
  });
}
