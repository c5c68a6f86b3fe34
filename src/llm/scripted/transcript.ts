import type { BaseMessage } from '@langchain/core/messages';

/** A tool call and what came back; `result` is null while it is unanswered. */
export interface Exchange {
  name: string;
  args: Record<string, unknown>;
  result: string | null;
  /** True where a person spoke after it. */
  answered: boolean;
}

/** A conversation as the script sees it: nothing but what the messages say. */
export interface Transcript {
  /** Name of the bound tool that takes the result, or null. */
  submit: string | null;
  tools: string[];
  /** What the conversation began with. */
  opening: string;
  /** What people said later, oldest first. */
  later: string[];
  exchanges: Exchange[];
  /** Messages so far: makes the ids of calls unique. */
  length: number;
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function nameOf(tool: unknown): string {
  return text(field(tool, 'name') ?? field(field(tool, 'function'), 'name'));
}

interface Call {
  id: string;
  name: string;
  args: Record<string, unknown>;
}

function callsOf(message: BaseMessage): Call[] {
  const calls = field(message, 'tool_calls');
  if (!Array.isArray(calls)) return [];
  return calls.map((call: unknown) => {
    const args = field(call, 'args');
    return {
      id: text(field(call, 'id')),
      name: text(field(call, 'name')),
      args: typeof args === 'object' && args !== null ? Object.fromEntries(Object.entries(args)) : {},
    };
  });
}

export function readTranscript(messages: readonly BaseMessage[], boundTools: readonly unknown[]): Transcript {
  const tools = boundTools.map(nameOf).filter(Boolean);
  const people: string[] = [];
  const exchanges = new Map<string, Exchange>();
  for (const message of messages) {
    if (message.type === 'human') {
      people.push(message.text);
      for (const exchange of exchanges.values()) exchange.answered = true;
    }
    for (const call of callsOf(message)) exchanges.set(call.id, { name: call.name, args: call.args, result: null, answered: false });
    const answered = message.type === 'tool' ? exchanges.get(text(field(message, 'tool_call_id'))) : undefined;
    if (answered) answered.result = message.text;
  }
  return {
    submit: tools.find((tool) => tool.startsWith('submit_')) ?? null,
    tools,
    opening: people[0] ?? '',
    later: people.slice(1),
    exchanges: [...exchanges.values()],
    length: messages.length,
  };
}

/** What the tool gave for exactly these arguments the last time, or null where it was not asked yet. */
export function resultOf(transcript: Transcript, name: string, args: Record<string, unknown>): string | null {
  const asked = transcript.exchanges.findLast(
    (exchange) => exchange.name === name && Object.entries(args).every(([key, value]) => exchange.args[key] === value),
  );
  return asked ? (asked.result ?? '') : null;
}
