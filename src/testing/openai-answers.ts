/** A message of a chat-completions request. */
export interface ChatMessage {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  content: string | null | { type: string; text?: string }[];
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

/** A request as the players see it. */
export interface ChatRequest {
  agent: string;
  task: string;
  run: string;
  authorization: string;
  model: string;
  messages: ChatMessage[];
  /** Names of the tools that were offered. */
  tools: string[];
  stream: boolean;
  raw: Record<string, unknown>;
}

export interface ToolCallAnswer {
  /** Made up from the place in the conversation when absent. */
  id?: string;
  name: string;
  /** A string goes out as it is: for arguments that are no JSON. */
  args: Record<string, unknown> | string;
}

export interface Usage {
  input: number;
  output: number;
  /** Part of `input` that came from the provider's cache. */
  cached?: number;
}

export type Answer =
  | { kind: 'message'; text: string; calls: ToolCallAnswer[]; usage: Usage; finish: 'stop' | 'tool_calls' | 'length' }
  | { kind: 'error'; status: number; headers: Record<string, string>; body: unknown }
  /** The connection ends after some bytes of an answer. */
  | { kind: 'cut' }
  /** Status 200 and a body that is no JSON. */
  | { kind: 'garbage'; body: string };

const USAGE: Usage = { input: 1_000, output: 100 };

export function say(text: string, usage: Usage = USAGE): Answer {
  return { kind: 'message', text, calls: [], usage, finish: 'stop' };
}

export function callTools(calls: ToolCallAnswer[], usage: Usage = USAGE): Answer {
  return { kind: 'message', text: '', calls, usage, finish: 'tool_calls' };
}

export function callTool(name: string, args: ToolCallAnswer['args'], usage: Usage = USAGE): Answer {
  return callTools([{ name, args }], usage);
}

/** An answer that ended because the model ran out of output tokens. */
export function cutOff(text: string, usage: Usage = USAGE): Answer {
  return { kind: 'message', text, calls: [], usage, finish: 'length' };
}

export function fail(status: number, code = 'server_error'): Answer {
  return { kind: 'error', status, headers: {}, body: { error: { message: `made to fail with ${status}`, type: code, code } } };
}

export function rateLimited(retryAfterSeconds: number): Answer {
  return {
    kind: 'error',
    status: 429,
    headers: { 'retry-after': String(retryAfterSeconds) },
    body: { error: { message: 'slow down', type: 'rate_limit_exceeded', code: 'rate_limit_exceeded' } },
  };
}

export function invalidJson(): Answer {
  return { kind: 'garbage', body: '{"choices": [' };
}

/** Text of a message, whatever form its content has. */
export function textOf(message: ChatMessage): string {
  if (typeof message.content === 'string') return message.content;
  return (message.content ?? []).map((part) => part.text ?? '').join('');
}
