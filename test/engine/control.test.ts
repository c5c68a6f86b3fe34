import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checksOf, commentsOf, labelsOf, marked, openIssue, pullsOf, say } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import type { GitHubRequest } from '../../src/testing/mortal.ts';
import type { ChatRequest } from '../../src/testing/openai-server.ts';
import { content, developerSteps, PLAIN, saidTo, SUBMIT_DEVELOPER, WRITE_GREETING } from './scripts.ts';
import { fileOn, greetingOn, runOf, taskOf, transcriptOf, until } from './transcripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function begin(repo: string, files: Record<string, string> = PLAIN): Promise<{ watched: Watched; issue: number }> {
  const watched = await engine.repository(repo, files);
  return { watched, issue: await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] }) };
}

function asked(repo: string): ChatRequest[] {
  return engine.models.requests.filter((request) => request.agent === 'developer' && saidTo(request).includes(`acme/${repo} `));
}

async function status({ watched, issue }: { watched: Watched; issue: number }): Promise<string> {
  return (await marked(watched, issue, 'status'))[0] ?? '';
}

/** Every model call costs a dollar. */
const DOLLAR_A_CALL = {
  ...PLAIN,
  '.github/banyan.yml': 'version: 1\nbudget: 5\nmodels:\n  prices:\n    "openai:played-by-the-test": {input: 1000, output: 0}\n',
};

describe('what is shown while a role works', () => {
  it('the label and the status comment change when the work begins, not when it ends', async () => {
    engine.cast.in(
      'shown',
      developerSteps(async () => {
        await until('the label', async () => (await labelsOf(watched, issue)).join() === 'in-progress');
        await until('the status comment', async () => (await status({ watched, issue })).includes('Banyan: Building'));
        return WRITE_GREETING;
      }, SUBMIT_DEVELOPER),
    );
    const { watched, issue } = await begin('shown');
    await engine.settle();
    expect(engine.models.errors).toEqual([]);
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  });
});

describe('the budget', () => {
  it('warns once at 80 % while the work goes on, stops at 100 %, keeps the work on the branch, and says how to go on', async () => {
    let warning = '';
    engine.cast.in(
      'budget',
      developerSteps(WRITE_GREETING, WRITE_GREETING, WRITE_GREETING, WRITE_GREETING, async () => {
        await until('the warning', async () => (warning = await status(opened)).includes('Over $4.00'));
        return WRITE_GREETING;
      }),
    );
    const opened = await begin('budget', DOLLAR_A_CALL);
    await engine.settle();
    expect(engine.models.errors).toEqual([]);
    expect(warning).toContain('**Cost so far:** $4.00 of $5.00. Over $4.00: work stops at the budget.');
    expect(asked('budget')).toHaveLength(5);
    expect(await runOf(engine, 'budget')).toMatchObject({ state: 'stopped_budget', spent_usd: 5, warned: true, stop_reason: 'budget' });
    expect(
      await engine.sql(
        `select count(*)::int as count from events e join projects p on p.id = e.project_id where p.name = 'budget' and e.type = 'run.budget_warning'`,
      ),
    ).toEqual([{ count: 1 }]);
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['needs-human']);
    expect(await status(opened)).toMatch(/budget of \$5\.00 .* is spent \(\$5\.00\).*commit [0-9a-f]{7} on branch `feature\/1-greet`.*`\/banyan retry`/);
    expect(await pullsOf(opened.watched)).toEqual([]);
    const { data } = await opened.watched.octokit.rest.repos.listCommits({ owner: 'acme', repo: 'budget', sha: 'feature/1-greet', per_page: 1 });
    expect(data[0]?.commit.message).toMatch(/^feat: wip: |^wip: /);

    engine.cast.in('budget', content);
    await say(opened.watched, opened.issue, '/banyan retry');
    await engine.settle();
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
    expect(await runOf(engine, 'budget')).toMatchObject({ state: 'running', spent_usd: 5 });
    expect(await greetingOn(opened.watched)).toBe('Hello, and welcome.\n');
  });

  it('is one for all roles: what the Developer left is all that the others have', async () => {
    engine.cast.in('shared', content);
    const opened = await begin('shared', { ...DOLLAR_A_CALL, '.github/banyan.yml': DOLLAR_A_CALL['.github/banyan.yml'].replace('budget: 5', 'budget: 3') });
    await engine.settle();
    expect(await runOf(engine, 'shared')).toMatchObject({ state: 'stopped_budget', spent_usd: 3 });
    expect(await taskOf(engine, 'shared', 'reviewer')).toMatchObject({ state: 'failed' });
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['needs-human']);
  });
});

