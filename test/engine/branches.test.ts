import { afterAll, beforeAll, expect, it } from 'vitest';
import { branchesJob } from '../../src/watch/branches.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { expectNothingTwice, openIssue, pullsOf } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { content, PLAIN } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

interface Opened {
  watched: Watched;
  issue: number;
  branch: string;
  at: { owner: string; repo: string; pull_number: number };
}

async function opened(name: string, config: string): Promise<Opened> {
  const watched = await engine.repository(name, { ...PLAIN, '.github/banyan.yml': config });
  engine.cast.in(name, content);
  const issue = await openIssue(watched, { title: 'Greet more warmly', body: 'Please.' });
  await engine.settle();
  const [pull] = await pullsOf(watched);
  return { watched, issue, branch: pull?.head.ref ?? '', at: { owner: watched.owner, repo: watched.repo, pull_number: pull?.number ?? 0 } };
}

const branchesOf = async ({ watched }: Opened) =>
  (await watched.octokit.rest.repos.listBranches({ owner: watched.owner, repo: watched.repo })).data.map(({ name }) => name).filter((name) => name !== 'main');

async function sweep(): Promise<number> {
  const process = engine.process();
  const { acted } = await runJob(branchesJob, process.parts as WatchParts, Number.MAX_SAFE_INTEGER);
  await engine.settle(process);
  return acted;
}

async function aWeekLater(): Promise<void> {
  await engine.sql('alter table code_generations disable trigger touch');
  await engine.sql(`update code_generations set updated_at = updated_at - interval '8 days'`);
  await engine.sql('alter table code_generations enable trigger touch');
}
async function kept(): Promise<string[]> {
  const rows = await engine.sql<{ kept: string }>(`select result ->> 'kept' as kept from effects where kind = 'delete_branch' and result ? 'kept'`);
  return rows.map((row) => row.kept).toSorted();
}

const push = ({ watched, branch }: Opened) =>
  watched.octokit.rest.repos.createOrUpdateFileContents({
    owner: watched.owner,
    repo: watched.repo,
    path: 'mine.txt',
    branch,
    message: 'mine',
    content: 'TWluZS4K',
  });

it('the branch of a merged pull request goes where that is configured, once', async () => {
  const wanted = await opened('branches-merged', 'branches: {delete_on_merge: true}\n');
  const unasked = await opened('branches-default', '');
  for (const { watched, at } of [wanted, unasked]) await watched.octokit.rest.pulls.merge(at);
  await engine.settle();
  const both = await Promise.all([sweep(), sweep()]);
  expect(both[0] + both[1]).toBe(1);
  expect(await branchesOf(wanted)).toEqual([]);
  expect(await branchesOf(unasked)).toEqual([unasked.branch]);
  expect(await sweep()).toBe(0);
  await expectNothingTwice(wanted.watched, wanted.issue);
});

it('of a pull request that was only closed it goes after a week, if all commits are Banyan’s', async () => {
  const mixed = await opened('branches-mixed', 'branches: {delete_on_close: true}\n');
  await push(mixed);
  const own = await opened('branches-own', 'branches: {delete_on_close: true}\n');
  for (const { watched, at } of [mixed, own]) await watched.octokit.rest.pulls.update({ ...at, state: 'closed' });
  await engine.settle();
  expect(await sweep()).toBe(0);
  await aWeekLater();
  expect(await sweep()).toBe(2);
  expect(await branchesOf(mixed)).toEqual([mixed.branch]);
  expect(await branchesOf(own)).toEqual([]);
  expect(await kept()).toEqual(['commits_of_people']);
});

it('one with commits that are in no pull request, or on which another is based, stays', async () => {
  const pushed = await opened('branches-pushed', 'branches: {delete_on_merge: true}\n');
  await pushed.watched.octokit.rest.pulls.merge(pushed.at);
  await push(pushed);
  const base = await opened('branches-base', 'branches: {delete_on_merge: true}\n');
  const { owner, repo } = base.at;
  const { data } = await base.watched.octokit.rest.git.getRef({ owner, repo, ref: `heads/${base.branch}` });
  await base.watched.octokit.rest.git.createRef({ owner, repo, ref: 'refs/heads/top', sha: data.object.sha });
  await base.watched.octokit.rest.repos.createOrUpdateFileContents({ owner, repo, path: 'top.txt', branch: 'top', message: 'top', content: 'VG9wLgo=' });
  await base.watched.octokit.rest.pulls.create({ owner, repo, head: 'top', base: base.branch, title: 'On top' });
  await base.watched.octokit.rest.pulls.merge(base.at);
  await engine.settle();
  expect(await sweep()).toBe(2);
  expect(await branchesOf(pushed)).toEqual([pushed.branch]);
  expect(await branchesOf(base)).toContain(base.branch);
  expect(await kept()).toEqual(['base', 'commits_of_people', 'pushed']);
});
