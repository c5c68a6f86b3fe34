import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Intent } from '../../src/domain/intents.ts';
import { createLog } from '../../src/engine/log.ts';
import type { NewMessage } from '../../src/store/contract.ts';
import { AGENT_TOOLS } from '../../src/tools/index.ts';
import { anomalyJob } from '../../src/watch/anomaly.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { addTask, aiMessage, aPlace, createDesk, only, openTicket, startRun, toolMessage } from '../store/builders.ts';
import type { Desk, Place } from '../store/builders.ts';
import { emptyOut, pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await pgliteHarness();
});
afterEach(async () => {
  await emptyOut(harness);
  await harness.sql('delete from banyan.run_norms');
});
afterAll(() => harness.close());

const tick = () => runJob(anomalyJob, { store: harness.store, log: createLog('silent', () => undefined) } as WatchParts, Number.MAX_SAFE_INTEGER);
const found = () =>
  harness.sql<{ cause: string; score: string; evidence: { id: string; text: string }[] }>(
    `select cause, score, evidence from diagnoses where kind = 'anomaly' order by id`,
  );

const COMPLETED: Intent = { type: 'set_run', state: 'completed' };

/** A run that spends so much in one model call, and makes one call of a tool so often. */
async function run(place: Place, number: number, usd: number, calls = 2): Promise<{ desk: Desk; taskId: string; worker: string }> {
  const desk = createDesk(harness.store, number, place);
  await desk.deliver([openTicket(number), startRun, addTask('develop:1')]);
  const worker = `worker-${number}`;
  const { task } = only(await desk.claim(worker));
  const answers = Array.from({ length: calls }, () => toolMessage());
  await harness.store.appendMessages(task.id, worker, [aiMessage({ cost_usd: usd, duration_ms: 60_000 }), ...answers]);
  return { desk, taskId: task.id, worker };
}

async function history(place: Place, runs: number, usd = 0.5): Promise<void> {
  for (let number = 1; number <= runs; number += 1) {
    const { desk, taskId, worker } = await run(place, number, usd * (0.8 + (number % 5) / 10));
    await harness.store.completeTask(taskId, worker, {}, { expectVersion: null, intents: [COMPLETED] });
    expect((await desk.snapshot()).run?.state).toBe('completed');
  }
}

