import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelsOf, marked, openIssue, pullsOf } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import type { ChatRequest } from '../../src/testing/openai-server.ts';
import { callTool, cutOff, fail, rateLimited, say } from '../../src/testing/openai-server.ts';
import { callTools } from '../../src/testing/openai-answers.ts';
import { DEVELOPED, developerSteps, inRole, PLAIN, saidTo, SUBMIT_DEVELOPER, toolsCalled, WRITE_GREETING } from './scripts.ts';
import { greetingOn, taskOf, transcriptOf } from './transcripts.ts';

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

async function expectBuilt({ watched, issue }: { watched: Watched; issue: number }): Promise<void> {
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  expect(await greetingOn(watched)).toBe('Hello, and welcome.\n');
}

async function expectNeedsHuman({ watched, issue }: { watched: Watched; issue: number }, why: RegExp): Promise<void> {
  expect(await labelsOf(watched, issue)).toEqual(['needs-human']);
  expect((await marked(watched, issue, 'status'))[0]).toMatch(why);
  expect(await pullsOf(watched)).toEqual([]);
}

describe('a model that does not keep to the form', () => {
  it('speaks instead of handing in: is told how, and taken when it does', async () => {
    engine.cast.in('prose', developerSteps(WRITE_GREETING, say('I think I am done.'), SUBMIT_DEVELOPER));
    const opened = await begin('prose');
    await engine.settle();
    expect(saidTo(asked('prose').at(-1))).toContain('That handed in nothing. Go on with the task, or call `submit_developer_result`');
    await expectBuilt(opened);
  });

  it('never stops speaking: a person is called, with the reason', async () => {
    engine.cast.in('chatter', developerSteps(say('Let me think.')));
    const opened = await begin('chatter');
    await engine.settle();
    expect(asked('chatter')).toHaveLength(4);
    await expectNeedsHuman(opened, /Developer stopped: developer answered 4 times without handing in a result/);
  });

  it('writes its result as JSON: taken as if handed in', async () => {
    engine.cast.in('json', developerSteps(WRITE_GREETING, say(`\`\`\`json\n${JSON.stringify(DEVELOPED)}\n\`\`\``)));
    const opened = await begin('json');
    await engine.settle();
    expect((await transcriptOf(engine, 'json', 'developer')).slice(-2)).toEqual(['ai submit_developer_result', 'tool submit_developer_result']);
    await expectBuilt(opened);
  });

  it('calls with wrong arguments, calls what is not there, writes what is no JSON: each is said, nothing is done', async () => {
    engine.cast.in(
      'wrong',
      developerSteps(
        callTools([
          { name: 'write_file', args: { path: 7 } },
          { name: 'shell', args: { cmd: 'rm -rf /' } },
          { name: 'write_file', args: { path: '../../etc/passwd', content: 'x' } },
          { name: 'write_file', args: { path: '.github/workflows/ci.yml', content: 'x' } },
        ]),
        callTool('write_file', '{"path": "greeting.txt", "content": '),
        WRITE_GREETING,
        callTool('submit_developer_result', { summary: 'half' }),
        SUBMIT_DEVELOPER,
      ),
    );
    const opened = await begin('wrong');
    await engine.settle();
    const told = saidTo(asked('wrong').at(-1));
    expect(told).toContain('Wrong arguments for write_file');
    expect(told).toContain('There is no tool "shell". You have: list_files');
    expect(told).toMatch(/path.*(leaves|outside|invalid|relative)/i);
    expect(told).toContain('is protected: only a person may change it');
    expect(told).toContain('The result was not accepted');
    const [pull] = await pullsOf(opened.watched);
    const { data } = await opened.watched.octokit.rest.pulls.listFiles({ owner: 'acme', repo: 'wrong', pull_number: pull?.number ?? 0 });
    expect(data.map((file) => file.filename)).toEqual(['greeting.txt']);
    await expectBuilt(opened);
  });

  it('hands in what cannot be accepted again and again: a person is called', async () => {
    engine.cast.in('refused', developerSteps(WRITE_GREETING, callTool('submit_developer_result', { summary: '' })));
    const opened = await begin('refused');
    await engine.settle();
    await expectNeedsHuman(opened, /handed in 6 results that could not be accepted/);
  });

  it('numbers its calls anew in every turn: none is taken for answered', async () => {
    const withId = (answer: ReturnType<typeof callTool>) =>
      answer.kind === 'message' ? callTools(answer.calls.map((call) => ({ ...call, id: 'call_0' }))) : answer;
    const twins = callTools([
      { id: 'call_0', name: 'write_file', args: { path: 'a.txt', content: 'a\n' } },
      { id: 'call_0', name: 'write_file', args: { path: 'b.txt', content: 'b\n' } },
    ]);
    engine.cast.in('same-ids', developerSteps(twins, withId(callTool('delete_file', { path: 'a.txt' })), withId(WRITE_GREETING), withId(SUBMIT_DEVELOPER)));
    const opened = await begin('same-ids');
    await engine.settle();
    const [pull] = await pullsOf(opened.watched);
    const { data } = await opened.watched.octokit.rest.pulls.listFiles({ owner: 'acme', repo: 'same-ids', pull_number: pull?.number ?? 0 });
    expect(data.map((file) => file.filename)).toEqual(['b.txt', 'greeting.txt']);
    const [row] = await engine.sql<{ ids: number; calls: number }>(
      `select count(distinct m.tool_call_id)::int as ids, count(m.tool_call_id)::int as calls from messages m
       join conversations c on c.id = m.conversation_id join tasks t on t.id = c.task_id join projects p on p.id = t.project_id
       where p.name = 'same-ids' and t.role = 'developer'`,
    );
    expect(row).toEqual({ ids: 5, calls: 5 });
    await expectBuilt(opened);
  });
});

