import { describe, expect, it } from 'vitest';
import { addTask, aiMessage, aTaskAtWork, createDesk, effect, openTicket } from '../builders.ts';
import type { Desk } from '../builders.ts';
import type { Harness } from '../harness.ts';

const BATCH = { limit: 100, deliveryDays: 30, historyDays: 90 };
const NOTHING = { deliveries: 0, steps: 0, effects: 0, events: 0, audit: 0, more: false };

/** Everything that has a time becomes 200 days older. */
const AGE = `
  update public.deliveries set received_at = received_at - interval '200 days', processed_at = processed_at - interval '200 days';
  update public.effects set settled_at = settled_at - interval '200 days', created_at = created_at - interval '200 days';
  update public.runs set finished_at = finished_at - interval '200 days', started_at = started_at - interval '200 days';
  update public.tickets set created_at = created_at - interval '200 days', updated_at = updated_at - interval '200 days';
  update public.messages set created_at = created_at - interval '200 days'`;

export function retentionContract(use: () => Harness): void {
  describe('retention', () => {
    /** A ticket in the middle of its work, with a settled effect and steps. */
    async function atWork(): Promise<{ desk: Desk; taskId: string }> {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w', [effect('status', { kind: 'status_comment' }), effect('said')]);
      await store.appendMessages(taskId, 'w', [aiMessage(), aiMessage()], { workspace: { revision: 'abc' } });
      const { effects } = await store.claim('w', { deliveries: 0, effects: 10, tasks: 0, leaseSeconds: 60 });
      for (const { key, generation } of effects) await store.settleEffect(key, 'w', { generation, result: { comment_id: 7 } });
      return { desk, taskId };
    }
    async function age(): Promise<void> {
      for (const statement of AGE.split(';')) await use().sql(statement);
    }

    it('takes nothing from work that is not over, however old it is', async () => {
      const { store } = use();
      const { desk, taskId } = await atWork();
      await desk.deliver([addTask('later', { delay_seconds: 60 })]);
      const before = [await desk.snapshot(), (await store.loadConversation(taskId, 'w')).messages.length];
      await age();
      const aged = await desk.snapshot();
      expect(await store.retain(BATCH)).toMatchObject({ steps: 0, effects: 0 });
      expect(await desk.snapshot()).toEqual(aged);
      expect((await store.loadConversation(taskId, 'w')).messages).toHaveLength(before[1] as number);
      expect(await use().sql("select 1 from public.effects where state = 'settled'")).toHaveLength(2);
      // A failed run of an issue that waits for a person is not over either.
      await store.failTask(taskId, 'w', { error: {}, retry: false, retryAt: null, intentsAtEnd: [{ type: 'set_run', state: 'stopped_budget' }] });
      await age();
      expect(await store.retain(BATCH)).toMatchObject({ steps: 0, effects: 0 });
    });

    it('moves out what is over, in bounded batches, and keeps the sums and the one status comment', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await atWork();
      await store.completeTask(
        taskId,
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
      expect(await store.retain(BATCH)).toEqual(NOTHING);
      await age();
      const { spend } = await desk.snapshot();
      expect(await store.retain({ ...BATCH, limit: 1 })).toMatchObject({ steps: 2, effects: 1, deliveries: 1, more: true });
      await store.retain(BATCH);
      expect(await store.retain(BATCH)).toEqual(NOTHING);
      expect(await sql('select 1 from public.messages')).toEqual([]);
      expect(await sql('select 1 from public.agent_actions')).toEqual([]);
      expect(await sql('select workspace from public.conversations')).toEqual([{ workspace: null }]);
      expect(await sql('select key from public.effects')).toEqual([{ key: 'status' }]);
      expect((await desk.snapshot()).spend).toEqual(spend);
    });

    it('is the one door to the logs, for what is old', async () => {
      const { store, sql } = use();
      await createDesk(store).deliver([openTicket(12)]);
      await expect(sql('delete from public.events')).rejects.toMatchObject({ code: 'PT405' });
      const [old] = await sql<{ id: string }>(
        `insert into public.events (organization_id, type, created_at) overriding system value
         select id, 'old', now() - interval '91 days' from public.organizations limit 1 returning id`,
      );
      // It stands behind newer ones, which a clock that was ahead would have written too.
      expect(await store.retain({ ...BATCH, limit: 1 })).toMatchObject({ events: 1, more: true });
      expect(await store.retain({ ...BATCH, limit: 1 })).toMatchObject({ events: 0 });
      expect(await sql('select 1 from public.events where id = $1', [old?.id])).toEqual([]);
      await expect(sql('delete from public.events')).rejects.toMatchObject({ code: 'PT405' });
    });
  });
}
