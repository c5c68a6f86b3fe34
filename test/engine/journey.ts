import { expect } from 'vitest';
import { checksOf, commentsOf, expectNothingTwice, labelsOf, openIssue, pullsOf, reviewsOf, say } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import type { Engine, Process } from '../support/engine.ts';

/** What a person does when it is their turn: answers, and merges. True where there was something to do. */
async function playPerson(watched: Watched, issue: number): Promise<boolean> {
  const labels = await labelsOf(watched, issue);
  if (labels.includes('needs-clarification')) {
    await say(watched, issue, '1: very warmly');
    return true;
  }
  const [pull] = await pullsOf(watched);
  if (pull?.state !== 'open' || pull.draft) return false;
  const at = { owner: watched.owner, repo: watched.repo, pull_number: pull.number };
  // Without the closing keyword the merge leaves the issue open, so that closing it is Banyan's.
  await watched.octokit.rest.pulls.update({ ...at, body: 'Mine now.' });
  await watched.octokit.rest.pulls.merge(at);
  return true;
}

/** One issue from its opening to the merge, by one process after another: each works until it ends or nothing is left to do. */
export async function journey(engine: Engine, watched: Watched, processes: Process[]): Promise<number> {
  const issue = await openIssue(watched, { title: 'Greet more warmly', body: 'Please.' });
  const waiting = [...processes];
  let current = waiting.shift();
  while (current) {
    const worker: Process = current;
    try {
      await engine.settle(worker);
    } catch (thrown) {
      if (!worker.dead()) throw thrown;
      await engine.elapse();
      current = waiting.shift();
      continue;
    }
    if (!(await playPerson(watched, issue))) break;
  }
  expect(waiting.length, 'processes that were not needed, because one did not end').toBe(0);
  return issue;
}

/** The whole of what Banyan leaves behind for an issue that was asked about once, built once, and merged. */
export async function expectOneOfEverything(watched: Watched, issue: number): Promise<void> {
  const { octokit, owner, repo } = watched;
  await expectNothingTwice(watched, issue);
  expect((await octokit.rest.issues.get({ owner, repo, issue_number: issue })).data.state).toBe('closed');
  expect(await labelsOf(watched, issue)).toEqual(['done']);
  const reactions = (await octokit.rest.reactions.listForIssue({ owner, repo, issue_number: issue })).data;
  expect(reactions.map((reaction) => reaction.content)).toEqual(['eyes']);
  const kinds = (await commentsOf(watched, issue)).flatMap((comment) => /<!-- banyan:(\w+):/.exec(comment.body ?? '')?.[1] ?? []);
  expect(kinds.toSorted()).toEqual(['questions', 'status']);
  const pulls = await pullsOf(watched);
  expect(pulls.map((pull) => [pull.state, pull.draft])).toEqual([['closed', false]]);
  const number = pulls[0]?.number ?? 0;
  const commits = (await octokit.rest.pulls.listCommits({ owner, repo, pull_number: number })).data;
  expect(commits.map((commit) => commit.commit.message.split('\n')[0])).toEqual(['feat: greet more warmly']);
  const checks = await checksOf(watched, commits[0]?.sha ?? '');
  expect(checks.map((check) => `${check.name} ${check.status} ${check.conclusion}`).toSorted()).toEqual([
    'banyan/qa completed success',
    'banyan/review completed success',
  ]);
  expect((await reviewsOf(watched, number)).map((review) => review.state)).toEqual(['COMMENTED']);
}
