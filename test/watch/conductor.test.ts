import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../src/engine/log.ts';
import { BanyanError } from '../../src/kernel/errors.ts';
import { conductorJob } from '../../src/watch/conductor.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { addTask, aPlace, aTicketAtWork, createDesk, openTicket } from '../store/builders.ts';
import { emptyOut, pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await pgliteHarness();
});
afterEach(() => emptyOut(harness));
afterAll(() => harness.close());

const log = createLog('silent', () => undefined);
const tick = (more: object = {}) => runJob(conductorJob, { store: harness.store, log, ...more } as WatchParts, Number.MAX_SAFE_INTEGER);
const copies = (count: number, title: string) =>
  harness.sql(
    `insert into tickets (organization_id, project_id, number, title, author, url, kind, state)
     select organization_id, project_id, 100 + n, replace($2, '%', n::text), 'a', 'u', 'bug', 'awaiting_approval' from tickets, generate_series(1, $1::integer) n`,
    [count, title],
  );

it('goes on with the next run where there are ten thousand, and looks at nothing again that did not change', async () => {
  await aTicketAtWork(harness.store);
  await copies(10_000, 'Discount % for members');
  expect(await tick()).toMatchObject({ looked: 500, failed: 0, more: true });
  await harness.sql(`delete from tickets where number between 110 and 20000`);
  await tick();
  expect(await tick()).toMatchObject({ looked: 0, more: false });
});

it('reports agents that stand idle while tasks are due', async () => {
  await aTicketAtWork(harness.store, [addTask('develop:1'), addTask('qa:1', { after: ['develop:1'] })]);
  expect((await tick()).did).toEqual({});
  await harness.sql(`update tasks set due_at = now() - interval '2 minutes'`);
  expect((await tick()).did).toEqual({ idle_agents: 1, waiting_tasks: 1 });
  await harness.sql('update organizations set max_concurrent_agents = 0');
  expect((await tick()).did).toEqual({});
});

const findings = async () =>
  Object.fromEntries(
    (
      await harness.sql<{ number: number; finding: string }>(
        `select t.number, m.finding from banyan.watch_marks m join tickets t on 'ticket:' || t.id = m.subject where m.finding is not null order by t.number`,
      )
    ).map(({ number, finding }) => [number, finding]),
  );
const comments = async () =>
  (await harness.sql<{ key: string }>(`select split_part(key, '#', 2) as key from effects where kind = 'comment' order by position`)).map(({ key }) =>
    key.replace('/comment/conductor', ''),
  );

/** A repository with pull requests #101 and on, each of which changes the same file at the line that is named here. */
async function pullsOnLines(...lines: number[]) {
  const place = aPlace();
  for (const [index] of lines.entries())
    await createDesk(harness.store, index + 1, place).deliver([openTicket(index + 1, { title: `Thing ${'abcdefgh'[index]}`, body: '' })]);
  await harness.sql(
    `insert into code_generations (organization_id, project_id, ticket_id, branch, base_branch, base_sha, head_sha, pr_number, status, files_changed)
     select organization_id, project_id, id, 'b' || number, 'main', 'base', 'h' || number, 100 + number, 'open', '{cart.ts}' from tickets`,
  );
  const at = new Map(lines.map((line, index) => [101 + index, line]));
  const unreadable = new Set<number>();
  const asked: number[] = [];
  const files = (pull: number) => {
    asked.push(pull);
    if (unreadable.has(pull)) return Promise.reject(new BanyanError('github_rejected', 'this diff is temporarily unavailable', { retry: 'permanent' }));
    const line = at.get(pull) ?? 1;
    return Promise.resolve([{ path: 'cart.ts', status: 'modified', patch: `@@ -${line},3 +${line},3 @@\n a\n-b\n+c${pull}\n d` }]);
  };
  return { at, unreadable, asked, look: () => tick({ github: { repository: () => Promise.resolve({ pulls: { files } }) } }) };
}

const push = (pull: number, changes = '') => harness.sql(`update code_generations set head_sha = head_sha || '+' ${changes} where pr_number = $1`, [pull]);

