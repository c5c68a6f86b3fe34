import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checksOf, commentsOf, labelsOf, marked, openIssue, pullsOf, say } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine, Process } from '../support/engine.ts';
import { callTool } from '../../src/testing/openai-server.ts';
import type { ChatRequest } from '../../src/testing/openai-server.ts';
import { content, developerSteps, PLAIN, saidTo, SUBMIT_DEVELOPER, WRITE_GREETING } from './scripts.ts';
import { greetingOn, runOf, taskOf, transcriptOf, until } from './transcripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

interface Opened {
  watched: Watched;
  issue: number;
}

async function begin(repo: string, files: Record<string, string> = PLAIN): Promise<Opened> {
  const watched = await engine.repository(repo, files);
  return { watched, issue: await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] }) };
}

function asked(repo: string): ChatRequest[] {
  return engine.models.requests.filter((request) => request.agent === 'developer' && saidTo(request).includes(`acme/${repo} `));
}

async function statusOf({ watched, issue }: Opened): Promise<string> {
  return (await marked(watched, issue, 'status'))[0] ?? '';
}

/** A person's command, taken in by the worker that is in the middle of a step. */
async function command({ watched, issue }: Opened, worker: Process, words: string, state: string): Promise<void> {
  await say(watched, issue, words);
  await worker.drain();
  await until(`the run to be ${state}`, async () => (await runOf(engine, watched.repo)).state === state);
}

const BUILT = ['system', 'human', 'ai write_file', 'tool write_file', 'ai submit_developer_result', 'tool submit_developer_result'];

describe('a pause', () => {
  it('in a model call: the call ends, is counted and is not asked for again; the label and the status say so; the resumption goes on from there', async () => {
    const worker = engine.process();
    engine.cast.in(
      'pause-model',
      developerSteps(async () => {
        await command(opened, worker, '/banyan pause', 'paused');
        return WRITE_GREETING;
      }, SUBMIT_DEVELOPER),
    );
    const opened = await begin('pause-model');
    await engine.settle(worker);
    expect(await transcriptOf(engine, 'pause-model', 'developer')).toEqual(BUILT.slice(0, 3));
    expect(await taskOf(engine, 'pause-model', 'developer')).toMatchObject({ state: 'pending', attempts: 0 });
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['paused']);
    expect(await statusOf(opened)).toMatch(/### Banyan: Paused\n[^]*`\/banyan resume`/);
    const counted = await engine.sql(`select t.tokens_in::int as tokens from tasks t join projects p on p.id = t.project_id where p.name = 'pause-model'`);
    expect(counted).toEqual([{ tokens: 1_000 }]);

    await say(opened.watched, opened.issue, '/banyan pause');
    await say(opened.watched, opened.issue, '/banyan resume');
    await say(opened.watched, opened.issue, '/banyan resume');
    await engine.settle();
    expect(await transcriptOf(engine, 'pause-model', 'developer')).toEqual(BUILT);
    expect(asked('pause-model')).toHaveLength(2);
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
    expect(await greetingOn(opened.watched)).toBe('Hello, and welcome.\n');
    expect((await commentsOf(opened.watched, opened.issue)).filter((comment) => comment.user?.type === 'Bot')).toHaveLength(1);
  });

  it('in a long command: the command is broken off within seconds and begun again on resumption; nothing failed', async () => {
    const worker = engine.process();
    let started: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (started = resolve));
    engine.cast.in(
      'pause-command',
      developerSteps(
        () => {
          started();
          return callTool('run_command', { command: 'if [ -e greeting.txt ]; then rm greeting.txt; sleep 120; fi' });
        },
        WRITE_GREETING,
        SUBMIT_DEVELOPER,
      ),
    );
    const opened = await begin('pause-command');
    const settled = engine.settle(worker);
    await running;
    await until('the command', async () => (await transcriptOf(engine, 'pause-command', 'developer')).length === 3);
    await command(opened, worker, '/banyan pause', 'paused');
    await settled;
    expect(await taskOf(engine, 'pause-command', 'developer')).toMatchObject({ state: 'pending', attempts: 0, error: null });
    expect(await transcriptOf(engine, 'pause-command', 'developer')).toEqual(['system', 'human', 'ai run_command']);
    // As if the command did not hang any more.
    await engine.sql(`update messages set content = replace(content::text, 'sleep 120', 'true')::jsonb where content::text like '%sleep 120%'`);
    await say(opened.watched, opened.issue, '/banyan resume');
    await engine.settle();
    expect(asked('pause-command')).toHaveLength(3);
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
  });

  it('before anything began, and while it waits for an answer: the answer is kept, and nothing begins before the resumption', async () => {
    engine.cast.in('pause-waiting', developerSteps(callTool('ask_human', { question: 'How?' }), WRITE_GREETING, SUBMIT_DEVELOPER));
    const opened = await begin('pause-waiting');
    await say(opened.watched, opened.issue, '/banyan pause');
    await engine.settle();
    const early = asked('pause-waiting').length;
    await say(opened.watched, opened.issue, '/banyan resume');
    await engine.settle();
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['needs-clarification']);
    const calls = asked('pause-waiting').length;
    await say(opened.watched, opened.issue, '/banyan pause');
    await engine.settle();
    await say(opened.watched, opened.issue, 'Warmly.');
    await engine.settle();
    expect([early, calls, asked('pause-waiting').length]).toEqual([0, 1, 1]);
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['paused']);
    await say(opened.watched, opened.issue, '/banyan retry and be brief');
    await engine.settle();
    expect(saidTo(asked('pause-waiting').at(-1))).toContain('Warmly.');
    expect(saidTo(asked('pause-waiting').at(-1))).toContain('and be brief');
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
  });

  it('between two phases: the next one waits; stopped while paused, nothing more happens until the retry', async () => {
    const worker = engine.process();
    engine.cast.in('pause-phase', async (request) => {
      if (request.agent === 'qa' && (await runOf(engine, 'pause-phase')).state === 'running') await command(opened, worker, '/banyan pause', 'paused');
      return content(request);
    });
    const opened = await begin('pause-phase');
    await engine.settle(worker);
    expect(await taskOf(engine, 'pause-phase', 'qa')).toMatchObject({ state: 'pending' });
    await say(opened.watched, opened.issue, '/banyan stop');
    await engine.settle();
    expect(await labelsOf(opened.watched, opened.issue)).toEqual([]);
    expect(await taskOf(engine, 'pause-phase', 'qa')).toMatchObject({ state: 'cancelled' });
    const before = engine.models.requests.length;
    await say(opened.watched, opened.issue, '/banyan resume');
    await engine.settle();
    expect(engine.models.requests).toHaveLength(before);
    engine.cast.in('pause-phase', content);
    await say(opened.watched, opened.issue, '/banyan retry');
    await engine.settle();
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
    expect(await pullsOf(opened.watched)).toHaveLength(1);
  });
});

