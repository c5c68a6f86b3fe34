import type { ServerResponse } from 'node:http';
import { send, serveRaw, untilGivenUp } from './http.ts';
import type { Answer, RawServer, Received } from './http.ts';
import type { Injector } from './injector.ts';
import type { Fault } from './plan.ts';
import { play, textOf } from './player.ts';
import type { ChatMessage, ChatRequest, Said, Script, ToolCall } from './player.ts';

/** An answer that left the server whole. Its number of input tokens is its own: by it the record of it is found. */
export interface Given {
  tokensIn: number;
  task: string;
  slot: string;
  asked: number;
  at: number;
  /** Whoever asked was still there when it had been written. */
  taken: boolean;
}

export interface ModelServer extends RawServer {
  given(): readonly Given[];
  requests(): number;
}

export interface Play {
  script: Script;
  /** Holds an answer back until people have done something; absent where nothing is waited for. */
  hold?: { agent: string; round?: number; until: Promise<void> } | undefined;
}

export interface ModelServerOptions {
  injector: Injector;
  /** Who plays the issue; waits until whoever opened it has said so. */
  cast: (repository: string, issue: number) => Promise<Play>;
  kill(slot: string): void;
  /** Takes the database away. */
  cutDatabase(milliseconds: number): void;
}

const TOKENS_OUT = 100;
const FIRST_TOKENS_IN = 1_000;
const LARGE = 200 * 1024;
const HANG_MS = 4_000;
const HOLD_MS = 60_000;

interface Body {
  model: string;
  messages: ChatMessage[];
  tools?: { function: { name: string } }[];
}

function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(JSON.stringify(value)) };
}

const REFUSALS: Record<string, Answer> = {
  '429': json(429, { error: { message: 'slow down', type: 'rate_limit_exceeded', code: 'rate_limit_exceeded' } }, { 'retry-after': '1' }),
  '500': json(500, { error: { message: 'the server had an error', type: 'server_error', code: 'server_error' } }),
  'invalid JSON': { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"choices": [') },
};

const SAYINGS: Record<string, Said> = {
  'unknown tool': { text: '', calls: [{ name: 'teleport', args: { to: 'main' } }] },
  'wrong arguments': { text: '', calls: [{ name: 'read_file', args: { path: 7 } }] },
  'arguments that are no JSON': { text: '', calls: [{ name: 'read_file', args: '{"path": "src' }] },
  '200 kB': { text: 'I think. '.repeat(Math.ceil(LARGE / 9)), calls: [] },
};

function wire({ text, calls }: Said, { model, messages }: Body, tokensIn: number): Answer {
  const toolCalls = calls.map(({ name, args }: ToolCall, index) => ({
    id: `call_${messages.length}_${index}`,
    type: 'function',
    function: { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
  }));
  const message = { role: 'assistant', content: text || null, ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}) };
  return json(200, {
    id: `chatcmpl-${tokensIn}`,
    object: 'chat.completion',
    created: 0,
    model,
    choices: [{ index: 0, message, finish_reason: toolCalls.length > 0 ? 'tool_calls' : 'stop', logprobs: null }],
    usage: { prompt_tokens: tokensIn, completion_tokens: TOKENS_OUT, total_tokens: tokensIn + TOKENS_OUT },
  });
}

function placeOf(messages: readonly ChatMessage[]): { repository: string; issue: number } {
  const found = /issue #(\d+) of [\w.-]+\/([\w.-]+)/.exec(textOf(messages[0]?.content));
  return { repository: found?.[2] ?? '', issue: Number(found?.[1] ?? 0) };
}

/** An OpenAI-compatible endpoint, `<url>/<slot>/v1`, that plays every role and has its bad moments. */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const { injector } = options;
  const given: Given[] = [];
  const rounds = new Map<string, string[]>();
  let requests = 0;

  /** Tasks of one role on one issue follow each other. */
  function roundOf(key: string, task: string): number {
    const tasks = rounds.get(key) ?? [];
    rounds.set(key, tasks);
    if (!tasks.includes(task)) tasks.push(task);
    return tasks.indexOf(task);
  }

  function give(said: Said, body: Body, to: { slot: string; task: string; asked: number; response: ServerResponse }): void {
    const { response, ...who } = to;
    const answer: Given = { ...who, tokensIn: FIRST_TOKENS_IN + given.length, at: Date.now(), taken: true };
    given.push(answer);
    response.once('close', () => (answer.taken = response.writableFinished));
    send(response, wire(said, body, answer.tokensIn));
  }

  async function strike(fault: Fault, response: ServerResponse): Promise<void> {
    const refusal = REFUSALS[fault.kind];
    if (refusal) return send(response, refusal);
    if (fault.kind === 'time-out') await untilGivenUp(response, HANG_MS);
    if (fault.kind === 'cut off') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"id":"cut","choices":[', () => response.destroy());
      return;
    }
    response.destroy();
  }

  async function answer(received: Received, response: ServerResponse): Promise<void> {
    const asked = Date.now();
    const slot = received.path.split('/')[1] ?? '';
    const [agent, task] = [received.headers['x-banyan-agent'] ?? '', received.headers['x-banyan-task'] ?? ''];
    const body = JSON.parse(received.body.toString('utf8')) as Body;
    const { repository, issue } = placeOf(body.messages);
    const target = `${agent} on ${repository}#${issue}`;
    requests += 1;
    if (injector.next('in-model', target)) return options.kill(slot);
    const fault = injector.next('model', target);
    if (fault?.family === 'database') options.cutDatabase(fault.seconds * 1000);
    const saying = SAYINGS[fault?.kind ?? ''];
    if (fault?.family === 'model' && !saying) return strike(fault, response);
    const request: ChatRequest = { agent, task, messages: body.messages, tools: (body.tools ?? []).map((tool) => tool.function.name) };
    const { script, hold } = await options.cast(repository, issue);
    const round = roundOf(`${agent} on ${repository}#${issue}`, task);
    if (hold?.agent === agent && (hold.round ?? round) === round) await Promise.race([hold.until, untilGivenUp(response, HOLD_MS)]);
    if (response.destroyed) return;
    give(saying ?? play(request, script, round), body, { slot, task, asked, response });
  }

  const server = await serveRaw(answer);
  return { ...server, given: () => given, requests: () => requests };
}