describe('a pair that came to be by a change', () => {
  it('of the older pull request is told on the newer one, with the next look', async () => {
    const { at, look, asked } = await pullsOnLines(100, 200, 300);
    await look();
    expect(await findings()).toEqual({});
    at.set(101, 200);
    await push(101);
    await look();
    await look();
    expect(await findings()).toEqual({ 2: 'overlap:#101' });
    expect(await comments()).toEqual(['102/overlap/101']);
    asked.length = 0;
    expect(await look()).toMatchObject({ looked: 1, acted: 0 });
    expect(asked).toEqual([]);
  });

  it('is none where the two are merged into different branches', async () => {
    const { look } = await pullsOnLines(100, 100);
    await harness.sql(`update code_generations set base_branch = 'banyan/template-v0.2.0' where pr_number = 102`);
    await look();
    expect(await findings()).toEqual({});
    await harness.sql(`update code_generations set base_branch = 'main' where pr_number = 102`);
    await look();
    expect(await findings()).toEqual({ 2: 'overlap:#101' });
  });

  it('of the older issue is told on the newer one, also where the older one is opened again', async () => {
    const place = aPlace();
    await createDesk(harness.store, 1, place).deliver([openTicket(1, { title: 'Something else' })]);
    await createDesk(harness.store, 2, place).deliver([openTicket(2, { title: 'Discount codes for the cart' })]);
    await createDesk(harness.store, 3, place).deliver([openTicket(3, { title: 'Another matter' })]);
    await tick();
    await harness.sql(`update tickets set title = 'Discount codes for the cart' where number = 1`);
    await tick();
    await tick();
    expect(await findings()).toEqual({ 2: 'duplicate:#1' });
    await harness.sql(`update tickets set state = 'cancelled' where number = 1`);
    await tick();
    expect(await findings()).toEqual({});
    await harness.sql(`update tickets set state = 'analyzing' where number = 1`);
    await tick();
    await tick();
    expect(await findings()).toEqual({ 2: 'duplicate:#1' });
    expect(await comments()).toEqual(['2/duplicate:1']);
  });

  it('is found where the look that was to find it was killed, or had read the board before', async () => {
    const { at, look } = await pullsOnLines(100, 200);
    await look();
    at.set(101, 200);
    await push(101);
    const item = (await harness.store.watchClaim('conductor', 10, 60)).map(({ subject }) => subject);
    expect(item).toHaveLength(1);
    await harness.sql(`update banyan.watch_marks set next_look_at = now() - interval '1 second'`);
    // The newer one is looked at by a run that read the board before the push.
    await harness.sql(`update banyan.watch_marks set looked_at = clock_timestamp() where subject <> $1`, item);
    await look();
    await look();
    expect(await findings()).toEqual({ 2: 'overlap:#101' });
  });
});

it('one pull request whose files GitHub does not give keeps back its own pairs alone, and is asked for again', async () => {
  const { unreadable, look, asked } = await pullsOnLines(1, 1, 1, 1);
  unreadable.add(101);
  expect(await look()).toMatchObject({ looked: 4, acted: 2, failed: 1, did: { overlap: 2, unread: 2 } });
  expect(await findings()).toEqual({ 3: 'overlap:#102', 4: 'overlap:#102,#103' });
  asked.length = 0;
  await look();
  expect(asked).toEqual([101]);
  unreadable.clear();
  await harness.sql(`update banyan.watch_marks set next_look_at = now()`);
  await look();
  expect(await findings()).toEqual({ 2: 'overlap:#101', 3: 'overlap:#101,#102', 4: 'overlap:#101,#102,#103' });
  expect(await harness.sql(`select 1 from banyan.watch_marks where failures > 0`)).toEqual([]);
  expect(await look()).toMatchObject({ acted: 0, did: {} });
});

it('a pull request that cannot be read does not keep back what its issue asks for', async () => {
  const { unreadable, look } = await pullsOnLines(1, 1);
  await harness.sql(`update tickets set title = 'Discount codes for the cart'`);
  unreadable.add(102);
  await look();
  expect(await findings()).toEqual({ 2: 'duplicate:#1' });
});

it('the next pull request of an issue is told anew', async () => {
  const { look } = await pullsOnLines(1, 1);
  await look();
  await harness.sql(`update code_generations set pr_number = 200, head_sha = 'new' where pr_number = 102`);
  expect(await look()).toMatchObject({ acted: 1 });
  expect(await comments()).toEqual(['102/overlap/101', '200/overlap/101']);
});

it('of thirty copies that strangers open three are told, the others where they are approved', async () => {
  await createDesk(harness.store, 1, aPlace()).deliver([openTicket(1, { title: 'Discount codes for the cart', state: 'in_progress' })]);
  await copies(29, 'Discount codes for the cart');
  expect(await tick()).toMatchObject({ looked: 30, acted: 3, did: { duplicate: 3 } });
  expect(Object.keys(await findings())).toHaveLength(29);
  await harness.sql(`update tickets set state = 'cancelled' where number in (101, 102)`);
  expect(await tick()).toMatchObject({ acted: 0 });
  await harness.sql(`update tickets set state = 'analyzing' where number = 120`);
  expect(await tick()).toMatchObject({ acted: 1 });
  expect(await comments()).toContain('120/duplicate:1');
});

it('bears marks of nothing', async () => {
  await aTicketAtWork(harness.store);
  await harness.sql(
    `insert into banyan.watch_marks (job, subject, looked_at, next_look_at, finding, memory) values ('conductor', 'odd', now() - interval '1 hour', now(), 'duplicate:#1', '{"meets": "x"}')`,
  );
  expect(await tick()).toMatchObject({ failed: 0, error: null });
  expect(await harness.sql(`select 1 from banyan.watch_marks where finding is not null`)).toEqual([]);
});
