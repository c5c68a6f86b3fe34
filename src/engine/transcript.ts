import { AIMessage, HumanMessage, mapStoredMessageToChatMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import type { BaseMessage, StoredMessage as LangChainStored } from '@langchain/core/messages';
import type { ToolCall } from '@langchain/core/messages/tool';
import type { JsonObject } from '../domain/model.ts';
import { truncateMiddle } from '../kernel/text.ts';
import type { MessageKind, Rollback, StoredMessage } from '../store/contract.ts';

/** A message as the database keeps it. */
export function toContent(message: BaseMessage): JsonObject {
  return message.toDict() as unknown as JsonObject;
}

export function kindOf(message: BaseMessage): MessageKind {
  if (message instanceof SystemMessage) return 'system';
  if (message instanceof HumanMessage) return 'human';
  return message instanceof ToolMessage ? 'tool' : 'ai';
}

/** The conversation of one task, as read from the database and gone on with in memory. */
export interface Transcript {
  /** What the model sees: without what was rolled back. */
  readonly messages: BaseMessage[];
  /** The numbers of these messages in the database. */
  readonly seqs: number[];
  /** All that was ever said: limits and ids of calls go by it. */
  readonly everything: BaseMessage[];
  readonly rollbacks: readonly Rollback[];
  /** Milliseconds spent in model and tool calls so far. */
  workedMs: number;
  modelCalls: number;
}

export function restore(stored: StoredMessage[], rollbacks: readonly Rollback[] = []): Transcript {
  const everything = stored.map((row) => mapStoredMessageToChatMessage(row.content as unknown as LangChainStored));
  const isHidden = ({ seq }: StoredMessage) => rollbacks.some(({ from_seq: from, to_seq: to }) => seq >= from && seq <= to);
  return {
    messages: everything.filter((_message, index) => !isHidden(stored[index] as StoredMessage)),
    seqs: stored.filter((row) => !isHidden(row)).map(({ seq }) => seq),
    everything,
    rollbacks,
    workedMs: stored.reduce((sum, row) => sum + (row.duration_ms ?? 0), 0),
    modelCalls: stored.filter((row) => row.kind === 'ai').length,
  };
}

/** Adds a message that was stored as the next one. */
export function extend(transcript: Transcript, message: BaseMessage): void {
  transcript.everything.push(message);
  transcript.messages.push(message);
  transcript.seqs.push(transcript.everything.length);
}

function lastTurn(messages: BaseMessage[]): { message: AIMessage; answers: ToolMessage[] } | null {
  const index = messages.findLastIndex((message) => message instanceof AIMessage);
  const message = messages[index];
  if (!(message instanceof AIMessage)) return null;
  const answers = messages.slice(index + 1).filter((later) => later instanceof ToolMessage);
  return { message, answers };
}

/** Tool calls of the last turn that have no answer: left over from a process that ended in the middle. */
export function danglingCalls(messages: BaseMessage[]): ToolCall[] {
  const turn = lastTurn(messages);
  const answered = new Set(turn?.answers.map((answer) => answer.tool_call_id));
  return (turn?.message.tool_calls ?? []).filter((call) => !answered.has(call.id ?? ''));
}

/** The successful calls of the last turn that end the conversation for now, where nothing was said after them; the first name that was called counts. */
export function concluded(messages: BaseMessage[], names: readonly string[]): { name: string; calls: ToolCall[] } | null {
  const turn = lastTurn(messages);
  if (!turn || messages.at(-1) instanceof HumanMessage) return null;
  const answered = turn.answers.filter((candidate) => candidate.status !== 'error');
  const name = names.find((candidate) => answered.some((answer) => answer.name === candidate));
  if (name === undefined) return null;
  const ids = new Set(answered.filter((answer) => answer.name === name).map((answer) => answer.tool_call_id));
  return { name, calls: turn.message.tool_calls?.filter((call) => ids.has(call.id ?? '')) ?? [] };
}

/** How many of the newest turns handed in `name` and were sent back, without a success between. */
export function failedInARow(messages: BaseMessage[], name: string): number {
  const answers = messages.filter((message) => message instanceof ToolMessage && message.name === name) as ToolMessage[];
  const lastGood = answers.findLastIndex((answer) => answer.status !== 'error');
  return answers.length - 1 - lastGood;
}

/** The one argument of a call whose arguments were no JSON: the text as it came, its beginning. */
export const GARBLED = 'arguments_that_are_no_json';
/** The one argument of a call whose arguments were too long: how long they were. */
export const OVERSIZED = 'arguments_that_are_too_long';

/** Every step sends the whole transcript, so an answer is kept to what a person would read of it, and arguments to a large file. */
const MAX_TEXT_CHARS = 30_000;
export const MAX_ARGUMENT_CHARS = 131_072;
const GARBLED_CHARS = 1_000;

function boundedCall(call: ToolCall): ToolCall {
  const { length } = JSON.stringify(call.args);
  return length <= MAX_ARGUMENT_CHARS ? call : { ...call, args: { [OVERSIZED]: length } };
}

/**
 * A model's answer with only what the conversation needs, and call ids that are unique in it: some endpoints number
 * calls anew in each answer, and an id that was answered before would be taken for answered. Calls whose arguments were
 * no JSON stay, marked as such, so that each is answered with what is wrong with it.
 */
export function normalizeAnswer(answer: AIMessage, before: BaseMessage[]): AIMessage {
  const used = new Set(before.filter((message) => message instanceof AIMessage).flatMap((message) => message.tool_calls?.map((call) => call.id) ?? []));
  const garbled = (answer.invalid_tool_calls ?? []).map((call) => ({
    id: call.id,
    name: call.name ?? 'unknown',
    args: { [GARBLED]: (call.args ?? '').slice(0, GARBLED_CHARS) },
    type: 'tool_call' as const,
  }));
  const given = [...(answer.tool_calls ?? []).map(boundedCall), ...garbled];
  const calls = given.map((call, index) => {
    const wanted = call.id ?? `call_${index}`;
    const id = used.has(wanted) ? `${wanted}_${before.length}_${index}` : wanted;
    used.add(id);
    return { ...call, id };
  });
  const renamed = new Map(given.map((call, index) => [call.id, calls[index]?.id]));
  const inputs = new Map(given.map((call) => [call.id, call.args]));
  const content = Array.isArray(answer.content)
    ? answer.content.map((block) => {
        if (block.type === 'text' && typeof block['text'] === 'string') return { ...block, text: truncateMiddle(block['text'], MAX_TEXT_CHARS) };
        if (block.type !== 'tool_use' || typeof block['id'] !== 'string') return block;
        return { ...block, id: renamed.get(block['id']) ?? block['id'], input: inputs.get(block['id']) ?? block['input'] };
      })
    : truncateMiddle(answer.content, MAX_TEXT_CHARS);
  return new AIMessage({
    content,
    tool_calls: calls,
    ...(answer.usage_metadata ? { usage_metadata: answer.usage_metadata } : {}),
  });
}

/** A result that was written as JSON into the text instead of being handed in by the tool: the same as if it had been. */
export function adoptWrittenResult(answer: AIMessage, resultName: string, accepts: (value: unknown) => boolean): AIMessage {
  if (answer.tool_calls?.length || typeof answer.content !== 'string') return answer;
  const text = answer.content
    .trim()
    .replace(/^```(?:json)?\s*\n?/, '')
    .replace(/\n?```$/, '');
  if (!text.startsWith('{')) return answer;
  const args = parseJson(text);
  if (args === undefined || !accepts(args)) return answer;
  const call = { id: `written_${resultName}`, name: resultName, args: args as Record<string, unknown>, type: 'tool_call' as const };
  return new AIMessage({ content: '', tool_calls: [call], ...(answer.usage_metadata ? { usage_metadata: answer.usage_metadata } : {}) });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
