import { describe, expect, it } from 'vitest';
import { aDelivery, addTask, aPlace, createDesk, LEASE, only, openTicket, startRun } from '../builders.ts';
import type { Harness } from '../harness.ts';

const DELIVERIES = { deliveries: 10, effects: 0, tasks: 0, leaseSeconds: LEASE };

export function deliveryContract(use: () => Harness): void {
  describe('inbox', () => {
    it('accepts a GUID once; while it waits, is worked on or was processed it is a duplicate', async () => {
      const { store } = use();
      const delivery = aDelivery(aPlace(), 1);
      expect(await store.receiveDelivery(delivery)).toBe('accepted');
      expect(await store.receiveDelivery(delivery)).toBe('duplicate');
      const claimed = only((await store.claim('w', DELIVERIES)).deliveries);
      expect(claimed).toMatchObject({ guid: delivery.guid, event: 'issues', action: 'opened', attempts: 1, body: delivery.body });
      expect(await store.receiveDelivery(delivery)).toBe('duplicate');
      expect(await store.applyIntents(delivery.guid, 'w', null, [])).toEqual({ status: 'applied' });
      expect(await store.receiveDelivery(delivery)).toBe('duplicate');
      expect((await store.claim('w', DELIVERIES)).deliveries).toEqual([]);
    });

    it('stores a body that holds what Postgres cannot: NUL and half a surrogate pair', async () => {
      const { store } = use();
      await store.receiveDelivery(aDelivery(aPlace(), 1, { body: 'a\0b\ud800c' }));
      expect(only((await store.claim('w', DELIVERIES)).deliveries).body).toBe('a\ufffdb\ufffdc');
    });

    it('stores what arrives at the same time, each once, and what goes together in the order of arrival', async () => {
      const { store } = use();
      const place = aPlace();
      const deliveries = Array.from({ length: 12 }, (_, index) => aDelivery(place, 1, { body: JSON.stringify({ index, text: 'é \n "' }) }));
      const twice = [...deliveries, deliveries[10]!];
      expect(await Promise.all(twice.map((delivery) => store.receiveDelivery(delivery)))).toEqual([...deliveries.map(() => 'accepted'), 'duplicate']);
      expect(await Promise.all(deliveries.map((delivery) => store.receiveDelivery(delivery)))).toEqual(deliveries.map(() => 'duplicate'));
      const stored = await use().sql<{ guid: string; body: string }>('select guid, body from deliveries order by seq');
      expect(stored).toHaveLength(deliveries.length);
      // The first two found nothing under way and went alone, each over a connection of its own.
      const together = deliveries.slice(2).map(({ guid, body }) => ({ guid, body }));
      expect(stored.filter(({ guid }) => together.some((one) => one.guid === guid))).toEqual(together);
    });

    it('lets what Postgres refuses fail alone', async () => {
      const { store } = use();
      const good = Array.from({ length: 6 }, () => aDelivery(aPlace(), 1));
      const bad = aDelivery(aPlace(), 3_000_000_000);
      const odd = aDelivery(aPlace(), 1, { body: 'no JSON: \u001e' });
      const settled = await Promise.allSettled([good[0]!, good[1]!, good[2]!, bad, good[3]!, good[4]!, odd, good[5]!].map((one) => store.receiveDelivery(one)));
      expect(settled.map(({ status }) => status)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((index) => (index === 3 ? 'rejected' : 'fulfilled')));
      expect(settled[3]).toMatchObject({ reason: { name: 'BanyanError' } });
      const bodies = await use().sql<{ body: string }>('select body from deliveries where guid = $1', [odd.guid]);
      expect(bodies).toEqual([{ body: odd.body }]);
    });

    it('orders the events of a pull request with its issue, also where they arrive together', async () => {
      const { store } = use();
      const place = aPlace();
      const together = [1, 2, 3].map(() => aDelivery(place, 70, { issueHint: 12 }));
      await Promise.all(together.map((delivery) => store.receiveDelivery(delivery)));
      const subjects = await use().sql<{ subject: string }>('select distinct subject from deliveries');
      expect(subjects).toEqual([{ subject: `${together[0]!.repository}#12` }]);
    });

    it('takes up a redelivery of what waits for a retry or is a dead letter', async () => {
      const { store } = use();
      const delivery = aDelivery(aPlace(), 1);
      await store.receiveDelivery(delivery);
      await store.claim('w', DELIVERIES);
      await store.failDelivery(delivery.guid, 'w', { code: 'github_unavailable' }, new Date(Date.now() + 60_000));
      expect((await store.claim('w', DELIVERIES)).deliveries).toEqual([]);
      expect(await store.receiveDelivery(delivery)).toBe('accepted');
      expect(only((await store.claim('w', DELIVERIES)).deliveries).attempts).toBe(1);

      await store.failDelivery(delivery.guid, 'w', { code: 'payload_invalid' }, null);
      expect((await store.health()).deliveries_dead).toBe(1);
      expect(await store.receiveDelivery(delivery)).toBe('accepted');
      expect(only((await store.claim('w', DELIVERIES)).deliveries).guid).toBe(delivery.guid);
    });

    it('hands out one delivery of a subject at a time, in order; a head that is retried blocks until it is dead', async () => {
      const { store } = use();
      const place = aPlace();
      const [first, second, other] = [aDelivery(place, 7), aDelivery(place, 7), aDelivery(place, 8)];
      for (const delivery of [first, second, other]) await store.receiveDelivery(delivery);
      const guids = async (): Promise<string[]> => (await store.claim('w', DELIVERIES)).deliveries.map((delivery) => delivery.guid);
      expect(await guids()).toEqual([first.guid, other.guid]);
      expect(await guids()).toEqual([]);
      await store.failDelivery(first.guid, 'w', {}, new Date(Date.now() + 60_000));
      expect(await guids()).toEqual([]);
      await store.receiveDelivery(first);
      expect(await guids()).toEqual([first.guid]);
      await store.failDelivery(first.guid, 'w', {}, null);
      expect(await guids()).toEqual([second.guid]);
    });

    it('orders by the issue that a branch or a known pull request belongs to, and not at all without a repository or number', async () => {
      const { store, sql } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12), { type: 'set_code', branch: 'feature/12-x', base_branch: 'main', pr_number: 30 }]);
      const hinted = aDelivery(desk.place, 31, { issueHint: 12 });
      const known = aDelivery(desk.place, 30);
      const loose = aDelivery(desk.place, null);
      const nowhere = aDelivery(desk.place, null, { repository: null });
      for (const delivery of [hinted, known, loose, nowhere]) await store.receiveDelivery(delivery);
      const rows = await sql<{ subject: string }>("select subject from public.deliveries where state = 'pending' order by seq");
      const repository = hinted.repository ?? '';
      expect(rows.map((row) => row.subject)).toEqual([`${repository}#12`, `${repository}#12`, loose.guid, nowhere.guid]);
    });

    it('applies what two deliveries say once: the first that is applied, not the first that is tried', async () => {
      const { store } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12)]);
      const { version } = (await desk.snapshot()).ticket;
      const say = async (note: string, expected: number | null, said = 'comment:7'): Promise<string> => {
        const { guid } = await received(12);
        const ref = { ...(await desk.ref()), expect_version: expected, said };
        const { status } = await store.applyIntents(guid, 'w', ref, [{ type: 'set_ticket', note }]);
        if (status === 'conflict') await store.failDelivery(guid, 'w', {}, null);
        return status;
      };
      const received = async (number: number): Promise<{ guid: string }> => {
        const delivery = aDelivery(desk.place, number);
        await store.receiveDelivery(delivery);
        return only((await store.claim('w', DELIVERIES)).deliveries);
      };
      expect(await say('too late', version - 1)).toBe('conflict');
      expect(await say('first', version)).toBe('applied');
      expect(await say('second', null)).toBe('repeated');
      expect((await desk.snapshot()).ticket.note).toBe('first');
      expect(await say('another', null, 'comment:8')).toBe('applied');
      expect((await store.health()).deliveries_due).toBe(0);
    });

    it('hands a delivery whose lease ran out to another; the first can no longer settle it', async () => {
      const { store } = use();
      const delivery = aDelivery(aPlace(), 1);
      await store.receiveDelivery(delivery);
      await store.claim('slow', { ...DELIVERIES, leaseSeconds: 0 });
      expect(only((await store.claim('quick', DELIVERIES)).deliveries).attempts).toBe(2);
      expect(await store.applyIntents(delivery.guid, 'slow', null, [])).toEqual({ status: 'lost' });
      expect(await store.applyIntents(delivery.guid, 'quick', null, [])).toEqual({ status: 'applied' });
    });
  });

  describe('opening and applying', () => {
    it('makes organization, installation and project once and follows a rename', async () => {
      const { store, sql } = use();
      const desk = createDesk(store);
      const { project, snapshot } = await desk.context();
      expect(snapshot).toBeNull();
      expect(project).toEqual({
        id: project.id,
        organization_id: project.organization_id,
        installation_id: desk.place.installationId,
        github_id: desk.place.repository.id,
        owner: desk.place.repository.owner,
        name: 'shop',
        default_branch: 'main',
      });
      const renamed = { ...desk.place, repository: { ...desk.place.repository, name: 'store' } };
      expect((await createDesk(store, 12, renamed).context()).project).toEqual({ ...project, name: 'store' });
      expect(await sql('select 1 from public.projects')).toHaveLength(1);
    });

    it('opens a ticket, brings its text up to date, and finds it by its pull request', async () => {
      const { store } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12), { type: 'set_code', branch: 'feature/12-x', pr_number: 30, files_changed: ['a.ts'] }]);
      const before = await desk.snapshot();
      expect(before.ticket).toMatchObject({ number: 12, state: 'analyzing', priority: 'medium', acceptance_criteria: [], waiting_for: null });
      await desk.deliver([openTicket(12)]);
      expect((await desk.snapshot()).ticket.version).toBe(before.ticket.version);
      await desk.deliver([openTicket(12, { title: 'Another title', state: 'done' })]);
      const after = await createDesk(store, 30, desk.place).snapshot();
      expect(after.ticket).toMatchObject({ id: before.ticket.id, title: 'Another title', state: 'analyzing', version: before.ticket.version + 1 });
      expect(after.code).toMatchObject({ branch: 'feature/12-x', base_branch: 'main', pr_number: 30, files_changed: ['a.ts'], head_sha: null });
      expect(await store.ticketSnapshot(before.ticket.id)).toEqual(after);
    });

    it('refuses a decision that was taken from an older version, and leaves the delivery with its worker', async () => {
      const { store } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12)]);
      const { ticket } = await desk.snapshot();
      expect(await desk.deliver([{ type: 'set_ticket', note: 'one' }], ticket.version)).toBe('applied');
      expect(await desk.deliver([{ type: 'set_ticket', note: 'two' }], ticket.version)).toBe('conflict');
      expect((await desk.snapshot()).ticket.note).toBe('one');
    });

    it('applies all of a list or none, and the delivery stays unprocessed', async () => {
      const { store, sql } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12)]);
      const broken = [{ type: 'set_ticket', note: 'never' }, { type: 'dance' }] as never;
      await expect(desk.deliver(broken)).rejects.toMatchObject({ code: 'database_error', retry: 'permanent', data: { sqlstate: 'PT400' } });
      expect((await desk.snapshot()).ticket).toMatchObject({ note: null, run_id: null });
      const other = createDesk(store);
      const dangling = [openTicket(12), startRun, addTask('a', { after: ['missing'] })];
      await expect(other.deliver(dangling)).rejects.toMatchObject({ data: { sqlstate: 'PT404' } });
      expect((await other.context()).snapshot).toBeNull();
      expect(await sql("select 1 from public.deliveries where state = 'pending'")).toHaveLength(2);
    });

    it('says which ticket is missing', async () => {
      const { store } = use();
      await expect(createDesk(store).deliver([{ type: 'set_ticket', note: 'x' }])).rejects.toMatchObject({ data: { sqlstate: 'PT404' } });
      await expect(store.ticketSnapshot('00000000-0000-7000-8000-000000000000')).rejects.toMatchObject({ code: 'database_error' });
    });
  });
}