describe('a stop', () => {
  it('in a model call that does not come back: the call is broken off, and what the role began on GitHub is ended', async () => {
    const worker = engine.process();
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    engine.cast.in('stop-hanging', async (request) => {
      if (request.agent === 'qa') {
        await command(opened, worker, '/banyan stop', 'stopped_user');
        await released;
      }
      return content(request);
    });
    const opened = await begin('stop-hanging');
    await engine.settle(worker);
    release();
    expect(await taskOf(engine, 'stop-hanging', 'qa')).toMatchObject({ state: 'cancelled' });
    const [pull] = await pullsOf(opened.watched);
    const checks = await checksOf(opened.watched, pull?.head.sha ?? '');
    expect(checks.map((check) => `${check.name} ${check.status} ${check.conclusion}`)).toEqual(['banyan/qa completed cancelled']);
  });

  it('in a long command: it is broken off within seconds, and a retry begins anew', async () => {
    const worker = engine.process();
    engine.cast.in('stop-command', developerSteps(callTool('run_command', { command: 'sleep 120' }), WRITE_GREETING, SUBMIT_DEVELOPER));
    const opened = await begin('stop-command');
    const settled = engine.settle(worker);
    await until('the command', async () => (await transcriptOf(engine, 'stop-command', 'developer').catch(() => [])).length === 3);
    await command(opened, worker, '/banyan stop', 'stopped_user');
    await settled;
    expect(await taskOf(engine, 'stop-command', 'developer')).toMatchObject({ state: 'cancelled' });
    await say(opened.watched, opened.issue, '/banyan retry');
    await engine.settle();
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
  });
});

