import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../src/engine/log.ts';
import { heartbeatJob } from '../../src/watch/heartbeat.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { addTask, aPlace, aTicketAtWork, createDesk, only, openTicket, startRun } from '../store/builders.ts';
import type { Desk } from '../store/builders.ts';
import { emptyOut, pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await pgliteHarness();
});
afterEach(() => emptyOut(harness));
afterAll(() => harness.close());

const tick = () => runJob(heartbeatJob, { store: harness.store, log: createLog('silent', () => undefined) } as WatchParts, Number.MAX_SAFE_INTEGER);
const PROFILE = { version: '1.0.0', host: 'test', roles: ['developer'], lease_seconds: 15 };
const register = (name: string, organizationIds: string[] = []) =>
  harness.store.registerWorker(
    name,
    PROFILE,
    organizationIds.map((organization_id) => ({ organization_id, role: 'developer', name: 'Developer', capabilities: ['read_file'] })),
  );
const tasks = () => harness.sql('select state, attempts, lease_owner from tasks order by id');
const agents = () => harness.sql('select key, state, losses, losses_in_a_row from agents order by key');
const workers = () => harness.sql('select name, state, losses from banyan.workers order by name');
const told = (type: string) => harness.sql(`select data from events where type = $1 and organization_id in (select id from organizations)`, [type]);
const expire = () => harness.sql(`update tasks set lease_expires_at = now() - interval '1 second' where state = 'running'`);
const silence = (seconds: number) => harness.sql(`update banyan.workers set last_seen_at = clock_timestamp() - make_interval(secs => $1)`, [seconds]);

/** A worker takes what there is and is never heard of again. */
async function lose(desk: Desk, worker: string): Promise<number> {
  const claimed = await desk.claim(worker);
  await expire();
  await tick();
  return claimed.length;
}

describe('a lease that runs out', () => {
  it('gives the task back though nobody claims, and is counted and told once', async () => {
    const desk = await aTicketAtWork(harness.store);
    const { project } = only(await desk.claim('worker-1'));
    await register('worker-1', [project.organization_id]);
    expect(await tick()).toMatchObject({ looked: 0 });

    await expire();
    expect(await tick()).toMatchObject({ looked: 2, acted: 1, failed: 0, did: { released: 1, agent_degraded: 1 } });
    expect(await tasks()).toEqual([{ state: 'pending', attempts: 0, lease_owner: null }]);
    expect(await agents()).toEqual([{ key: 'developer', state: 'degraded', losses: 1, losses_in_a_row: 1 }]);
    expect(await workers()).toEqual([{ name: 'worker-1', state: 'degraded', losses: 1 }]);
    expect(await tick()).toMatchObject({ looked: 0 });
    expect(await told('task.worker_lost')).toMatchObject([{ data: { worker: 'worker-1', in_a_row: 1 } }]);
    expect(await told('agent.degraded')).toMatchObject([{ data: { agent: 'developer', from: 'active', to: 'degraded', losses_in_a_row: 1 } }]);
    expect(await harness.sql(`select action, actor_kind, target_kind from audit_log where organization_id = $1`, [project.organization_id])).toEqual([
      { action: 'agent.degraded', actor_kind: 'system', target_kind: 'agent' },
    ]);
    // The next claim has it, with the attempts that taking it over would have given it; whoever was thought dead has lost it.
    expect(only(await desk.claim('worker-2')).task.attempts).toBe(1);
    const late = await harness.store.completeTask(
      only(await harness.sql<{ id: string }>('select id from tasks')).id,
      'worker-1',
      {},
      { expectVersion: null, intents: [] },
    );
    expect(late.status).toBe('lost');
  });

  it('is handled once by two heartbeats at once, and by a claim beside them', async () => {
    const desk = await aTicketAtWork(
      harness.store,
      ['a', 'b', 'c', 'd'].map((key) => addTask(key)),
    );
    expect(await desk.claim('worker-1')).toHaveLength(4);
    await expire();
    await Promise.all([tick(), desk.claim('worker-2'), tick()]);
    await tick();
    expect(await told('task.worker_lost')).toHaveLength(4);
    expect(await agents()).toEqual([{ key: 'developer', state: 'degraded', losses: 4, losses_in_a_row: 1 }]);
    expect(await told('agent.degraded')).toHaveLength(1);
  });

  it('counts deaths as a takeover does, so that what kills its workers is set aside all the same', async () => {
    const desk = await aTicketAtWork(harness.store);
    for (const worker of ['one', 'two', 'three']) await lose(desk, worker);
    const [{ id } = { id: '' }] = await harness.sql<{ id: string }>('select id from tasks');
    await harness.store.tryAlone('task', id);
    expect(await harness.store.readDeaths('task', id)).toMatchObject({ in_a_row: 2 });
    expect(only(await desk.claim('four')).task.attempts).toBe(2);
  });

  it('of a paused run waits for the run to go on', async () => {
    const desk = await aTicketAtWork(harness.store);
    await desk.claim('worker-1');
    await desk.deliver([{ type: 'set_run', state: 'paused' }]);
    await expire();
    await tick();
    expect(await tasks()).toMatchObject([{ state: 'pending', lease_owner: null }]);
    expect(await desk.claim('worker-2')).toEqual([]);
    await desk.deliver([{ type: 'set_run', state: 'running' }]);
    expect(await desk.claim('worker-2')).toHaveLength(1);
  });

  it('among a thousand, one that cannot be released holds up none of them', async () => {
    const desk = await aTicketAtWork(
      harness.store,
      Array.from({ length: 60 }, (_, index) => addTask(`t${index}`)),
    );
    await harness.sql('update organizations set max_concurrent_agents = null');
    expect(await harness.store.claim('worker-1', { deliveries: 0, effects: 0, tasks: 60, leaseSeconds: 60 })).toMatchObject({ tasks: { length: 60 } });
    await harness.sql(`create function banyan.poison() returns trigger language plpgsql as $$ begin raise exception 'poisoned'; end $$`);
    await harness.sql(
      `create trigger poison before update on tasks for each row when (old.key = 't7' and new.state = 'pending') execute function banyan.poison()`,
    );
    await expire();
    expect(await tick()).toMatchObject({ acted: 59, failed: 1 });
    expect(await harness.sql(`select key from tasks where state = 'running'`)).toEqual([{ key: 't7' }]);
    // Later again, not at once.
    expect(await tick()).toMatchObject({ looked: 0 });
    await harness.sql('drop function banyan.poison cascade');
    expect(await desk.claim('worker-2')).toHaveLength(50);
  });
});

