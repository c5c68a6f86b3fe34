import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { GitHubReturn } from '../../src/store/contract.ts';
import { addTask, aDelivery, aiMessage, aPlace, aTaskAtWork, aTicketAtWork, createDesk, effect, LEASE, only, openTicket, startRun } from './builders.ts';
import { emptyOut, postgresHarness, type PostgresHarness } from './harness.ts';

/** Connections at once; the pool has more. */
const CROWD = 16;

describe('races on a real Postgres', () => {
  let harness: PostgresHarness;
  beforeAll(async () => {
    harness = await postgresHarness();
    // All connections are there before the first race: connecting takes longer than a claim.
    await crowd((index) => harness.sql('select pg_sleep(0.05), $1::int', [index]));
  });
  afterEach(() => emptyOut(harness));
  afterAll(() => harness.close());

  function crowd<T>(work: (index: number) => Promise<T>): Promise<T[]> {
    return Promise.all(Array.from({ length: CROWD }, (_, index) => work(index)));
  }

  /** Everybody claims until there is nothing left; what each got, with a look at every moment between. */
  async function drain(kind: 'tasks' | 'effects' | 'deliveries', size: number, settle: (id: string, worker: string) => Promise<unknown>): Promise<string[]> {
    const seen: string[] = [];
    await crowd(async (index) => {
      const worker = `w${index}`;
      for (let idle = 0; idle < 5;) {
        const want = { deliveries: 0, effects: 0, tasks: 0, leaseSeconds: LEASE, [kind]: size };
        const claims = await harness.store.claim(worker, want);
        const ids = [...claims.tasks.map(({ task }) => task.id), ...claims.effects.map(({ key }) => key), ...claims.deliveries.map(({ guid }) => guid)];
        seen.push(...ids);
        idle = ids.length === 0 ? idle + 1 : 0;
        for (const id of ids) await settle(id, worker);
      }
    });
    return seen;
  }

  it('gives each task to one worker', async () => {
    const { store, sql } = harness;
    for (const place of [aPlace(), aPlace(), aPlace()]) {
      await aTicketAtWork(
        store,
        Array.from({ length: 40 }, (_, index) => addTask(`t${index}`)),
        place,
      );
    }
    await sql('update public.organizations set max_concurrent_agents = null');
    const seen = await drain('tasks', 3, (id, worker) => store.completeTask(id, worker, {}, { expectVersion: null, intents: [] }));
    expect(seen).toHaveLength(120);
    expect(new Set(seen).size).toBe(120);
    expect(await sql("select 1 from public.tasks where state = 'completed' and attempts = 1")).toHaveLength(120);
    expect(await sql<{ state: string }>('select distinct state from public.runs')).toEqual([{ state: 'running' }]);
  });

  it('never puts more of an organization to work than its limit', async () => {
    const { store, sql } = harness;
    await aTicketAtWork(
      store,
      Array.from({ length: 40 }, (_, index) => addTask(`t${index}`)),
    );
    await sql('update public.organizations set max_concurrent_agents = 3');
    const counts = await crowd(async (index) => (await store.claim(`w${index}`, { deliveries: 0, effects: 0, tasks: 2, leaseSeconds: LEASE })).tasks.length);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(3);

    await sql("update public.tasks set state = 'pending', lease_owner = null, lease_expires_at = null, attempts = 0 where state = 'running'");
    let most = 0;
    await drain('tasks', 2, async (id, worker) => {
      const [row] = await sql<{ running: number }>("select count(*)::int as running from public.tasks where state = 'running'");
      most = Math.max(most, row?.running ?? 0);
      await store.completeTask(id, worker, {}, { expectVersion: null, intents: [] });
    });
    expect(most).toBeLessThanOrEqual(3);
    expect(await sql("select 1 from public.tasks where state = 'completed' and attempts = 1")).toHaveLength(40);
  });

  it('keeps the limit where the next task comes with the end of one, while others claim', async () => {
    const { store, sql } = harness;
    const desk = await aTicketAtWork(
      store,
      Array.from({ length: 60 }, (_, index) => addTask(`t${index}`)),
    );
    await createDesk(store, 13, desk.place).deliver([openTicket(13), startRun, ...Array.from({ length: 20 }, (_, index) => addTask(`u${index}`))]);
    await sql('update public.organizations set max_concurrent_agents = 4');
    let most = 0;
    let ended = 0;
    await crowd(async (index) => {
      const worker = `w${index}`;
      while (ended < 80) {
        const { tasks } = await store.claim(worker, { deliveries: 0, effects: 0, tasks: 1, leaseSeconds: LEASE });
        for (let current = tasks[0]; current;) {
          const [row] = await sql<{ running: number }>("select count(*)::int as running from public.tasks where state = 'running'");
          most = Math.max(most, row?.running ?? 0);
          const next = { tasks: 1, leaseSeconds: LEASE };
          const settled = await store.completeTask(current.task.id, worker, {}, { expectVersion: null, intents: [], next });
          ended += 1;
          current = 'next' in settled ? settled.next?.[0] : undefined;
        }
      }
    });
    expect(most).toBeLessThanOrEqual(4);
    expect(await sql("select 1 from public.tasks where state = 'completed' and attempts = 1")).toHaveLength(80);
  });

  it('retains in parallel without taking a row twice', async () => {
    const { store, sql } = harness;
    await sql(`insert into public.deliveries (guid, event, subject, body, state, processed_at)
      select 'old-' || n, 'issues', 's', '{}', 'processed', now() - interval '40 days' from generate_series(1, 400) as n`);
    const batches = await crowd(() => store.retain({ limit: 50, deliveryDays: 30, historyDays: 90 }));
    const rest = await store.retain({ limit: 500, deliveryDays: 30, historyDays: 90 });
    expect([...batches, rest].reduce((sum, { deliveries }) => sum + deliveries, 0)).toBe(400);
  });

  it('works on one delivery of a subject at a time, in the order they came', async () => {
    const { store } = harness;
    const place = aPlace();
    const order = new Map<number, string[]>();
    for (let index = 0; index < 60; index += 1) {
      const number = index % 4;
      const delivery = aDelivery(place, number);
      order.set(number, [...(order.get(number) ?? []), delivery.guid]);
      await store.receiveDelivery(delivery);
    }
    const numberOf = new Map([...order].flatMap(([number, guids]) => guids.map((guid) => [guid, number] as const)));
    const open = new Set<number>();
    const done = new Map<number, string[]>();
    await drain('deliveries', 3, async (guid, worker) => {
      const number = numberOf.get(guid) ?? -1;
      expect(open.has(number)).toBe(false);
      open.add(number);
      await new Promise((resolve) => setImmediate(resolve));
      open.delete(number);
      done.set(number, [...(done.get(number) ?? []), guid]);
      await store.applyIntents(guid, worker, null, []);
    });
    expect(done).toEqual(order);
  });

  it('receives the same GUID at once as one delivery', async () => {
    const delivery = aDelivery(aPlace(), 1);
    const answers = await crowd(() => harness.store.receiveDelivery(delivery));
    expect(answers.filter((answer) => answer === 'accepted')).toHaveLength(1);
  });

  it('makes one project of many first deliveries', async () => {
    const place = aPlace();
    const contexts = await crowd((index) => createDesk(harness.store, index, place).context());
    expect(new Set(contexts.map(({ project }) => project.id)).size).toBe(1);
  });

  it('begins an effect once, whether it is claimed or asked for', async () => {
    const { store } = harness;
    const desk = createDesk(store);
    await desk.deliver([openTicket(12), ...Array.from({ length: 30 }, (_, index) => effect(`e${index}`, { lane: `lane${index % 5}` }))]);
    const { ticket } = await desk.snapshot();
    const begun = await crowd((index) =>
      store.beginEffect({ key: 'tool', kind: 'commit', ticketId: ticket.id, taskId: null, payload: {}, worker: `w${index}`, leaseSeconds: LEASE }),
    );
    expect(begun.filter(({ status }) => status === 'perform')).toHaveLength(1);
    expect(begun.filter(({ status }) => status === 'busy')).toHaveLength(CROWD - 1);

    const last = new Map<string, number>();
    const seen = await drain('effects', 3, async (key, worker) => {
      const index = Number(key.slice(1));
      expect(index).toBeGreaterThan(last.get(`lane${index % 5}`) ?? -1);
      last.set(`lane${index % 5}`, index);
      expect((await store.settleEffect(key, worker, { generation: 1, result: {} })).settled).toBe(true);
    });
    expect([new Set(seen).size, seen.length]).toEqual([30, 30]);
  });

  it('begins an effect once where it comes with the end of the one before, while others claim and leases run out', async () => {
    const { store, sql } = harness;
    await createDesk(store).deliver([openTicket(12), ...Array.from({ length: 90 }, (_, index) => effect(`e${index}`, { lane: `lane${index % 3}` }))]);
    const counts = { settled: 0, handed: 0 };
    await crowd(async (index) => {
      const worker = `w${index}`;
      for (let turn = 0; counts.settled < 90; turn += 1) {
        const { effects } = await store.claim(worker, { deliveries: 0, effects: 1, tasks: 0, leaseSeconds: LEASE });
        for (let current = effects[0] ?? null; current;) {
          // Some leases are over at once, and another takes up what came with them.
          const leaseSeconds = (index + turn + counts.handed) % 7 === 0 ? 0 : LEASE;
          const { settled, next } = await store.settleEffect(current.key, worker, { generation: 1, result: {}, next: { leaseSeconds } });
          expect(settled).toBe(true);
          counts.settled += 1;
          counts.handed += next ? 1 : 0;
          current = leaseSeconds === 0 ? null : next;
          const doubled = "select lane from public.effects where state = 'begun' and lease_expires_at > clock_timestamp() group by lane having count(*) > 1";
          expect(await sql(doubled)).toEqual([]);
        }
      }
    });
    expect(counts.settled).toBe(90);
    expect(counts.handed).toBeGreaterThan(0);
    for (const lane of ['lane0', 'lane1', 'lane2']) {
      const order = await sql<{ position: number }>("select position::int from public.effects where lane = $1 and state = 'settled' order by settled_at", [
        lane,
      ]);
      expect(order).toHaveLength(30);
      expect(order).toEqual(order.toSorted((a, b) => a.position - b.position));
    }
  });

  it("adds up a run's spend exactly while its tasks append at once", async () => {
    const { store, sql } = harness;
    const desk = await aTicketAtWork(
      store,
      Array.from({ length: CROWD }, (_, index) => addTask(`t${index}`)),
    );
    await sql('update public.organizations set max_concurrent_agents = null');
    const claimed = await desk.claim('w');
    expect(claimed).toHaveLength(CROWD);
    await crowd(async (index) => {
      for (let step = 0; step < 10; step += 1)
        await store.appendMessages(claimed[index]?.task.id ?? '', 'w', [aiMessage({ cost_usd: 0.01 }), aiMessage({ cost_usd: 0.02 })]);
    });
    const { run, spend, ticket } = await desk.snapshot();
    expect(run?.spent_usd).toBe(4.8);
    expect(only(spend)).toMatchObject({ cost_usd: 4.8, model_calls: CROWD * 20 });
    expect(await sql("select 1 from public.events where type = 'run.budget_warning' and ticket_id = $1", [ticket.id])).toHaveLength(1);
    expect(await sql('select 1 from public.conversations where last_seq = 20')).toHaveLength(CROWD);
  });

  it('ends a task once where its lease ran out: the old worker or the new one, never both', async () => {
    const { store, sql } = harness;
    const { desk, taskId } = await aTaskAtWork(store, 'old');
    await sql('update public.tasks set lease_expires_at = now()');
    const results = await crowd(async (index) => {
      if (index % 2 === 0) return (await store.completeTask(taskId, 'old', { by: 'old' }, { expectVersion: null, intents: [addTask('qa:1')] })).status;
      const taken = (await desk.claim(`new${index}`)).filter(({ task }) => task.id === taskId);
      if (taken.length === 0) return 'nothing';
      return (await store.completeTask(taskId, `new${index}`, { by: 'new' }, { expectVersion: null, intents: [addTask('qa:1')] })).status;
    });
    expect(results.filter((status) => status === 'completed')).toHaveLength(1);
    expect((await desk.snapshot()).tasks.map(({ key }) => key)).toEqual(['develop:1', 'qa:1']);
  });

  it('lets one of many decisions from the same version through', async () => {
    const { store } = harness;
    const { desk, taskId } = await aTaskAtWork(store, 'w');
    const { version } = (await desk.snapshot()).ticket;
    await crowd(() => store.applyTaskIntents(taskId, 'w', [addTask('next')]));
    expect((await desk.snapshot()).ticket.version).toBe(version + 1);
    const ref = { ...(await desk.ref()), expect_version: version + 1 };
    // Of different subjects, as an issue's and a pull request's are before the one is known to belong to the other.
    const deliveries = Array.from({ length: CROWD }, (_, index) => aDelivery(desk.place, 100 + index));
    for (const delivery of deliveries) await store.receiveDelivery(delivery);
    await store.claim('inbox', { deliveries: CROWD, effects: 0, tasks: 0, leaseSeconds: LEASE });
    const answers = await Promise.all(deliveries.map(({ guid }) => store.applyIntents(guid, 'inbox', ref, [{ type: 'set_ticket', note: guid }])));
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses).toEqual(['applied', ...Array.from({ length: CROWD - 1 }, () => 'conflict')]);
  });

  it('applies once what many deliveries say at once', async () => {
    const { store } = harness;
    const desk = createDesk(store);
    await desk.deliver([openTicket(12)]);
    const ref = { ...(await desk.ref()), said: 'comment:7' };
    // Of different subjects, so that no order keeps them apart.
    for (let index = 0; index < CROWD; index += 1) await store.receiveDelivery(aDelivery(desk.place, 100 + index));
    const { deliveries } = await store.claim('inbox', { deliveries: CROWD, effects: 0, tasks: 0, leaseSeconds: LEASE });
    const say = ({ guid }: { guid: string }) => store.applyIntents(guid, 'inbox', ref, [{ type: 'event', event: 'said', data: { guid } }]);
    const statuses = (await Promise.all(deliveries.map(say))).map(({ status }) => status).toSorted();
    expect(statuses).toEqual(['applied', ...Array.from({ length: CROWD - 1 }, () => 'repeated')]);
    expect(await harness.sql("select 1 from public.events where type = 'said'")).toHaveLength(1);
  });

  it("never reserves more of GitHub's budget than there is, and lets all of it be reserved", async () => {
    const { store, sql } = harness;
    const place = aPlace();
    await createDesk(store, 1, place).context();
    const used = { points: 0, creations: 0 };
    let most = 0;
    await crowd(async (index) => {
      const holder = `p${index}`;
      let returns: GitHubReturn[] = [];
      for (;;) {
        const creates = index % 2 === 0;
        const need = { points: creates ? 5 : 1, creations: creates ? 1 : 0 };
        const want = { points: 20, creations: creates ? 3 : 0, slots: 8 };
        const answer = await store.reserveGitHub({ installationId: place.installationId, holder, need, want, returns });
        const [row] = await sql<{ points: number; creations: number; slots: number }>(
          'select sum(points)::int as points, sum(creations)::int as creations, sum(slots)::int as slots from public.github_reservations',
        );
        expect(row?.points).toBeLessThanOrEqual(900);
        expect(row?.creations).toBeLessThanOrEqual(80);
        most = Math.max(most, row?.slots ?? 0);
        if (answer.status === 'held') throw new Error('nobody holds it');
        if (answer.status === 'wait' && answer.seconds > 1) break;
        // Only what was needed is used, so that what each gives back is there for the others.
        returns = answer.status === 'granted' ? [{ id: answer.id, ...need, slots: 0 }] : [];
        if (answer.status === 'granted') [used.points, used.creations] = [used.points + need.points, used.creations + need.creations];
      }
      await store.returnGitHub(holder, returns);
    });
    expect(most).toBeLessThanOrEqual(100);
    expect(used.creations).toBe(80);
    const [left] = await sql<{ points: number; creations: number }>(
      'select sum(points)::int as points, sum(creations)::int as creations from public.github_reservations',
    );
    expect(left).toEqual(used);
  });

  it('does not deadlock where steps, decisions, claims and cancellations meet', async () => {
    const { store, sql } = harness;
    const desk = await aTicketAtWork(
      store,
      Array.from({ length: 8 }, (_, index) => addTask(`t${index}`)),
    );
    const claimed = await desk.claim('w');
    const { ticket, run } = await desk.snapshot();
    const decide = (index: number): Promise<unknown> =>
      store.applyTaskIntents(claimed[index % claimed.length]?.task.id ?? '', 'w', [
        { type: 'set_run', state: index % 2 === 0 ? 'running' : 'queued' },
        addTask(`more${index}`),
        { type: 'set_ticket', priority: index % 2 === 0 ? 'high' : 'low' },
      ]);
    await crowd(async (index) => {
      for (let step = 0; step < 6; step += 1) {
        const task = claimed[(index + step) % claimed.length]?.task.id ?? '';
        if (index % 4 === 0) await store.appendMessages(task, 'w', [aiMessage()]);
        else if (index % 4 === 1) await decide(index * 10 + step);
        else if (index % 4 === 2) await desk.claim(`x${index}`);
        else if (step === 5) await store.applyTaskIntents(task, 'w', [{ type: 'cancel_tasks', reason: 'race' }]);
        else await store.renew('w', { tasks: claimed.map((each) => each.task.id), effects: [], deliveries: [] }, LEASE);
      }
    });
    const [row] = await sql<{ deadlocks: number }>('select deadlocks::int from pg_stat_database where datname = current_database()');
    expect(row?.deadlocks).toBe(0);
    expect((await store.ticketSnapshot(ticket.id)).run?.id).toBe(run?.id);
  });
});
