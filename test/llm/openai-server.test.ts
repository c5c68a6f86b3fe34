import { afterEach, describe, expect, test } from 'vitest';
import { simplePlayer } from '../../src/testing/openai-players.ts';
import { callTool, startOpenAiServer, type ChatMessage, type OpenAiServer } from '../../src/testing/openai-server.ts';

let server: OpenAiServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

interface Call {
  id: string;
  function: { name: string; arguments: string };
}

function toolsOf(role: string) {
  const names = ['write_file', 'delete_file', 'run_command', `submit_${role.replace('-', '_')}_result`];
  return names.map((name) => ({ type: 'function', function: { name, parameters: {} } }));
}

async function post(role: string, messages: ChatMessage[], options: { task?: string; stream?: boolean } = {}): Promise<Response> {
  return fetch(`${server?.url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-banyan-agent': role, 'x-banyan-task': options.task ?? 't1', 'x-banyan-run': 'r1' },
    body: JSON.stringify({ model: 'm', messages, tools: toolsOf(role), stream: options.stream ?? false }),
  });
}

/** Goes on until the result is handed in; gives the names that were called and the result. */
async function converse(role: string, messages: ChatMessage[], task = 't1') {
  const called: string[] = [];
  for (;;) {
    const body = (await (await post(role, messages, { task })).json()) as { choices: { message: ChatMessage & { tool_calls?: Call[] } }[] };
    const message = body.choices[0]?.message;
    const calls = message?.tool_calls ?? [];
    if (!message || calls.length === 0) throw new Error('no calls');
    messages.push(message, ...calls.map((call): ChatMessage => ({ role: 'tool', content: 'ok', tool_call_id: call.id })));
    called.push(...calls.map((call) => call.function.name));
    const result = calls.find((call) => call.function.name.startsWith('submit_'));
    if (result) return { called, result: JSON.parse(result.function.arguments) as Record<string, unknown> };
  }
}

describe('the simple player', () => {
  test('asks its rounds, then refines', async () => {
    server = await startOpenAiServer({ play: simplePlayer({ files: [], questionRounds: [['One?'], ['Two?']] }) });
    const messages: ChatMessage[] = [{ role: 'user', content: 'issue' }];
    expect((await converse('product-owner', messages)).result['questions']).toEqual(['One?']);
    messages.push({ role: 'user', content: 'answer' });
    expect((await converse('product-owner', messages)).result['questions']).toEqual(['Two?']);
    messages.push({ role: 'user', content: 'answer' });
    expect((await converse('product-owner', messages)).result).toMatchObject({ needs_clarification: false, refined_description: 'Refined after 2 answers.' });
  });

  test('writes, deletes, runs, hands in; the next task is the next cycle, and a repeated one is not', async () => {
    server = await startOpenAiServer({ play: simplePlayer({ files: [{ 'a.js': '1', 'b.js': null }, { 'a.js': '2' }], commands: ['npm test'], kind: 'fix' }) });
    const first = await converse('developer', [{ role: 'user', content: 'x' }], 'd1');
    expect(first.called).toEqual(['write_file', 'delete_file', 'run_command', 'submit_developer_result']);
    expect(first.result['commit_message']).toMatch(/^fix: /);
    expect((await converse('developer', [{ role: 'user', content: 'x' }], 'd1')).result).toEqual(first.result);
    expect((await converse('developer', [{ role: 'user', content: 'x' }], 'd2')).result['summary']).toContain('Cycle 2');
  });

  test('verdicts go by cycle, and the last one repeats', async () => {
    server = await startOpenAiServer({
      play: simplePlayer({ files: [], qa: [{ passed: false }, { passed: true }], review: [{ decision: 'request_changes' }] }),
    });
    const verdict = async (role: string, task: string) => (await converse(role, [{ role: 'user', content: 'x' }], task)).result;
    expect([(await verdict('qa', 'q1'))['passed'], (await verdict('qa', 'q2'))['passed'], (await verdict('qa', 'q3'))['passed']]).toEqual([false, true, true]);
    expect([(await verdict('reviewer', 'v1'))['decision'], (await verdict('reviewer', 'v2'))['decision']]).toEqual(['request_changes', 'request_changes']);
  });
});

describe('the server', () => {
  test('streams what it would have answered', async () => {
    server = await startOpenAiServer({ play: () => callTool('write_file', { path: 'a' }) });
    const response = await post('developer', [], { stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const events = (await response.text()).split('\n\n').filter(Boolean);
    expect(events.at(-1)).toBe('data: [DONE]');
    expect(events.join('\n')).toContain('\\"path\\":\\"a\\"');
    expect(events.at(-2)).toContain('"prompt_tokens":1000');
  });

  test('keeps what its player throws, and knows one route', async () => {
    server = await startOpenAiServer({
      play: () => {
        throw new Error('no part');
      },
    });
    expect((await post('qa', [])).status).toBe(400);
    expect(server.errors).toEqual([new Error('no part')]);
    expect((await fetch(`${server.url}/models`)).status).toBe(404);
  });
});