describe('a worker', () => {
  it('that is silent is degraded, then failed, each once, and is well again when it is heard', async () => {
    await register('worker-1');
    expect(await tick()).toMatchObject({ looked: 0 });
    await silence(31);
    expect(await tick()).toMatchObject({ looked: 1, did: { worker_degraded: 1 } });
    expect(await tick()).toMatchObject({ looked: 0 });
    await harness.store.renew('worker-1', { tasks: [], effects: [], deliveries: [] }, 15);
    expect(await workers()).toEqual([{ name: 'worker-1', state: 'active', losses: 0 }]);
    await silence(61);
    expect(await tick()).toMatchObject({ looked: 1, did: { worker_failed: 1 } });
    expect(await tick()).toMatchObject({ looked: 0 });
    await harness.store.renew('worker-1', { tasks: [], effects: [], deliveries: [] }, 15);
    expect(await workers()).toMatchObject([{ state: 'active' }]);
  });

  it('that ended of itself is no alarm, and goes in the end', async () => {
    await register('worker-1');
    await harness.store.leaveWorker('worker-1');
    await silence(1_000);
    expect(await tick()).toMatchObject({ looked: 0 });
    expect(await workers()).toMatchObject([{ state: 'gone' }]);
    await harness.sql(`update banyan.workers set started_at = started_at - interval '3 days'`);
    await register('worker-2');
    expect(await workers()).toMatchObject([{ name: 'worker-2' }]);
  });

  it('writes nothing while it renews more often than every ten seconds', async () => {
    await register('worker-1');
    const version = async () => (await harness.sql(`select xmin::text as version from banyan.workers`))[0];
    const before = await version();
    await harness.store.renew('worker-1', { tasks: [], effects: [], deliveries: [] }, 15);
    expect(await version()).toEqual(before);
    await silence(11);
    const silent = await version();
    await harness.store.renew('worker-1', { tasks: [], effects: [], deliveries: [] }, 15);
    expect(await version()).not.toEqual(silent);
  });
});

const TASKS = [1, 2, 3, 4, 5].map((number) => addTask(`t${number}`));