/** Every model call costs a dollar. */
const DOLLAR_A_CALL = {
  ...PLAIN,
  '.github/banyan.yml': 'version: 1\nbudget: 2\nmodels:\n  prices:\n    "openai:played-by-the-test": {input: 1000, output: 0}\n',
};

describe('a budget that is changed by a command', () => {
  it('raised after the work stopped: it goes on in the same conversation, and nothing is repeated', async () => {
    engine.cast.in('raised', developerSteps(WRITE_GREETING, callTool('write_file', { path: 'more.txt', content: 'More.\n' }), SUBMIT_DEVELOPER));
    const opened = await begin('raised', DOLLAR_A_CALL);
    await engine.settle();
    expect(await runOf(engine, 'raised')).toMatchObject({ state: 'stopped_budget', spent_usd: 2 });
    await say(opened.watched, opened.issue, '/banyan budget 1');
    await say(opened.watched, opened.issue, '/banyan budget lots');
    await engine.settle();
    const notes = await marked(opened.watched, opened.issue, 'note');
    expect(notes[0]).toContain('$2.00 are spent already, so the budget must be more than that. It stays at $2.00.');
    expect(notes[1]).toContain('`/banyan budget 10`');
    expect(await runOf(engine, 'raised')).toMatchObject({ state: 'stopped_budget' });

    await say(opened.watched, opened.issue, '/banyan budget $10');
    await engine.settle();
    expect(await runOf(engine, 'raised')).toMatchObject({ state: 'running', spent_usd: 5, warned: false });
    expect(asked('raised')).toHaveLength(3);
    expect(await transcriptOf(engine, 'raised', 'developer')).toEqual([
      ...BUILT.slice(0, 4),
      'ai write_file',
      'tool write_file',
      'ai submit_developer_result',
      'tool submit_developer_result',
    ]);
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
    expect(await greetingOn(opened.watched)).toBe('Hello, and welcome.\n');
    expect(await statusOf(opened)).toContain('**Cost so far:** $5.00 of $10.00.');
  });

  it('raised while the work goes on: it does not stop', async () => {
    const worker = engine.process();
    engine.cast.in(
      'raised-early',
      developerSteps(WRITE_GREETING, async () => {
        await say(opened.watched, opened.issue, '/banyan budget 10');
        await worker.drain();
        await until('the budget', async () => (await statusOf(opened)).includes('of $10.00'));
        return SUBMIT_DEVELOPER;
      }),
    );
    const opened = await begin('raised-early', DOLLAR_A_CALL);
    await engine.settle(worker);
    expect(await runOf(engine, 'raised-early')).toMatchObject({ state: 'running', spent_usd: 4 });
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
  });

  it('reached while another task of the run is in the middle: both end, what each call cost is counted, and both go on', async () => {
    const tasks: string[] = [];
    engine.cast.in('two-at-once', async (request) => {
      if (!tasks.includes(request.task)) tasks.push(request.task);
      if (request.task === tasks[0]) {
        await until('the other task', () => Promise.resolve(tasks.length > 1));
      } else {
        await until('the budget to be spent', async () => (await runOf(engine, 'two-at-once')).state !== 'running');
      }
      return WRITE_GREETING;
    });
    const opened = await begin('two-at-once', DOLLAR_A_CALL);
    await engine.github.idle();
    const worker = engine.process({
      store: (store) => ({
        async applyIntents(guid, name, ref, intents) {
          const twin = intents.flatMap((intent) => (intent.type === 'add_task' ? [{ ...intent, key: 'develop:twin' }] : []));
          return store.applyIntents(guid, name, ref, [...intents, ...twin]);
        },
      }),
    });
    await engine.settle(worker);
    expect(await runOf(engine, 'two-at-once')).toMatchObject({ state: 'stopped_budget', spent_usd: 3 });
    const statesOf = () =>
      engine.sql<{ state: string }>(`select t.state from tasks t join projects p on p.id = t.project_id where p.name = 'two-at-once' order by t.state`);
    expect(await statesOf()).toEqual([{ state: 'cancelled' }, { state: 'failed' }]);
    await say(opened.watched, opened.issue, '/banyan budget 20');
    await engine.github.idle();
    await engine.process({ store: (store) => ({ claim: (name, want) => store.claim(name, { ...want, tasks: 0 }) }) }).drain();
    expect(await statesOf()).toEqual([{ state: 'pending' }, { state: 'pending' }]);
  });
});
