import { describe, expect, it } from 'vitest';
import type { GitHubReservation, GitHubReturn, Store } from '../../../src/store/contract.ts';
import { aDelivery, addTask, aPlace, aTaskAtWork, aTicketAtWork, createDesk, effect, LEASE, only, openTicket, type Place } from '../builders.ts';
import type { Harness } from '../harness.ts';

const EFFECTS = { deliveries: 0, effects: 10, tasks: 0, leaseSeconds: LEASE };
const DELIVERIES = { deliveries: 10, effects: 0, tasks: 0, leaseSeconds: LEASE };
const LIMITED = { code: 'github_rate_limited', retry: 'rate_limit' };
const DAY = 86_400;
const HUGE = { points: 10_000, creations: 10_000, slots: 10_000 };

type Granted = Extract<GitHubReservation, { status: 'granted' }>;

async function installed(store: Store): Promise<Place> {
  const desk = createDesk(store);
  await desk.context();
  return desk.place;
}

function reserve(store: Store, place: Place, ask: Partial<Parameters<Store['reserveGitHub']>[0]> = {}): Promise<GitHubReservation> {
  return store.reserveGitHub({
    installationId: place.installationId,
    holder: 'p',
    need: { points: 1, creations: 0 },
    want: { points: 1, creations: 0, slots: 1 },
    returns: [],
    ...ask,
  });
}

async function granted(store: Store, place: Place, ask: Partial<Parameters<Store['reserveGitHub']>[0]> = {}): Promise<Granted> {
  const answer = await reserve(store, place, ask);
  if (answer.status !== 'granted') throw new Error(`not granted: ${JSON.stringify(answer)}`);
  return answer;
}

/** As if so many seconds had gone by for what the budget remembers. */
async function pass({ sql }: Harness, seconds: number): Promise<void> {
  await sql(
    `update public.github_reservations set granted_at = granted_at - make_interval(secs => $1), slots_until = slots_until - make_interval(secs => $1)`,
    [seconds],
  );
  await sql(`update public.installations set held_until = held_until - make_interval(secs => $1)`, [seconds]);
}

/** Takes creations one by one until they have to wait. */
async function exhaust(store: Store, place: Place, most: number): Promise<{ taken: number; last: GitHubReservation }> {
  for (let taken = 0; taken <= most; taken += 1) {
    const answer = await reserve(store, place, { need: { points: 5, creations: 1 }, returns: [] });
    if (answer.status !== 'granted') return { taken, last: answer };
    await store.returnGitHub('p', [{ id: answer.id, points: 5, creations: 1, slots: 0 }]);
  }
  throw new Error('the limit never came');
}

