import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { checksOf, labelsOf, marked, openIssue, pullsOf } from '../e2e/watch.ts';
import { callTools } from '../../src/testing/openai-answers.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { content, developerSteps, PLAIN, SUBMIT_DEVELOPER, WRITE_GREETING } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

describe('what comes too late', () => {
  it('an opened issue that is closed by the time it is heard of starts nothing', async () => {
    engine.cast.in('late', content);
    const watched = await engine.repository('late', PLAIN);
    const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    await watched.octokit.rest.issues.update({ owner: 'acme', repo: 'late', issue_number: issue, state: 'closed' });
    await engine.settle();
    expect(await pullsOf(watched)).toEqual([]);
    expect(engine.models.requests.filter((request) => JSON.stringify(request.messages[0]).includes('acme/late'))).toEqual([]);
  });
});

describe('a worker that was stopped for longer than its lease', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('writes nothing of what another has taken over', async () => {
    const clock = performance.now.bind(performance);
    let ahead = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => clock() + ahead);
    const watched = await engine.repository('asleep', PLAIN);
    engine.cast.in('asleep', content);
    const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    async function sleep(): Promise<void> {
      ahead += 601_000;
      await engine.elapse();
      await engine.process().drain();
    }
    let slept: Promise<void> | undefined;
    const sleeper = engine.process({
      store: (store) => ({
        // Between looking and writing: what it looked at is there, and its comment is not posted yet.
        async ticketSnapshot(id) {
          const snapshot = await store.ticketSnapshot(id);
          await (slept ??= sleep());
          return snapshot;
        },
      }),
    });
    await sleeper.drain();
    await engine.settle();
    expect(await marked(watched, issue, 'status')).toHaveLength(1);
    expect(await pullsOf(watched)).toHaveLength(1);
  });
});

describe('a check', () => {
  it('does not stay under way when its pull request is closed in the middle', async () => {
    const watched = await engine.repository('closed-in-qa', PLAIN);
    engine.cast.in('closed-in-qa', async (request) => {
      const [pull] = request.agent === 'qa' ? await pullsOf(watched) : [];
      if (pull?.state === 'open') {
        await watched.octokit.rest.pulls.update({ owner: 'acme', repo: 'closed-in-qa', pull_number: pull.number, state: 'closed' });
        await engine.process().drain();
      }
      return content(request);
    });
    await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    await engine.settle();
    const [pull] = await pullsOf(watched);
    const checks = await checksOf(watched, pull?.head.sha ?? '');
    expect(checks.map((check) => `${check.name} ${check.status} ${check.conclusion}`)).toEqual(['banyan/qa completed cancelled']);
  });
});

describe('several questions of one turn', () => {
  it('are all asked', async () => {
    const watched = await engine.repository('two-questions', PLAIN);
    const ask = callTools([
      { name: 'ask_human', args: { question: 'Which colour?' } },
      { name: 'ask_human', args: { question: 'Which size?' } },
    ]);
    engine.cast.in('two-questions', developerSteps(ask, WRITE_GREETING, SUBMIT_DEVELOPER));
    const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    await engine.settle();
    expect(await labelsOf(watched, issue)).toEqual(['needs-clarification']);
    const [questions] = await marked(watched, issue, 'questions');
    expect(questions).toContain('1. Which colour?');
    expect(questions).toContain('2. Which size?');
  });
});

describe('a repository without a commit', () => {
  it('says so to a person, and what to do', async () => {
    const octokit = engine.as('maintainer');
    await octokit.rest.repos.createInOrg({ org: 'acme', name: 'empty' });
    const watched = { octokit, owner: 'acme', repo: 'empty' };
    const issue = await openIssue(watched, { title: 'Greet' });
    await engine.settle();
    expect(await labelsOf(watched, issue)).toEqual(['needs-human']);
    expect((await marked(watched, issue, 'status'))[0]).toContain('Push a first commit');
  });
});
