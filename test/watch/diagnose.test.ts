import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultRepositoryConfig } from '../../src/config/repository.ts';
import { WORKFLOWS } from '../../src/domain/workflows.generated.ts';
import { toRunSnapshot } from '../../src/engine/run-config.ts';
import { createLog } from '../../src/engine/log.ts';
import { diagnoseJob } from '../../src/watch/diagnose.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import type { Intent } from '../../src/domain/intents.ts';
import { addTask, aiMessage, aPlace, aTaskAtWork, createDesk, only, openTicket, startRun, toolMessage } from '../store/builders.ts';
import { emptyOut, pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

let harness: Harness;
const others: string[] = [];
beforeAll(async () => {
  harness = await pgliteHarness();
});
afterEach(async () => {
  others.length = 0;
  await emptyOut(harness);
});
afterAll(() => harness.close());

async function tick() {
  const { store } = harness;
  const models = { others: () => others, forRole: () => Promise.reject(new Error('no model is asked')) };
  return runJob(diagnoseJob, { store, models, log: createLog('silent', () => undefined) } as unknown as WatchParts, Number.MAX_SAFE_INTEGER);
}

interface Row {
  kind: string;
  cause: string;
  action: string;
  state: string;
  outcome: string | null;
  recovery_task_id: string | null;
  hypothesis: string;
  signature: string;
}
const diagnoses = () => harness.sql<Row>('select kind, cause, action, state, outcome, recovery_task_id, hypothesis, signature from diagnoses order by id');
const taskRow = async (id: string) =>
  only(
    await harness.sql<{ state: string; attempts: number; lease_owner: string | null; directive: unknown }>(
      'select state, attempts, lease_owner, directive from tasks where id = $1',
      [id],
    ),
  );
const comments = () =>
  harness.sql<{ key: string; body: string }>(`select key, payload ->> 'body' as body from effects where kind = 'comment' order by created_at`);

/** So many minutes go by for a task, its lease included; whoever renews it goes on doing so with `held`. */
async function pass(taskId: string, minutes: number, { held = false } = {}): Promise<void> {
  const by = 'make_interval(mins => $2)';
  await harness.sql(
    `update tasks set leased_at = leased_at - ${by}, due_at = due_at - ${by}, started_at = started_at - ${by}, finished_at = finished_at - ${by},
       lease_expires_at = case when $3 then lease_expires_at else lease_expires_at - ${by} end where id = $1`,
    [taskId, minutes, held],
  );
  await harness.sql(`update messages set created_at = created_at - ${by} where conversation_id = (select id from conversations where task_id = $1)`, [
    taskId,
    minutes,
  ]);
}

describe('a run that stands still', () => {
  it('whose worker is gone and was never restarted is begun again, once, and goes on', async () => {
    const { desk, taskId } = await aTaskAtWork(harness.store, 'gone');
    await harness.store.appendMessages(taskId, 'gone', [aiMessage()]);
    expect(await tick()).toMatchObject({ looked: 0 });
    await pass(taskId, 20);
    const [one, two] = await Promise.all([tick(), tick()]);
    expect(one.acted + two.acted).toBe(1);
    expect(await tick()).toMatchObject({ looked: 0 });
    expect(await diagnoses()).toMatchObject([{ kind: 'stall', cause: 'lost', action: 'retry', state: 'recovering', recovery_task_id: taskId }]);
    expect(await taskRow(taskId)).toMatchObject({ state: 'pending', attempts: 0, lease_owner: null });
    expect((await desk.snapshot()).ticket.note).toMatch(/^The worker of the task .* is gone for \d+ min.*, so I had the task begun again/);
    expect(await comments()).toEqual([]);

    // The next worker goes on, and the job learns that it helped.
    expect(only(await desk.claim('next')).task.id).toBe(taskId);
    await harness.store.appendMessages(taskId, 'next', [aiMessage()]);
    await tick();
    expect(await diagnoses()).toMatchObject([{ state: 'resolved', outcome: 'helped' }]);
  });

  it('whose lease is renewed and that stored nothing for an hour is taken from its worker', async () => {
    const { taskId } = await aTaskAtWork(harness.store, 'silent');
    await harness.store.appendMessages(taskId, 'silent', [aiMessage()]);
    await pass(taskId, 40, { held: true });
    expect(await tick()).toMatchObject({ looked: 0 });
    await pass(taskId, 20, { held: true });
    expect(await tick()).toMatchObject({ acted: 1, failed: 0, did: { retry: 1 } });
    expect(await diagnoses()).toMatchObject([{ cause: 'silent', action: 'retry', signature: 'silent/developer/build/none' }]);
    // What it stores late is not stored.
    expect(await harness.store.appendMessages(taskId, 'silent', [aiMessage()])).toMatchObject({ status: 'lost' });
  });

  it('is given up to a person after two recoveries, with one comment that says what was tried', async () => {
    const { desk, taskId } = await aTaskAtWork(harness.store, 'worker-0');
    const models: Record<string, string>[] = [];
    others.push('anthropic:other');
    for (const round of [0, 1, 2]) {
      await harness.store.appendMessages(taskId, `worker-${round}`, round === 0 ? [aiMessage()] : []);
      await pass(taskId, 60, { held: true });
      expect(await tick()).toMatchObject({ acted: 1, failed: 0 });
      models.push(...(await desk.claim(`worker-${round + 1}`)).map(({ run }) => run.recovery?.models ?? {}));
    }
    expect(models).toEqual([{}, { developer: 'anthropic:other' }]);
    // A retry in vain is not chosen again.
    expect((await diagnoses()).map(({ action, outcome }) => [action, outcome])).toEqual([
      ['retry', 'failed'],
      ['change_model', 'failed'],
      ['ask_person', null],
    ]);
    const { ticket, run } = await desk.snapshot();
    expect([ticket.state, ticket.waiting_for, run?.state]).toEqual(['failed', 'retry', 'failed']);
    expect(only(await comments()).body).toMatch(
      /^I found that a worker holds the task .* I tried to mend it \(retry, change_model\) and stopped now\.\n\nA maintainer: .*`\/banyan retry`/s,
    );
    expect(await tick()).toMatchObject({ looked: 0 });
  });

  it('with a call that never answers goes back before the call', async () => {
    const { desk, taskId } = await aTaskAtWork(harness.store, 'worker-0');
    const hanging = aiMessage({ content: { type: 'ai', data: { content: '', tool_calls: [{ name: 'run_command', args: {}, id: 'call-9' }] } } });
    await harness.store.appendMessages(taskId, 'worker-0', [aiMessage(), toolMessage(), hanging]);
    await pass(taskId, 60, { held: true });
    await tick();
    await desk.claim('worker-1');
    await pass(taskId, 60, { held: true });
    await tick();
    expect((await diagnoses()).map(({ action }) => action)).toEqual(['retry', 'roll_back']);
    expect(await taskRow(taskId)).toMatchObject({ directive: { type: 'roll_back', from_seq: 3, at_seq: 3 } });
  });

  it('and a task that nobody takes: only where no limit keeps it back and nobody is at work', async () => {
    const desk = createDesk(harness.store, 1, aPlace());
    await desk.deliver([openTicket(1), startRun, addTask('develop:1')]);
    const { id } = only((await desk.snapshot()).tasks);
    await pass(id, 120);
    await harness.sql('update organizations set max_concurrent_agents = 0');
    expect(await tick()).toMatchObject({ looked: 0 });
    await harness.sql('update organizations set max_concurrent_agents = 10');
    expect(await tick()).toMatchObject({ looked: 1, did: { retry: 1 } });
    expect(await diagnoses()).toMatchObject([{ cause: 'starved' }]);
    expect(await tick()).toMatchObject({ looked: 0 });
  });

  it('is found behind one that cannot be looked at', async () => {
    const place = aPlace();
    const ids: string[] = [];
    for (const number of [1, 2, 3]) {
      const desk = createDesk(harness.store, number, place);
      const poisoned = { ...startRun, config_snapshot: { repository: { limits: null, models: null } } } as Intent;
      await desk.deliver([openTicket(number), number === 1 ? poisoned : startRun, addTask('develop:1')]);
      ids.push(only((await desk.snapshot()).tasks).id);
    }
    for (const id of ids) await pass(id, 120);
    expect(await tick()).toMatchObject({ looked: 3, failed: 1, did: { retry: 2 } });
  });
});

it('workers that are away for hours are told once, at one issue, and fail none', async () => {
  const place = aPlace();
  const desks = [1, 2, 3].map((number) => createDesk(harness.store, number, place));
  for (const [index, desk] of desks.entries()) await desk.deliver([openTicket(index + 1), startRun, addTask('develop:1')]);
  const ids = (await Promise.all(desks.map((desk) => desk.snapshot()))).map(({ tasks }) => only(tasks).id);
  for (let hours = 0; hours < 8; hours += 1) {
    for (const id of ids) await pass(id, 61);
    await harness.sql(`update banyan.watch_marks set next_look_at = next_look_at - interval '61 minutes'`);
    expect(await tick()).toMatchObject({ failed: 0 });
    expect(await tick()).toMatchObject({ failed: 0 });
  }
  expect((await Promise.all(desks.map((desk) => desk.snapshot()))).map(({ ticket, run }) => [ticket.waiting_for, run?.state])).toEqual(
    ids.map(() => [null, 'queued']),
  );
  expect(only(await comments()).body).toMatch(/is ready for .*, and no worker takes it\. That is no fault of this issue[^]*banyan doctor/);
  // The worker is back, and the run has all its recoveries.
  await harness.sql('delete from banyan.watch_marks');
  const { task } = (await desks[0]!.claim('back'))[0]!;
  await harness.store.appendMessages(task.id, 'back', [aiMessage()]);
  await pass(task.id, 60, { held: true });
  await tick();
  expect((await diagnoses()).at(-1)).toMatchObject({ cause: 'silent', action: 'retry' });
});

describe('is no stall', () => {
  it('a suite that takes as long as its commands may, before the first message and at the end', async () => {
    const { store } = harness;
    const desk = createDesk(store, 1, aPlace());
    const config = defaultRepositoryConfig();
    const slow = { repository: { ...config, limits: { ...config.limits, commandTimeoutSeconds: 1800 } }, workflow: WORKFLOWS['default']! };
    const start: Intent = { type: 'start_run', workflow: 'default', config_snapshot: toRunSnapshot(slow), budget_usd: 5, warn_at_usd: 4 };
    await desk.deliver([openTicket(1), start, addTask('qa:1', { role: 'qa', phase: 'qa' })]);
    const { task } = only(await desk.claim('qa'));
    await pass(task.id, 200, { held: true });
    expect(await tick()).toMatchObject({ acted: 0, failed: 0 });
    await store.appendMessages(task.id, 'qa', [
      aiMessage({ content: { type: 'ai', data: { content: '', tool_calls: [{ name: 'submit', args: {}, id: 'c' }] } } }),
    ]);
    await pass(task.id, 100, { held: true });
    await harness.sql('delete from banyan.watch_marks');
    expect(await tick()).toMatchObject({ looked: 1, acted: 0 });
    await pass(task.id, 30, { held: true });
    await harness.sql('delete from banyan.watch_marks');
    expect(await tick()).toMatchObject({ acted: 1, did: { retry: 1 } });
  });

  it('what waits for people, is put off, is paused or works', async () => {
    const { store } = harness;
    const place = aPlace();
    const names = ['waits', 'put off', 'paused', 'works', 'merge'];
    const ids: string[] = [];
    for (const [index, name] of names.entries()) {
      const desk = createDesk(store, index + 1, place);
      await desk.deliver([openTicket(index + 1), startRun, addTask('develop:1'), { type: 'set_ticket', state: 'in_progress' }]);
      const { task } = only(await desk.claim(name));
      ids.push(task.id);
      if (name === 'waits') {
        await store.suspendTask(task.id, name, { waitingFor: 'answers', waitingOn: 'maintainer' }, [{ type: 'set_ticket', waiting_for: 'answers' }]);
      }
      if (name === 'put off') await store.putOffTask(task.id, name, { code: 'model_unavailable' }, { seconds: 900, patienceSeconds: 21_600, intentsAtEnd: [] });
      if (name === 'paused') await desk.deliver([{ type: 'set_run', state: 'paused' }]);
      if (name === 'works') await store.appendMessages(task.id, name, [aiMessage()]);
      if (name === 'merge') {
        await store.completeTask(task.id, name, {}, { expectVersion: null, intents: [{ type: 'set_ticket', state: 'in_review', waiting_for: 'merge' }] });
      }
    }
    for (const [index, id] of ids.entries()) if (names[index] !== 'works' && names[index] !== 'put off') await pass(id, 600);
    await harness.sql(`update runs set started_at = started_at - interval '10 hours'`);
    expect(await tick()).toMatchObject({ looked: 0, acted: 0 });
  });
});

describe('is no stall either', () => {
  it('what an agent of elsewhere takes its time for, as long as it renews and its task has the time', async () => {
    const { taskId } = await aTaskAtWork(harness.store, 'w');
    await harness.store.appendMessages(taskId, 'w', [aiMessage()]);
    await harness.sql(`insert into agents (organization_id, key, role, name) select organization_id, 'else', 'developer', 'Else' from tasks`);
    await harness.sql(`update tasks set timeout_seconds = 14400, lease_owner = 'agent-' || (select id from agents where key = 'else')`);
    await pass(taskId, 60, { held: true });
    expect(await tick()).toMatchObject({ looked: 0 });
    await pass(taskId, 200, { held: true });
    expect(await tick()).toMatchObject({ looked: 1, did: { retry: 1 } });
    expect(await diagnoses()).toMatchObject([{ cause: 'silent' }]);
  });

  it.each(['a pause', 'a block'])('what was held until now: %s', async (hold) => {
    const desk = createDesk(harness.store);
    await desk.deliver([openTicket(12), startRun, addTask('develop:1'), { type: 'set_ticket', state: 'in_progress' }]);
    const { id } = only((await desk.snapshot()).tasks);
    const set = (state: 'running' | 'paused', ticket: 'in_progress' | 'blocked'): Intent =>
      hold === 'a pause' ? { type: 'set_run', state } : { type: 'set_ticket', state: ticket };
    await desk.deliver([set('paused', 'blocked')]);
    await pass(id, 600);
    await desk.deliver([set('running', 'in_progress')]);
    expect(await tick()).toMatchObject({ looked: 0 });
    expect(await desk.claim('w')).toHaveLength(1);
  });
});

it('hundreds of open diagnoses stand in the way of no outcome', async () => {
  const { desk, taskId } = await aTaskAtWork(harness.store, 'gone');
  await harness.store.appendMessages(taskId, 'gone', [aiMessage()]);
  await pass(taskId, 20);
  await tick();
  await harness.sql(
    `insert into diagnoses (organization_id, ticket_id, run_id, kind, state, updated_at)
     select organization_id, id, run_id, 'stall', 'open', now() - interval '1 day' from tickets, generate_series(1, 300)`,
  );
  await desk.claim('new');
  await harness.store.appendMessages(taskId, 'new', [aiMessage()]);
  await harness.store.settleDiagnoses(200);
  expect(await harness.sql(`select outcome from diagnoses where state <> 'open'`)).toEqual([{ outcome: 'helped' }]);
});

describe('a run that is out of the usual', () => {
  const unusual = async (cause: string, taskId: string): Promise<Intent> => {
    const { run_id: run } = only(await harness.sql<{ run_id: string }>('select run_id from tasks where id = $1', [taskId]));
    const evidence = [{ id: `figure:${cause}`, kind: 'figure', text: `${cause} is high`, score: 0.9 }];
    return { type: 'diagnosis', kind: 'anomaly', run_id: run, task_id: null, cause, score: 0.9, evidence };
  };

  it('only in what it costs is paused, with one comment that says why and how it goes on', async () => {
    const { desk, taskId } = await aTaskAtWork(harness.store, 'worker');
    await harness.store.appendMessages(taskId, 'worker', [aiMessage()]);
    await desk.deliver([await unusual('cost_usd', taskId)]);
    expect(await tick()).toMatchObject({ acted: 1, did: { paused: 1 } });
    expect((await desk.snapshot()).run?.state).toBe('paused');
    expect(only(await comments()).body).toMatch(
      /^I found that this run is far out of the usual of its kind\. I paused it\. So far .*\n\n- cost_usd is high\n\n.*`\/banyan resume`/s,
    );
    expect(await diagnoses()).toMatchObject([{ kind: 'anomaly', action: 'ask_person', state: 'dismissed' }]);
    await desk.deliver([{ type: 'set_run', state: 'running' }]);
    expect(await tick()).toMatchObject({ looked: 0 });
  });

  it('because it repeats itself goes back before the first of the calls, and not over what a person said', async () => {
    const { desk, taskId } = await aTaskAtWork(harness.store, 'worker');
    const said = { kind: 'human' as const, content: { type: 'human', data: { content: 'Please.' } } };
    const step = [aiMessage(), toolMessage()];
    await harness.store.appendMessages(taskId, 'worker', [
      said,
      aiMessage(),
      toolMessage({ tool_input: { path: 'other' } }),
      ...step,
      ...step,
      ...step,
      ...step,
    ]);
    await desk.deliver([await unusual('repeated', taskId)]);
    expect(await tick()).toMatchObject({ acted: 1, did: { roll_back: 1 } });
    expect(await taskRow(taskId)).toMatchObject({ state: 'pending', directive: { type: 'roll_back', from_seq: 4, at_seq: 11 } });
    expect(await comments()).toEqual([]);
  });

  it('and waits for its merge is told, and nothing is changed', async () => {
    const { desk, taskId } = await aTaskAtWork(harness.store, 'worker');
    await harness.store.completeTask(
      taskId,
      'worker',
      {},
      {
        expectVersion: null,
        intents: [{ type: 'set_ticket', state: 'in_review', waiting_for: 'merge', waiting_on: 'maintainers' }],
      },
    );
    await desk.deliver([await unusual('cost_usd', taskId)]);
    expect(await tick()).toMatchObject({ did: { told: 1 } });
    expect((await desk.snapshot()).ticket).toMatchObject({ state: 'in_review', waiting_for: 'merge' });
    expect(await comments()).toHaveLength(1);
    expect(await tick()).toMatchObject({ looked: 0 });
  });
});
