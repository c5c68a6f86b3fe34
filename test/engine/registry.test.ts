import { afterAll, beforeAll, expect, it } from 'vitest';
import { VERSION } from '../../src/kernel/version.generated.ts';
import { heartbeatJob } from '../../src/watch/heartbeat.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { labelsOf, openIssue, pullsOf } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine, Process } from '../support/engine.ts';
import { content, PLAIN } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const heartbeat = ({ parts }: Process) => runJob(heartbeatJob, { ...parts } as WatchParts, Infinity);
const agents = () => engine.sql<{ key: string; capabilities: string[] }>('select key, name, state, version, capabilities, losses from agents order by key');
const workers = (state: string) =>
  engine.sql<{ name: string }>('select name, version, host, roles, lease_seconds, losses from banyan.workers where state = $1', [state]);

it('a worker and the roles that it works in are written down once, and a healthy run gives no finding', async () => {
  const watched = await engine.repository('healthy', PLAIN);
  engine.cast.in('healthy', content);
  let registrations = 0;
  const worker = engine.process({
    store: (store) => ({
      registerWorker: (...args) => {
        registrations += 1;
        return store.registerWorker(...args);
      },
    }),
  });
  await openIssue(watched, { title: 'Greet more warmly', body: 'Please.' });
  await worker.drain();
  await worker.drain();
  await worker.drain();
  expect(await labelsOf(watched, 1)).toContain('in-review');

  expect((await agents()).map(({ key }) => key)).toEqual(['developer', 'product-owner', 'qa', 'reviewer']);
  for (const agent of await agents()) expect(agent).toMatchObject({ state: 'active', version: VERSION, losses: 0 });
  expect((await agents())[0]?.capabilities).toEqual(expect.arrayContaining(['write_file', 'run_command']));
  expect(await workers('active')).toEqual([]);
  for (const row of await workers('gone')) expect(row).toMatchObject({ version: VERSION, host: 'test', lease_seconds: 600, losses: 0 });
  // At most once for each drain, and for each role that comes new in it.
  expect(registrations).toBeLessThanOrEqual(3 + 4);
  expect(await heartbeat(worker)).toMatchObject({ looked: 0, error: null });
});

it('a worker that is killed and never started again: its task is found by two heartbeats at once, given back once, and goes on', async () => {
  const watched = await engine.repository('killed', PLAIN);
  engine.cast.in('killed', content);
  await openIssue(watched, { title: 'Greet more warmly', body: 'Please.' });
  const mortal = engine.process({
    death: { at: 'store', call: 'appendMessages', when: 'after', matches: ([, , messages]) => JSON.stringify(messages).includes('write_file') },
  });
  await mortal.drainToDeath();
  const [held] = await engine.sql<{ id: string; lease_owner: string }>(`select id, lease_owner from tasks where state = 'running' and role = 'developer'`);
  expect(await workers('active')).toMatchObject([{ name: held?.lease_owner }]);

  const other = engine.process();
  expect(await heartbeat(other)).toMatchObject({ looked: 0 });
  await engine.sql(`update tasks set lease_expires_at = now() - interval '1 second' where id = $1`, [held?.id]);
  const reports = await Promise.all([heartbeat(other), heartbeat(engine.process())]);
  expect(reports.reduce((sum, { did }) => sum + (did['released'] ?? 0), 0)).toBe(1);
  expect(await engine.sql('select state, lease_owner from tasks where id = $1', [held?.id])).toEqual([{ state: 'pending', lease_owner: null }]);
  expect(await workers('degraded')).toMatchObject([{ name: held?.lease_owner, losses: 1 }]);
  expect(await engine.sql(`select state, losses from agents where key = 'developer'`)).toEqual([{ state: 'degraded', losses: 1 }]);

  await engine.settle(other);
  expect(await pullsOf(watched)).toHaveLength(1);
  expect(await heartbeat(other)).toMatchObject({ did: { agent_active: 1 } });
  expect(await engine.sql(`select type from events where type in ('task.worker_lost', 'agent.degraded', 'agent.active') order by id`)).toEqual(
    ['task.worker_lost', 'agent.degraded', 'agent.active'].map((type) => ({ type })),
  );
});

it('what cannot be written down is worked on all the same', async () => {
  const watched = await engine.repository('unwritten', PLAIN);
  engine.cast.in('unwritten', content);
  const away = () => Promise.reject(new Error('the database is away'));
  const worker = engine.process({ store: () => ({ registerWorker: away, leaveWorker: away }) });
  await openIssue(watched, { title: 'Greet more warmly', body: 'Please.' });
  await engine.settle(worker);
  expect(await pullsOf(watched)).toHaveLength(1);
});
