import { afterAll, beforeAll, expect, it } from 'vitest';
import { conductorJob } from '../../src/watch/conductor.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import type { WatchReport } from '../../src/store/watch-contract.ts';
import { expectNothingTwice, marked, openIssue, pullsOf } from '../e2e/watch.ts';
import { callTool } from '../../src/testing/openai-server.ts';
import { readGitHubRequest } from '../../src/testing/mortal.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine, Process } from '../support/engine.ts';
import { inRole, saidTo, SUBMIT_DEVELOPER, toolsCalled } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const LINES = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`);
const withLines = (...changed: number[]) => `${LINES.map((line, index) => (changed.includes(index + 1) ? `${line} changed` : line)).join('\n')}\n`;

async function look(process: Process = engine.process()): Promise<WatchReport> {
  const report = await runJob(conductorJob, process.parts as WatchParts, Number.MAX_SAFE_INTEGER);
  await engine.settle(process);
  return report;
}

const findings = async () =>
  (await engine.sql<{ finding: string }>(`select finding from banyan.watch_marks where job = 'conductor' and finding is not null`)).map(
    ({ finding }) => finding,
  );

it('pull requests on the same lines are told once, on the later one, with an order; when one is merged nothing is found any more', async () => {
  const watched = await engine.repository('conductor-lines', { 'text.txt': withLines() });
  const changes: Record<string, string> = { Alpha: withLines(3, 10, 12), Beta: withLines(17), Gamma: withLines(4) };
  engine.cast.in(
    'conductor-lines',
    inRole('developer', (request) => {
      const which = Object.keys(changes).find((name) => saidTo(request).includes(`${name} must change`)) ?? '';
      return toolsCalled(request).includes('write_file') ? SUBMIT_DEVELOPER : callTool('write_file', { path: 'text.txt', content: changes[which] ?? '' });
    }),
  );
  for (const name of Object.keys(changes)) {
    await openIssue(watched, { title: `${name} must change`, body: '', labels: ['ready-for-dev'] });
    await engine.settle();
  }
  const pulls = (await pullsOf(watched)).toSorted((a, b) => a.number - b.number).map(({ number }) => number);
  const [alpha = 0, beta = 0, gamma = 0] = pulls;
  expect(pulls).toHaveLength(3);
  await Promise.all([look(), look()]);
  expect(await findings()).toEqual([`overlap:#${alpha}`]);
  const [told = ''] = await marked(watched, gamma, 'conductor');
  expect(told).toContain(`- #${alpha}: \`text.txt\``);
  expect(told).toContain(`in the order #${gamma}, #${alpha} `);

  const asked: string[] = [];
  const watching = engine.process({
    fetch: async (input, init) => {
      asked.push((await readGitHubRequest(input, init)).path);
      return fetch(input, init);
    },
  });
  expect(await look(watching)).toMatchObject({ acted: 0, failed: 0 });
  expect(asked.filter((path) => path.endsWith('/files'))).toEqual([]);
  for (const pull of [alpha, beta]) expect(await marked(watched, pull, 'conductor')).toEqual([]);
  expect(await marked(watched, gamma, 'conductor')).toHaveLength(1);

  await watched.octokit.rest.pulls.merge({ owner: watched.owner, repo: watched.repo, pull_number: alpha });
  await engine.settle();
  await look();
  expect(await findings()).toEqual([]);
});

it('a pull request that moves a file meets one that edits it under its old name', async () => {
  const watched = await engine.repository('conductor-moves', { 'text.txt': withLines() });
  const steps: Record<string, ReturnType<typeof callTool>[]> = {
    Moving: [callTool('delete_file', { path: 'text.txt' }), callTool('write_file', { path: 'moved.txt', content: withLines(3) })],
    Editing: [callTool('write_file', { path: 'text.txt', content: withLines(4) })],
    Elsewhere: [callTool('write_file', { path: 'text.txt', content: withLines(15) })],
  };
  engine.cast.in(
    'conductor-moves',
    inRole('developer', (request) => {
      const which = Object.keys(steps).find((name) => saidTo(request).includes(`${name} must happen`)) ?? '';
      return steps[which]?.[toolsCalled(request).length] ?? SUBMIT_DEVELOPER;
    }),
  );
  for (const name of Object.keys(steps)) {
    await openIssue(watched, { title: `${name} must happen`, body: '', labels: ['ready-for-dev'] });
    await engine.settle();
  }
  const [moving = 0, editing = 0] = (await pullsOf(watched)).map(({ number }) => number).toSorted((a, b) => a - b);
  await look();
  expect(await findings()).toEqual([`overlap:#${moving}`]);
  expect((await marked(watched, editing, 'conductor'))[0]).toContain(`- #${moving}: \`text.txt\``);
  await engine.sql(`update tickets set state = 'cancelled' where title like '% must happen'`);
  await look();
});

it('an issue that asks for the same as an older one is told once, and both are worked on', async () => {
  const watched = await engine.repository('conductor-twins', { 'text.txt': withLines() });
  const visitor = { ...watched, octokit: engine.as('visitor') };
  const body = 'After the session has expired the login page shows a blank screen in Safari. Reloading helps, but the form has lost everything.';
  const first = await openIssue(visitor, { title: 'Blank login page', body });
  const other = await openIssue(visitor, { title: 'Slow start', body: 'The first page takes ten seconds on a cold start, and all others are quick.' });
  await engine.settle();
  expect(await look()).toMatchObject({ acted: 0 });
  const second = await openIssue(visitor, { title: 'Login page is blank @maintainer <!-- banyan:x -->', body: `${body} Please!` });
  await engine.settle();
  expect(await look()).toMatchObject({ acted: 1, did: { duplicate: 1 } });
  expect(await look()).toMatchObject({ acted: 0 });
  expect(await findings()).toEqual([`duplicate:#${first}`]);
  expect((await marked(watched, second, 'conductor'))[0]).toContain(`looks much like #${first} ("Blank login page")`);
  for (const issue of [first, other]) expect(await marked(watched, issue, 'conductor')).toEqual([]);
  await watched.octokit.rest.issues.update({ owner: watched.owner, repo: watched.repo, issue_number: first, state: 'closed' });
  await engine.settle();
  expect(await engine.sql(`select guid from deliveries where error is not null`)).toEqual([]);
  await look();
  expect(await findings()).toEqual([]);
  await expectNothingTwice(watched, second);
});
