import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commentsOf, expectNothingTwice, labelsOf, marked, openIssue, pullsOf } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { readGitHubRequest } from '../../src/testing/mortal.ts';
import type { GitHubRequest } from '../../src/testing/mortal.ts';
import { content, developerSteps, PLAIN, SUBMIT_DEVELOPER, WRITE_GREETING } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

interface Trouble {
  matches: (request: GitHubRequest) => boolean;
  status: number;
  headers?: Record<string, string>;
  /** The request comes through all the same: only its answer is bad. */
  performed?: boolean;
}

/** Towards GitHub, with the first requests that match answered badly; `asked` counts all that match. */
function troubled({ matches, status, headers = {}, performed = false }: Trouble, times: number): { fetch: typeof fetch; asked: () => number } {
  let asked = 0;
  return {
    asked: () => asked,
    async fetch(input, init) {
      const sent = await readGitHubRequest(input, init);
      if (!matches(sent)) return fetch(input, init);
      asked += 1;
      if (asked > times) return fetch(input, init);
      if (performed) await fetch(input, init);
      return Response.json({ message: `made to fail with ${status}` }, { status, headers });
    },
  };
}

const isStatusComment = ({ method, path, body }: GitHubRequest) =>
  method === 'POST' && /\/issues\/\d+\/comments$/.test(path) && body.includes('banyan:status:');

async function effectRow(repo: string, kind: string) {
  const [row] = await engine.sql<{ state: string; code: string | null }>(
    `select e.state, e.error ->> 'code' as code
     from effects e join projects p on p.id = e.project_id where p.name = $1 and e.kind = $2 order by e.position desc limit 1`,
    [repo, kind],
  );
  if (!row) throw new Error(`no effect ${kind} in ${repo}`);
  return row;
}

describe('an effect that GitHub does not take now', () => {
  const inTenMinutes = () => String(Math.ceil(Date.now() / 1000) + 600);
  const cases: { name: string; status: number; headers: Record<string, string>; code: string; from: number; to: number }[] = [
    { name: '500', status: 500, headers: {}, code: 'github_unavailable', from: 0, to: 5 },
    { name: '502', status: 502, headers: {}, code: 'github_unavailable', from: 0, to: 5 },
    {
      name: 'an exhausted limit',
      status: 403,
      headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inTenMinutes() },
      code: 'github_rate_limited',
      from: 400,
      to: 601,
    },
    { name: 'a secondary limit', status: 403, headers: { 'retry-after': '300' }, code: 'github_rate_limited', from: 200, to: 300 },
    { name: '429', status: 429, headers: { 'retry-after': '300' }, code: 'github_rate_limited', from: 200, to: 300 },
  ];
  it.each(cases.map((entry, index) => ({ ...entry, repo: `later-${index}` })))(
    'is put off after $name, having been asked for once',
    async ({ repo, code, from, to, status, headers }) => {
      engine.cast.in(repo, content);
      const watched = await engine.repository(repo, PLAIN);
      const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
      const trouble = troubled({ matches: isStatusComment, status, headers }, 1);
      const putOff: { code: unknown; seconds: number; asked: number }[] = [];
      const worker = engine.process({
        fetch: trouble.fetch,
        store: (store) => ({
          failEffect(key, owner, error, retryAt) {
            putOff.push({ code: error['code'], seconds: ((retryAt?.getTime() ?? 0) - Date.now()) / 1000, asked: trouble.asked() });
            return store.failEffect(key, owner, error, retryAt);
          },
          putOffEffect(key, owner, error, wait) {
            putOff.push({ code: error['code'], seconds: wait.seconds ?? 0, asked: trouble.asked() });
            return store.putOffEffect(key, owner, error, wait);
          },
        }),
      });
      await engine.settle(worker);
      expect(putOff).toEqual([{ code, seconds: expect.any(Number) as number, asked: 1 }]);
      expect(putOff[0]?.seconds).toBeGreaterThan(from);
      expect(putOff[0]?.seconds).toBeLessThanOrEqual(to);
      await expectNothingTwice(watched, issue);
      expect(await effectRow(repo, 'status_comment')).toEqual({ state: 'settled', code: null });
    },
  );

  it('is not done twice where GitHub did it and answered 502', async () => {
    engine.cast.in('bad-gateway', content);
    const watched = await engine.repository('bad-gateway', PLAIN);
    const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    const trouble = troubled({ matches: isStatusComment, status: 502, performed: true }, 1);
    await engine.settle(engine.process({ fetch: trouble.fetch }));
    expect(trouble.asked()).toBe(1);
    await expectNothingTwice(watched, issue);
  });

  it('is given up where the App may not do it, and health shows it', async () => {
    engine.cast.in('forbidden', content);
    const watched = await engine.repository('forbidden', PLAIN);
    await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    const before = (await engine.store.health()).effects_failed;
    const trouble = troubled({ matches: ({ method, path }) => method === 'POST' && path.endsWith('/reactions'), status: 403 }, 99);
    await engine.settle(engine.process({ fetch: trouble.fetch }));
    expect(trouble.asked()).toBe(1);
    expect(await effectRow('forbidden', 'reaction')).toMatchObject({ state: 'failed', code: 'github_rejected' });
    expect((await engine.store.health()).effects_failed).toBe(before + 1);
  });
});

