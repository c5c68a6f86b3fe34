import { afterAll, beforeAll, expect, it } from 'vitest';
import { reconcileJob } from '../../src/watch/reconcile.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import type { WatchReport } from '../../src/store/watch-contract.ts';
import { expectNothingTwice, labelsOf, marked, openIssue, pullsOf } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { readGitHubRequest } from '../../src/testing/mortal.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine, Process } from '../support/engine.ts';
import { content, inRole, PLAIN } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

/** GitHub tells of it, and nobody ever hears it. */
async function missed(happens: Promise<unknown>): Promise<void> {
  await happens;
  await engine.github.idle();
  await engine.sql(`delete from deliveries where state = 'pending'`);
}

async function look(process: Process = engine.process()): Promise<WatchReport> {
  const report = await runJob(reconcileJob, process.parts as WatchParts, Number.MAX_SAFE_INTEGER);
  await engine.settle(process);
  return report;
}

/** One repository at a time is on GitHub and in the database, so that a run looks at nothing else. */
async function waitingForMerge(name: string): Promise<{ watched: Watched; issue: number; pull: number; at: { owner: string; repo: string } }> {
  await engine.sql(`update tickets set state = 'cancelled' where state not in ('done', 'cancelled')`);
  const watched = await engine.repository(name, PLAIN);
  engine.cast.in(name, content);
  const issue = await openIssue(watched, { title: 'Greet more warmly', body: 'Please.' });
  await engine.settle();
  const [pull] = await pullsOf(watched);
  return { watched, issue, pull: pull?.number ?? 0, at: { owner: watched.owner, repo: watched.repo } };
}

const ticket = async (repo: string) =>
  (await engine.sql(`select t.state, t.note from tickets t join projects p on p.id = t.project_id where p.name = $1`, [repo]))[0];
const findings = async () =>
  (await engine.sql<{ finding: string }>(`select finding from banyan.watch_marks where finding is not null`)).map(({ finding }) => finding);

it('a healthy issue gives no finding at any of its stages, and an unchanged thread is read once', async () => {
  const watched = await engine.repository('reconcile-healthy', PLAIN);
  const reports: WatchReport[] = [];
  engine.cast.in(
    'reconcile-healthy',
    inRole('developer', async (request) => {
      reports.push(await runJob(reconcileJob, engine.process().parts as WatchParts, Number.MAX_SAFE_INTEGER));
      return content(request);
    }),
  );
  await openIssue(watched, { title: 'Greet more warmly', body: 'Please.' });
  await engine.settle();
  const asked: string[] = [];
  const watching = engine.process({
    fetch: async (input, init) => {
      const { method, path } = await readGitHubRequest(input, init);
      asked.push(`${method} ${path}`);
      return fetch(input, init);
    },
  });
  reports.push(await look(), await look(watching));
  expect(reports.length).toBeGreaterThan(2);
  for (const report of reports) expect(report).toMatchObject({ acted: 0, failed: 0, did: {} });
  expect(reports.at(-1)).toMatchObject({ looked: 1 });
  expect(asked.filter((request) => request.endsWith('/comments'))).toEqual([]);
  expect(await findings()).toEqual([]);
});

it('a merge that nobody told is taken as the delivery would have been', async () => {
  const { watched, issue, pull, at } = await waitingForMerge('reconcile-merged');
  await watched.octokit.rest.pulls.update({ ...at, pull_number: pull, body: 'Mine now.' });
  await missed(watched.octokit.rest.pulls.merge({ ...at, pull_number: pull }));
  expect(await look()).toMatchObject({ acted: 1, did: { merged: 1 } });
  expect(await ticket('reconcile-merged')).toMatchObject({ state: 'done' });
  expect((await watched.octokit.rest.issues.get({ ...at, issue_number: issue })).data.state).toBe('closed');
  expect(await labelsOf(watched, issue)).toEqual(['done']);
  expect(await look()).toMatchObject({ acted: 0 });
  expect(await findings()).toEqual([]);
  await expectNothingTwice(watched, issue);
});

it('a closed issue and a closed pull request stop the work, once, also where two runs meet', async () => {
  const { watched, issue, at } = await waitingForMerge('reconcile-closed');
  await missed(watched.octokit.rest.issues.update({ ...at, issue_number: issue, state: 'closed' }));
  const runs = await Promise.all([look(), look()]);
  expect(runs.reduce((sum, { acted }) => sum + acted, 0)).toBe(1);
  expect(await ticket('reconcile-closed')).toEqual({ state: 'cancelled', note: 'The issue was closed by @maintainer.' });

  const other = await waitingForMerge('reconcile-refused');
  await missed(other.watched.octokit.rest.pulls.update({ ...other.at, pull_number: other.pull, state: 'closed' }));
  expect(await look()).toMatchObject({ acted: 1, did: { closed: 1 } });
  expect((await ticket('reconcile-refused'))?.['note']).toBe(`Pull request #${other.pull} was closed by @maintainer without a merge.`);
  await expectNothingTwice(other.watched, other.issue);
});

