import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelsOf, marked, openIssue, say } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine, Process } from '../support/engine.ts';
import { callTools } from '../../src/testing/openai-answers.ts';
import { callTool } from '../../src/testing/openai-server.ts';
import { content, developerSteps, inRole, PLAIN, saidTo, SUBMIT_DEVELOPER, toolsCalled, WRITE_GREETING } from './scripts.ts';
import { fileOn, greetingOn, taskOf, transcriptOf, untilInputs } from './transcripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function begin(repo: string, files: Record<string, string> = PLAIN): Promise<{ watched: Watched; issue: number }> {
  const watched = await engine.repository(repo, files);
  return { watched, issue: await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] }) };
}

const developing = (request: { agent: string }) => request.agent === 'developer';

describe('a process that ends in a conversation', () => {
  const moments = [
    { name: 'when the model answered and nothing was stored', when: 'before' as const, kind: 'ai' },
    { name: 'when the answer was stored and its tool was not run', when: 'after' as const, kind: 'ai' },
    { name: 'when the tool was run and its answer was not stored', when: 'before' as const, kind: 'tool' },
    { name: 'when the answer of the tool was stored', when: 'after' as const, kind: 'tool' },
  ];
  it.each(moments.map((moment, index) => ({ ...moment, repo: `ends-${index}` })))(
    '$name: the next goes on, each step there once',
    async ({ repo, when, kind }) => {
      engine.cast.in(repo, content);
      const { watched, issue } = await begin(repo);
      const matches = (args: unknown[]) =>
        (args[2] as { kind: string; tool_name?: string; content: unknown }[]).some((row) => row.kind === kind && JSON.stringify(row).includes('write_file'));
      await engine.process({ death: { at: 'store', call: 'appendMessages', when, matches } }).drainToDeath();
      await engine.elapse();
      await engine.settle();
      expect(await transcriptOf(engine, repo, 'developer')).toEqual([
        'system',
        'human',
        'ai write_file',
        'tool write_file',
        'ai submit_developer_result',
        'tool submit_developer_result',
      ]);
      expect(await labelsOf(watched, issue)).toEqual(['in-review']);
      expect(await greetingOn(watched)).toBe('Hello, and welcome.\n');
    },
  );

  it('in the middle of several calls of one turn: those that were answered are not run again', async () => {
    const calls = callTools([
      { name: 'write_file', args: { path: 'a.txt', content: 'a\n' } },
      { name: 'edit_file', args: { path: 'a.txt', old_string: 'a\n', new_string: 'ab\n' } },
    ]);
    engine.cast.in(
      'several',
      inRole('developer', (request) => (toolsCalled(request).length === 0 ? calls : SUBMIT_DEVELOPER)),
    );
    const { watched } = await begin('several');
    const matches = (args: unknown[]) => (args[2] as { tool_name?: string }[]).some((row) => row.tool_name === 'edit_file');
    await engine.process({ death: { at: 'store', call: 'appendMessages', when: 'before', matches } }).drainToDeath();
    await engine.elapse();
    await engine.settle();
    expect(await transcriptOf(engine, 'several', 'developer')).toEqual([
      'system',
      'human',
      'ai write_file,edit_file',
      'tool write_file',
      'tool edit_file',
      'ai submit_developer_result',
      'tool submit_developer_result',
    ]);
    expect(await fileOn(watched, 'a.txt')).toBe('ab\n');
  });
});

describe('the answers of tools that only read', () => {
  const READ = callTool('read_file', { path: 'greeting.txt' });
  const [SEARCH, WRITE] = [
    { name: 'search_code', args: { query: 'Hello' } },
    { name: 'write_file', args: { path: 'greeting.txt', content: 'Hello, and welcome.\n' } },
  ];
  const answers = [READ, callTools([SEARCH, WRITE, SEARCH]), SUBMIT_DEVELOPER];
  const turnOf = (request: { messages: { role: string }[] }) => request.messages.filter(({ role }) => role === 'assistant').length;
  const play = inRole('developer', (request) => answers[turnOf(request)] ?? SUBMIT_DEVELOPER);
  const whole = [
    'system',
    'human',
    'ai read_file',
    'tool read_file',
    'ai search_code,write_file,search_code',
    'tool search_code',
    'tool write_file',
    'tool search_code',
    'ai submit_developer_result',
    'tool submit_developer_result',
  ];

  it('are stored with the step after them, and what cost or changed something at once', async () => {
    engine.cast.in('reads', play);
    const stored: string[][] = [];
    const worker = engine.process({
      store: (store) => ({
        appendMessages(...args) {
          stored.push(args[2].map((row) => `${row.kind} ${row.tool_name ?? ''}`.trim()));
          return store.appendMessages(...args);
        },
      }),
    });
    const { issue, watched } = await begin('reads');
    await engine.settle(worker);
    expect(stored.slice(0, 6)).toEqual([
      ['system', 'human'],
      ['ai'],
      ['tool read_file', 'ai'],
      ['tool search_code', 'tool write_file'],
      ['tool search_code', 'ai'],
      ['tool submit_developer_result'],
    ]);
    expect(await transcriptOf(engine, 'reads', 'developer')).toEqual(whole);
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  });

  it('are read again where the process ended before that: each step is there once', async () => {
    engine.cast.in('read-again', play);
    const { issue, watched } = await begin('read-again');
    const matches = (args: unknown[]) => (args[2] as { tool_name?: string }[]).some((row) => row.tool_name === 'read_file');
    await engine.process({ death: { at: 'store', call: 'appendMessages', when: 'before', matches } }).drainToDeath();
    expect(await transcriptOf(engine, 'read-again', 'developer')).toEqual(whole.slice(0, 3));
    await engine.elapse();
    await engine.settle();
    expect(await transcriptOf(engine, 'read-again', 'developer')).toEqual(whole);
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    expect(await greetingOn(watched)).toBe('Hello, and welcome.\n');
  });

  it('are stored when the conversation ends for now', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    engine.cast.in('reads-late', async (request) => {
      if (developing(request) && turnOf(request) === 1) await released;
      return play(request);
    });
    await begin('reads-late');
    await engine.process().drain({ milliseconds: 6_000 });
    release();
    expect(await transcriptOf(engine, 'reads-late', 'developer')).toEqual(whole.slice(0, 4));
  });
});

