import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createLog } from '../../src/engine/log.ts';
import { conductorJob } from '../../src/watch/conductor.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { addTask, aTicketAtWork } from '../store/builders.ts';
import { emptyOut, pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await pgliteHarness();
});
afterEach(() => emptyOut(harness));
afterAll(() => harness.close());

const tick = () => runJob(conductorJob, { store: harness.store, log: createLog('silent', () => undefined) } as WatchParts, Number.MAX_SAFE_INTEGER);
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