export function limitContract(use: () => Harness): void {
  describe("GitHub's budget", () => {
    it('grants what is needed, and of what is wanted a quarter of what is left', async () => {
      const { store } = use();
      const place = await installed(store);
      expect(await granted(store, place)).toMatchObject({ points: 1, creations: 0, slots: 1, seconds: 5 });
      const big = await granted(store, place, { want: HUGE });
      expect(big).toMatchObject({ points: Math.floor(899 / 4), creations: 20, slots: 24 });
      expect(await granted(store, await installed(store), { want: HUGE })).toMatchObject({ points: 225 });
    });

    it('never lets 80 creations be passed within any minute, nor 500 within any hour', async () => {
      const harness = use();
      const { store } = harness;
      const place = await installed(store);
      expect(await exhaust(store, place, 80)).toMatchObject({ taken: 80, last: { status: 'wait', creations: true } });
      // Reading goes on.
      expect((await reserve(store, place)).status).toBe('granted');
      await pass(harness, 61);
      // Reserved a minute ago, they may have been used a moment ago.
      expect((await exhaust(store, place, 80)).taken).toBe(0);
      for (let minute = 0; minute < 5; minute += 1) {
        await pass(harness, 71);
        expect((await exhaust(store, place, 80)).taken).toBe(80);
      }
      await pass(harness, 71);
      const { taken, last } = await exhaust(store, place, 80);
      expect([taken, last.status, 'seconds' in last && last.seconds > 2900]).toEqual([20, 'wait', true]);
      await pass(harness, 3700);
      expect((await exhaust(store, place, 80)).taken).toBe(80);
    });

    it('says when the need fits again', async () => {
      const harness = use();
      const place = await installed(harness.store);
      await exhaust(harness.store, place, 80);
      await pass(harness, 40);
      const answer = await reserve(harness.store, place, { need: { points: 5, creations: 1 } });
      if (answer.status !== 'wait') throw new Error('not refused');
      expect(answer.seconds).toBeGreaterThan(25);
      expect(answer.seconds).toBeLessThanOrEqual(30);
      expect(answer.later).toBeGreaterThanOrEqual(answer.seconds);
      expect(answer.pace).toBeCloseTo(70 / 80, 3);
    });

    it('counts points for all, and lets them wait for the window', async () => {
      const harness = use();
      const place = await installed(harness.store);
      for (let block = 0; block < 9; block += 1) await granted(harness.store, place, { need: { points: 100, creations: 0 } });
      expect(await reserve(harness.store, place)).toMatchObject({ status: 'wait', creations: false });
      await pass(harness, 71);
      expect((await reserve(harness.store, place)).status).toBe('granted');
    });

    it('takes back what was not used, from its holder only', async () => {
      const { store, sql } = use();
      const place = await installed(store);
      const { id } = await granted(store, place, { need: { points: 900, creations: 80 } });
      const unused: GitHubReturn = { id, points: 10, creations: 2, slots: 0 };
      await store.returnGitHub('another', [unused]);
      expect((await reserve(store, place)).status).toBe('wait');
      expect(await granted(store, place, { need: { points: 890, creations: 78 }, returns: [unused] })).toMatchObject({ points: 890, creations: 78 });
      await store.returnGitHub('p', [{ id, points: 900, creations: 80, slots: 9 }]);
      expect(await sql('select points, creations, slots from public.github_reservations where id = $1', [id])).toEqual([
        { points: 10, creations: 2, slots: 0 },
      ]);
    });

    it('forgets blocks of which nothing was used, and those that no window holds any more', async () => {
      const harness = use();
      const { store, sql } = harness;
      const place = await installed(store);
      const { id } = await granted(store, place);
      await store.returnGitHub('p', [{ id, points: 0, creations: 0, slots: 0 }]);
      await granted(store, place);
      await granted(store, place, { need: { points: 5, creations: 1 } });
      await pass(harness, 100);
      await granted(store, place);
      expect(await sql('select points from public.github_reservations where installation_id = $1 order by id', [place.installationId])).toEqual([
        { points: 5 },
        { points: 1 },
      ]);
      await pass(harness, 4000);
      await granted(store, place);
      expect(await sql('select 1 from public.github_reservations where installation_id = $1', [place.installationId])).toHaveLength(1);
    });

    it('gets the slots of a process that died back when none of its requests can be open any more', async () => {
      const harness = use();
      const { store } = harness;
      const place = await installed(store);
      for (let left = 100; left > 0;) left -= (await granted(store, place, { holder: 'dead', want: HUGE })).slots;
      expect(await reserve(store, place)).toMatchObject({ status: 'wait', creations: false, later: 5 });
      await pass(harness, 39);
      expect((await reserve(store, place)).status).toBe('wait');
      await pass(harness, 2);
      expect((await reserve(store, place)).status).toBe('granted');
    });
  });

  describe('a hold that GitHub has asked for', () => {
    it('is for everybody, until its time, and never shortened', async () => {
      const harness = use();
      const { store } = harness;
      const [place, other] = [await installed(store), await installed(store)];
      expect(await store.holdGitHub(place.installationId, 300)).toBeCloseTo(300, 0);
      expect(await store.holdGitHub(place.installationId, 10)).toBeCloseTo(300, 0);
      const answer = await reserve(store, place, { holder: 'another' });
      expect(answer.status).toBe('held');
      expect((await reserve(store, other)).status).toBe('granted');
      await pass(harness, 301);
      expect((await reserve(store, place)).status).toBe('granted');
      await expect(store.holdGitHub(1, 10)).rejects.toMatchObject({ code: 'database_error' });
    });

    it('without a time lasts a minute, and twice as long each time it follows', async () => {
      const harness = use();
      const { store } = harness;
      const { installationId } = await installed(store);
      const rounds: number[] = [];
      for (let round = 0; round < 8; round += 1) {
        const seconds = await store.holdGitHub(installationId, null);
        // The others that were under way.
        expect(await store.holdGitHub(installationId, null)).toBeCloseTo(seconds, 0);
        rounds.push(Math.round(seconds));
        await pass(harness, seconds + 1);
      }
      expect(rounds).toEqual([60, 120, 240, 480, 960, 1920, 3600, 3600]);
      await pass(harness, 3700);
      expect(Math.round(await store.holdGitHub(installationId, null))).toBe(60);
    });

    it('puts off what is open of the outbox, and nothing of others', async () => {
      const { store } = use();
      const [desk, other] = [createDesk(store), createDesk(store)];
      await desk.deliver([openTicket(12), effect('held')]);
      await other.deliver([openTicket(12), effect('free')]);
      await store.holdGitHub(desk.place.installationId, 300);
      expect(only((await store.claim('w', EFFECTS)).effects).key).toBe('free');
      await use().sql('update public.effects set due_at = now()');
      expect(only((await store.claim('w', EFFECTS)).effects).key).toBe('held');
    });
  });

  describe('what is put off for a limit', () => {
    const wait = (seconds: number | null): { seconds: number | null; patienceSeconds: number } => ({ seconds, patienceSeconds: DAY });
    /** The first of the limits in a row was so long ago. */
    const since = (table: string, seconds: number): Promise<unknown> =>
      use().sql(
        `update public.${table} set due_at = now(), error = jsonb_set(error, '{put_off_since}', to_jsonb(now() - make_interval(secs => $1)))
         where error ? 'put_off_since'`,
        [seconds],
      );

    it('an effect: no attempt is used up, until its patience ends', async () => {
      const { store, sql } = use();
      await createDesk(store).deliver([openTicket(12), effect('a')]);
      for (let round = 0; round < 20; round += 1) {
        expect(only((await store.claim('w', EFFECTS)).effects)).toMatchObject({ key: 'a', attempts: 1, begun_before: round > 0 });
        expect(await store.putOffEffect('a', 'x', LIMITED, wait(60))).toBe('lost');
        expect(await store.putOffEffect('a', 'w', LIMITED, wait(60))).toBe('put_off');
        expect((await store.claim('w', EFFECTS)).effects).toEqual([]);
        await since('effects', DAY - 60);
      }
      await since('effects', DAY + 1);
      await store.claim('w', EFFECTS);
      expect(await store.putOffEffect('a', 'w', LIMITED, wait(60))).toBe('failed');
      expect(await sql("select state, error ->> 'code' as code from public.effects where key = 'a'")).toEqual([{ state: 'failed', code: LIMITED.code }]);
    });

    it('a delivery likewise', async () => {
      const { store, sql } = use();
      const delivery = aDelivery(aPlace(), 1);
      await store.receiveDelivery(delivery);
      for (let round = 0; round < 12; round += 1) {
        expect(only((await store.claim('w', DELIVERIES)).deliveries)).toMatchObject({ guid: delivery.guid, attempts: 1 });
        expect(await store.putOffDelivery(delivery.guid, 'w', LIMITED, wait(60))).toBe('put_off');
        expect((await store.claim('w', DELIVERIES)).deliveries).toEqual([]);
        await since('deliveries', DAY - 60);
      }
      await since('deliveries', DAY + 1);
      await store.claim('w', DELIVERIES);
      expect(await store.putOffDelivery(delivery.guid, 'w', LIMITED, wait(60))).toBe('failed');
      expect(await sql('select state from public.deliveries')).toEqual([{ state: 'dead' }]);
    });

    it('a task likewise, with a word of why', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      const end = { ...wait(60), intentsAtEnd: [addTask('after')] };
      expect(await store.putOffTask(taskId, 'x', LIMITED, end)).toBe('lost');
      for (let round = 0; round < 5; round += 1) {
        expect(await store.putOffTask(taskId, 'w', LIMITED, end)).toBe('put_off');
        expect(await desk.claim('w')).toEqual([]);
        await since('tasks', DAY - 60);
        expect(only(await desk.claim('w')).task).toMatchObject({ id: taskId, attempts: 1, error: { code: LIMITED.code } });
      }
      expect(await sql("select 1 from public.events where type = 'task.put_off' and task_id = $1", [taskId])).toHaveLength(5);
      await since('tasks', DAY + 1);
      expect(await store.putOffTask(taskId, 'w', LIMITED, end)).toBe('failed');
      const { tasks } = await desk.snapshot();
      expect(tasks.map(({ key, state }) => [key, state])).toEqual([
        ['develop:1', 'failed'],
        ['after', 'pending'],
      ]);
    });

    it('a task that came further meanwhile has its whole patience again, and a step less gives it none', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      const at = (steps: number) => store.putOffTask(taskId, 'w', { ...LIMITED, steps }, { ...wait(60), intentsAtEnd: [] });
      expect(await at(4)).toBe('put_off');
      await since('tasks', DAY + 1);
      await desk.claim('w');
      expect(await at(6)).toBe('put_off');
      await since('tasks', DAY - 60);
      await desk.claim('w');
      expect(await at(0)).toBe('put_off');
      await since('tasks', DAY + 1);
      await desk.claim('w');
      expect(await at(6)).toBe('failed');
    });

    it('waits longer and longer where nobody says until when', async () => {
      const { store, sql } = use();
      const desk = await aTicketAtWork(store, [addTask('develop:1')]);
      const seconds: number[] = [];
      for (const age of [0, 100, 10_000]) {
        await since('tasks', age);
        const { task } = only(await desk.claim('w'));
        await store.putOffTask(task.id, 'w', LIMITED, { ...wait(null), intentsAtEnd: [] });
        const [row] = await sql<{ seconds: number }>('select extract(epoch from due_at - now())::float as seconds from public.tasks');
        seconds.push(row?.seconds ?? 0);
      }
      const [first = 0, second = 0, third = 0] = seconds;
      expect(first).toBeGreaterThan(1.5);
      expect(first).toBeLessThan(10);
      expect(second).toBeGreaterThan(45);
      expect(third).toBeGreaterThan(890);
      expect(third).toBeLessThan(1200);
    });

    it('counts its patience anew after another failure', async () => {
      const { store, sql } = use();
      await createDesk(store).deliver([openTicket(12), effect('a')]);
      await store.claim('w', EFFECTS);
      await store.putOffEffect('a', 'w', LIMITED, wait(0));
      await since('effects', DAY + 1);
      await store.claim('w', EFFECTS);
      await store.failEffect('a', 'w', { code: 'github_unavailable' }, new Date());
      await sql('update public.effects set due_at = now()');
      await store.claim('w', EFFECTS);
      expect(await store.putOffEffect('a', 'w', LIMITED, wait(60))).toBe('put_off');
    });
  });
}
