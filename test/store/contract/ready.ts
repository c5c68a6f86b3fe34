import { describe, expect, it } from 'vitest';
import { aDelivery, addTask, aPlace, aTaskAtWork, aTicketAtWork, createDesk, effect, LEASE, only, openTicket, startRun } from '../builders.ts';
import type { Desk } from '../builders.ts';
import type { Harness } from '../harness.ts';

const NEXT = { tasks: 1, leaseSeconds: LEASE };
const NOW = { expectVersion: null, intents: [] };

async function states(desk: Desk): Promise<string[]> {
  return (await desk.snapshot()).tasks.map(({ key, state }) => `${key} ${state}`);
}

export function readyContract(use: () => Harness): void {
  describe('the next task with the end of one', () => {
    it('comes whole, under a lease of the same worker, and may be what the end added', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      const settled = await store.completeTask(taskId, 'w', {}, { expectVersion: null, intents: [addTask('qa:1')], next: NEXT });
      if (!('next' in settled)) throw new Error(settled.status);
      const next = only(settled.next ?? []);
      const { run, ticket, tasks } = await desk.snapshot();
      expect(next).toEqual({ task: tasks[1], run, ticket, project: (await desk.context()).project });
      expect(next.task).toMatchObject({ key: 'qa:1', state: 'running', attempts: 1 });
      expect((await store.appendMessages(next.task.id, 'w', [])).status).toBe('ok');
      expect(await store.suspendTask(next.task.id, 'w', { waitingFor: 'x', waitingOn: 'y', next: NEXT }, [])).toEqual({ status: 'waiting', next: [] });
    });

    it('is not handed out where the end was refused', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store, [addTask('a'), addTask('b')]);
      const [first] = await desk.claim('w');
      await desk.deliver([addTask('c')]);
      const id = first?.task.id ?? '';
      expect(await store.completeTask(id, 'other', {}, { ...NOW, next: NEXT })).toEqual({ status: 'lost' });
      expect(await store.completeTask(id, 'w', {}, { expectVersion: 0, intents: [], next: NEXT })).toEqual({ status: 'conflict' });
      expect(await states(desk)).toEqual(['a running', 'b running', 'c pending']);
      const { version } = (await desk.snapshot()).ticket;
      const failed = await store.failTask(id, 'w', { error: {}, retry: false, retryAt: null, intentsAtEnd: [], next: NEXT });
      expect(failed.next?.map(({ task }) => task.key)).toEqual(['c']);
      expect((await desk.snapshot()).ticket.version).toBeGreaterThan(version);
    });

    it('goes to the organization with fewer at work, and keeps to a limit that was lowered', async () => {
      const { store, sql } = use();
      const many = await aTicketAtWork(store, [addTask('m1'), addTask('m2'), addTask('m3'), addTask('m4')]);
      await sql('update public.organizations set max_concurrent_agents = 2');
      const [m1, m2] = await many.claim('w');
      const end = async (id: string | undefined) => {
        const settled = await store.completeTask(id ?? '', 'w', {}, { ...NOW, next: NEXT });
        return 'next' in settled ? (settled.next ?? []).map(({ task }) => [task.key, task.id] as const) : [];
      };
      const [[key, m3] = []] = await end(m1?.task.id);
      expect(key).toBe('m3');
      await aTicketAtWork(store, [addTask('f1')]);
      expect((await end(m2?.task.id))[0]?.[0]).toBe('f1');
      await sql('update public.organizations set max_concurrent_agents = 0');
      expect(await end(m3)).toEqual([]);
      expect(await states(many)).toEqual(['m1 completed', 'm2 completed', 'm3 completed', 'm4 pending']);
    });
  });

  describe('readiness', () => {
    it('prefers the older run within a priority', async () => {
      const { store } = use();
      const older = await aTicketAtWork(store, [addTask('old:1', { delay_seconds: 0 })]);
      await createDesk(store, 13, older.place).deliver([openTicket(13), startRun, addTask('new:1')]);
      await older.deliver([addTask('old:2')]);
      expect((await older.claim('w')).map(({ task }) => task.key)).toEqual(['old:1', 'old:2', 'new:1']);
    });

    it('is kept while runs and tickets stop and go on, for what is added meanwhile too', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store, [addTask('a')]);
      await desk.deliver([{ type: 'set_run', state: 'paused' }, addTask('b')]);
      expect(await desk.claim('w')).toEqual([]);
      await desk.deliver([{ type: 'set_ticket', state: 'paused' }, { type: 'set_run', state: 'running' }, addTask('c')]);
      expect(await desk.claim('w')).toEqual([]);
      await desk.deliver([{ type: 'set_ticket', state: 'in_progress' }]);
      expect((await desk.claim('w')).map(({ task }) => task.key)).toEqual(['a', 'b', 'c']);
    });

    it('comes with the last of the tasks before it', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store, [addTask('a'), addTask('b'), addTask('c', { after: ['a', 'b'] })]);
      const [a, b] = await desk.claim('w');
      expect(await store.completeTask(a?.task.id ?? '', 'w', {}, { ...NOW, next: NEXT })).toEqual({ status: 'completed', next: [] });
      const settled = await store.completeTask(b?.task.id ?? '', 'w', {}, { ...NOW, next: NEXT });
      expect('next' in settled && settled.next?.map(({ task }) => task.key)).toEqual(['c']);
      await desk.deliver([addTask('d', { after: ['a'] })]);
      expect(only(await desk.claim('w')).task.key).toBe('d');
    });

    it('never comes after a task that failed: what was to follow is cancelled, with the reason', async () => {
      const { store, sql } = use();
      const after = (key: string, ...before: string[]) => addTask(key, { after: before });
      const desk = await aTicketAtWork(store, [addTask('a'), addTask('x'), after('b', 'a'), after('c', 'b', 'x'), after('d', 'x')]);
      const [a] = await desk.claim('w');
      await store.failTask(a?.task.id ?? '', 'w', { error: {}, retry: false, retryAt: null, intentsAtEnd: [] });
      expect(await states(desk)).toEqual(['a failed', 'x running', 'b cancelled', 'c cancelled', 'd pending']);
      expect((await desk.snapshot()).tasks[3]?.error).toEqual({ code: 'cancelled', message: 'it was to come after "a", which is failed' });
      await desk.deliver([after('e', 'a')]);
      expect((await states(desk)).at(-1)).toBe('e cancelled');
      const ticketId = (await desk.snapshot()).ticket.id;
      expect(await sql("select 1 from public.events where type = 'task.cancelled' and ticket_id = $1", [ticketId])).toHaveLength(3);
    });

    it('of a task that is there already may be put off behind others, but not in a circle', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store, [addTask('a'), addTask('b', { after: ['a'] }), addTask('c', { after: ['b'] })]);
      await desk.deliver([addTask('z'), { type: 'add_dependencies', key: 'a', after: ['z'] }]);
      const { task } = only(await desk.claim('w'));
      expect(task.key).toBe('z');
      const want = (key: string, after: string[]) => store.applyTaskIntents(task.id, 'w', [{ type: 'add_dependencies', key, after }]);
      await expect(want('a', ['c'])).rejects.toMatchObject({ code: 'conflict', data: { path: ['a', 'c', 'b', 'a'] } });
      await expect(want('z', ['a'])).rejects.toMatchObject({ code: 'conflict' });
      await store.completeTask(task.id, 'w', {}, NOW);
      expect(only(await desk.claim('w')).task.key).toBe('a');
    });

    it('costs an organization no turn where it has nothing to start', async () => {
      const { store } = use();
      const waits = await aTicketAtWork(store, [addTask('later', { delay_seconds: 60 })], aPlace());
      const works = await aTicketAtWork(store, [addTask('now')], aPlace());
      expect(only(await works.claim('w')).task.key).toBe('now');
      expect(await waits.claim('w')).toEqual([]);
      const { next_due_ms: soon } = await store.claim('w', { deliveries: 0, effects: 0, tasks: 1, leaseSeconds: LEASE });
      expect(soon).toBeGreaterThan(0);
    });
  });

  describe('a long row behind one', () => {
    const want = { deliveries: 2, effects: 2, tasks: 0, leaseSeconds: LEASE };

    it('of deliveries keeps nobody else waiting, and comes in order', async () => {
      const { store, sql } = use();
      const [crowded, other] = [aPlace(), aPlace()];
      const row = Array.from({ length: 40 }, () => aDelivery(crowded, 1));
      for (const delivery of row) await store.receiveDelivery(delivery);
      const late = aDelivery(other, 1);
      await store.receiveDelivery(late);
      expect((await store.claim('w', want)).deliveries.map(({ guid }) => guid)).toEqual([row[0]?.guid, late.guid]);
      expect(await sql('select 1 from public.deliveries where behind')).toHaveLength(39);
      const came: string[] = [];
      for (const [index, { guid: current }] of row.entries()) {
        if (index % 2 === 0) await store.applyIntents(current, 'w', null, []);
        else await store.failDelivery(current, 'w', {}, null);
        came.push((await store.claim('w', want)).deliveries.map(({ guid }) => guid).join());
      }
      expect(came).toEqual([...row.slice(1).map(({ guid }) => guid), '']);
    });

    it('of effects keeps no other lane waiting, and comes in order', async () => {
      const { store } = use();
      const wanted = Array.from({ length: 20 }, (_, index) => effect(`e${index}`, { lane: 'one' }));
      await createDesk(store).deliver([openTicket(12), ...wanted, effect('other', { lane: 'two' })]);
      expect((await store.claim('w', want)).effects.map(({ key }) => key)).toEqual(['e0', 'other']);
      const came: string[] = [];
      for (let index = 0; index < 20; index += 1) {
        if (index % 2 === 0) await store.settleEffect(`e${index}`, 'w', { generation: 1, result: {} });
        else await store.failEffect(`e${index}`, 'w', {}, null);
        came.push((await store.claim('w', want)).effects.map(({ key }) => key).join());
      }
      expect(came).toEqual([...Array.from({ length: 19 }, (_, index) => `e${index + 1}`), '']);
    });
  });
}
