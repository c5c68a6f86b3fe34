import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Intent } from '../../src/domain/intents.ts';
import { createLog } from '../../src/engine/log.ts';
import { blockedJob } from '../../src/watch/blocked.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { addTask, aPlace, createDesk, only, openTicket, startRun } from '../store/builders.ts';
import type { Desk } from '../store/builders.ts';
import { emptyOut, pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await pgliteHarness();
});
afterEach(() => emptyOut(harness));
afterAll(() => harness.close());

const FAR = Number.MAX_SAFE_INTEGER;
const log = createLog('silent', () => undefined);
const tick = (store = harness.store) => runJob(blockedJob, { store, log } as WatchParts, FAR);
const building: Intent = { type: 'set_ticket', state: 'in_progress' };
const DEVELOP = { role: 'developer', phase: 'develop' };

async function atWork(number = 12, tasks = [addTask('develop:1', DEVELOP)], place = aPlace()): Promise<Desk> {
  const desk = createDesk(harness.store, number, place);
  await desk.deliver([openTicket(number), startRun, building, ...tasks]);
  return desk;
}

const effects = async (kind: string) =>
  (await harness.sql<{ key: string }>(`select key from effects where kind = $1 order by position`, [kind])).map(({ key }) => key.replace(/^.*?\//, ''));
const states = async (desk: Desk) => {
  const { ticket, tasks } = await desk.snapshot();
  return [ticket.state, ...tasks.map(({ key, state }) => `${key} ${state}`)];
};
const findings = () => harness.sql(`select finding from banyan.watch_marks where job = 'blocked' and finding is not null`);
const events = async (type: string) =>
  (await harness.sql<{ data: unknown }>('select data from events where type = $1 order by id', [type])).map(({ data }) => data);

/** The task before is of another issue, as somebody who orders the board would have it. */
async function comesAfter(desk: Desk, other: Desk): Promise<void> {
  const [task, before] = [only((await desk.snapshot()).tasks), only((await other.snapshot()).tasks)];
  await harness.sql('insert into task_dependencies (task_id, depends_on_task_id, organization_id) values ($1, $2, $3)', [
    task.id,
    before.id,
    task.organization_id,
  ]);
}

it('what waits for its turn, for people, for another task, is paused, has failed or is at work is not looked at', async () => {
  const [turn, person, paused, failed, after] = [await atWork(1), await atWork(2), await atWork(3), await atWork(4), await atWork(5)];
  await harness.sql('update organizations set max_concurrent_agents = 1');
  await person.deliver([
    { type: 'set_ticket', state: 'needs_clarification', waiting_for: 'answers', waiting_on: 'visitor' },
    { type: 'cancel_tasks', reason: 'test' },
  ]);
  await paused.deliver([
    { type: 'cancel_tasks', reason: 'test' },
    { type: 'set_run', state: 'paused' },
  ]);
  await failed.deliver([
    { type: 'cancel_tasks', reason: 'test' },
    { type: 'set_ticket', state: 'failed', waiting_for: 'retry' },
  ]);
  await comesAfter(after, turn);
  expect(await tick()).toMatchObject({ looked: 0 });
  expect(await findings()).toEqual([]);
});

describe('an issue whose next task is lost', () => {
  it('begins its phase again, once, with what it was given, and says so in the trail only', async () => {
    const desk = await atWork(12, [addTask('develop:1', { ...DEVELOP, input: { from: 'qa', feedback: 'Mend it.' } })]);
    await harness.sql(`update tasks set state = 'completed'`);
    await Promise.all([tick(), tick()]);
    expect(await tick()).toMatchObject({ looked: 0 });
    expect(await states(desk)).toEqual(['in_progress', 'develop:1 completed', 'develop:2 pending']);
    expect((await desk.snapshot()).tasks[1]?.input).toEqual({ from: 'mended', feedback: 'Mend it.' });
    expect(await events('run.mended')).toEqual([{ phase: 'develop', key: 'develop:2', state: 'in_progress', times: 1 }]);
    expect(await effects('comment')).toEqual([]);
    expect((await desk.claim('w')).map(({ task }) => task.key)).toEqual(['develop:2']);
  });

  it.each([
    ['analyzing', 'analyze:1'],
    ['ready_for_dev', 'develop:1'],
    ['in_qa', 'qa:1'],
    ['in_review', 'review:1'],
  ] as const)('stands at %s: that is %s, also where no task is left at all', async (state, key) => {
    const desk = await atWork(12, []);
    await desk.deliver([{ type: 'set_ticket', state }]);
    await tick();
    expect((await states(desk))[1]).toBe(`${key} pending`);
  });

  it('has a task that nothing stands in front of and that is held all the same: another takes its place', async () => {
    const desk = await atWork();
    await harness.sql('update tasks set held = true');
    await tick();
    expect(await states(desk)).toEqual(['in_progress', 'develop:1 cancelled', 'develop:2 pending']);
  });

  it('ends at a person after the second time, with one comment', async () => {
    const desk = await atWork();
    for (let time = 0; time < 4; time += 1) {
      await harness.sql(`delete from tasks`);
      await tick();
    }
    expect((await desk.snapshot()).ticket.state).toBe('failed');
    expect(await effects('comment')).toHaveLength(1);
    expect(await events('run.lost')).toHaveLength(1);
    expect(await tick()).toMatchObject({ looked: 0 });
  });

  it('ends at a person at once where the task had failed', async () => {
    const desk = await atWork();
    await harness.sql(`update tasks set state = 'dead'`);
    await tick();
    expect((await desk.snapshot()).ticket).toMatchObject({ state: 'failed', waiting_for: 'retry' });
  });

  it('is left alone where somebody stopped it at this moment', async () => {
    const desk = await atWork();
    await harness.sql(`update tasks set state = 'completed'`);
    await tick({
      ...harness.store,
      ticketSnapshot: async (id) => {
        const snapshot = await harness.store.ticketSnapshot(id);
        if (snapshot.ticket.state !== 'cancelled')
          await desk.deliver([
            { type: 'set_run', state: 'stopped_user' },
            { type: 'set_ticket', state: 'cancelled' },
          ]);
        return snapshot;
      },
    });
    expect(await states(desk)).toEqual(['cancelled', 'develop:1 completed']);
  });
});

describe('an issue that comes after what cannot be completed', () => {
  it('is blocked with one comment, holds up nobody, and goes on when that is done', async () => {
    const place = aPlace();
    const [before, desk, third] = [await atWork(1, undefined, place), await atWork(2, undefined, place), await atWork(3, undefined, place)];
    await comesAfter(desk, before);
    await harness.sql(`update runs set state = 'stopped_gate' where id = $1`, [(await before.snapshot()).run!.id]);
    await tick();
    expect(await tick()).toMatchObject({ looked: 0 });
    const { ticket } = await desk.snapshot();
    expect(ticket.state).toBe('blocked');
    expect(ticket.note).toContain('comes after "Task develop:1" (of #1), whose work was ended. A maintainer: get that going again');
    expect(await effects('comment')).toEqual([expect.stringMatching(/^comment\/blocked\/dependency:/)]);
    expect(await effects('label')).toEqual([`label/blocked/${ticket.version - 1}/blocked`]);
    expect((await third.claim('w')).map(({ task }) => task.ticket_id)).toEqual([(await third.snapshot()).ticket.id]);

    await harness.sql(`update runs set state = 'running' where id = $1`, [(await before.snapshot()).run!.id]);
    await Promise.all([tick(), tick()]);
    expect((await desk.snapshot()).ticket).toMatchObject({
      state: 'in_progress',
      note: expect.stringMatching(/^This issue was blocked for .*; that is settled, and I went on\.$/),
    });
    const first = only(await before.claim('w'));
    await harness.store.completeTask(
      first.task.id,
      'w',
      {},
      {
        expectVersion: null,
        intents: [
          { type: 'set_run', state: 'completed' },
          { type: 'set_ticket', state: 'done' },
        ],
      },
    );
    expect((await desk.claim('w')).map(({ task }) => task.ticket_id)).toEqual([ticket.id]);
    expect(await tick()).toMatchObject({ looked: 0 });
    expect(await effects('comment')).toHaveLength(1);
    expect(await findings()).toEqual([]);
  });

  it('was cancelled with it: blocked too, and begun again when it is completed after all', async () => {
    const place = aPlace();
    const [before, desk] = [await atWork(1, undefined, place), await atWork(2, undefined, place)];
    await comesAfter(desk, before);
    const first = only(await before.claim('w'));
    await harness.store.failTask(first.task.id, 'w', {
      error: { code: 'internal' },
      retry: false,
      retryAt: null,
      intentsAtEnd: [
        { type: 'set_run', state: 'failed' },
        { type: 'set_ticket', state: 'failed' },
      ],
    });
    expect((await desk.snapshot()).tasks[0]?.state).toBe('cancelled');
    await tick();
    expect((await desk.snapshot()).ticket).toMatchObject({ state: 'blocked', note: expect.stringContaining('which is failed') });
    await harness.sql(`update tasks set state = 'completed' where id = $1`, [first.task.id]);
    await tick();
    expect(await states(desk)).toEqual(['in_progress', 'develop:1 cancelled', 'develop:2 pending']);
    expect(await findings()).toEqual([]);
  });
});

describe('an issue that comes after one that was begun anew', () => {
  const anew: Intent[] = [startRun, building, addTask('develop:1', DEVELOP)];

  it('waits for that, and goes on when it is done', async () => {
    const place = aPlace();
    const [before, desk] = [await atWork(1, undefined, place), await atWork(2, undefined, place)];
    await comesAfter(desk, before);
    await harness.sql(`update runs set state = 'failed' where id = $1`, [(await before.snapshot()).run!.id]);
    await tick();
    expect((await desk.snapshot()).ticket.state).toBe('blocked');
    // Its old task stays open here: a run that was ended by hand cancels nothing.
    await harness.sql(
      `with anew as (insert into runs (organization_id, project_id, ticket_id, state, workflow, config_snapshot, budget_usd, warn_at_usd)
        select organization_id, project_id, ticket_id, 'running', workflow, config_snapshot, 5, 4 from runs where state = 'failed' returning id, ticket_id)
       update tickets t set run_id = anew.id from anew where t.id = anew.ticket_id`,
    );
    await before.deliver([addTask('develop:1', DEVELOP)]);
    await tick();
    expect((await desk.snapshot()).ticket.state).toBe('in_progress');
    expect(await tick()).toMatchObject({ looked: 0 });
    await before.deliver([
      { type: 'set_run', state: 'completed' },
      { type: 'set_ticket', state: 'done' },
    ]);
    await tick();
    expect((await states(desk)).at(-1)).toBe('develop:2 pending');
  });

  it('stays blocked until then where its task was cancelled with it', async () => {
    const place = aPlace();
    const [before, desk] = [await atWork(1, undefined, place), await atWork(2, undefined, place)];
    await comesAfter(desk, before);
    await before.deliver(anew);
    await tick();
    expect(await states(desk)).toEqual(['blocked', 'develop:1 cancelled']);
    expect(await tick()).toMatchObject({ looked: 0 });
    await before.deliver([
      { type: 'set_run', state: 'completed' },
      { type: 'set_ticket', state: 'done' },
    ]);
    await tick();
    expect(await states(desk)).toEqual(['in_progress', 'develop:1 cancelled', 'develop:2 pending']);
  });
});

describe('a repository that is out of reach', () => {
  it.each([
    ['update installations set deleted_at = now()', 'update installations set deleted_at = null', 'installation:deleted'],
    ['update installations set suspended_at = now()', 'update installations set suspended_at = null', 'installation:suspended'],
    ['update projects set archived_at = now()', 'update projects set archived_at = null', 'repository:archived'],
  ])('holds its issues: %s', async (away, back, cause) => {
    const desk = await atWork();
    for (let time = 0; time < 2; time += 1) {
      await harness.sql(away);
      await tick();
      expect(await findings()).toEqual([{ finding: cause }]);
      expect((await desk.snapshot()).ticket.state).toBe('blocked');
      expect(await desk.claim('w')).toEqual([]);
      await harness.sql(back);
      await tick();
      expect((await desk.snapshot()).ticket.state).toBe('in_progress');
    }
    // However often it goes and comes.
    expect(await effects('comment')).toEqual([`comment/blocked/${cause}`]);
    expect(await effects('label')).toHaveLength(4);
    expect(await desk.claim('w')).toHaveLength(1);
  });
});

it('what somebody else has blocked is shown once and left to them', async () => {
  const desk = await atWork();
  await desk.deliver([{ type: 'set_ticket', state: 'blocked', note: 'after #3' }]);
  await tick();
  expect(await tick()).toMatchObject({ looked: 0 });
  expect((await desk.snapshot()).ticket).toMatchObject({ state: 'blocked', note: 'after #3' });
  expect(await effects('comment')).toEqual(['comment/blocked/other']);
  await desk.deliver([building]);
  await tick();
  expect(await findings()).toEqual([]);
  expect((await desk.snapshot()).ticket.state).toBe('in_progress');
});

it('what was found is forgotten with its issue, and where a person began anew', async () => {
  const desk = await atWork();
  await harness.sql('update installations set suspended_at = now()');
  await tick();
  await desk.deliver([
    { type: 'set_run', state: 'stopped_user' },
    { type: 'cancel_tasks', reason: 'stop' },
    { type: 'set_ticket', state: 'cancelled' },
  ]);
  await tick();
  expect(await findings()).toEqual([]);
  expect((await desk.snapshot()).ticket.state).toBe('cancelled');
});

it('goes on by itself however long it was blocked, and nobody is told anything else meanwhile', async () => {
  const desk = await atWork();
  await harness.sql('update installations set suspended_at = now()');
  await tick();
  await harness.sql(`update banyan.watch_marks set looked_at = looked_at - interval '90 days', next_look_at = next_look_at - interval '90 days'`);
  await harness.store.watchForget({ limit: 100, days: 14 });
  expect(await tick()).toMatchObject({ looked: 0 });
  await harness.sql('update installations set suspended_at = null');
  await tick();
  expect(await states(desk)).toEqual(['in_progress', 'develop:1 pending']);
  expect(await effects('comment')).toEqual(['comment/blocked/installation:suspended']);
  expect(await desk.claim('w')).toHaveLength(1);
});
