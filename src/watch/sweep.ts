import type { Log } from '../engine/log.ts';
import type { Retained, Store } from '../store/contract.ts';

/*
 * Once a day, what no work needs any more is moved out of the database: batch after batch, each a transaction of its own, until
 * nothing is left or the time is up. What is left then goes the next day. Twice at once takes different rows.
 */

const BATCH = 2_000;

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