describe('a task that GitHub does not serve now', () => {
  it('waits as long as GitHub asks, and goes on without a person', async () => {
    engine.cast.in('limited', content);
    const watched = await engine.repository('limited', PLAIN);
    const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    const isPull = ({ method, path }: GitHubRequest) => method === 'POST' && path.endsWith('/pulls');
    const trouble = troubled({ matches: isPull, status: 403, headers: { 'retry-after': '300' } }, 1);
    const worker = engine.process({ fetch: trouble.fetch });
    await worker.drain();
    const [task] = await engine.sql<{ state: string; seconds: number }>(
      `select t.state, extract(epoch from t.due_at - now())::float as seconds from tasks t join projects p on p.id = t.project_id where p.name = 'limited' and t.role = 'developer'`,
    );
    expect(task?.state).toBe('pending');
    expect(task?.seconds).toBeGreaterThan(250);
    await engine.settle(worker);
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    expect(await pullsOf(watched)).toHaveLength(1);
  });
});

describe('what people do meanwhile', () => {
  it('a status comment that somebody deleted is posted once more', async () => {
    engine.cast.in('deleted', content);
    const watched = await engine.repository('deleted', PLAIN);
    const issue = await openIssue(watched, { title: 'Greet' });
    await engine.process().drain();
    const [first] = (await commentsOf(watched, issue)).filter((comment) => comment.body?.includes('banyan:status:'));
    await watched.octokit.rest.issues.deleteComment({ owner: 'acme', repo: 'deleted', comment_id: first?.id ?? 0 });
    await watched.octokit.rest.issues.createComment({ owner: 'acme', repo: 'deleted', issue_number: issue, body: '/banyan status' });
    await engine.settle();
    expect(await marked(watched, issue, 'status')).toHaveLength(1);
  });

  /** A person pushes one file to the branch while the Developer is about to hand in. */
  function pushes(repo: string, path: string): () => Promise<typeof SUBMIT_DEVELOPER> {
    const at = { owner: 'acme', repo };
    return async () => {
      const { octokit } = pushing.get(repo) ?? {};
      if (!octokit) throw new Error(`no repository ${repo}`);
      const { data: main } = await octokit.rest.git.getRef({ ...at, ref: 'heads/main' });
      await octokit.rest.git.createRef({ ...at, ref: 'refs/heads/feature/1-greet', sha: main.object.sha });
      const { data: known } = await octokit.rest.repos.getContent({ ...at, path }).catch(() => ({ data: {} }));
      const sha = 'sha' in known ? { sha: known.sha } : {};
      await octokit.rest.repos.createOrUpdateFileContents({
        ...at,
        ...sha,
        branch: 'feature/1-greet',
        path,
        message: 'mine',
        content: Buffer.from('mine\n').toString('base64'),
      });
      return SUBMIT_DEVELOPER;
    };
  }
  const pushing = new Map<string, Watched>();

  async function play(repo: string, path: string): Promise<{ watched: Watched; issue: number }> {
    engine.cast.in(repo, developerSteps(WRITE_GREETING, pushes(repo, path), WRITE_GREETING, SUBMIT_DEVELOPER));
    const watched = await engine.repository(repo, PLAIN);
    pushing.set(repo, watched);
    const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    expect(issue).toBe(1);
    await engine.settle();
    return { watched, issue };
  }

  async function commitsOf(watched: Watched): Promise<(string | undefined)[]> {
    const [pull] = await pullsOf(watched);
    const { data } = await watched.octokit.rest.pulls.listCommits({ owner: 'acme', repo: watched.repo, pull_number: pull?.number ?? 0 });
    return data.map((commit) => commit.commit.message.split('\n')[0]);
  }

  it('commits of people on other files are kept and built on', async () => {
    const { watched } = await play('joined', 'mine.txt');
    expect(await commitsOf(watched)).toEqual(['mine', 'feat: greet more warmly']);
  });

  it('a branch on which somebody changed the same file stops the Developer with the way out, and a retry builds on it', async () => {
    const { watched, issue } = await play('moved', 'greeting.txt');
    expect(await labelsOf(watched, issue)).toEqual(['needs-human']);
    expect((await marked(watched, issue, 'status'))[0]).toMatch(/somebody pushed to feature\/1-greet .*`\/banyan retry`/);
    expect(await pullsOf(watched)).toEqual([]);

    await watched.octokit.rest.issues.createComment({ owner: 'acme', repo: 'moved', issue_number: issue, body: '/banyan retry' });
    await engine.settle();
    expect(await commitsOf(watched)).toEqual(['mine', 'feat: greet more warmly']);
  });
});
