import { afterAll, beforeAll, expect, it } from 'vitest';
import { digestJob } from '../../src/watch/digest.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { marked, openIssue, pullsOf } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { content, PLAIN } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function run(): Promise<number> {
  const process = engine.process();
  const { acted, failed } = await runJob(digestJob, process.parts as WatchParts, Number.MAX_SAFE_INTEGER);
  await engine.settle(process);
  expect(failed).toBe(0);
  return acted;
}

it('a week is told once on the issue that is named for it, which starts nothing', async () => {
  const watched = await engine.repository('digest', { ...PLAIN, '.github/banyan.yml': 'digest: {issue: 1}\n' });
  const unasked = await engine.repository('digest-unasked', PLAIN);
  for (const { repo } of [watched, unasked]) engine.cast.in(repo, content);
  const digest = await openIssue({ ...watched, octokit: engine.as('visitor') }, { title: 'Weekly digest' });
  const issue = await openIssue(watched, { title: 'Greet more warmly', body: 'Please.' });
  await openIssue(unasked, { title: 'Greet more warmly', body: 'Please.' });
  await engine.settle();
  const [pull] = await pullsOf(watched);
  await watched.octokit.rest.pulls.merge({ owner: watched.owner, repo: watched.repo, pull_number: pull?.number ?? 0 });
  await engine.settle();
  const both = await Promise.all([run(), run()]);
  expect(both[0] + both[1]).toBe(1);
  expect(await run()).toBe(0);
  const [told = '', ...others] = await marked(watched, digest, 'digest');
  expect(others).toEqual([]);
  expect(told).toMatch(/^### Banyan: week \d{4}-W\d\d\n\nOpen: 1 awaiting approval\. Done in seven days: 1\. 1 run began and cost \$/);
  expect(told).toContain(`**Done**\n\n- #${issue} Greet more warmly`);
  expect(told).toContain(`**Waiting for people**\n\n- #${digest} Weekly digest: approval, for `);
  expect(await engine.sql(`select count(*)::integer as runs from runs`)).toEqual([{ runs: 2 }]);
});

it('opens an issue of its own for the weeks where none is named, once, and goes on there', async () => {
  const watched = await engine.repository('digest-own', { ...PLAIN, '.github/banyan.yml': 'digest: true\n' });
  engine.cast.in(watched.repo, content);
  await openIssue(watched, { title: 'Greet more warmly', body: 'Please.' });
  await engine.settle();
  const own = async () => {
    const { data } = await watched.octokit.rest.issues.listForRepo({ owner: watched.owner, repo: watched.repo, state: 'all' });
    return data.filter(({ title }) => title.startsWith('Banyan: the weeks'));
  };
  await run();
  const [issue, ...others] = await own();
  expect(others).toEqual([]);
  expect(issue).toMatchObject({ user: { type: 'Bot' }, state: 'open' });
  expect(await marked(watched, issue?.number ?? 0, 'digest')).toHaveLength(1);
  await engine.sql(
    `update effects set key = replace(key, to_char(now(), 'IYYY-"W"IW'), to_char(now() - interval '7 days', 'IYYY-"W"IW')) where kind = 'digest'`,
  );
  await run();
  expect(await own()).toHaveLength(1);
  const told = await marked(watched, issue?.number ?? 0, 'digest');
  expect(told).toHaveLength(2);
  expect(await engine.sql(`select count(*)::integer as tickets from tickets where number = ${issue?.number}`)).toEqual([{ tickets: 0 }]);
});
