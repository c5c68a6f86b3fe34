import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createGitHubBudget } from '../../src/engine/github-budget.ts';
import type { RequestBudget } from '../../src/github/budget.ts';
import type { Store } from '../../src/store/contract.ts';
import { createDesk } from '../store/builders.ts';
import { emptyOut, pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

const READ = { points: 1, creations: 0 };
const CREATE = { points: 5, creations: 1 };

let harness: Harness;
let installation: number;
beforeAll(async () => {
  harness = await pgliteHarness();
});
beforeEach(async () => {
  await emptyOut(harness);
  const desk = createDesk(harness.store);
  await desk.context();
  installation = desk.place.installationId;
});
afterAll(() => harness.close());

/** The budget of one process, and how often it asked the database. */
function processBudget(counted = true): { budget: RequestBudget; asked: () => number } {
  let asked = 0;
  const store: Store = {
    ...harness.store,
    reserveGitHub(reservation) {
      asked += 1;
      return harness.store.reserveGitHub(reservation);
    },
  };
  return { budget: createGitHubBudget(store, { counted }), asked: () => asked };
}

async function inUse(): Promise<{ points: number; creations: number; slots: number }> {
  const [row] = await harness.sql<{ points: number; creations: number; slots: number }>(
    `select coalesce(sum(points), 0)::int as points, coalesce(sum(creations), 0)::int as creations, coalesce(sum(slots), 0)::int as slots
     from github_reservations`,
  );
  if (!row) throw new Error('no row');
  return row;
}

/** Blocks of before reach back so far. */
function age(seconds: number): Promise<unknown> {
  return harness.sql('update github_reservations set granted_at = granted_at - make_interval(secs => $1)', [seconds]);
}

async function exhaustCreations(): Promise<void> {
  const answer = await harness.store.reserveGitHub({
    installationId: installation,
    holder: 'others',
    need: { points: 5, creations: 80 },
    want: { points: 5, creations: 80, slots: 1 },
    returns: [],
  });
  expect(answer.status).toBe('granted');
}

describe("one process's part of GitHub's limits", () => {
  it('asks the database once for many requests, and gives back what it did not use', async () => {
    const { budget, asked } = processBudget();
    for (let request = 0; request < 60; request += 1) (await budget.take(installation, READ))();
    expect(asked()).toBeLessThanOrEqual(4);
    (await budget.take(installation, CREATE))();
    await budget.giveBack();
    expect(await inUse()).toEqual({ points: 65, creations: 1, slots: 0 });
  });

  it('reserves together for those who come together', async () => {
    const { budget, asked } = processBudget();
    const ends = await Promise.all(Array.from({ length: 16 }, () => budget.take(installation, CREATE)));
    expect(asked()).toBe(1);
    for (const end of ends) end();
    await budget.giveBack();
    expect(await inUse()).toEqual({ points: 80, creations: 16, slots: 0 });
  });

  it('keeps the slots of what is still open, and no others', async () => {
    const { budget } = processBudget();
    const [first, second] = await Promise.all([budget.take(installation, READ), budget.take(installation, READ)]);
    first?.();
    await budget.giveBack();
    expect(await inUse()).toMatchObject({ points: 2, slots: 1 });
    second?.();
    second?.();
    await budget.giveBack();
    expect(await inUse()).toMatchObject({ points: 2, slots: 0 });
  });

  it('never has more open than all may have together, and lets everybody in in the end', async () => {
    await harness.sql(
      `create or replace function banyan.github_limits(out points_a_minute integer, out creations_a_minute integer, out creations_an_hour integer,
         out at_once integer, out use_seconds integer, out late_seconds integer, out request_seconds integer)
       language sql immutable set search_path = '' as $$ select 900, 80, 500, 5, 5, 5, 35 $$`,
    );
    const budgets = [processBudget().budget, processBudget().budget, processBudget().budget];
    let open = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const end = await (budgets[index % 3] as RequestBudget).take(installation, READ);
        open += 1;
        most = Math.max(most, open);
        await new Promise((resolve) => setImmediate(resolve));
        open -= 1;
        end();
      }),
    );
    expect(most).toBeLessThanOrEqual(5);
    await Promise.all(budgets.map((budget) => budget.giveBack()));
    expect(await inUse()).toMatchObject({ points: 30, slots: 0 });
  });

  it('puts what creates off, each to a later turn, while reading goes on; and does not ask again for each', async () => {
    await exhaustCreations();
    const { budget, asked } = processBudget();
    const refusals = await Promise.all(
      Array.from({ length: 20 }, async () => budget.take(installation, CREATE).catch((thrown: unknown) => thrown as { code: string; retryAt: Date })),
    );
    const times = refusals.map((refusal) => ('retryAt' in refusal ? refusal.retryAt.getTime() : 0));
    expect(refusals.every((refusal) => 'code' in refusal && refusal.code === 'github_rate_limited')).toBe(true);
    expect(Math.min(...times)).toBeGreaterThan(Date.now() + 55_000);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(15_000);
    expect(new Set(times).size).toBeGreaterThan(15);
    (await budget.take(installation, READ))();
    await expect(budget.take(installation, CREATE)).rejects.toMatchObject({ retry: 'rate_limit' });
    expect(asked()).toBe(2);
  });

  it('waits a moment where that is enough, and not for one who goes away', async () => {
    await exhaustCreations();
    await age(68.6);
    const { budget } = processBudget();
    const gone = new AbortController();
    const waiting = [budget.take(installation, CREATE), budget.take(installation, CREATE, gone.signal)];
    gone.abort();
    const [served, left] = await Promise.allSettled(waiting);
    expect([served?.status, left?.status]).toEqual(['fulfilled', 'rejected']);
  });

  it('holds back where another process was told to, and asks nothing while it knows', async () => {
    const [first, second] = [processBudget(), processBudget()];
    const until = await first.budget.hold(installation, 300);
    expect(until.getTime()).toBeGreaterThan(Date.now() + 295_000);
    await expect(first.budget.take(installation, READ)).rejects.toMatchObject({ retryAt: expect.any(Date) as Date });
    for (let request = 0; request < 3; request += 1) {
      await expect(second.budget.take(installation, READ)).rejects.toMatchObject({ code: 'github_rate_limited' });
    }
    expect([first.asked(), second.asked()]).toEqual([0, 1]);
  });

  it('without a count asks nothing, and is held back all the same', async () => {
    const { budget, asked } = processBudget(false);
    for (let request = 0; request < 200; request += 1) (await budget.take(installation, CREATE))();
    await budget.hold(installation, null);
    await expect(budget.take(installation, READ)).rejects.toMatchObject({ code: 'github_rate_limited' });
    expect(asked()).toBe(0);
  });

  it('heeds GitHub where the database cannot be told', async () => {
    const store: Store = { ...harness.store, holdGitHub: () => Promise.reject(new Error('away')) };
    const budget = createGitHubBudget(store, { counted: true });
    expect((await budget.hold(installation, null)).getTime()).toBeGreaterThan(Date.now() + 55_000);
    await expect(budget.take(installation, READ)).rejects.toMatchObject({ code: 'github_rate_limited' });
  });
});