describe('a conversation that goes on later', () => {
  it('out of time in a model call: another worker has the same transcript and the same changes', async () => {
    let asked = 0;
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    engine.cast.in('deadline', async (request) => {
      if (!developing(request)) return content(request);
      asked += 1;
      // The second call hangs until the worker has given up on it.
      if (asked === 2) await released;
      return content(request);
    });
    const { watched, issue } = await begin('deadline');
    const report = await engine.process().drain({ milliseconds: 6_000 });
    release();
    expect(report.more).toBe(true);
    expect(await taskOf(engine, 'deadline', 'developer')).toMatchObject({ state: 'pending', attempts: 0 });
    expect(await transcriptOf(engine, 'deadline', 'developer')).toEqual(['system', 'human', 'ai write_file', 'tool write_file']);
    await engine.settle();
    const messages = engine.models.requests
      .filter((request) => developing(request) && saidTo(request).includes('acme/deadline'))
      .map((request) => JSON.stringify(request.messages));
    expect(messages[2]).toBe(messages[1]);
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    expect(await greetingOn(watched)).toBe('Hello, and welcome.\n');
  });

  it('an answer after days: the same conversation, and the time of waiting is nobody’s working time', async () => {
    engine.cast.in(
      'days',
      inRole('developer', (request) => {
        const called = toolsCalled(request);
        if (called.length === 0)
          return callTools(
            [WRITE_GREETING, callTool('ask_human', { question: 'How warmly @maintainer?' })].flatMap((answer) =>
              answer.kind === 'message' ? answer.calls : [],
            ),
          );
        return SUBMIT_DEVELOPER;
      }),
    );
    const { watched, issue } = await begin('days');
    await engine.settle();
    expect(await labelsOf(watched, issue)).toEqual(['needs-clarification']);
    const [question] = await marked(watched, issue, 'questions');
    expect(question).toMatch(/^@maintainer, before I .*\n\n1\. How warmly @\u200bmaintainer\?/);
    expect(await taskOf(engine, 'days', 'developer')).toMatchObject({ state: 'waiting', waiting_for: 'answers' });
    await engine.sql(
      `update tasks set waiting_since = waiting_since - interval '9 days', started_at = started_at - interval '9 days', created_at = created_at - interval '9 days'`,
    );

    await say(watched, issue, 'As warmly as you can.');
    await engine.settle();
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    const last = engine.models.requests.findLast((request) => developing(request) && saidTo(request).includes('acme/days'));
    expect(saidTo(last)).toContain('As warmly as you can.');
    expect(await transcriptOf(engine, 'days', 'developer')).toEqual([
      'system',
      'human',
      'ai write_file,ask_human',
      'tool write_file',
      'tool ask_human',
      'human',
      'ai submit_developer_result',
      'tool submit_developer_result',
    ]);
    expect(await greetingOn(watched)).toBe('Hello, and welcome.\n');
    expect(
      await engine.sql(
        `select q.state, q.answered_by from questions q join tickets t on t.id = q.ticket_id join projects p on p.id = t.project_id where p.name = 'days'`,
      ),
    ).toEqual([{ state: 'answered', answered_by: 'maintainer' }]);
  });
});

/** A comment that reaches the conversation while the model is thinking: this worker takes the delivery in beside it. */
async function interrupt(worker: Process, { watched, issue }: { watched: Watched; issue: number }): Promise<void> {
  await say(watched, issue, 'Say "Ahoy" instead.');
  await worker.drain();
  await untilInputs(engine, watched.repo, 1);
}

describe('a person who writes while the Developer works', () => {
  it('is heard before the next step, once, and seen', async () => {
    const worker = engine.process();
    engine.cast.in(
      'heard',
      developerSteps(
        async () => {
          await interrupt(worker, { watched, issue });
          return WRITE_GREETING;
        },
        (request) => (saidTo(request).includes('Ahoy') ? callTool('write_file', { path: 'greeting.txt', content: 'Ahoy.\n' }) : SUBMIT_DEVELOPER),
        SUBMIT_DEVELOPER,
      ),
    );
    const { watched, issue } = await begin('heard');
    await engine.settle(worker);
    expect(await transcriptOf(engine, 'heard', 'developer')).toEqual([
      'system',
      'human',
      'ai write_file',
      'tool write_file',
      'human',
      'ai write_file',
      'tool write_file',
      'ai submit_developer_result',
      'tool submit_developer_result',
    ]);
    expect(await greetingOn(watched)).toBe('Ahoy.\n');
  });

  it('is heard even where the result was handed in meanwhile', async () => {
    const worker = engine.process();
    engine.cast.in(
      'late',
      developerSteps(
        WRITE_GREETING,
        async () => {
          await interrupt(worker, { watched, issue });
          return SUBMIT_DEVELOPER;
        },
        callTool('write_file', { path: 'greeting.txt', content: 'Ahoy.\n' }),
        SUBMIT_DEVELOPER,
      ),
    );
    const { watched, issue } = await begin('late');
    await engine.settle(worker);
    expect(await greetingOn(watched)).toBe('Ahoy.\n');
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  });
});