it('a label that was taken off and a status comment that was deleted come back; a second status comment goes', async () => {
  const { watched, issue, at } = await waitingForMerge('reconcile-drift');
  const statusOf = async () =>
    (await watched.octokit.rest.issues.listComments({ ...at, issue_number: issue })).data.filter(({ body }) => body?.includes('<!-- banyan:status:'));
  await look();
  await missed(watched.octokit.rest.issues.removeLabel({ ...at, issue_number: issue, name: 'in-review' }));
  expect(await look()).toMatchObject({ did: { label: 1 } });
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  expect(await look()).toMatchObject({ acted: 0 });

  const [status] = await statusOf();
  await missed(watched.octokit.rest.issues.deleteComment({ ...at, comment_id: status?.id ?? 0 }));
  expect(await look()).toMatchObject({ did: { status: 1 } });
  expect(await statusOf()).toHaveLength(1);
  expect(await look()).toMatchObject({ acted: 0 });

  const repository = await engine.process().parts.github.repository(await project('reconcile-drift'));
  await repository.issues.comment(issue, (await marked(watched, issue, 'status'))[0] ?? '');
  expect(await statusOf()).toHaveLength(2);
  expect(await look()).toMatchObject({ did: { status: 1 } });
  expect((await statusOf()).map(({ id }) => id)).toHaveLength(1);
  expect(await look()).toMatchObject({ acted: 0 });
  expect(await findings()).toEqual([]);
});

async function project(name: string) {
  const [row] = await engine.sql<{ project: Parameters<Process['parts']['github']['repository']>[0] }>(
    `select banyan.project_json(p) as project from projects p where name = $1`,
    [name],
  );
  return row!.project;
}

it('a renamed repository is followed; one that is archived or deleted is kept as out of reach, and its work ends after two weeks', async () => {
  const renamed = await waitingForMerge('reconcile-before');
  await renamed.watched.octokit.rest.repos.update({ ...renamed.at, name: 'reconcile-after' });
  expect(await look()).toMatchObject({ acted: 0, failed: 0 });
  expect(await ticket('reconcile-after')).toMatchObject({ state: 'in_review' });

  const archived = await waitingForMerge('reconcile-archived');
  await archived.watched.octokit.rest.repos.update({ ...archived.at, archived: true });
  expect(await look()).toMatchObject({ acted: 0, failed: 0 });
  expect(await findings()).toEqual(['repository_archived']);
  await archived.watched.octokit.rest.repos.update({ ...archived.at, archived: false });
  await look();
  expect(await findings()).toEqual([]);
  expect(await engine.sql(`select archived_at from projects where name = 'reconcile-archived'`)).toEqual([{ archived_at: null }]);

  const deleted = await waitingForMerge('reconcile-deleted');
  await deleted.watched.octokit.rest.repos.delete(deleted.at);
  expect(await look()).toMatchObject({ acted: 0, failed: 0 });
  expect(await findings()).toEqual(['repository_gone']);
  await engine.sql(`update projects set archived_at = archived_at - interval '15 days' where archived_at is not null`);
  expect(await look()).toMatchObject({ acted: 1, did: { ended: 1 } });
  expect(await ticket('reconcile-deleted')).toMatchObject({ state: 'cancelled', note: expect.stringContaining('deleted') });
  expect(await engine.sql(`select key from effects where state in ('failed', 'pending')`)).toEqual([]);
});

it('of many open issues only those that differ are asked about, and one that fails holds up nobody', async () => {
  const { watched, issue, at } = await waitingForMerge('reconcile-many');
  const others = await Promise.all(
    Array.from({ length: 12 }, (_, index) => openIssue({ ...watched, octokit: engine.as('visitor') }, { title: `Issue ${index}` })),
  );
  await engine.settle();
  await look();
  const [bad = 0, closed = 0] = others;
  await missed(watched.octokit.rest.issues.update({ ...at, issue_number: bad, state: 'closed' }));
  await missed(watched.octokit.rest.issues.update({ ...at, issue_number: closed, state: 'closed' }));
  const asked: string[] = [];
  const flaky = engine.process({
    fetch: async (input, init) => {
      const { method, path } = await readGitHubRequest(input, init);
      asked.push(`${method} ${path}`);
      return path.endsWith(`/issues/${bad}`) ? Response.json({ message: 'Validation Failed' }, { status: 422 }) : fetch(input, init);
    },
  });
  expect(await runJob(reconcileJob, flaky.parts as WatchParts, Number.MAX_SAFE_INTEGER)).toMatchObject({ looked: 13, failed: 1, acted: 1, more: false });
  const reads = asked.filter((request) => request.startsWith('GET /repos/'));
  expect(reads.filter((request) => /\/issues\/\d+$/.test(request)).toSorted()).toEqual(
    [bad, closed].map((number) => `GET /repos/acme/${at.repo}/issues/${number}`).toSorted(),
  );
  expect(reads.filter((request) => request.endsWith('/issues'))).toHaveLength(1);
  await engine.settle();
  await expectNothingTwice(watched, issue);
});