describe('an answer that is far too long', () => {
  const LONG = 'banyan '.repeat(30_000);

  async function sizes(repo: string): Promise<{ stored: number; asked: number }> {
    const [row] = await engine.sql<{ stored: number }>(
      `select max(length(m.content::text) + coalesce(length(m.tool_input::text), 0))::int as stored from messages m join conversations c on c.id = m.conversation_id
       join tasks t on t.id = c.task_id join projects p on p.id = t.project_id where p.name = $1 and m.kind in ('ai', 'tool')`,
      [repo],
    );
    return { stored: row?.stored ?? 0, asked: Math.max(...asked(repo).map((request) => JSON.stringify(request.messages).length)) };
  }

  it.each([
    { name: 'in prose', repo: 'long-prose', answer: say(LONG), told: 'characters left out' },
    { name: 'cut off by the provider', repo: 'long-cut', answer: cutOff(LONG), told: 'That handed in nothing' },
    { name: 'in arguments', repo: 'long-args', answer: callTool('write_file', { path: 'a.txt', content: LONG }), told: 'longer than 131072 characters' },
    { name: 'in arguments that are no JSON', repo: 'long-garbled', answer: callTool('write_file', `{"path": "${LONG}`), told: 'no valid JSON' },
  ])('$name is bounded in the database and in the next prompt, and is paid for', async ({ repo, answer, told }) => {
    engine.cast.in(repo, developerSteps(answer, WRITE_GREETING, SUBMIT_DEVELOPER));
    const opened = await begin(repo);
    await engine.settle();
    const { stored, asked: prompt } = await sizes(repo);
    expect(stored).toBeLessThan(40_000);
    expect(prompt).toBeLessThan(80_000);
    expect(saidTo(asked(repo)[1])).toContain(told);
    const [row] = await engine.sql<{ tokens: number }>(
      `select t.tokens_in::int as tokens from tasks t join projects p on p.id = t.project_id where p.name = $1 and t.role = 'developer'`,
      [repo],
    );
    expect(row?.tokens).toBe(3_000);
    await expectBuilt(opened);
  });
});

describe('a provider in trouble', () => {
  it('asks to wait a moment: the step waits, and the task is neither put off nor failed', async () => {
    engine.cast.in('moment', developerSteps(rateLimited(1), WRITE_GREETING, rateLimited(1), rateLimited(1), SUBMIT_DEVELOPER));
    const opened = await begin('moment');
    await engine.process().drain();
    expect(asked('moment')).toHaveLength(5);
    expect(await taskOf(engine, 'moment', 'developer')).toMatchObject({ state: 'completed', attempts: 1, error: null });
    await engine.settle();
    await expectBuilt(opened);
  });

  it('asks to wait: the task waits as long as asked, and no person is called', async () => {
    engine.cast.in('busy', developerSteps(rateLimited(300), rateLimited(300), WRITE_GREETING, SUBMIT_DEVELOPER));
    const opened = await begin('busy');
    await engine.process().drain();
    // Not asked again before the time that was named.
    expect(asked('busy')).toHaveLength(1);
    const task = await taskOf(engine, 'busy', 'developer');
    expect(task).toMatchObject({ state: 'pending', error: { code: 'model_rate_limited' } });
    expect(task.due_in).toBeGreaterThan(200);
    await engine.settle();
    await expectBuilt(opened);
  });

  it.each([
    { name: 'fails with 500', repo: 'err-500', answer: fail(500) },
    { name: 'cuts the connection', repo: 'err-cut', answer: { kind: 'cut' as const } },
    { name: 'answers what is no JSON', repo: 'err-json', answer: { kind: 'garbage' as const, body: '{"choices": [' } },
  ])('$name: asked again later, from where it was', async ({ repo, answer }) => {
    engine.cast.in(repo, developerSteps(WRITE_GREETING, answer, answer, SUBMIT_DEVELOPER));
    const opened = await begin(repo);
    await engine.settle();
    expect(await transcriptOf(engine, repo, 'developer')).toEqual([
      'system',
      'human',
      'ai write_file',
      'tool write_file',
      'ai submit_developer_result',
      'tool submit_developer_result',
    ]);
    await expectBuilt(opened);
  });

  it('refuses the key: a person is called, with what to check', async () => {
    engine.cast.in('no-key', developerSteps(fail(401, 'invalid_api_key')));
    const opened = await begin('no-key');
    await engine.settle();
    expect(asked('no-key')).toHaveLength(1);
    await expectNeedsHuman(opened, /does not accept the key\. Check the provider key/);
  });

  it.each([
    { name: 'fails with 500', repo: 'minute-500', answer: { kind: 'error' as const, status: 500, headers: { 'retry-after-ms': '1' }, body: {} } },
    { name: 'cuts every connection', repo: 'minute-cut', answer: { kind: 'cut' as const } },
    { name: 'answers what is no JSON', repo: 'minute-json', answer: { kind: 'garbage' as const, body: '{"choices": [' } },
  ])('$name for a minute and more: no attempt is used up, and the issue is built', async ({ repo, answer }) => {
    let away = true;
    const built = developerSteps(WRITE_GREETING, SUBMIT_DEVELOPER);
    engine.cast.in(repo, (request) => (away && request.agent === 'developer' ? answer : built(request)));
    const opened = await begin(repo);
    const pauses: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      await engine.process().drain();
      const task = await taskOf(engine, repo, 'developer');
      expect(task).toMatchObject({ state: 'pending', attempts: 0, error: { code: 'model_unavailable' } });
      pauses.push(task.due_in);
      await engine.pass(task.due_in + 1);
    }
    // Longer and longer: half as long as it has been waiting.
    expect(pauses.at(-1)).toBeGreaterThan(3 * (pauses[0] ?? 0));
    away = false;
    await engine.settle();
    expect(await taskOf(engine, repo, 'developer')).toMatchObject({ state: 'completed', attempts: 1 });
    await expectBuilt(opened);
  });

  it('is away for good: after six hours a person is called', async () => {
    engine.cast.in('away', developerSteps({ kind: 'error', status: 503, headers: { 'retry-after-ms': '1' }, body: {} }));
    const opened = await begin('away');
    await engine.process().drain();
    await engine.pass(6 * 3600 - 60);
    await engine.process().drain();
    expect(await taskOf(engine, 'away', 'developer')).toMatchObject({ state: 'pending' });
    await engine.pass(16 * 60 * 1.25);
    await engine.settle();
    expect(await taskOf(engine, 'away', 'developer')).toMatchObject({ state: 'failed', error: { code: 'model_unavailable' } });
    await expectNeedsHuman(opened, /Developer stopped: The model provider could not be reached or did not answer properly\. I tried again and again for 6 h\./);
  });
});

