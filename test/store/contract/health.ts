import { describe, expect, it } from 'vitest';
import { aDelivery, addTask, aPlace, aTicketAtWork, createDesk, effect, openTicket } from '../builders.ts';
import type { Harness } from '../harness.ts';

export function healthContract(use: () => Harness): void {
  describe('health', () => {
    it('counts what is due; what is paused or depends on something is not late', async () => {
      const { store, sql } = use();
      expect(await store.health()).toMatchObject({ deliveries_due: 0, tasks_due: 0, effects_due: 0, oldest_due_task_seconds: null });
      await aTicketAtWork(store, [addTask('a'), addTask('b', { after: ['a'] }), effect('e')]);
      const paused = await aTicketAtWork(store);
      await paused.deliver([{ type: 'set_ticket', state: 'paused' }]);
      await createDesk(store).deliver([openTicket(12)]);
      await store.receiveDelivery(aDelivery(aPlace(), 1));
      await sql("update public.tasks set due_at = now() - interval '90 seconds' where key = 'a'");
      const health = await store.health();
      expect(health).toMatchObject({ deliveries_due: 1, tasks_due: 1, tasks_running: 0, effects_due: 1 });
      expect(health.oldest_due_task_seconds).toBeGreaterThanOrEqual(90);
      expect(health.oldest_due_delivery_seconds).toBeGreaterThanOrEqual(0);
      expect(health.schema_version).toMatch(/^\d{14}$/);
    });

    it('is told to the doctor with what is applied and when a job last ran', async () => {
      const { store, sql } = use();
      expect(await store.inspect()).toMatchObject({
        reports: [],
        held: [],
        unguarded: [],
        tables: expect.arrayContaining(['tickets', 'tasks']) as string[],
      });
      const report = { looked: 0, acted: 0, failed: 0, more: false, did: {}, error: null };
      await store.watchReport('redeliver', new Date(), report);
      await store.watchReport('heartbeat', new Date(), report);
      await store.watchReport('redeliver', new Date(), { ...report, error: { code: 'internal' } });
      await sql("update banyan.watch_reports set finished_at = now() - interval '10 minutes' where job = 'redeliver'");
      const { reports, migrations, schema_version: version, now } = await store.inspect();
      expect(reports).toMatchObject([
        { job: 'heartbeat', failed: false },
        { job: 'redeliver', failed: true },
      ]);
      expect(reports[1]?.age_seconds).toBeGreaterThanOrEqual(600);
      expect(Math.abs(Date.parse(now) - Date.now())).toBeLessThan(60_000);
      expect(migrations?.at(-1)).toBe(version);
    });
  });
}
