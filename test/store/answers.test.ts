import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Intent } from '../../src/domain/intents.ts';
import type { Store } from '../../src/store/contract.ts';
import { addInput, aTaskAtWork, LEASE } from './builders.ts';
import type { Desk } from './builders.ts';
import { emptyOut, postgresHarness, type PostgresHarness } from './harness.ts';

/** A conversation in short, as a worker has it: takes what people wrote and hands in, until nothing came meanwhile. */
async function converse(store: Store, worker: string, taskId: string): Promise<string[][]> {
  const turns: string[][] = [];
  for (;;) {
    const inputs = await store.pendingInputs(taskId, worker);
    if (inputs.length > 0) {
      turns.push(inputs.map(({ source }) => source));
      const ids = inputs.map(({ id }) => id);
      await store.appendInputs(taskId, worker, ids, []);
    }
    const { status } = await store.completeTask(taskId, worker, {}, { expectVersion: null, intents: [] });
    if (status === 'completed' || status === 'lost') return turns;
  }
}

async function waiting(store: Store): Promise<{ desk: Desk; taskId: string }> {
  const { desk, taskId } = await aTaskAtWork(store, 'w');
  await store.suspendTask(taskId, 'w', { waitingFor: 'answers', waitingOn: 'author' }, []);
  return { desk, taskId };
}

/** Deliveries of one issue are processed one after another. */
async function oneByOne(desk: Desk, intents: Intent[]): Promise<void> {
  for (const intent of intents) expect(await desk.deliver([intent])).toBe('applied');
}

describe('answers and several workers on a real Postgres', () => {
  let harness: PostgresHarness;
  beforeAll(async () => {
    harness = await postgresHarness();
  });
  afterAll(() => harness.close());

  /** Workers that look for the task until it is done; the turns that they had with people's words. */
  async function workers(taskId: string, count: number): Promise<string[][]> {
    const { store, sql } = harness;
    const done = async () => (await sql<{ state: string }>('select state from public.tasks where id = $1', [taskId]))[0]?.state === 'completed';
    const turns = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const worker = `worker-${index}`;
        const mine: string[][] = [];
        while (!(await done())) {
          const { tasks } = await store.claim(worker, { deliveries: 0, effects: 0, tasks: 1, leaseSeconds: LEASE });
          if (tasks.length > 0) mine.push(...(await converse(store, worker, taskId)));
        }
        return mine;
      }),
    );
    return turns.flat();
  }

  it('that come while the woken task is being started are each taken once, by one conversation', async () => {
    const { store, sql } = harness;
    for (let round = 0; round < 15; round += 1) {
      await emptyOut(harness);
      const { desk, taskId } = await waiting(store);
      await desk.deliver([addInput('comment:1')]);
      const late = ['comment:2', 'comment:3'].map((source) => addInput(source, { author: source }));
      const [turns] = await Promise.all([workers(taskId, 3), oneByOne(desk, late)]);
      const taken = await sql<{ source: string }>('select source from public.task_inputs where taken_at is not null and task_id = $1', [taskId]);
      const dropped = await sql(`select 1 from public.events where type = 'input.dropped' and ticket_id = (select ticket_id from public.tasks where id = $1)`, [
        taskId,
      ]);
      // Words that come after the end are told to nobody, and that is written down; none is taken twice or lies about.
      expect(taken.length + dropped.length).toBe(3);
      expect(turns.flat().toSorted((a, b) => a.localeCompare(b))).toEqual(taken.map(({ source }) => source).toSorted((a, b) => a.localeCompare(b)));
      expect(await sql(`select 1 from public.events where type = 'task.completed' and task_id = $1`, [taskId])).toHaveLength(1);
    }
  });

  it('of several people within the wait are one turn, whoever looks', async () => {
    const { store, sql } = harness;
    await emptyOut(harness);
    const { desk, taskId } = await waiting(store);
    const sources = ['comment:3', 'comment:1', 'comment:2', 'comment:4'];
    await oneByOne(
      desk,
      sources.map((source) => addInput(source, { author: source, debounce_seconds: 600 })),
    );
    const looks = await Promise.all([1, 2, 3].map((index) => store.claim(`early-${index}`, { deliveries: 0, effects: 0, tasks: 1, leaseSeconds: LEASE })));
    expect(looks.flatMap(({ tasks }) => tasks)).toEqual([]);
    await sql('update public.tasks set due_at = now() where id = $1', [taskId]);
    expect(await workers(taskId, 3)).toEqual([sources.toSorted((a, b) => a.localeCompare(b))]);
  });

  it('that are edited and deleted while workers look: what is taken is what stands, and nothing is taken of what is gone', async () => {
    const { store, sql } = harness;
    for (let round = 0; round < 10; round += 1) {
      await emptyOut(harness);
      const { desk, taskId } = await waiting(store);
      await desk.deliver([addInput('comment:1', { body: 'first' })]);
      await desk.deliver([addInput('comment:2', { body: 'gone' })]);
      const edit: Intent = {
        type: 'edit_input',
        source: 'comment:1',
        revision: 'r',
        author: 'maintainer',
        body: 'second',
        debounce_seconds: 0,
        heard: true,
        woken: [],
      };
      const drop: Intent = { type: 'drop_input', source: 'comment:2', waiting_for: 'answers', waiting_on: 'author', unheard: [] };
      await Promise.all([oneByOne(desk, [edit, drop]), workers(taskId, 2)]);
      const rows = await sql<{ source: string; body: string; taken: boolean }>(
        'select source, body, taken_at is not null as taken from public.task_inputs where task_id = $1 order by source',
        [taskId],
      );
      expect(rows.every(({ taken }) => taken)).toBe(true);
      expect(rows.find(({ source }) => source === 'comment:1')?.body).toBe('second');
    }
  });
});
