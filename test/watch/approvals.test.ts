import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultRepositoryConfig } from '../../src/config/repository.ts';
import type { RepositoryConfig } from '../../src/config/repository.ts';
import type { Intent } from '../../src/domain/intents.ts';
import type { JsonObject } from '../../src/domain/model.ts';
import { createLog } from '../../src/engine/log.ts';
import { approvalsJob } from '../../src/watch/approvals.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { addTask, aDelivery, createDesk, openTicket, startRun } from '../store/builders.ts';
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
const tick = () => runJob(approvalsJob, { store: harness.store, log: createLog('silent', () => undefined) } as WatchParts, FAR);
const approval: Intent = { type: 'set_ticket', state: 'awaiting_approval', waiting_for: 'approval', waiting_on: 'maintainers' };
const answers: Intent = { type: 'set_ticket', state: 'needs_clarification', waiting_for: 'answers', waiting_on: 'visitor' };
const merge: Intent = { type: 'set_ticket', state: 'in_review', waiting_for: 'merge', waiting_on: 'maintainers' };

async function aStranger(number = 12): Promise<Desk> {
  const desk = createDesk(harness.store, number);
  await desk.deliver([openTicket(number, { state: 'awaiting_approval', author: 'visitor' }), approval]);
  return desk;
}

async function aRun(wait: Intent, waiting: Partial<RepositoryConfig['waiting']> = {}): Promise<Desk> {
  const desk = createDesk(harness.store);
  const defaults = defaultRepositoryConfig();
  const repository = { ...defaults, waiting: { ...defaults.waiting, ...waiting } };
  await desk.deliver([
    openTicket(12),
    { ...startRun, config_snapshot: { repository } as unknown as JsonObject } as Intent,
    addTask('analyze:1', { role: 'product-owner', phase: 'analyze' }),
  ]);
  const [claimed] = await desk.claim('w');
  if (wait === answers) {
    await harness.store.suspendTask(claimed!.task.id, 'w', { waitingFor: 'answers', waitingOn: 'visitor' }, [
      { type: 'ask', task_id: claimed!.task.id, round: 1, questions: [{ body: 'Which?', assumption: 'This.' }] },
      answers,
    ]);
  } else await harness.store.completeTask(claimed!.task.id, 'w', {}, { expectVersion: null, intents: [wait] });
  return desk;
}

/** As if it had waited since then; nothing else is touched. */
const waitedFor = (hours: number) =>
  harness.sql(`update tickets set waiting_since = now() - make_interval(hours => $1) where waiting_for is not null`, [hours]);
