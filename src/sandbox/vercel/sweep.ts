import type { SandboxSweep } from '../types.ts';
import { toSandboxError, typed } from './errors.ts';

/** As the client takes them. */
export type VercelClientOptions = { token?: string; teamId?: string; projectId?: string; fetch?: typeof globalThis.fetch };

/** With what `create` makes different of each name. */
const OWN_SUFFIX = /-[0-9a-f]{8}$/;
const PREFIX = 'banyan-';
const PAGE = 50;
const LIVING: readonly string[] = ['pending', 'running'];

/** Ends machines that nobody works in any more. One that ends meanwhile, or fails to, holds up no other. */
export async function sweepSandboxes(options: VercelClientOptions, { before, abandoned, until }: SandboxSweep): Promise<number> {
  const client = await import('@vercel/sandbox');
  const listed = await typed(() => client.Sandbox.list({ ...options, namePrefix: PREFIX, sortBy: 'name', limit: PAGE }));
  let ended = 0;
  for await (const page of listed.pages()) {
    const old = page.sandboxes.filter(({ status, createdAt }) => LIVING.includes(status) && createdAt < before.getTime());
    const given = new Map(old.map(({ name }) => [name, name.replace(OWN_SUFFIX, '')]));
    const gone = old.length === 0 ? [] : await abandoned([...new Set(given.values())]);
    for (const [name, task] of given) {
      if (!gone.includes(task)) continue;
      if (Date.now() >= until) return ended;
      ended += await end(async () => (await client.Sandbox.get({ ...options, name, resume: false })).currentSession().stop());
    }
    if (Date.now() >= until) return ended;
  }
  return ended;
}

/** Machines are asked for without `resume`: one that has ended must not be begun anew in order to be ended. */
async function end(stop: () => Promise<unknown>): Promise<number> {
  try {
    await stop();
    return 1;
  } catch (thrown) {
    const error = toSandboxError(thrown);
    // Credentials are wrong for every one; what else fails concerns this one.
    if (error.retry === 'needs_human' || error.retry === 'rate_limit') throw error;
    return 0;
  }
}
