import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guardianJob } from '../../src/watch/guardian.ts';
import { runJob } from '../../src/watch/job.ts';
import { commentsOf, labelsOf, marked, openIssue, say } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { CALCULATOR, PRODUCT_ADDED, PRODUCT_BROKEN } from '../e2e/scenarios.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { callTool } from '../../src/testing/openai-server.ts';
import type { Answer, ChatRequest } from '../../src/testing/openai-server.ts';
import { developerSteps, inRole, PLAIN, saidTo, SUBMIT_DEVELOPER, toolsCalled, WRITE_GREETING } from './scripts.ts';
import { greetingOn, runOf, transcriptOf } from './transcripts.ts';

/* The guardian beside conversations at work: it runs where a tick comes in the middle of a model call. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const tick = () => runJob(guardianJob, { ...engine.process().parts, retention: { deliveryDays: 1, historyDays: 1 } }, Number.MAX_SAFE_INTEGER);
const begin = async (repo: string): Promise<{ watched: Watched; issue: number }> => {
  const watched = await engine.repository(repo, PLAIN);
  return { watched, issue: await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] }) };
};
const asked = (repo: string): ChatRequest[] =>
  engine.models.requests.filter((request) => request.agent === 'developer' && saidTo(request).includes(`acme/${repo} `));
const alternately = (request: ChatRequest): Answer => callTool('read_file', { path: toolsCalled(request).length % 2 ? 'greeting.txt' : 'notes/old.txt' });
const GUARDIAN = /word of the guardian/;

describe('a conversation that goes in circles', () => {
  it('hears a word at its next step, marked as no person’s, and goes on to its end', async () => {
    engine.cast.in(
      'circles',
      inRole('developer', async (request) => {
        await tick();
        if (!GUARDIAN.test(saidTo(request))) return alternately(request);
        return toolsCalled(request).includes('write_file') ? SUBMIT_DEVELOPER : WRITE_GREETING;
      }),
    );
    const { watched, issue } = await begin('circles');
    await engine.settle();
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    expect(await greetingOn(watched)).toBe('Hello, and welcome.\n');
    expect((await transcriptOf(engine, 'circles', 'developer')).filter((line) => line === 'human')).toHaveLength(2);
    const last = saidTo(asked('circles').at(-1));
    expect(last).toMatch(/you made nothing but calls that were already made/);
    expect(last.match(/who reads along and is no person/g)).toHaveLength(1);
    // Nobody but the model needs to know.
    expect((await commentsOf(watched, issue)).filter((comment) => comment.user?.type === 'Bot')).toHaveLength(1);
  });

  it('and does not listen is paused with the evidence, and goes on with a hint', async () => {
    engine.cast.in(
      'deaf',
      inRole('developer', async (request) => {
        await tick();
        if (!saidTo(request).includes('Write the greeting')) return alternately(request);
        return toolsCalled(request).includes('write_file') ? SUBMIT_DEVELOPER : WRITE_GREETING;
      }),
    );
    const { watched, issue } = await begin('deaf');
    await engine.settle();
    await tick();
    await engine.settle();
    expect(await runOf(engine, 'deaf')).toMatchObject({ state: 'paused', stop_reason: expect.stringContaining('guardian') });
    expect(await labelsOf(watched, issue)).toEqual(['paused']);
    expect((await marked(watched, issue, 'status'))[0]).toMatch(/### Banyan: Paused\n[^]*`\/banyan resume`/);
    const told = await marked(watched, issue, 'guardian');
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('`read_file greeting.txt`');
    expect(asked('deaf').length).toBeLessThan(25);

    await say(watched, issue, '/banyan resume Write the greeting at once.');
    await engine.settle();
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    expect(await marked(watched, issue, 'guardian')).toHaveLength(1);
  });

  it('and hands in while the word is on its way has handed in', async () => {
    engine.cast.in(
      'late-word',
      inRole('developer', async (request) => {
        const calls = toolsCalled(request).length;
        if (calls === 0) return WRITE_GREETING;
        if (calls < 11) return alternately(request);
        expect(await tick()).toMatchObject({ did: { steered: 1 } });
        return SUBMIT_DEVELOPER;
      }),
    );
    const { watched, issue } = await begin('late-word');
    await engine.settle();
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    const transcript = await transcriptOf(engine, 'late-word', 'developer');
    expect(transcript.slice(-2)).toEqual(['ai submit_developer_result', 'tool submit_developer_result']);
    expect(transcript.filter((line) => line === 'human')).toHaveLength(1);
    expect(asked('late-word').filter((request) => GUARDIAN.test(saidTo(request)))).toEqual([]);
  });
});

it('what is refused stands with the call, and is told when it is tried again and again', async () => {
  const workflow = (index: number) => callTool('write_file', { path: '.github/workflows/ci.yml', content: `${index}` });
  const attempts = [
    workflow(1),
    WRITE_GREETING,
    workflow(2),
    callTool('run_command', { command: 'mkdir -p .github/workflows && echo x > .github/workflows/ci.yml' }),
  ];
  engine.cast.in(
    'protected',
    developerSteps(
      ...attempts,
      async () => {
        expect(await tick()).toMatchObject({ did: { steered: 1 } });
        return callTool('read_file', { path: 'greeting.txt' });
      },
      SUBMIT_DEVELOPER,
    ),
  );
  const { watched, issue } = await begin('protected');
  await engine.settle();
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  expect(saidTo(asked('protected').at(-1))).toContain('Only a person may change these files');
  const refused = await engine.sql<{ tool_name: string }>(
    `select m.tool_name from messages m join conversations c on c.id = m.conversation_id join tasks t on t.id = c.task_id join projects p on p.id = t.project_id
     where p.name = 'protected' and m.content #>> '{data,additional_kwargs,banyan_refusal}' = 'path_protected' order by m.seq`,
  );
  expect(refused.map(({ tool_name: tool }) => tool)).toEqual(['write_file', 'write_file', 'run_command']);
});

it('finds nothing on the way of a healthy issue, however often it looks', { timeout: 120_000 }, async () => {
  const found: unknown[] = [];
  // Its first change breaks the suite, and QA sends it back.
  engine.cast.in('healthy', { files: [PRODUCT_BROKEN, PRODUCT_ADDED], commands: ['npm test', 'env | grep NODE_ENV'] });
  const watched = await engine.repository('healthy', CALCULATOR);
  const worker = engine.process({
    store: (store) => ({
      async appendMessages(...args) {
        const gate = await store.appendMessages(...args);
        found.push((await tick()).did);
        return gate;
      },
    }),
  });
  const issue = await openIssue(watched, { title: 'Add a product', labels: ['ready-for-dev'] });
  await engine.settle(worker);
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  expect(new Set(asked('healthy').map(({ task }) => task)).size).toBe(2);
  expect(found.length).toBeGreaterThan(20);
  expect(found.filter((did) => Object.keys(did as object).length > 0)).toEqual([]);
});
