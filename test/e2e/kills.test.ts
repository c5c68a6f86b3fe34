import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ChatRequest } from '../../src/testing/openai-server.ts';
import { simplePlayer } from '../../src/testing/openai-players.ts';
import { createCast } from '../../src/testing/cast.ts';
import { CALCULATOR, PRODUCT_ADDED, PRODUCT_BROKEN } from './scenarios.ts';
import { startStack, until } from './stack.ts';
import type { RunningStack } from './stack.ts';
import { checksOf, commentsOf, expectNothingTwice, marked, newRepository, openIssue, pullsOf, reviewsOf, say, untilLabel, untilStatus } from './watch.ts';
import type { Watched } from './watch.ts';

let stack: RunningStack;
const cast = createCast();

beforeAll(async () => {
  stack = await startStack((request) => cast.play(request), { BANYAN_LEASE_SECONDS: '2' });
}, 120_000);
afterAll(() => stack.stop(), 30_000);

const SCRIPT = {
  questionRounds: [['Which sign?']],
  files: [PRODUCT_BROKEN, PRODUCT_ADDED, { ...PRODUCT_ADDED, 'README.md': '# Products too\n' }],
  commands: ['node --test'],
  review: [{ decision: 'request_changes' as const, comments: [{ path: 'src/calculator.js', line: 5, body: 'Why?' }] }, { decision: 'approve' as const }],
};

function calls(request: ChatRequest): string[] {
  return request.messages.flatMap((message) => message.tool_calls ?? []).map((call) => call.function.name);
}

/** Names of the moments at which the functions are killed, each once, while the model is being asked. */
function momentOf(request: ChatRequest): string {
  const made = calls(request);
  if (request.agent !== 'developer') return `${request.agent} after ${made.length}`;
  return `developer ${made.includes('run_command') ? 'after a command' : made.includes('write_file') ? 'after writing' : 'at the start'}`;
}

async function expectOneOfEach(watched: Watched, issue: number): Promise<void> {
  await expectNothingTwice(watched, issue);
  expect(await marked(watched, issue, 'questions')).toHaveLength(1);
  const pulls = await pullsOf(watched);
  expect(pulls).toHaveLength(1);
  const pull = pulls[0];
  if (!pull) throw new Error('no pull request');
  const commits = (await watched.octokit.rest.pulls.listCommits({ owner: 'acme', repo: watched.repo, pull_number: pull.number })).data;
  const trailers = commits.map((commit) => /Banyan-Task: \S+/.exec(commit.commit.message)?.[0]);
  expect(new Set(trailers).size).toBe(commits.length);
  for (const commit of commits) {
    const names = (await checksOf(watched, commit.sha)).map((check) => check.name);
    expect(new Set(names).size).toBe(names.length);
  }
  const markers = (await reviewsOf(watched, pull.number)).map((review) => /<!-- banyan:review:\S+ -->/.exec(review.body)?.[0]);
  expect(new Set(markers).size).toBe(markers.length);
}

it('goes on after a kill in every model call, with nothing lost and nothing twice', async () => {
  const player = simplePlayer(SCRIPT);
  const killed: string[] = [];
  cast.in('killed', async (request) => {
    const moment = momentOf(request);
    if (!killed.includes(moment)) {
      killed.push(moment);
      await stack.killFunctions();
    }
    return player(request);
  });
  const watched = await newRepository(stack.as('maintainer'), 'killed', CALCULATOR);
  const issue = await openIssue(watched, { title: 'Multiply', body: 'please' });
  await untilLabel(watched, issue, 'needs-clarification');
  await say(watched, issue, 'the star');
  await untilStatus(watched, issue, 'a human may merge', 150);
  expect(killed).toEqual(
    expect.arrayContaining([
      'product-owner after 0',
      'product-owner after 1',
      'developer at the start',
      'developer after writing',
      'developer after a command',
      'qa after 0',
      'reviewer after 0',
    ]),
  );
  await expectOneOfEach(watched, issue);
}, 200_000);

it('goes on after a kill at everything that appears on GitHub', async () => {
  cast.in('seen', SCRIPT);
  const watched = await newRepository(stack.as('maintainer'), 'seen', CALCULATOR);
  const { octokit } = watched;
  const at = { owner: 'acme', repo: 'seen' };
  const branches = async () => (await octokit.rest.git.listMatchingRefs({ ...at, ref: 'heads/feature' })).data;
  const head = async () => (await branches())[0]?.object.sha;
  const issue = await openIssue(watched, { title: 'Multiply', body: 'please' });

  await until('a comment', async () => (await commentsOf(watched, issue)).length > 0);
  await stack.killFunctions();
  await until('the questions', async () => (await marked(watched, issue, 'questions')).length > 0);
  await stack.killFunctions();
  await say(watched, issue, 'the star');
  await until('a branch', async () => (await branches()).length > 0);
  await stack.killFunctions();
  await until('a pull request', async () => (await pullsOf(watched)).length > 0);
  await stack.killFunctions();
  await until('a check', async () => (await checksOf(watched, (await head()) ?? 'main')).length > 0);
  await stack.killFunctions();
  await until('a review', async () => (await reviewsOf(watched, (await pullsOf(watched))[0]?.number ?? 0)).length > 0);
  await stack.killFunctions();
  await untilStatus(watched, issue, 'a human may merge', 120);
  await expectOneOfEach(watched, issue);
}, 240_000);

it('goes on where it was after everything was stopped and started again', async () => {
  let asked = 0;
  const player = simplePlayer(SCRIPT);
  const stopped: Promise<void>[] = [];
  cast.in('restarted', (request) => {
    asked += 1;
    if (asked === 3) stopped.push(stack.restart());
    return player(request);
  });
  const watched = await newRepository(stack.as('maintainer'), 'restarted', CALCULATOR);
  const issue = await openIssue(watched, { title: 'Multiply', body: 'please' });
  await untilLabel(watched, issue, 'needs-clarification');
  await say(watched, issue, 'the star');
  await until('the stop in the middle', () => Promise.resolve(stopped.length > 0));
  await Promise.all(stopped);
  await untilStatus(watched, issue, 'a human may merge', 90);
  await expectOneOfEach(watched, issue);
}, 200_000);