const said = async () =>
  (await harness.sql<{ key: string }>(`select key from effects where kind = 'comment' order by position`)).map(({ key }) => key.replace(/^.*comment\//, ''));
const findings = () => harness.sql(`select finding from banyan.watch_marks where job = 'approvals' and finding is not null`);

describe('what waits for a person', () => {
  it('is reminded, escalated and ended once each, as soon as the time is there', async () => {
    const desk = await aStranger();
    expect(await tick()).toMatchObject({ looked: 0 });
    await waitedFor(49);
    await tick();
    await tick();
    expect(await said()).toEqual(['waiting/1/remind']);
    expect(await findings()).toEqual([{ finding: 'approval:remind' }]);
    await waitedFor(121);
    await Promise.all([tick(), tick()]);
    expect(await said()).toEqual(['waiting/1/remind', 'waiting/1/escalate']);
    expect((await desk.snapshot()).ticket.state).toBe('awaiting_approval');
    await waitedFor(337);
    expect(await tick()).toMatchObject({ failed: 0, did: { stopped: 1 } });
    await tick();
    expect(await said()).toEqual(['waiting/1/remind', 'waiting/1/escalate', 'waiting/1/end']);
    expect((await desk.snapshot()).ticket).toMatchObject({ state: 'cancelled', waiting_for: null });
    expect(await findings()).toEqual([]);
  });

  it('is told of the last stage alone where several have come', async () => {
    await aStranger();
    await waitedFor(1000);
    await tick();
    await tick();
    expect(await said()).toEqual(['waiting/1/end']);
  });

  it('is reminded again of another wait, and what was found is forgotten when somebody came', async () => {
    const desk = await aRun(answers);
    await waitedFor(49);
    await tick();
    await desk.deliver([{ type: 'set_ticket', state: 'analyzing', waiting_for: null, waiting_on: null }]);
    expect(await findings()).toHaveLength(1);
    await tick();
    expect(await findings()).toEqual([]);
    await desk.deliver([answers]);
    await waitedFor(49);
    await tick();
    expect(await said()).toEqual(['waiting/1/remind', 'waiting/2/remind']);
  });

  it('is not reminded where somebody came meanwhile, or has written what was not read yet', async () => {
    const desk = await aRun(answers);
    await waitedFor(49);
    const late = {
      ...harness.store,
      ticketSnapshot: async (id: string) => {
        const snapshot = await harness.store.ticketSnapshot(id);
        await desk.deliver([{ type: 'set_ticket', state: 'analyzing', waiting_for: null, waiting_on: null }]);
        return snapshot;
      },
    };
    await runJob(approvalsJob, { store: late, log: createLog('silent', () => undefined) } as unknown as WatchParts, FAR);
    expect(await said()).toEqual([]);

    await desk.deliver([answers]);
    await waitedFor(49);
    const { repository } = desk.place;
    await harness.sql(`insert into deliveries (guid, event, repository, number, subject, body) values ('g', 'issue_comment', $1, 12, $1 || '#12', '{}')`, [
      `${repository.owner}/${repository.name}`.toLowerCase(),
    ]);
    expect(await tick()).toMatchObject({ looked: 0 });
    await harness.sql(`update deliveries set state = 'dead' where guid = 'g'`);
    expect(await tick()).toMatchObject({ did: { reminded: 1 } });
  });

  it('keeps to its times in the configuration of the run', async () => {
    await aRun(answers, { remindAfterHours: 5, escalateAfterHours: 7, endAfterHours: 9, atEnd: 'keep' });
    for (const hours of [4, 6, 8, 10, 1000]) {
      await waitedFor(hours);
      await tick();
    }
    expect(await said()).toEqual(['waiting/1/remind', 'waiting/1/escalate']);
    expect(await harness.sql('select state from tickets')).toEqual([{ state: 'needs_clarification' }]);
  });

  it('goes on with assumptions where that is configured: the conversation is told, the questions are closed', async () => {
    const desk = await aRun(answers, { atEnd: 'assume' });
    await waitedFor(400);
    await tick();
    const { ticket, questions, tasks } = await desk.snapshot();
    expect([ticket.state, questions[0]?.state, tasks[0]?.state]).toEqual(['analyzing', 'assumed', 'pending']);
    expect(await harness.sql('select source, author from task_inputs')).toEqual([{ source: 'waiting/1', author: 'Banyan' }]);
  });

  it('is a merge: reminded once, or never, and nothing else', async () => {
    const desk = await aRun(merge);
    await waitedFor(1000);
    await tick();
    await tick();
    expect(await said()).toEqual(['waiting/1/remind']);
    expect((await desk.snapshot()).ticket.state).toBe('in_review');
    await emptyOut(harness);
    await aRun(merge, { remindMerge: false });
    await waitedFor(1000);
    expect(await tick()).toMatchObject({ looked: 0 });
  });

  it('is left alone while it is paused, has failed, or its repository is out of reach', async () => {
    const desk = await aRun(answers);
    await waitedFor(1000);
    await desk.deliver([{ type: 'set_run', state: 'paused' }]);
    expect(await tick()).toMatchObject({ looked: 0 });
    await desk.deliver([{ type: 'set_run', state: 'running' }]);
    await harness.sql('update installations set suspended_at = now()');
    expect(await tick()).toMatchObject({ looked: 0 });
    await harness.sql('update installations set suspended_at = null');
    await desk.deliver([{ type: 'set_ticket', state: 'failed', waiting_for: 'retry' }]);
    await waitedFor(1000);
    expect(await tick()).toMatchObject({ looked: 0 });
  });

  it.each([
    ['pause', []],
    ['suspension', ['update installations set suspended_at = now()', 'update installations set suspended_at = null']],
    ['removal of the App', ['update installations set deleted_at = now()', 'update installations set deleted_at = null']],
    ['archived repository', ['update projects set archived_at = now()', 'update projects set archived_at = null']],
  ])('is not waited for during a %s', async (_name, [away, back]) => {
    const desk = await aRun(answers);
    await (away ? harness.sql(away) : desk.deliver([{ type: 'set_run', state: 'paused' }]));
    await waitedFor(15 * 24);
    expect(await tick()).toMatchObject({ looked: 0 });
    await (back ? harness.sql(back) : desk.deliver([{ type: 'set_run', state: 'running' }]));
    // Whoever was asked has their whole time now, from the reminder on.
    expect(await tick()).toMatchObject({ looked: 0 });
    await waitedFor(47);
    expect(await tick()).toMatchObject({ looked: 0 });
    await waitedFor(49);
    expect(await tick()).toMatchObject({ did: { reminded: 1 } });
  });

  it('ends by the deadline of its approval where there is one', async () => {
    const desk = await aStranger();
    await harness.sql(`insert into approvals (organization_id, ticket_id, kind, subject_hash, deadline_at)
      select organization_id, id, 'start', 'h', now() - interval '1 minute' from tickets`);
    await tick();
    expect((await desk.snapshot()).ticket.state).toBe('cancelled');
  });

  it('has the defaults of the configuration where no run says otherwise, also where a run says what is no number', async () => {
    const { remindAfterHours, escalateAfterHours, endAfterHours } = defaultRepositoryConfig().waiting;
    await aStranger();
    for (const hours of [remindAfterHours, escalateAfterHours, endAfterHours]) {
      const before = (await said()).length;
      await harness.sql(`update tickets set waiting_since = now() - make_interval(mins => $1) where waiting_for is not null`, [hours * 60 - 2]);
      await tick();
      expect(await said()).toHaveLength(before);
      await waitedFor(hours);
      await tick();
      expect(await said()).toHaveLength(before + 1);
    }
    const poisoned = await harness.sql(`select banyan.waiting_hours('{"repository":{"waiting":{"endAfterHours":"soon"}}}', 'endAfterHours', 3)::text as hours
      union all select banyan.waiting_hours('{"repository":{"waiting":{"endAfterHours":1e400}}}', 'endAfterHours', 3)::text`);
    expect(poisoned).toEqual([{ hours: '03:00:00' }, { hours: '100000:00:00' }]);
  });
});

it.each([
  ['reminder', 49],
  ['end', 400],
])('nothing is said or done below an answer that came between the look and the %s', async (_name, hours) => {
  const desk = await aRun(answers);
  await waitedFor(hours);
  const store = {
    ...harness.store,
    ticketSnapshot: async (id: string) => {
      await harness.store.receiveDelivery(aDelivery(desk.place, 12, { event: 'issue_comment', action: 'created' }));
      return harness.store.ticketSnapshot(id);
    },
  };
  const report = await runJob(approvalsJob, { store, log: createLog('silent', () => undefined) } as unknown as WatchParts, FAR);
  expect(report).toMatchObject({ looked: 1, acted: 0, failed: 0 });
  expect(await said()).toEqual([]);
  expect((await desk.snapshot()).ticket.state).toBe('needs_clarification');
});

it('where it goes on waiting, it is told once, however often the marks are swept', async () => {
  const { ticket } = await (await aRun(answers, { atEnd: 'keep' })).snapshot();
  await waitedFor(150);
  expect(await tick()).toMatchObject({ did: { escalated: 1 } });
  for (let time = 0; time < 2; time += 1) {
    await harness.sql(`update tickets set waiting_since = waiting_since - interval '15 days'`);
    await harness.sql(`update banyan.watch_marks set looked_at = looked_at - interval '15 days'`);
    await harness.store.watchForget({ limit: 100, days: 14 });
    expect(await tick()).toMatchObject({ looked: 0 });
  }
  expect(await harness.sql(`select type from events where type like 'wait.%' and ticket_id = $1`, [ticket.id])).toEqual([{ type: 'wait.escalated' }]);
});

it.each([
  ['a time beyond all times', `update tickets set waiting_since = '294276-12-31 23:59:59+00' where number = 2`],
  [
    'a memory that makes no sense',
    `insert into banyan.watch_marks (job, subject, next_look_at, memory)
     select 'approvals', 'ticket:' || id, now(), jsonb_build_object('waits', waits, 'stage', 'one') from tickets where number = 2`,
  ],
])('one with %s holds up nobody', async (_name, poison) => {
  for (const number of [1, 2, 3]) await aStranger(number);
  await waitedFor(49);
  await harness.sql(poison);
  expect(await tick()).toMatchObject({ error: null });
  expect((await said()).length).toBeGreaterThanOrEqual(2);
});

it('one that fails among many holds up nobody', async () => {
  for (let number = 1; number <= 30; number += 1) await aStranger(number);
  await waitedFor(49);
  const [bad] = await harness.sql<{ id: string }>('select id from tickets where number = 17');
  const store = {
    ...harness.store,
    ticketSnapshot: async (id: string) => (id === bad!.id ? Promise.reject(new Error('poisoned')) : harness.store.ticketSnapshot(id)),
  };
  const report = await runJob(approvalsJob, { store, log: createLog('silent', () => undefined) } as unknown as WatchParts, FAR);
  expect(report).toMatchObject({ looked: 30, acted: 29, failed: 1 });
  expect(await said()).toHaveLength(29);
});
