import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Limits } from '../../src/local/github/core/limits.ts';
import { expectNothingTwice, labelsOf, openIssue, pullsOf, reviewsOf } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine, EngineOptions, Process } from '../support/engine.ts';
import { readGitHubRequest } from '../../src/testing/mortal.ts';
import type { GitHubRequest } from '../../src/testing/mortal.ts';
import { content, PLAIN } from './scripts.ts';

const engines: Engine[] = [];
afterAll(() => Promise.all(engines.map((engine) => engine.close())));

async function start(options: EngineOptions): Promise<Engine> {
  const engine = await startEngine(options);
  engines.push(engine);
  return engine;
}

/** The budget in the database, with other numbers. */
async function budget(engine: Engine, { pointsAMinute, creationsAMinute, creationsAnHour, atOnce }: Required<Omit<Limits, 'requestsAnHour' | 'retryAfter'>>) {
  await engine.sql(
    `create or replace function banyan.github_limits(
       out points_a_minute integer, out creations_a_minute integer, out creations_an_hour integer, out at_once integer,
       out use_seconds integer, out late_seconds integer, out request_seconds integer
     ) language sql immutable set search_path = ''
     as $$ select ${pointsAMinute}, ${creationsAMinute}, ${creationsAnHour}, ${atOnce}, 5, 5, 35 $$`,
  );
}

const LOW = { pointsAMinute: 300, creationsAMinute: 5, creationsAnHour: 60, atOnce: 60 };
const ISSUES = 3;

/** Several processes at once over the same issues, until nothing is to be done; how many minutes that took. */
async function work(engine: Engine, processes: Process[]): Promise<number> {
  for (let rounds = 0; rounds < 200; rounds += 1) {
    await Promise.all(processes.map((process) => process.drain()));
    await engine.github.idle();
    if ((await engine.open()) === 0) return (rounds * 30) / 60;
    await engine.pass(30);
  }
  throw new Error('it did not come to an end');
}

async function issuesIn(engine: Engine, repo: string): Promise<{ watched: Watched; issues: number[] }> {
  engine.cast.in(repo, content);
  const watched = await engine.repository(repo, PLAIN);
  const issues: number[] = [];
  for (let index = 0; index < ISSUES; index += 1) issues.push(await openIssue(watched, { title: `Greet ${index}`, labels: ['ready-for-dev'] }));
  return { watched, issues };
}

/** Each issue has come to its review, with one of everything. */
async function expectAllDone(watched: Watched, issues: number[]): Promise<void> {
  for (const issue of issues) {
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    await expectNothingTwice(watched, issue);
  }
  const pulls = await pullsOf(watched);
  expect(pulls).toHaveLength(issues.length);
  for (const pull of pulls) expect(await reviewsOf(watched, pull.number)).toHaveLength(1);
}

describe('several workers on one installation', () => {
  it('stay below limits that GitHub keeps, and do everything once', async () => {
    const engine = await start({ counted: true, limits: LOW });
    await budget(engine, LOW);
    const { watched, issues } = await issuesIn(engine, 'below');
    const minutes = await work(engine, [engine.process(), engine.process(), engine.process()]);
    expect(engine.github.violations).toEqual([]);
    await expectAllDone(watched, issues);
    // Each issue makes a status comment, a commit, a pull request and a review.
    expect(minutes).toBeGreaterThanOrEqual((ISSUES * 4) / LOW.creationsAMinute - 1);
    expect(await engine.sql("select 1 from effects where state = 'failed'")).toEqual([]);
    const [left] = await engine.sql<{ slots: number }>('select coalesce(sum(slots), 0)::int as slots from github_reservations');
    expect(left?.slots).toBe(0);
  }, 90_000);

  it('without a budget pass them, are put off by what GitHub answers, and do everything once all the same', async () => {
    const engine = await start({ counted: false, limits: { ...LOW, retryAfter: null } });
    const { watched, issues } = await issuesIn(engine, 'above');
    await work(engine, [engine.process(), engine.process(), engine.process()]);
    expect(engine.github.violations.length).toBeGreaterThan(0);
    await expectAllDone(watched, issues);
  }, 90_000);
});

