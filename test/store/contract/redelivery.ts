import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { RecordedAttempt } from '../../../src/store/contract.ts';
import { aDelivery, aPlace, createDesk } from '../builders.ts';
import type { Harness } from '../harness.ts';

let lastId = 9_223_372_036_854_000_000n;

function attempt(guid: string, secondsAgo: number, changes: Partial<RecordedAttempt> = {}): RecordedAttempt {
  lastId += 1n;
  return {
    id: String(lastId),
    guid,
    delivered_at: new Date(Date.now() - secondsAgo * 1000),
    succeeded: false,
    status_code: 502,
    event: 'issues',
    action: 'opened',
    installation_id: null,
    ...changes,
  };
}

const DAY = 86_400;

export function redeliveryContract(use: () => Harness): void {
  async function record(...attempts: RecordedAttempt[]): Promise<void> {
    const { version, seen_until: seen, gaps } = await use().store.redeliveryProgress();
    await use().store.recordAttempts(attempts, { version, seen_until: seen, gaps });
  }
  async function rows(): Promise<unknown[]> {
    return use().sql('select guid, state, attempts, outcome from public.missed_deliveries order by guid');
  }
  const passTime = (seconds: number) => use().sql(`update public.missed_deliveries set next_try_at = next_try_at - make_interval(secs => $1)`, [seconds]);

  describe('how far the list is read', () => {
    it('is kept with the page that it was read from, for whoever moves it first', async () => {
      const { store } = use();
      const before = await store.redeliveryProgress();
      expect(before).toMatchObject({ seen_until: null, gaps: [] });
      expect(Math.abs(Date.parse(before.horizon) - (Date.now() - 3 * DAY * 1000))).toBeLessThan(60_000);
      const gaps = [{ cursor: 'v1_7', until: '2026-11-21T09:00:00Z' }];
      const next = { version: before.version, seen_until: '2026-11-21T10:00:00Z', gaps };
      const [first, second] = [await store.recordAttempts([attempt('a', 5)], next), await store.recordAttempts([attempt('b', 5)], { ...next, gaps: [] })];
      expect([first, second]).toEqual([{ status: 'recorded', version: before.version + 1 }, { status: 'overtaken' }]);
      const after = await store.redeliveryProgress();
      expect([after.version, after.gaps, Date.parse(after.seen_until ?? '')]).toEqual([before.version + 1, gaps, Date.parse(next.seen_until)]);
      // What the second one saw is kept all the same.
      expect(await rows()).toMatchObject([{ guid: 'a' }, { guid: 'b' }]);
    });
  });

  describe('a missed delivery', () => {
    it('is one row, by its oldest and newest attempt, in whatever order they are read, with an id that no number holds', async () => {
      const { store, sql } = use();
      const [first, second, third] = [attempt('a', 50), attempt('a', 20, { status_code: 503 }), attempt('a', 10, { status_code: 504 })];
      await record(second);
      await record(third, first);
      await record(second);
      const time = (column: string) => `(extract(epoch from ${column}) * 1000)::bigint::text as ${column}`;
      const [row] = await sql(`select delivery_id::text as id, status_code, ${time('happened_at')}, ${time('attempted_at')} from public.missed_deliveries`);
      const [happened, attempted] = [first, third].map(({ delivered_at: at }) => String(at.getTime()));
      expect(row).toEqual({ id: third.id, status_code: 504, happened_at: happened, attempted_at: attempted });
      expect(await store.claimMissed()).toMatchObject({ guid: 'a', delivery_id: third.id, status_code: 504, attempts: 1 });
      expect(String(Number(third.id))).not.toBe(third.id);
    });

    it('is none where one attempt succeeded, the inbox has it, or it is older than three days', async () => {
      const { store } = use();
      const known = aDelivery(aPlace(), 1);
      await store.receiveDelivery(known);
      await record(attempt('ok', 20), attempt('ok', 10, { succeeded: true, status_code: 202 }), attempt(known.guid, 5), attempt('old', 3 * DAY + 60));
      expect(await rows()).toEqual([]);
    });

    it('belongs to the organization of its installation, where that is known', async () => {
      const { store, sql } = use();
      const desk = createDesk(store);
      const { project } = await desk.context();
      await record(attempt('ours', 5, { installation_id: desk.place.installationId }), attempt('new', 5, { installation_id: 1 }));
      expect(await sql('select guid, organization_id from public.missed_deliveries order by guid')).toEqual([
        { guid: 'new', organization_id: null },
        { guid: 'ours', organization_id: project.organization_id },
      ]);
    });

    it('is claimed once for each wait, oldest first, and waits twice as long each time', async () => {
      const { store } = use();
      await record(attempt('young', 10), attempt('old', 20));
      expect((await store.claimMissed())?.guid).toBe('old');
      expect((await store.claimMissed())?.guid).toBe('young');
      expect(await store.claimMissed()).toBeNull();
      await passTime(31);
      expect(await store.claimMissed()).toMatchObject({ guid: 'old', attempts: 2 });
      await passTime(31);
      expect(await store.claimMissed()).toMatchObject({ guid: 'young', attempts: 2 });
      expect(await store.claimMissed()).toBeNull();
      await passTime(31);
      expect(await store.claimMissed()).toMatchObject({ guid: 'old', attempts: 3 });
    });

    it('is closed when it comes: by what the list says, or by the inbox', async () => {
      const { store } = use();
      const late = aDelivery(aPlace(), 1);
      await record(attempt('listed', 20), attempt(late.guid, 20), attempt('still', 20));
      await record(attempt('listed', 5, { succeeded: true, status_code: 202 }));
      await store.receiveDelivery(late);
      expect(await store.closeMissed(12)).toEqual([]);
      expect(await rows()).toEqual(
        [
          { guid: 'listed', state: 'received', attempts: 0, outcome: 'delivered again' },
          { guid: late.guid, state: 'received', attempts: 0, outcome: 'in the inbox' },
          { guid: 'still', state: 'missing', attempts: 0, outcome: null },
        ].toSorted((a, b) => (a.guid < b.guid ? -1 : 1)),
      );
      expect(await store.health()).toMatchObject({ deliveries_missing: 1, deliveries_lost: 0 });
    });

    it('is lost after three days or its last attempt, is told once, and may still come by hand', async () => {
      const { store, sql } = use();
      await record(attempt('late', 10), attempt('tried', 10), attempt('trying', 10));
      await sql(`update public.missed_deliveries set happened_at = happened_at - interval '3 days' where guid = 'late'`);
      await sql(`update public.missed_deliveries set attempts = 2 where guid <> 'late'`);
      await sql(`update public.missed_deliveries set next_try_at = now() + interval '1 hour' where guid = 'trying'`);
      expect((await store.closeMissed(2)).map(({ guid, outcome }) => [guid, outcome])).toEqual([
        ['late', 'three days are over'],
        ['tried', 'no attempt is left'],
      ]);
      expect(await store.closeMissed(2)).toEqual([]);
      expect(await store.health()).toMatchObject({ deliveries_missing: 1, deliveries_lost: 2 });
      await record(attempt('tried', 1));
      expect(await store.health()).toMatchObject({ deliveries_missing: 1, deliveries_lost: 2 });
      await record(attempt('tried', 0, { succeeded: true, status_code: 202 }));
      expect(await store.health()).toMatchObject({ deliveries_missing: 1, deliveries_lost: 1 });
    });

    it('that was closed is forgotten after a week; one that was lost is not', async () => {
      const { store, sql } = use();
      const [closed, lost] = [randomUUID(), randomUUID()];
      await record(attempt(closed, 10), attempt(lost, 10));
      await store.settleMissed(closed, 'recovered', 'fetched');
      await store.settleMissed(lost, 'lost', 'gone');
      await store.settleMissed(lost, 'recovered', 'too late to say so');
      await store.closeMissed(12);
      expect(await rows()).toHaveLength(2);
      await sql(`update public.missed_deliveries set closed_at = closed_at - interval '8 days'`);
      await store.closeMissed(12);
      expect(await rows()).toEqual([{ guid: lost, state: 'lost', attempts: 0, outcome: 'gone' }]);
    });
  });
}