describe('the job that compares runs', () => {
  it('finds a run of ten times the median once, with its parts, and no healthy one', async () => {
    const place = aPlace();
    await history(place, 5);
    const dear = await run(place, 100, 5);
    await run(place, 101, 0.9);
    expect(await tick()).toMatchObject({ looked: 2, acted: 1, failed: 0, did: { found: 1 } });
    const diagnosis = only(await found());
    expect(diagnosis).toMatchObject({ cause: 'cost_usd', evidence: [{ id: 'figure:cost_usd' }, ...Array.from({ length: 5 }, () => ({}))] });
    expect(Number(diagnosis.score)).toBeGreaterThanOrEqual(0.8);
    expect(diagnosis.evidence[0]?.text).toBe('$5.00 spent (the median of 5 finished runs of its kind: $0.50 spent)');

    // More of the same is the same anomaly.
    await harness.store.appendMessages(dear.taskId, dear.worker, [aiMessage({ cost_usd: 5 })]);
    await Promise.all([tick(), tick()]);
    expect(await found()).toHaveLength(1);
    expect(await harness.sql(`select from events where type = 'run.diagnosed'`)).toHaveLength(1);
  });

  it('finds it in the next run of the job after it became unusual', async () => {
    const place = aPlace();
    await history(place, 5);
    const { taskId, worker } = await run(place, 100, 0.5);
    await tick();
    expect(await found()).toEqual([]);
    expect(await tick()).toMatchObject({ looked: 0 });
    await harness.store.appendMessages(taskId, worker, [aiMessage({ cost_usd: 4.8 })]);
    await tick();
    expect(await found()).toHaveLength(1);
  });

  it('says once that a run is dear where there is too little to hold it for, and holds it when there is more', async () => {
    const place = aPlace();
    await history(place, 4, 0.01);
    const { taskId, worker, desk } = await run(place, 100, 0.14);
    expect(await tick()).toMatchObject({ acted: 1, did: { told: 1 } });
    const told = () => harness.sql(`select cause, state, told_only from diagnoses order by id`);
    expect(await told()).toEqual([{ cause: 'cost_usd', state: 'dismissed', told_only: true }]);
    const { run: at, ticket } = await desk.snapshot();
    expect([at?.state, ticket.note]).toEqual([
      'running',
      expect.stringMatching(/^Dear for its kind: \$0\.14 spent \(the median of 4 finished runs of its kind: /),
    ]);
    await harness.store.appendMessages(taskId, worker, [aiMessage({ cost_usd: 0.3 })]);
    await Promise.all([tick(), tick()]);
    expect(await told()).toHaveLength(1);
    expect(await harness.sql(`select from events where type = 'run.diagnosed' and ticket_id = $1`, [ticket.id])).toHaveLength(1);

    await harness.store.appendMessages(taskId, worker, [aiMessage({ cost_usd: 0.7 })]);
    await tick();
    expect(await told()).toMatchObject([{ told_only: true }, { cause: 'cost_usd', state: 'open', told_only: false }]);
  });

  it.each([
    { runs: 1, median: 0.1, usd: 1.1 },
    { runs: 2, median: 0.02, usd: 0.3 },
    { runs: 8, median: 0.0005, usd: 0.0075 },
  ])('says it after $runs runs of $median', async ({ runs, median, usd }) => {
    const place = aPlace();
    await history(place, runs, median);
    await run(place, 100, usd);
    await run(place, 101, median * 4);
    expect(await tick()).toMatchObject({ looked: 2, acted: 1, did: { told: 1 } });
  });

  it('goes by the history of all where an organization has too little', async () => {
    const first = aPlace();
    await history(first, 5, 0.1);
    const second = aPlace();
    await run(second, 1, 2);
    await tick();
    expect(only(await found()).evidence[0]?.text).toMatch(/the median of 5 finished runs of its kind everywhere: \$0\.10 spent/);
  });

  it('has absolute bounds where there is no history', async () => {
    await run(aPlace(), 1, 1);
    await run(aPlace(), 2, 0.1, 14);
    await tick();
    expect(await found()).toMatchObject([{ cause: 'repeated', evidence: [{ id: 'figure:repeated', text: expect.stringContaining('14 times') }, ...more(5)] }]);
  });

  describe('a call that repeats', () => {
    const write = (index: number) => toolMessage({ tool_name: 'write_file', tool_input: { path: 'cart.ts', content: `${index}` } });
    const suite = (index = 0, words = 'all tests pass') =>
      toolMessage({
        tool_name: 'run_command',
        tool_input: { command: 'npm test' },
        content: { type: 'tool', data: { content: `exit code 0, 1.${index} s\n${words}`, tool_call_id: 'call-1' } },
      });
    const times = (count: number, each: (index: number) => NewMessage[]) => Array.from({ length: count }, (_, index) => each(index)).flat();
    const repeatedOf = async (messages: NewMessage[]) => {
      const { taskId, worker } = await run(aPlace(), 1, 0.1, 0);
      await harness.store.appendMessages(taskId, worker, messages);
      const [row] = await harness.sql<{ repeated: number }>(
        `select (banyan.measure_run(run_id) ->> 'repeated')::integer as repeated from tasks where id = $1`,
        [taskId],
      );
      return row?.repeated ?? 0;
    };

    it('is none where the files changed in between, by a tool or by a command', async () => {
      expect(await repeatedOf(times(20, (index) => [write(index), suite(index)]))).toBe(1);
      const sed = (index: number) => toolMessage({ tool_name: 'run_command', tool_input: { command: `sed -i s/${index}/x/ cart.ts` } });
      expect(await repeatedOf(times(20, (index) => [sed(index), suite(index)]))).toBe(1);
      await tick();
      expect(await found()).toEqual([]);
    });

    it('is one where they did not, where a change failed, and where it goes to and fro', async () => {
      expect(await repeatedOf([write(0), ...times(14, (index) => [suite(index), toolMessage()])])).toBe(14);
      expect(await repeatedOf(times(14, (index) => [{ ...write(index), is_error: true }, suite(index)]))).toBe(14);
      expect(await repeatedOf(times(14, (index) => [write(index % 2), suite(index)]))).toBe(13);
      await tick();
      expect((await found()).map(({ cause }) => cause)).toEqual(['repeated', 'repeated', 'repeated']);
    });

    it('is none any more for a run that has left it, and counts for what is usual', async () => {
      const { taskId, worker, desk } = await run(aPlace(), 1, 0.1, 13);
      await harness.store.appendMessages(taskId, worker, [write(1), suite()]);
      await tick();
      expect(await found()).toEqual([]);
      await harness.store.completeTask(taskId, worker, {}, { expectVersion: null, intents: [COMPLETED] });
      const figures = await harness.sql(`select banyan.measure_run(run_id) ->> 'repeated' as repeated from tasks where id = $1`, [taskId]);
      expect([(await desk.snapshot()).run?.state, figures]).toEqual(['completed', [{ repeated: '13' }]]);
    });

    it('knows every tool that writes', async () => {
      const writing = AGENT_TOOLS.filter(({ permission }) => permission === 'write').map(({ name }) => name);
      const [row] = await harness.sql<{ source: string }>(`select pg_get_functiondef('banyan.repeated_calls'::regproc) as source`);
      expect(writing.filter((name) => !row?.source.includes(`'${name}'`))).toEqual([]);
    });
  });

  it('learns from completed runs only, each counted once', async () => {
    const place = aPlace();
    await history(place, 3);
    const { taskId, worker } = await run(place, 50, 900);
    await harness.store.completeTask(taskId, worker, {}, { expectVersion: null, intents: [{ type: 'set_run', state: 'failed' }] });
    expect(await harness.store.learnNorms(2)).toBe(2);
    expect(await harness.store.learnNorms(2)).toBe(1);
    expect(await harness.store.learnNorms(2)).toBe(0);
    const norms = await harness.sql(`select organization_id is null as everywhere, runs, round(median::numeric, 2) as median from banyan.run_norms
      where figure = 'cost_usd' order by 1`);
    expect(norms).toMatchObject([
      { everywhere: false, runs: 3 },
      { everywhere: true, runs: 3 },
    ]);
  });
});

function more(count: number): unknown[] {
  return Array.from({ length: count }, () => expect.anything());
}
