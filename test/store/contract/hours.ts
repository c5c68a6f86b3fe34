import { expect, describe, it } from 'vitest';
import { addTask, aTaskAtWork, aTicketAtWork, LEASE, only } from '../builders.ts';
import type { Harness } from '../harness.ts';

const NOW = { expectVersion: null, intents: [] };

export function hoursContract(use: () => Harness): void {
  describe("hours of agents' work", () => {
    /** As if the tasks at work had been claimed then. */
    async function claimedBefore(age: string): Promise<void> {
      await use().sql("update public.tasks set leased_at = now() - $1::interval where state = 'running'", [age]);
    }
    async function counted(): Promise<number> {
      const [row] = await use().sql<{ seconds: number }>(
        'select sum(banyan.agent_seconds(id))::float8 as seconds from public.organizations where max_agent_runtime_hours is not null',
      );
      return row?.seconds ?? 0;
    }

    it('stop further claims at the limit, say so once, and let them go on when hours have left the window', async () => {
      const { store, sql } = use();
      const desk = await aTicketAtWork(store, [addTask('a'), addTask('b'), addTask('c')]);
      await sql('update public.organizations set max_agent_runtime_hours = 2, max_concurrent_agents = 1');
      const a = only(await desk.claim('w'));
      await claimedBefore('90 minutes');
      const next = { tasks: 1, leaseSeconds: LEASE };
      const settled = await store.completeTask(a.task.id, 'w', {}, { ...NOW, next });
      const b = only('next' in settled ? (settled.next ?? []) : []);
      expect(Math.round((await counted()) / 60)).toBe(90);
      await claimedBefore('40 minutes');
      // What is at work counts before it has ended, and goes on.
      await sql('update public.organizations set max_concurrent_agents = 5');
      expect(await desk.claim('w')).toEqual([]);
      expect((await store.appendMessages(b.task.id, 'w', [])).status).toBe('ok');
      expect(await store.completeTask(b.task.id, 'w', {}, { ...NOW, next })).toEqual({ status: 'completed', next: [] });
      expect(await desk.claim('w')).toEqual([]);
      expect(await store.health()).toMatchObject({ tasks_due: 1, tasks_limited: 1 });
      const events = () =>
        sql<{ data: { limit: number } }>("select data from public.events where type = 'organization.runtime_limit_reached' and organization_id = $1", [
          b.task.organization_id,
        ]);
      expect((await events()).map(({ data }) => data.limit)).toEqual([2]);

      await sql("update banyan.agent_hours set hour = hour - interval '24 hours'");
      expect(only(await desk.claim('w')).task.key).toBe('c');
      expect(await store.health()).toMatchObject({ tasks_due: 0, tasks_limited: 0 });
      await claimedBefore('3 hours');
      await desk.deliver([addTask('d')]);
      expect([await desk.claim('w'), await desk.claim('w')]).toEqual([[], []]);
      expect(await events()).toHaveLength(2);
    });

    it('are counted in the hours they were worked in, to the end of a lease at most, whatever ends them', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      await sql('update public.organizations set max_agent_runtime_hours = 100');
      await claimedBefore('130 minutes');
      await store.suspendTask(taskId, 'w', { waitingFor: 'answers', waitingOn: 'maintainer' }, []);
      expect(Math.round((await counted()) / 60)).toBe(130);
      const hours = await sql('select 1 from banyan.agent_hours group by hour having sum(seconds) <= 3600.001');
      expect(hours.length).toBeGreaterThanOrEqual(3);

      await desk.deliver([addTask('lost')]);
      await desk.claim('w');
      await sql("update public.tasks set leased_at = now() - interval '5 hours', lease_expires_at = now() - interval '4 hours' where state = 'running'");
      expect(only(await desk.claim('x')).task.key).toBe('lost');
      expect(Math.round((await counted()) / 60)).toBe(190);
    });

    it('tell what waits for the number at work, too', async () => {
      const { store, sql } = use();
      const desk = await aTicketAtWork(store, [addTask('a'), addTask('b'), addTask('c')]);
      await sql('update public.organizations set max_concurrent_agents = 2');
      expect(await store.health()).toMatchObject({ tasks_due: 3, tasks_limited: 1 });
      await desk.claim('w');
      expect(await store.health()).toMatchObject({ tasks_due: 1, tasks_limited: 1 });
    });
  });
}
