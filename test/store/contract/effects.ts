import { describe, expect, it, vi } from 'vitest';
import { aDelivery, aTicketAtWork, createDesk, effect, LEASE, only, openTicket } from '../builders.ts';
import type { Harness } from '../harness.ts';

const EFFECTS = { deliveries: 0, effects: 10, tasks: 0, leaseSeconds: LEASE };
const later = (): Date => new Date(Date.now() + 60_000);

export function effectContract(use: () => Harness): void {
  describe('effects that a decision wants', () => {
    it('are handed out with their project, once for a key, and are settled once', async () => {
      const { store } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12), effect('status'), effect('status', { payload: { body: 'ignored' } })]);
      const claimed = only((await store.claim('w', EFFECTS)).effects);
      expect(claimed).toEqual({
        key: 'status',
        kind: 'comment',
        payload: { body: 'hello' },
        generation: 1,
        begun_before: false,
        result: null,
        attempts: 1,
        ticket_id: (await desk.snapshot()).ticket.id,
        by_task: false,
        delivery: desk.delivered(),
        project: (await desk.context()).project,
      });
      const renew = (worker: string) => store.renew(worker, { tasks: [], effects: ['status'], deliveries: ['unknown'] }, LEASE);
      expect([await renew('w'), await renew('other')]).toEqual([
        { tasks: {}, effects: ['status'], deliveries: [] },
        { tasks: {}, effects: [], deliveries: [] },
      ]);
      expect((await store.settleEffect('status', 'other', { generation: 1, result: {} })).settled).toBe(false);
      expect((await store.settleEffect('status', 'w', { generation: 1, result: { id: 5 } })).settled).toBe(true);
      expect((await store.settleEffect('status', 'w', { generation: 1, result: { id: 6 } })).settled).toBe(false);
      await desk.deliver([effect('status')]);
      expect((await store.claim('w', EFFECTS)).effects).toEqual([]);
    });

    it('may concern a project without a ticket', async () => {
      const { store } = use();
      await createDesk(store).deliver([effect('note'), { type: 'event', event: 'x', data: {} }]);
      expect(only((await store.claim('w', EFFECTS)).effects).ticket_id).toBeNull();
    });

    it('are performed again where they are wanted anew, with the result so far', async () => {
      const { store } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12), effect('status')]);
      await store.claim('w', EFFECTS);
      await store.settleEffect('status', 'w', { generation: 1, result: { id: 5 } });
      await desk.deliver([effect('status', { rearm: true, payload: { body: 'newer' } })]);
      expect(only((await store.claim('w', EFFECTS)).effects)).toMatchObject({
        generation: 2,
        payload: { body: 'newer' },
        result: { id: 5 },
        begun_before: false,
        attempts: 1,
      });
    });

    it('wanted anew in the middle: the older settling keeps its result and leaves it to do', async () => {
      const { store } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12), effect('status')]);
      await store.claim('w', EFFECTS);
      await desk.deliver([effect('status', { rearm: true })]);
      expect((await store.claim('x', EFFECTS)).effects).toEqual([]);
      expect((await store.settleEffect('status', 'w', { generation: 1, result: { id: 5 } })).settled).toBe(false);
      expect(only((await store.claim('x', EFFECTS)).effects)).toMatchObject({ generation: 2, result: { id: 5 }, begun_before: false });
      expect((await store.settleEffect('status', 'x', { generation: 2, result: { id: 5 } })).settled).toBe(true);
    });

    it('of one lane go one at a time in order; a failure for good lets the next go', async () => {
      const { store } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12), effect('a', { lane: 'l' }), effect('b', { lane: 'l' }), effect('c', { lane: 'm' })]);
      const keys = async (): Promise<string[]> => (await store.claim('w', EFFECTS)).effects.map(({ key }) => key);
      expect(await keys()).toEqual(['a', 'c']);
      expect(await keys()).toEqual([]);
      await store.failEffect('a', 'w', { code: 'github_unavailable' }, later());
      expect(await keys()).toEqual([]);
      await use().sql('update public.effects set due_at = now()');
      expect(only((await store.claim('w', EFFECTS)).effects)).toMatchObject({ key: 'a', begun_before: true, attempts: 2 });
      await store.failEffect('a', 'w', { code: 'github_rejected' }, null);
      expect((await store.health()).effects_failed).toBe(1);
      expect(await keys()).toEqual(['b']);
    });

    it('bring the next one of their lane where it is asked for, is due, and nobody has it', async () => {
      const { store, sql } = use();
      const desk = createDesk(store);
      const wanted = ['a', 'b', 'c', 'd'].map((key) => effect(key, { lane: 'one' }));
      await desk.deliver([openTicket(12), ...wanted, effect('other', { lane: 'two' })]);
      await store.claim('w', EFFECTS);
      const next = { leaseSeconds: LEASE };
      expect(await store.settleEffect('other', 'w', { generation: 1, result: {}, next })).toEqual({ settled: true, next: null });
      const handed = (await store.settleEffect('a', 'w', { generation: 1, result: {}, next })).next;
      expect(handed).toEqual({
        key: 'b',
        kind: 'comment',
        payload: { body: 'hello' },
        generation: 1,
        begun_before: false,
        result: null,
        attempts: 1,
        ticket_id: (await desk.snapshot()).ticket.id,
        by_task: false,
        delivery: desk.delivered(),
        project: (await desk.context()).project,
      });
      expect((await store.claim('x', EFFECTS)).effects).toEqual([]);
      // Not ours: nothing is handed out.
      expect(await store.settleEffect('b', 'x', { generation: 1, result: {}, next })).toEqual({ settled: false, next: null });
      await sql(`update public.effects set due_at = now() + interval '1 hour' where key = 'c'`);
      expect(await store.settleEffect('b', 'w', { generation: 1, result: {}, next })).toEqual({ settled: true, next: null });
      expect((await store.claim('x', EFFECTS)).effects).toEqual([]);
      await sql(`update public.effects set due_at = now() where key = 'c'`);
      expect(only((await store.claim('x', EFFECTS)).effects).key).toBe('c');
      expect(await store.settleEffect('c', 'x', { generation: 1, result: {} })).toEqual({ settled: true, next: null });
      expect(only((await store.claim('y', EFFECTS)).effects).key).toBe('d');
    });

    it('bring themselves where they were wanted anew meanwhile, before what came after', async () => {
      const { store } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12), effect('status', { lane: 'one' }), effect('b', { lane: 'one' })]);
      await store.claim('w', EFFECTS);
      await desk.deliver([effect('status', { lane: 'one', rearm: true })]);
      const next = { leaseSeconds: LEASE };
      const first = await store.settleEffect('status', 'w', { generation: 1, result: { id: 5 }, next });
      expect(first).toMatchObject({ settled: false, next: { key: 'status', generation: 2, result: { id: 5 }, begun_before: false, attempts: 1 } });
      expect((await store.settleEffect('status', 'w', { generation: 2, result: { id: 5 }, next })).next).toMatchObject({ key: 'b' });
    });

    it.each([-3600, 3600])('wait as long as was meant where the clock of the worker is wrong by %i seconds', async (seconds) => {
      const { store, sql } = use();
      const desk = createDesk(store);
      const key = `status-${seconds}`;
      await desk.deliver([openTicket(12), effect(key)]);
      const delivery = aDelivery(desk.place, 12);
      await store.receiveDelivery(delivery);
      await store.claim('w', { ...EFFECTS, deliveries: 100 });
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 });
      try {
        await store.failEffect(key, 'w', { code: 'github_unavailable' }, later());
        await store.failDelivery(delivery.guid, 'w', { code: 'github_unavailable' }, later());
      } finally {
        vi.useRealTimers();
      }
      const waits = await sql<{ seconds: string }>(
        `select extract(epoch from due_at - updated_at) as seconds from public.effects where key = $1
         union all select extract(epoch from due_at - updated_at) from public.deliveries where guid = $2`,
        [key, delivery.guid],
      );
      expect(waits.map((wait) => Math.round(Number(wait.seconds)))).toEqual([60, 60]);
    });

    it('whose worker is gone are taken up by another, who looks first', async () => {
      const { store } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12), effect('a')]);
      await store.claim('w', { ...EFFECTS, leaseSeconds: 0 });
      expect(only((await store.claim('x', EFFECTS)).effects)).toMatchObject({ begun_before: true, attempts: 2 });
      expect((await store.settleEffect('a', 'w', { generation: 1, result: {} })).settled).toBe(false);
    });
  });

  describe('effects that a tool begins', () => {
    it('are performed by one, busy for others, and settled for ever', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store);
      const { ticket, tasks } = await desk.snapshot();
      const begin = (worker: string, leaseSeconds = LEASE): ReturnType<typeof store.beginEffect> =>
        store.beginEffect({ key: 'commit:1', kind: 'commit', ticketId: ticket.id, taskId: only(tasks).id, payload: { n: 1 }, worker, leaseSeconds });
      expect(await begin('w', 0)).toEqual({ status: 'perform', generation: 1, begun_before: false, attempts: 1 });
      expect(await begin('x')).toEqual({ status: 'perform', generation: 1, begun_before: true, attempts: 2 });
      expect(await begin('w')).toEqual({ status: 'busy' });
      expect((await store.claim('w', EFFECTS)).effects).toEqual([]);
      expect((await store.settleEffect('commit:1', 'x', { generation: 1, result: { sha: 'abc' } })).settled).toBe(true);
      expect(await begin('w')).toEqual({ status: 'settled', result: { sha: 'abc' } });
    });

    it('stay their task’s when its worker is gone, and are handed out to be closed when the task has ended', async () => {
      const { store, sql } = use();
      const desk = await aTicketAtWork(store);
      const { ticket, tasks } = await desk.snapshot();
      const taskId = only(tasks).id;
      const key = `commit:${taskId}`;
      const claimed = async (): Promise<unknown[]> => (await store.claim('outbox', EFFECTS)).effects.filter((effect) => effect.key === key);
      await store.beginEffect({ key, kind: 'commit', ticketId: ticket.id, taskId, payload: {}, worker: 'w', leaseSeconds: 0 });
      expect(await claimed()).toEqual([]);
      await store.failEffect(key, 'w', { code: 'github_unavailable' }, new Date());
      expect(await claimed()).toEqual([]);
      await desk.deliver([{ type: 'cancel_tasks', reason: 'stopped' }]);
      await sql(`update public.tasks set lease_expires_at = now() - interval '1 second' where id = $1`, [taskId]);
      expect(await claimed()).toMatchObject([{ by_task: true, begun_before: true }]);
    });
  });
}
