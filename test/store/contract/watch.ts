import { beforeAll, describe, expect, it } from 'vitest';
import type { Intent } from '../../../src/domain/intents.ts';
import type { WatchItem, WatchOutcome } from '../../../src/store/watch-contract.ts';
import { aDelivery, aTaskAtWork, aTicketAtWork, createDesk, effect, only, openTicket, startRun } from '../builders.ts';
import type { Desk } from '../builders.ts';
import type { Harness } from '../harness.ts';

/** A job of the test's own: looks at every ticket whose title says so, the oldest first. */
const PROBE = `
  create or replace function banyan.probe_candidates()
  returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
  language sql stable set search_path = '' as $$
    select 'ticket:' || t.id, t.organization_id, t.created_at, jsonb_build_object('ticket_id', t.id, 'version', t.version)
    from public.tickets t where t.title = 'probe'
  $$`;

const FOUND: WatchOutcome = { finding: 'odd', nextLookSeconds: 600, memory: { said: 1 }, act: null };

export function watchContract(use: () => Harness): void {
  describe('what jobs look at', () => {
    beforeAll(() => use().sql(PROBE));

    async function probes(count: number): Promise<Desk[]> {
      const desks: Desk[] = [];
      for (let number = 1; number <= count; number += 1) {
        const desk = createDesk(use().store, number);
        await desk.deliver([openTicket(number, { title: 'probe' }), startRun]);
        desks.push(desk);
      }
      return desks;
    }
    const claim = (limit = 10) => use().store.watchClaim('probe', limit, 60);
    const passTime = (seconds: number) => use().sql(`update banyan.watch_marks set next_look_at = next_look_at - make_interval(secs => $1)`, [seconds]);
    const act = async (desk: Desk, intents: Intent[]): Promise<WatchOutcome['act']> => {
      const { ticket } = await desk.snapshot();
      return { ticketId: ticket.id, expectVersion: ticket.version, intents };
    };

    it('is handed out once, the one that waits longest first, with what was known of it', async () => {
      const { store } = use();
      const [first, second] = await probes(2);
      const one = only(await claim(1));
      expect(one).toMatchObject({ looks: 1, failures: 0, finding: null, memory: {}, data: { ticket_id: (await first!.snapshot()).ticket.id } });
      expect(only(await claim())).toMatchObject({ data: { ticket_id: (await second!.snapshot()).ticket.id } });
      expect(await claim()).toEqual([]);
      expect(await store.watchSettle('probe', one, FOUND)).toBe('settled');
      await passTime(61);
      // The one that was not settled comes again; the other has its own time.
      expect((await claim()).map(({ looks, finding }) => [looks, finding])).toEqual([[2, null]]);
      await passTime(600);
      expect((await claim()).map(({ looks, finding, memory }) => [looks, finding, memory])).toContainEqual([2, 'odd', { said: 1 }]);
    });

    it('knows since when something is found', async () => {
      const { store } = use();
      await probes(1);
      const look = async (finding: string | null): Promise<WatchItem> => {
        const item = only(await claim());
        await store.watchSettle('probe', item, { ...FOUND, finding });
        await passTime(601);
        return item;
      };
      await look('odd');
      await look('odd');
      const { found_at: since } = await look('odd');
      expect((await look(null)).found_at).toBe(since);
      expect(await look('odd')).toMatchObject({ finding: null, found_at: null });
    });

    it('acts in the same transaction, once, and not on what has changed', async () => {
      const { store, sql } = use();
      const desk = only(await probes(1));
      const item = only(await claim());
      const intents: Intent[] = [{ type: 'set_ticket', note: 'looked at' }, effect('probe/told')];
      const decided = await act(desk, intents);
      await desk.deliver([{ type: 'set_ticket', note: 'a person was quicker' }]);
      expect(await store.watchSettle('probe', item, { ...FOUND, act: decided })).toBe('conflict');
      expect((await desk.snapshot()).ticket.note).toBe('a person was quicker');

      const again = only(await claim());
      expect(await store.watchSettle('probe', again, { ...FOUND, act: await act(desk, intents) })).toBe('settled');
      // The first run comes back late.
      expect(await store.watchSettle('probe', item, { ...FOUND, act: await act(desk, [{ type: 'set_ticket', note: 'late' }]) })).toBe('lost');
      expect((await desk.snapshot()).ticket.note).toBe('looked at');
      expect(await sql(`select key from public.effects where key = 'probe/told'`)).toHaveLength(1);
    });

    it('that fails comes later each time, and holds up nobody', async () => {
      const { store } = use();
      await probes(2);
      const [bad, good] = await claim();
      expect(await store.watchFail('probe', bad!, { code: 'internal' })).toBe(1);
      await store.watchSettle('probe', good!, { ...FOUND, nextLookSeconds: 1 });
      await passTime(30);
      expect((await claim()).map(({ subject }) => subject)).toEqual([good!.subject]);
      await passTime(31);
      const again = (await claim()).find(({ subject }) => subject === bad!.subject);
      expect(again).toMatchObject({ failures: 1, looks: 2 });
      expect(await store.watchFail('probe', again!, { code: 'internal' })).toBe(2);
      await passTime(61);
      expect((await claim()).map(({ subject }) => subject)).not.toContain(bad!.subject);
      expect(await store.watchFail('probe', again!, { code: 'internal' })).toBe(3);
      expect(await store.watchFail('probe', { ...again!, looks: 1 }, { code: 'internal' })).toBeNull();
    });

    it('is looked at once by a run that asks for what nobody has looked at since it began', async () => {
      const { store } = use();
      await probes(1);
      const began = new Date(Date.now() - 5_000);
      const item = only(await store.watchClaim('probe', 10, 60, began));
      await store.watchSettle('probe', item, { ...FOUND, nextLookSeconds: 0 });
      expect(await store.watchClaim('probe', 10, 60, began)).toEqual([]);
      expect(await store.watchClaim('probe', 10, 60, new Date(Date.now() + 60_000))).toHaveLength(1);
    });

    it('that was taken and not looked at is given back as it was, and keeps its place in the row', async () => {
      const { store, sql } = use();
      const desk = only(await probes(1));
      const first = only(await claim());
      expect(await store.watchGiveBack('probe', [first])).toBe(1);
      expect(await sql('select subject from banyan.watch_marks')).toEqual([]);
      const item = only(await claim());
      await store.watchSettle('probe', item, FOUND);
      await sql(`update banyan.watch_marks set looked_at = '2026-01-01T00:00:00Z', next_look_at = now()`);
      const taken = only(await claim());
      expect(await store.watchGiveBack('probe', [{ ...taken, looks: 1 }])).toBe(0);
      expect(await store.watchGiveBack('probe', [taken])).toBe(1);
      expect(await store.watchSettle('probe', taken, { ...FOUND, act: await act(desk, [{ type: 'set_ticket', note: 'late' }]) })).toBe('lost');
      const again = only(await claim());
      expect(again).toMatchObject({ finding: 'odd', memory: { said: 1 } });
      expect(Date.parse(again.looked_before!)).toBe(Date.parse('2026-01-01T00:00:00Z'));
    });

    it('is not acted on where somebody has written what was not read yet, if that was asked for', async () => {
      const { store, sql } = use();
      const desk = only(await probes(1));
      const item = only(await claim());
      await sql(`insert into public.code_generations (organization_id, project_id, ticket_id, branch, base_branch, pr_number)
        select organization_id, project_id, id, 'b', 'main', 77 from public.tickets`);
      const decided = { ...(await act(desk, [{ type: 'set_ticket', note: 'nobody came' }]))!, unlessUnread: true };
      for (const number of [1, 77]) {
        const delivery = aDelivery(desk.place, number, { event: 'issue_comment', action: 'created' });
        await store.receiveDelivery(delivery);
        const [taken] = number === 1 ? [item] : await claim();
        expect(await store.watchSettle('probe', taken!, { ...FOUND, act: decided })).toBe('conflict');
        await sql(`update public.deliveries set state = 'dead' where guid = $1`, [delivery.guid]);
      }
      expect(await store.watchSettle('probe', only(await claim()), { ...FOUND, act: decided })).toBe('settled');
      expect((await desk.snapshot()).ticket.note).toBe('nobody came');
    });

    it('by a clock that was ahead holds nobody off', async () => {
      const { store, sql } = use();
      await probes(1);
      await store.watchSettle('probe', only(await claim()), FOUND);
      await sql(`update banyan.watch_marks set looked_at = looked_at + interval '1 day', next_look_at = next_look_at + interval '1 day'`);
      expect(await store.watchClaim('probe', 10, 60, new Date(Date.now() + 1_000))).toMatchObject([{ finding: 'odd', looks: 2 }]);
      expect(await claim()).toEqual([]);
    });

    it('of an unknown job is an error, and so is acting on no ticket', async () => {
      const { store } = use();
      await probes(1);
      await expect(store.watchClaim('no such', 1, 60)).rejects.toMatchObject({ code: 'database_error' });
      const item = only(await claim());
      const nowhere = { ticketId: '00000000-0000-0000-0000-000000000000', expectVersion: null, intents: [] };
      expect(await store.watchSettle('probe', item, { ...FOUND, act: nowhere })).toBe('conflict');
    });

    it('is a repository: it goes by its new name, and is known to be archived, gone, suspended and back', async () => {
      const { store, sql } = use();
      const desk = only(await probes(1));
      const { project } = await desk.context();
      const reach = async () =>
        only(
          await sql(
            `select p.archived_at is not null as archived, i.deleted_at is not null as deleted, i.suspended_at is not null as suspended
             from projects p join installations i on i.id = p.installation_id where p.id = $1`,
            [project.id],
          ),
        );
      const fine = { missing: null, owner: 'acme', name: 'store', default_branch: 'trunk' };
      expect(await store.placeProject(project.id, { ...fine, archived: true })).toEqual({
        project: { ...project, owner: 'acme', name: 'store', default_branch: 'trunk' },
        out_of_reach_since: expect.any(String),
      });
      expect(await reach()).toEqual({ archived: true, deleted: false, suspended: false });
      await store.placeProject(project.id, { missing: 'suspended' });
      expect(await reach()).toEqual({ archived: true, deleted: false, suspended: true });
      await store.placeProject(project.id, { missing: 'installation' });
      expect(await reach()).toEqual({ archived: true, deleted: true, suspended: false });
      expect(await store.placeProject(project.id, { ...fine, archived: false })).toMatchObject({ project: { name: 'store' }, out_of_reach_since: null });
      expect(await reach()).toEqual({ archived: false, deleted: false, suspended: false });
      await store.placeProject(project.id, { missing: 'repository' });
      expect(await reach()).toEqual({ archived: true, deleted: false, suspended: false });
      expect(await store.placeProject('00000000-0000-0000-0000-000000000000', fine)).toBeNull();
    });

    it('is forgotten when nobody has looked at it for long, and so are reports', async () => {
      const { store, sql } = use();
      await aTicketAtWork(store);
      await probes(1);
      await claim();
      const report = { looked: 1, acted: 0, failed: 0, more: false, did: { told: 2 }, error: null };
      await store.watchReport('probe', new Date(), report);
      expect(await store.watchForget({ limit: 10, days: 14 })).toEqual({ marks: 0, reports: 0, more: false });
      expect(await sql(`select looked, did, error from banyan.watch_reports where job = 'probe'`)).toEqual([{ looked: 1, did: { told: 2 }, error: null }]);
      await sql(`update banyan.watch_marks set looked_at = looked_at - interval '15 days'`);
      await sql(`update banyan.watch_reports set finished_at = finished_at - interval '15 days'`);
      // By a clock that was ahead, before the others.
      await sql(`update banyan.watch_reports set finished_at = now() + interval '1 year'`);
      await sql(`insert into banyan.watch_reports (job, started_at, finished_at, looked, acted, failed, more)
        select 'probe', now(), now() - interval '15 days', 0, 0, 0, false`);
      await sql(`update public.tickets set state = 'done'`);
      expect(await store.watchForget({ limit: 1, days: 14 })).toEqual({ marks: 1, reports: 1, more: true });
    });

    it('is remembered as long as its issue is not over', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      const { ticket, run } = await desk.snapshot();
      const subjects = [`ticket:${ticket.id}`, `effects:${ticket.id}`, `task:${taskId}`, `run:${run!.id}`, 'ticket:none', 'worker:w'];
      await sql(
        `insert into banyan.watch_marks (job, subject, looked_at, next_look_at) select 'probe', s, now() - interval '90 days', now() from unnest($1::text[]) as s`,
        [subjects],
      );
      expect(await store.watchForget({ limit: 10, days: 14 })).toMatchObject({ marks: 2 });
      await desk.deliver([{ type: 'set_ticket', state: 'failed' }]);
      expect(await store.watchForget({ limit: 10, days: 14 })).toMatchObject({ marks: 0 });
      await desk.deliver([{ type: 'set_ticket', state: 'cancelled' }]);
      expect(await store.watchForget({ limit: 10, days: 14 })).toMatchObject({ marks: 4 });
    });
  });
}