/** A process whose requests are counted, and the first that matches refused as GitHub does without a word in the headers. */
function refused(engine: Engine, matches: (request: GitHubRequest) => boolean): { process: Process; sent: GitHubRequest[] } {
  const sent: GitHubRequest[] = [];
  let times = 1;
  const process = engine.process({
    async fetch(input, init) {
      const request = await readGitHubRequest(input, init);
      sent.push(request);
      if (times === 0 || !matches(request)) return fetch(input, init);
      times -= 1;
      const body = {
        message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
        documentation_url: 'https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits',
      };
      return Response.json(body, { status: 403 });
    },
  });
  return { process, sent };
}

const nothing = () => false;

describe('a secondary limit that GitHub names no time for', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await start({ counted: true });
  });

  async function begin(repo: string): Promise<{ watched: Watched; issue: number }> {
    engine.cast.in(repo, content);
    const watched = await engine.repository(repo, PLAIN);
    return { watched, issue: await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] }) };
  }

  async function settle(): Promise<void> {
    for (let round = 0; (await engine.open()) > 0; round += 1) {
      if (round === 60) throw new Error('it did not come to an end');
      await engine.pass(75);
      await engine.process().drain();
      await engine.github.idle();
    }
  }

  const rows = (table: string) =>
    engine.sql<{ attempts: number; code: string; due_in: number }>(
      `select attempts, error ->> 'code' as code, extract(epoch from due_at - now())::float as due_in from ${table}
       where error ->> 'code' = 'github_rate_limited' and state in ('pending', 'begun')`,
    );

  /** Everybody holds back for a minute, processes that start anew included. */
  async function expectHeld(): Promise<void> {
    const another = refused(engine, nothing);
    await another.process.drain();
    // A token is the App's own business.
    expect(another.sent.filter(({ path }) => path.startsWith('/repos'))).toEqual([]);
    await engine.pass(40);
    await another.process.drain();
    expect(another.sent.filter(({ path }) => path.startsWith('/repos'))).toEqual([]);
  }

  it('at a comment: the effect is put off, and nobody asks for a minute', async () => {
    const { watched, issue } = await begin('comment');
    const first = refused(engine, ({ method, path }) => method === 'POST' && path.endsWith('/comments'));
    await first.process.drain();
    const [effect] = await rows('effects');
    expect(effect).toMatchObject({ attempts: 0, code: 'github_rate_limited' });
    expect(effect?.due_in).toBeGreaterThan(30);
    await expectHeld();
    await settle();
    await expectAllDone(watched, [issue]);
  });

  it('at a commit: the task goes on where it was, and repeats nothing', async () => {
    const { watched, issue } = await begin('commit');
    const before = engine.models.requests.length;
    const first = refused(engine, ({ body }) => body.includes('createCommitOnBranch'));
    await first.process.drain();
    const [task] = await rows('tasks');
    expect(task).toMatchObject({ attempts: 0, code: 'github_rate_limited' });
    const asked = () => engine.models.requests.slice(before).filter(({ agent }) => agent === 'developer').length;
    const askedBefore = asked();
    await expectHeld();
    await settle();
    expect([askedBefore, asked()]).toEqual([2, 2]);
    // The commit was its task's alone all the time.
    expect(await engine.sql("select data ->> 'kind' as kind from events where type = 'effect.failed'")).toEqual([]);
    await expectAllDone(watched, [issue]);
  });

  it('at the question who somebody is: the delivery waits, and is not dead after any number of times', async () => {
    const { watched, issue } = await begin('permission');
    for (let round = 0; round < 12; round += 1) {
      const turn = refused(engine, ({ path }) => path.endsWith('/permission'));
      await turn.process.drain();
      const [delivery] = await rows('deliveries');
      expect(delivery).toMatchObject({ attempts: 0, code: 'github_rate_limited' });
      await engine.pass(3700);
    }
    await settle();
    await expectAllDone(watched, [issue]);
  });

  it('for longer than a day: a person is asked', async () => {
    const { watched, issue } = await begin('for-ever');
    const first = refused(engine, ({ body }) => body.includes('createCommitOnBranch'));
    await first.process.drain();
    await engine.sql("update installations set held_until = now() + interval '25 hours' where held_until > now()");
    await engine.pass(24 * 3600 + 60);
    await engine.process().drain();
    await engine.pass(3600);
    // What its task began on GitHub and nobody came back for is shown as failed in the end.
    await engine.pass(48 * 3600);
    await settle();
    expect(await labelsOf(watched, issue)).toEqual(['needs-human']);
    expect(await pullsOf(watched)).toEqual([]);
  });
});
