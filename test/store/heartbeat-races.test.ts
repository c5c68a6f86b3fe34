import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createLog } from '../../src/engine/log.ts';
import { heartbeatJob } from '../../src/watch/heartbeat.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { addTask, aPlace, createDesk, openTicket, startRun } from './builders.ts';
import type { Place } from './builders.ts';
import { emptyOut, postgresHarness } from './harness.ts';
import type { PostgresHarness } from './harness.ts';

/** Heartbeats beside each other, beside claims, renewals and ends of tasks, with real locks. */

let harness: PostgresHarness;
beforeAll(async () => {
  harness = await postgresHarness();
}, 60_000);
afterEach(() => emptyOut(harness));
afterAll(() => harness.close());

const tick = () => runJob(heartbeatJob, { store: harness.store, log: createLog('silent', () => undefined) } as WatchParts, Number.MAX_SAFE_INTEGER);
const ORGANIZATIONS = 3;
const TASKS = 8;

async function places(): Promise<Place[]> {
  const made = Array.from({ length: ORGANIZATIONS }, aPlace);
  for (const place of made) {
    const tasks = Array.from({ length: TASKS }, (_, index) => addTask(`t${index}`, { role: index % 2 ? 'qa' : 'developer' }));
    await createDesk(harness.store, 1, place).deliver([openTicket(1), startRun, ...tasks]);
  }
  await harness.sql('update organizations set max_concurrent_agents = null');
  return made;
}

const claim = (worker: string, tasks: number) => harness.store.claim(worker, { deliveries: 0, effects: 0, tasks, leaseSeconds: 60 });

it('every lost lease is counted once, whoever finds it, and nobody waits in a circle', async () => {
  await places();
  for (let round = 0; round < 5; round += 1) {
    const { tasks } = await claim(`dead-${round}`, 100);
    expect(tasks).toHaveLength(ORGANIZATIONS * TASKS);
    await harness.sql(`update tasks set lease_expires_at = now() - interval '1 second' where state = 'running'`);
    const crowd = Array.from({ length: 6 }, (_, index) => claim(`live-${round}-${index}`, 5));
    const reports = await Promise.all([tick(), tick(), tick()]);
    await Promise.all(crowd);
    expect(reports.map(({ failed, error }) => ({ failed, error }))).toEqual(Array.from({ length: 3 }, () => ({ failed: 0, error: null })));
    await tick();
    const [{ lost } = { lost: '0' }] = await harness.sql<{ lost: string }>(
      `select count(*) as lost from events where type = 'task.worker_lost' and data ->> 'worker' = $1`,
      [`dead-${round}`],
    );
    expect(Number(lost)).toBe(ORGANIZATIONS * TASKS);
    // Whoever lives hands back what it took, as at the end of its time.
    for (const { id, lease_owner: owner } of await harness.sql<{ id: string; lease_owner: string }>(
      `select id, lease_owner from tasks where state = 'running'`,
    )) {
      await harness.store.releaseTask(id, owner, 0);
    }
    await harness.sql(`update agents set held_until = null`);
    await harness.sql(`update tasks set due_at = now() - interval '1 second', attempts = 0`);
  }
  const agents = await harness.sql(`select key, state, losses, losses_in_a_row from agents order by organization_id, key`);
  const judged = (key: string) => ({ key, state: 'failed', losses: (5 * TASKS) / 2, losses_in_a_row: 5 });
  expect(agents).toEqual(Array.from({ length: ORGANIZATIONS }, () => [judged('developer'), judged('qa')]).flat());
  expect(await harness.sql(`select from events where type = 'agent.failed'`)).toHaveLength(2 * ORGANIZATIONS);
  expect(await harness.sql('select from banyan.worker_losses')).toEqual([]);
}, 60_000);

it('a renewal that comes in time is not a loss', async () => {
  await places();
  const { tasks } = await claim('slow', 100);
  const ids = tasks.map(({ task }) => task.id);
  await harness.sql(`update tasks set lease_expires_at = now() - interval '1 second' where state = 'running'`);
  await Promise.all([tick(), harness.store.renew('slow', { tasks: ids, effects: [], deliveries: [] }, 60), tick()]);
  const [{ kept, lost } = { kept: '0', lost: '0' }] = await harness.sql<{ kept: string; lost: string }>(
    `select count(*) filter (where state = 'running' and lease_owner = 'slow' and lease_expires_at > now()) as kept,
       count(*) filter (where state = 'pending' and lease_owner is null) as lost from tasks`,
  );
  expect(Number(kept) + Number(lost)).toBe(ids.length);
  expect(await harness.sql(`select from events where type = 'task.worker_lost' and data ->> 'worker' = 'slow'`)).toHaveLength(Number(lost));
});
