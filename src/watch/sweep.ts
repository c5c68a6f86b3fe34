import type { Log } from '../engine/log.ts';
import type { Retained, Store } from '../store/contract.ts';
import { toBanyanError } from '../kernel/errors.ts';
import { branchesJob } from './branches.ts';
import { emptyReport } from './job.ts';
import type { WatchJob, WatchParts } from './job.ts';

/*
 * Once a day, what no work needs any more is moved out of the database: batch after batch, each a transaction of its own, until
 * nothing is left or the time is up. What is left then goes the next day. Twice at once takes different rows.
 */

const BATCH = 2_000;
/** The last batch has this long to end. */
const MARGIN_MS = 30_000;
/** Of what the jobs remember and report about themselves. */
const OWN_DAYS = 14;

export interface SweepParts {
  store: Pick<Store, 'retain'>;
  log: Log;
  retention: { deliveryDays: number; historyDays: number };
  /** Milliseconds since the epoch after which no further batch is begun. */
  deadline: number;
}

/** @returns rows that were moved out, by kind */
export async function sweep({ store, log, retention, deadline }: SweepParts): Promise<Retained> {
  const sum: Retained = { deliveries: 0, steps: 0, effects: 0, events: 0, audit: 0, more: true };
  while (sum.more && Date.now() < deadline) {
    const batch = await store.retain({ limit: BATCH, ...retention });
    for (const kind of ['deliveries', 'steps', 'effects', 'events', 'audit'] as const) sum[kind] += batch[kind];
    sum.more = batch.more;
  }
  log.info({ ...sum }, 'old rows were moved out');
  return sum;
}

/** Marks and reports of the jobs themselves. */
async function forget(store: Pick<Store, 'watchForget'>, deadline: number): Promise<{ marks: number; reports: number }> {
  const sum = { marks: 0, reports: 0 };
  for (let more = true; more && Date.now() < deadline;) {
    const batch = await store.watchForget({ limit: BATCH, days: OWN_DAYS });
    sum.marks += batch.marks;
    sum.reports += batch.reports;
    more = batch.more;
  }
  return sum;
}

/** A machine is made before its task has told of it. */
const SANDBOX_AGE_MS = 5 * 60_000;
const TASK_NAME = /^banyan-([0-9a-f-]{30,36})$/;

/** Machines of workers that are gone. Where their provider does not answer they end with their own time. */
async function endSandboxes({ sandboxes, store, log }: Pick<WatchParts, 'sandboxes' | 'store' | 'log'>, until: number): Promise<number> {
  async function abandoned(names: readonly string[]): Promise<string[]> {
    const ids = names.flatMap((name) => TASK_NAME.exec(name)?.[1] ?? []);
    return ids.length === 0 ? [] : (await store.tasksAtRest(ids)).map((id) => `banyan-${id}`);
  }
  try {
    return await sandboxes.sweep({ before: new Date(Date.now() - SANDBOX_AGE_MS), abandoned, until });
  } catch (thrown) {
    const error = toBanyanError(thrown);
    log.warn({ code: error.code, err: error }, `sandboxes could not be swept: ${error.message}`);
    return 0;
  }
}

/** What costs money first; then what is wanted on GitHub; then rows, as many as the time allows. */
export const sweepJob: WatchJob = {
  name: 'sweep',
  async run(parts, until) {
    const { store, log, retention } = parts;
    const deadline = until - MARGIN_MS;
    const ended = await endSandboxes(parts, deadline);
    const closed = await branchesJob.run(parts, deadline);
    const { more, ...removed } = await sweep({ store, log, retention, deadline });
    const did = { sandboxes: ended, branches: closed.did['branches'] ?? 0, ...removed, ...(await forget(store, deadline)) };
    const looked = Object.values(did).reduce((sum, rows) => sum + rows, 0);
    return { ...emptyReport(), looked, acted: looked, failed: closed.failed, more: more || closed.more, did };
  },
};