/** Workers that each begin all there is, and end. */
async function loseWorkers(desk: Desk, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) expect(await lose(desk, `dead-${number}`)).toBe(TASKS.length);
}

describe('an agent', () => {
  it('is registered with what it can do, and written again only where that changes', async () => {
    const desk = await aTicketAtWork(harness.store);
    const { organization_id } = (await desk.context()).project;
    await register('worker-1', [organization_id]);
    const row = () => harness.sql(`select xmin::text as xmin, role, name, capabilities, version, state from agents`);
    const [first] = await row();
    expect(first).toMatchObject({ role: 'developer', name: 'Developer', capabilities: ['read_file'], version: '1.0.0', state: 'active' });
    await register('worker-2', [organization_id]);
    expect(await row()).toEqual([first]);
    await harness.store.registerWorker('worker-3', { ...PROFILE, version: '1.1.0' }, [
      { organization_id, role: 'developer', name: 'Developer', capabilities: ['read_file', 'write_file'] },
      { organization_id: '00000000-0000-4000-8000-000000000000', role: 'developer', name: 'of nobody', capabilities: [] },
    ]);
    expect(await row()).toMatchObject([{ version: '1.1.0', capabilities: ['read_file', 'write_file'] }]);
  });

  it('is well again after one task that ended well', async () => {
    const desk = await aTicketAtWork(harness.store);
    await lose(desk, 'worker-1');
    const { task } = only(await desk.claim('worker-2'));
    expect(await tick()).toMatchObject({ looked: 0 });
    await harness.store.completeTask(task.id, 'worker-2', {}, { expectVersion: null, intents: [] });
    expect(await tick()).toMatchObject({ looked: 1, did: { agent_active: 1 } });
    expect(await agents()).toEqual([{ key: 'developer', state: 'active', losses: 1, losses_in_a_row: 0 }]);
    expect(await told('agent.active')).toHaveLength(1);
    expect(await tick()).toMatchObject({ looked: 0 });
  });

  it('that loses five in a row is held for a pause, and its work goes on by itself', async () => {
    const place = aPlace();
    const desk = await aTicketAtWork(harness.store, TASKS, place);
    const other = createDesk(harness.store, 13, place);
    await other.deliver([openTicket(13), startRun]);
    await loseWorkers(desk, 5);
    expect(await told('agent.failed')).toMatchObject([{ data: { losses_in_a_row: 5, hold_seconds: 60 } }]);
    expect(await desk.claim('worker-2')).toEqual([]);

    // What is new waits too; another role does not.
    await other.deliver([addTask('late'), addTask('qa:2', { role: 'qa' })]);
    expect(await tick()).toMatchObject({ did: { tasks_held: 1 } });
    expect((await desk.claim('worker-2')).map(({ task }) => task.key)).toEqual(['qa:2']);
    expect(await tick()).toMatchObject({ looked: 0 });

    // The pause is over: one that ends well frees the others.
    await harness.sql(`update agents set held_until = held_until - interval '61 seconds'`);
    await harness.sql(`update tasks set due_at = due_at - interval '61 seconds' where state = 'pending' and key = 't1'`);
    const { task } = only(await desk.claim('worker-3'));
    await harness.store.completeTask(task.id, 'worker-3', {}, { expectVersion: null, intents: [] });
    await harness.sql(`update agents set held_until = (select max(due_at) from tasks where state = 'pending')`);
    expect(await tick()).toMatchObject({ did: { agent_active: 1, tasks_freed: 1 } });
    expect(await desk.claim('worker-3')).toHaveLength(5);
  });

  it('that nothing is heard of any more is not held for ever', async () => {
    const desk = await aTicketAtWork(harness.store, TASKS);
    await loseWorkers(desk, 5);
    expect(await agents()).toMatchObject([{ state: 'failed' }]);
    await harness.sql(`update agents set lost_at = lost_at - interval '61 minutes'`);
    await tick();
    expect(await agents()).toMatchObject([{ state: 'active', losses_in_a_row: 0 }]);
    expect(await desk.claim('worker-2')).toHaveLength(5);
  });
});

it('ten thousand workers of the past cost a tick nothing', async () => {
  await harness.sql(`insert into banyan.workers (name, version, host, roles, lease_seconds, state, last_seen_at)
    select 'worker-' || n, '1', 'test', '{}', 15, 'gone', now() - interval '1 day' from generate_series(1, 10000) n`);
  expect(await tick()).toMatchObject({ looked: 0 });
});
