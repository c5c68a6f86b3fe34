import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addTask, aTicketAtWork, only } from './builders.ts';
import { emptyOut, postgresHarness, type PostgresHarness } from './harness.ts';

const TASKS = 10_000;

describe('the graph of a run, on a real Postgres', () => {
  let harness: PostgresHarness;
  beforeAll(async () => void (harness = await postgresHarness()));
  afterEach(() => emptyOut(harness));
  afterAll(() => harness.close());

  it('of 10,000 tasks and 50,000 edges has its critical path and what is ready, and refuses a circle through all of it', { timeout: 240_000 }, async () => {
    const { store, sql } = harness;
    const desk = await aTicketAtWork(store, [addTask('n0', { timeout_seconds: 7 })]);
    const runId = (await desk.snapshot()).run?.id ?? '';
    await sql(
      `insert into public.tasks (organization_id, project_id, ticket_id, run_id, key, role, phase, title, max_attempts, timeout_seconds)
       select organization_id, project_id, ticket_id, id, 'n' || n, 'developer', 'build', 'A task', 3, 1 + n % 13
       from public.runs, generate_series(1, $2) as n where id = $1 order by n`,
      [runId, TASKS - 1],
    );
    // Each task after the one before it, and after four others before that.
    await sql(
      `with t as (select id, organization_id, substring(key from 2)::integer as n from public.tasks where run_id = $1)
       insert into public.task_dependencies (task_id, depends_on_task_id, organization_id)
       select t.id, b.id, t.organization_id
       from t cross join unnest(array[1, 7, 101, 1009, 5003]) as back join t b on b.n = t.n - back`,
      [runId],
    );
    const path = await store.criticalPath(runId);
    // All of them stand in one chain, so that the path is known without looking for it.
    expect(path.tasks.map(({ key }) => key)).toEqual(Array.from({ length: TASKS }, (_, n) => `n${n}`));
    expect(path.seconds).toBe(7 + Array.from({ length: TASKS - 1 }, (_, n) => 1 + ((n + 1) % 13)).reduce((sum, each) => sum + each, 0));
    expect((await store.readyTasks(runId)).map(({ key }) => key)).toEqual(['n0']);

    const first = only(await desk.claim('w'));
    const circle = store.applyTaskIntents(first.task.id, 'w', [{ type: 'add_dependencies', key: 'n1', after: [`n${TASKS - 1}`] }]);
    await expect(circle).rejects.toMatchObject({ code: 'conflict' });
    await store.completeTask(first.task.id, 'w', {}, { expectVersion: null, intents: [] });
    expect((await store.readyTasks(runId)).map(({ key }) => key)).toEqual(['n1']);
  });

  it('says what could start at each moment exactly as the dependencies do, on random graphs', async () => {
    const { store, sql } = harness;
    const size = 40;
    const edges = new Map<string, string[]>();
    for (let task = 1; task < size; task += 1) {
      const before = Array.from({ length: task }, (_, place) => `n${place}`).filter(() => Math.random() < 0.12);
      edges.set(`n${task}`, before);
    }
    const desk = await aTicketAtWork(
      store,
      Array.from({ length: size }, (_, place) => addTask(`n${place}`, { after: edges.get(`n${place}`) ?? [] })),
    );
    await sql('update public.organizations set max_concurrent_agents = null');
    const runId = (await desk.snapshot()).run?.id ?? '';
    const done = new Set<string>();
    const begun = new Set<string>();
    while (done.size < size) {
      const expected = Array.from({ length: size }, (_, place) => `n${place}`).filter(
        (key) => !begun.has(key) && (edges.get(key) ?? []).every((before) => done.has(before)),
      );
      expect((await store.readyTasks(runId)).map(({ key }) => key).toSorted()).toEqual(expected.toSorted());
      for (const { task } of await desk.claim('w')) {
        begun.add(task.key);
        await store.completeTask(task.id, 'w', {}, { expectVersion: null, intents: [] });
        done.add(task.key);
      }
    }
  });
});