describe('tools that give too much', () => {
  it('a huge answer is bounded for the model and says so', async () => {
    engine.cast.in(
      'huge',
      inRole('developer', (request) => {
        const called = toolsCalled(request);
        if (called.length === 0) return callTool('run_command', { command: 'yes banyan | head -c 3000000' });
        return called.length === 1 ? WRITE_GREETING : SUBMIT_DEVELOPER;
      }),
    );
    const opened = await begin('huge');
    await engine.settle();
    const [row] = await engine.sql<{ longest: number }>(
      `select max(length(m.content #>> '{data,content}'))::int as longest from messages m join conversations c on c.id = m.conversation_id
       join tasks t on t.id = c.task_id join projects p on p.id = t.project_id where p.name = 'huge' and m.kind = 'tool'`,
    );
    expect(row?.longest).toBeGreaterThan(20_000);
    expect(row?.longest).toBeLessThanOrEqual(30_000);
    expect(saidTo(asked('huge').at(-1))).toMatch(/left out|truncated|cut/);
    await expectBuilt(opened);
  });

  it('a model that never ends its work meets the limit, and a person hears which', async () => {
    let n = 0;
    engine.cast.in(
      'endless',
      developerSteps(() => callTool('write_file', { path: 'greeting.txt', content: `${(n += 1)}\n` })),
    );
    const opened = await begin('endless', { ...PLAIN, '.github/banyan.yml': 'version: 1\nlimits:\n  max_steps: 6\n' });
    await engine.settle();
    expect(asked('endless')).toHaveLength(6);
    await expectNeedsHuman(opened, /used all 6 steps without a result.*limits\.max_steps/);
  });

  it('a discovery whose process ended before its answer was stored is there once', async () => {
    const discovery = callTool('record_discovery', { kind: 'bug', title: 'Stale note', description: 'notes/old.txt is old.' });
    engine.cast.in(
      'discovery',
      inRole('developer', (request) => {
        const called = toolsCalled(request);
        if (called.length === 0) return discovery;
        return called.includes('write_file') ? SUBMIT_DEVELOPER : WRITE_GREETING;
      }),
    );
    const { watched, issue } = await begin('discovery');
    const matches = (args: unknown[]) => (args[2] as { tool_name?: string }[]).some((row) => row.tool_name === 'record_discovery');
    await engine.process({ death: { at: 'store', call: 'appendMessages', when: 'before', matches } }).drainToDeath();
    await engine.elapse();
    await engine.settle();
    expect(
      await engine.sql(
        `select d.title from discoveries d join tickets t on t.id = d.ticket_id join projects p on p.id = t.project_id where p.name = 'discovery'`,
      ),
    ).toEqual([{ title: 'Stale note' }]);
    expect((await marked(watched, issue, 'status'))[0]).toContain('- **Stale note** (bug): notes/old.txt is old.');
  });
});