describe('a person who stops the work', () => {
  it('by `/banyan stop` in the middle of a model call: nothing more is asked, written or spent', async () => {
    const worker = engine.process();
    engine.cast.in(
      'stopped',
      developerSteps(async () => {
        await say(watched, issue, '/banyan stop');
        await worker.drain();
        await until('the stop', async () => (await runOf(engine, 'stopped')).state === 'stopped_user');
        return WRITE_GREETING;
      }),
    );
    const { watched, issue } = await begin('stopped');
    await engine.settle(worker);
    expect(asked('stopped')).toHaveLength(1);
    // The call that was under way has cost what it cost.
    expect(await transcriptOf(engine, 'stopped', 'developer')).toEqual(['system', 'human', 'ai write_file']);
    expect(await taskOf(engine, 'stopped', 'developer')).toMatchObject({ state: 'cancelled' });
    expect(await pullsOf(watched)).toEqual([]);
    expect(await labelsOf(watched, issue)).toEqual([]);
    expect(await status({ watched, issue })).toMatch(/### Banyan: Stopped\n[^]*Stopped by @\u200bmaintainer/);
    expect((await commentsOf(watched, issue)).filter((comment) => comment.user?.type === 'Bot')).toHaveLength(1);
  });

  it('by pausing the run in the database: the step under way is kept, and lifting the pause goes on from there', async () => {
    engine.cast.in(
      'paused',
      developerSteps(async () => {
        await engine.sql(`update runs set state = 'paused' where project_id = (select id from projects where name = 'paused')`);
        return WRITE_GREETING;
      }, SUBMIT_DEVELOPER),
    );
    const { watched, issue } = await begin('paused');
    await engine.settle();
    expect(asked('paused')).toHaveLength(1);
    expect(await taskOf(engine, 'paused', 'developer')).toMatchObject({ state: 'pending', attempts: 0 });
    await engine.sql(`update runs set state = 'running' where project_id = (select id from projects where name = 'paused')`);
    await engine.settle();
    expect(await transcriptOf(engine, 'paused', 'developer')).toEqual([
      'system',
      'human',
      'ai write_file',
      'tool write_file',
      'ai submit_developer_result',
      'tool submit_developer_result',
    ]);
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    expect(await fileOn(watched, 'greeting.txt')).toBe('Hello, and welcome.\n');
  });

  it.each([
    { moment: 'just after its check was made', repo: 'check-made', method: 'POST' },
    { moment: 'before its check was ended', repo: 'check-open', method: 'PATCH' },
  ])('also ends the check of a worker that died $moment', async ({ repo, method }) => {
    engine.cast.in(repo, content);
    const { watched, issue } = await begin(repo);
    const matches = (sent: GitHubRequest) => sent.method === method && /\/check-runs(\/\d+)?$/.test(sent.path);
    await engine.process({ death: { at: 'github', when: method === 'POST' ? 'after' : 'before', matches } }).drainToDeath();
    const sha = (await pullsOf(watched))[0]?.head.sha ?? '';
    expect(await checksOf(watched, sha)).toMatchObject([{ name: 'banyan/qa', status: 'in_progress' }]);
    await say(watched, issue, '/banyan stop');
    await engine.settle();
    expect(await taskOf(engine, repo, 'qa')).toMatchObject({ state: 'cancelled' });
    expect(await checksOf(watched, sha)).toMatchObject([{ name: 'banyan/qa', status: 'completed', conclusion: 'cancelled' }]);
  });

  it('by taking its lease: who lost it writes nothing any more, and the next one does the work', async () => {
    engine.cast.in(
      'taken',
      developerSteps(
        async () => {
          await engine.sql(
            `update tasks set lease_owner = 'somebody else', lease_expires_at = now() - interval '1 second' where project_id = (select id from projects where name = 'taken')`,
          );
          return WRITE_GREETING;
        },
        WRITE_GREETING,
        SUBMIT_DEVELOPER,
      ),
    );
    const { watched, issue } = await begin('taken');
    await engine.settle();
    expect(asked('taken')).toHaveLength(3);
    expect((await transcriptOf(engine, 'taken', 'developer')).filter((step) => step === 'ai write_file')).toHaveLength(1);
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  });
});
