import type { PoolClient } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { renderMetrics } from '../../src/domain/metrics.ts';
import type { Store } from '../../src/store/contract.ts';
import { createPostgresTransport } from '../../src/store/postgres-transport.ts';
import { createStore } from '../../src/store/store.ts';
import { parseExposition, valueOf } from '../support/prometheus.ts';
import { addTask, aiMessage, aTaskAtWork, aTicketAtWork, LEASE, only } from './builders.ts';
import { emptyOut, postgresHarness, type PostgresHarness } from './harness.ts';

const AT_THE_END = { expectVersion: null, intents: [] };

describe('counting from the logs', () => {
  let harness: PostgresHarness;
  beforeAll(async () => {
    harness = await postgresHarness();
  });
  beforeEach(async () => {
    await harness.store.metrics();
    await harness.sql('delete from banyan.metric_totals');
    await harness.sql(`update banyan.metric_cursors set missing = '{}', long_missing = '{}', turned_at = clock_timestamp()`);
  });
  afterEach(() => emptyOut(harness));
  afterAll(() => harness.close());

  const scraped = async () => parseExposition(renderMetrics(await harness.store.metrics(), 'test'));
  const completed = async () => valueOf(await scraped(), 'banyan_tasks_total', { state: 'completed' }) ?? 0;
  const missing = () =>
    harness.sql<{ source: string; ids: string }>(`select source, (missing + long_missing)::text as ids from banyan.metric_cursors where source = 'events'`);
  /** As if five minutes and more had passed since the last turn. */
  const turn = async () => {
    await harness.sql(`update banyan.metric_cursors set turned_at = turned_at - interval '6 minutes'`);
    return completed();
  };

  /** Tasks that are at work, each of another ticket. */
  async function tasksAtWork(count: number): Promise<string[]> {
    for (let index = 0; index < count; index += 1) await aTicketAtWork(harness.store, [addTask('develop:1')]);
    const { tasks } = await harness.store.claim('w', { deliveries: 0, effects: 0, tasks: count, leaseSeconds: LEASE });
    expect(tasks).toHaveLength(count);
    return tasks.map(({ task }) => task.id);
  }

  /** A transaction that stays open: what the store is told in it takes its ids now, and is there when it is committed. */
  async function inTransaction<T>(work: (store: Store, client: PoolClient) => Promise<T>): Promise<T> {
    const client = await harness.database.pool.connect();
    try {
      await client.query('begin');
      return await work(createStore(createPostgresTransport(client)), client);
    } finally {
      await client.query('rollback');
      client.release();
    }
  }

  it('counts once what takes its id early and is committed late', async () => {
    const [early, late] = await tasksAtWork(2);
    await inTransaction(async (slow, client) => {
      await slow.completeTask(early!, 'w', {}, AT_THE_END);
      await harness.store.completeTask(late!, 'w', {}, AT_THE_END);
      expect([await completed(), await completed()]).toEqual([1, 1]);
      await client.query('commit');
    });
    expect([await completed(), await completed()]).toEqual([2, 2]);
    expect(only(await missing()).ids).toBe('{}');
  });

  it('does not lose it however long the transaction takes', async () => {
    const [early, late] = await tasksAtWork(2);
    await inTransaction(async (slow, client) => {
      await slow.completeTask(early!, 'w', {}, AT_THE_END);
      await harness.store.completeTask(late!, 'w', {}, AT_THE_END);
      for (let turns = 0; turns < 4; turns += 1) expect(await turn()).toBe(1);
      await client.query('commit');
    });
    expect([await turn(), await turn()]).toEqual([2, 2]);
  });

  it('forgets ids that were rolled back, and nothing else', async () => {
    const [never, late] = await tasksAtWork(2);
    await inTransaction(async (slow) => {
      await slow.completeTask(never!, 'w', {}, AT_THE_END);
      await harness.store.completeTask(late!, 'w', {}, AT_THE_END);
      expect(await completed()).toBe(1);
    });
    expect(await completed()).toBe(1);
    expect(only(await missing()).ids).not.toBe('{}');
    expect([await turn(), await turn()]).toEqual([1, 1]);
    expect(only(await missing()).ids).toBe('{}');
    await harness.store.completeTask(never!, 'w', {}, AT_THE_END);
    expect(await completed()).toBe(2);
  });

  it('counts everything once while many write and many fold', async () => {
    const ids = await tasksAtWork(24);
    let ended = 0;
    const seen: number[] = [];
    const writers = ids.map(async (id) => {
      await harness.store.appendMessages(id, 'w', [aiMessage({ tokens_in: 10 }), aiMessage({ tokens_in: 1 })]);
      await harness.store.completeTask(id, 'w', {}, AT_THE_END);
      ended += 1;
    });
    const readers = [1, 2, 3, 4].map(async () => {
      while (ended < ids.length) seen.push(await completed());
    });
    await Promise.all([...writers, ...readers]);
    const read = await scraped();
    expect(valueOf(read, 'banyan_tasks_total', { state: 'completed' })).toBe(24);
    expect(valueOf(read, 'banyan_task_seconds_count', { state: 'completed' })).toBe(24);
    expect(valueOf(read, 'banyan_model_calls_total')).toBe(48);
    expect(valueOf(read, 'banyan_tokens_total', { direction: 'in' })).toBe(264);
    expect(Math.max(...seen)).toBeLessThanOrEqual(24);
  });

  it('keeps from the retention what is not counted yet, however old', async () => {
    const { store, sql } = harness;
    const { taskId } = await aTaskAtWork(store, 'w');
    await store.appendMessages(taskId, 'w', [aiMessage()]);
    const intents = [{ type: 'set_run', state: 'completed' } as const, { type: 'set_ticket', state: 'done' } as const];
    await store.completeTask(taskId, 'w', {}, { expectVersion: null, intents });
    await sql(`update public.runs set finished_at = finished_at - interval '200 days', started_at = started_at - interval '200 days'`);
    await sql(`insert into public.events (organization_id, project_id, ticket_id, run_id, task_id, type, data, created_at)
      select organization_id, project_id, ticket_id, run_id, id, 'task.completed', '{"role": "of old"}', now() - interval '200 days'
      from public.tasks where id = '${taskId}'`);
    const retain = () => store.retain({ limit: 100_000, deliveryDays: 30, historyDays: 90 });
    const left = async () => (await sql(`select 1 from public.agent_actions union all select 1 from public.events where data ->> 'role' = 'of old'`)).length;
    await inTransaction(async (_, client) => {
      await client.query(`select pg_advisory_xact_lock(banyan.lock_name('metrics', 'fold'))`);
      await retain();
      expect(await left()).toBe(2);
    });
    // Folds before it deletes.
    await retain();
    await retain();
    expect(await left()).toBe(0);
    const read = await scraped();
    expect(valueOf(read, 'banyan_model_calls_total')).toBe(1);
    expect(valueOf(read, 'banyan_tasks_total', { role: 'of old' })).toBe(1);
  });

  it('is allowed to whoever the functions run as', async () => {
    const [id] = await tasksAtWork(1);
    await inTransaction(async (store, client) => {
      await client.query('set local role service_role');
      await store.appendMessages(id!, 'w', [aiMessage()]);
      await store.completeTask(id!, 'w', {}, AT_THE_END);
      await store.watchReport('sweep', new Date(), { looked: 1, acted: 0, failed: 0, more: false, did: {}, error: null });
      await store.retain({ limit: 10, deliveryDays: 30, historyDays: 90 });
      const read = parseExposition(renderMetrics(await store.metrics(), 'test'));
      expect(valueOf(read, 'banyan_model_calls_total')).toBe(1);
      expect(valueOf(read, 'banyan_tasks_total', { state: 'completed' })).toBe(1);
      expect(valueOf(read, 'banyan_watch_runs_total', { job: 'sweep' })).toBe(1);
    });
  });

  it('counts a backlog in parts, and goes on where it stopped', async () => {
    const { sql } = harness;
    const [id] = await tasksAtWork(1);
    await sql(`insert into public.events (task_id, organization_id, type, data)
      select id, organization_id, 'task.started', '{"role": "many", "wait_seconds": 0.05}' from public.tasks, generate_series(1, 3000) where id = '${id}'`);
    await sql('select banyan.fold_metrics(1000)');
    const counted = async () =>
      (await sql<{ value: number | string }>(`select value from banyan.metric_totals where labels ->> 'role' = 'many' and le = 0.05`)).map(({ value }) =>
        Number(value),
      );
    expect(only(await counted())).toBeLessThanOrEqual(1000);
    await scraped();
    expect(await counted()).toEqual([3000]);
  });
});
