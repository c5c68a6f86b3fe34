import { describe, expect, it } from 'vitest';
import { addTask, aDelivery, aiMessage, aPlace, aTicketAtWork, createDesk, effect, only, openTicket } from '../builders.ts';
import type { Harness } from '../harness.ts';

const SMALL = { deliveries: 50, effects: 50, tasks: 0, leaseSeconds: 0 };

export function deathContract(use: () => Harness): void {
  describe('workers that end over one piece of work', () => {
    it('are counted for a task as long as no step is stored in between, the third only for one that was tried alone; none is an attempt', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store, [addTask('a', { max_attempts: 3 })]);
      const { task } = only(await desk.claim('w0', 0));
      expect(await store.readDeaths('task', task.id)).toBeNull();
      const taken: [number, number | undefined][] = [];
      for (const worker of ['w1', 'w2']) {
        const { attempts } = only(await desk.claim(worker, 0)).task;
        taken.push([attempts, (await store.readDeaths('task', task.id))?.in_a_row]);
      }
      await store.appendMessages(task.id, 'w2', [aiMessage({ content: { type: 'ai', data: { content: '', tool_calls: [{ name: 'run_command' }] } } })]);
      for (const worker of ['w3', 'w4', 'w5', 'w6']) {
        if (worker === 'w6') await store.tryAlone('task', task.id);
        const { attempts } = only(await desk.claim(worker, 0)).task;
        taken.push([attempts, (await store.readDeaths('task', task.id))?.in_a_row]);
      }
      expect(taken).toEqual([
        [1, 1],
        [2, 2],
        [2, 1],
        [2, 2],
        [2, 2],
        [2, 3],
      ]);
      expect(await store.readDeaths('task', task.id)).toMatchObject({ step: { seq: 1, kind: 'ai', tools: ['run_command'] } });
      expect(
        await use().sql("select data -> 'in_a_row' as n from public.events where type = 'task.worker_lost' and task_id = $1 order by id", [task.id]),
      ).toEqual([1, 2, 1, 2, 2, 3].map((n) => ({ n })));
    });

    it('are not counted where a worker renews, gives back or ends what it holds', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store);
      const { task } = only(await desk.claim('w', 0));
      await store.renew('w', { tasks: [task.id], effects: [], deliveries: [] }, 0);
      await desk.claim('w', 0);
      await store.releaseTask(task.id, 'w', 0);
      await desk.claim('x');
      await store.completeTask(task.id, 'x', {}, { expectVersion: null, intents: [] });
      expect(await store.readDeaths('task', task.id)).toBeNull();
    });

    it('are counted for deliveries and effects, and anew where one lived to give it back', async () => {
      const { store, sql } = use();
      const delivery = aDelivery(aPlace(), 7);
      await createDesk(store).deliver([openTicket(12), effect('e')]);
      await store.receiveDelivery(delivery);
      const rows: (number | undefined)[][] = [];
      const claim = async (worker: string): Promise<void> => {
        await store.claim(worker, SMALL);
        rows.push([(await store.readDeaths('delivery', delivery.guid))?.in_a_row, (await store.readDeaths('effect', 'e'))?.in_a_row]);
      };
      for (const worker of ['w0', 'w1', 'w2']) await claim(worker);
      await store.failDelivery(delivery.guid, 'w2', {}, new Date());
      await store.failEffect('e', 'w2', {}, new Date());
      await sql("update public.deliveries set due_at = now() - interval '1 second'");
      await sql("update public.effects set due_at = now() - interval '1 second'");
      for (const worker of ['w3', 'w4', 'w5', 'w6']) await claim(worker);
      await store.tryAlone('delivery', delivery.guid);
      await store.tryAlone('effect', 'e');
      await claim('w7');
      expect(rows).toEqual([undefined, 1, 2, 2, 1, 2, 2, 3].map((n) => [n, n]));
    });
  });
}
