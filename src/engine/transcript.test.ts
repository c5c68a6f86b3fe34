import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { describe, expect, it } from 'vitest';
import { adoptWrittenResult, concluded, danglingCalls, failedInARow, kindOf, normalizeAnswer, restore, toContent } from './transcript.ts';

function calls(...ids: string[]): AIMessage {
  return new AIMessage({ content: '', tool_calls: ids.map((id) => ({ id, name: 'tool', args: { id }, type: 'tool_call' as const })) });
}

function answered(id: string, change: { name?: string; status?: 'success' | 'error' } = {}): ToolMessage {
  return new ToolMessage({ content: 'ok', tool_call_id: id, name: change.name ?? 'tool', status: change.status ?? 'success' });
}

function idsOf(message: AIMessage): (string | undefined)[] {
  return (message.tool_calls ?? []).map((call) => call.id);
}

it('survives the database, message by message', () => {
  const messages = [new SystemMessage('s'), new HumanMessage('h'), calls('a'), answered('a', { status: 'error' })];
  const stored = messages.map((message, index) => ({
    seq: index + 1,
    created_at: '',
    kind: kindOf(message),
    content: JSON.parse(JSON.stringify(toContent(message))) as ReturnType<typeof toContent>,
    duration_ms: 10,
  }));
  const back = restore(stored);
  expect(back.messages.map(toContent)).toEqual(messages.map(toContent));
  expect(back).toMatchObject({ workedMs: 40, modelCalls: 1 });
  expect(stored.map((row) => row.kind)).toEqual(['system', 'human', 'ai', 'tool']);
});

describe('dangling calls', () => {
  it('are those of the last turn that have no answer', () => {
    expect(danglingCalls([calls('a', 'b'), answered('a')]).map((call) => call.id)).toEqual(['b']);
    expect(danglingCalls([calls('a'), answered('a'), calls('b')]).map((call) => call.id)).toEqual(['b']);
    expect(danglingCalls([calls('a'), answered('a'), new HumanMessage('x')])).toEqual([]);
    expect(danglingCalls([])).toEqual([]);
  });
});

describe('an answer with call ids', () => {
  it('keeps those that are new and renames those that were there', () => {
    expect(idsOf(normalizeAnswer(calls('a', 'b'), []))).toEqual(['a', 'b']);
    const again = normalizeAnswer(calls('a', 'b'), [calls('a'), answered('a')]);
    expect(new Set([...idsOf(again), 'a']).size).toBe(3);
    expect(idsOf(again)[1]).toBe('b');
  });

  it('renames twins of one turn and those that have none', () => {
    expect(new Set(idsOf(normalizeAnswer(calls('a', 'a'), []))).size).toBe(2);
    const none = new AIMessage({
      content: '',
      tool_calls: [
        { name: 'tool', args: {} },
        { name: 'tool', args: {} },
      ],
    });
    expect(new Set(idsOf(normalizeAnswer(none, []))).size).toBe(2);
  });
});

describe('the end of a conversation', () => {
  const submitted = [calls('a'), answered('a', { name: 'submit' })];
  it('is a result that was taken and that nobody spoke after', () => {
    expect(concluded(submitted, ['submit'])?.calls[0]?.args).toEqual({ id: 'a' });
    expect(concluded([...submitted, new HumanMessage('wait')], ['submit'])).toBeNull();
    expect(concluded([calls('a'), answered('a', { name: 'submit', status: 'error' })], ['submit'])).toBeNull();
    expect(concluded(submitted, ['other'])).toBeNull();
  });
});

it('counts refusals since the last success', () => {
  const refused = () => answered('x', { name: 'submit', status: 'error' });
  expect(failedInARow([refused(), answered('y', { name: 'submit' }), refused(), answered('z'), refused()], 'submit')).toBe(2);
  expect(failedInARow([answered('x', { status: 'error' })], 'submit')).toBe(0);
});

describe('a result that was written instead of handed in', () => {
  const accepts = (value: unknown) => typeof value === 'object' && value !== null && 'ok' in value;
  it.each(['{"ok": true}', '```json\n{"ok": true}\n```', '  ```\n{"ok": true}\n```  '])('is taken: %j', (text) => {
    expect(adoptWrittenResult(new AIMessage(text), 'submit', accepts).tool_calls?.[0]).toMatchObject({ name: 'submit', args: { ok: true } });
  });
  it.each(['{"other": 1}', 'Here: {"ok": true}', '{"ok": ', '[1]', ''])('is not made of other words: %j', (text) => {
    const message = new AIMessage(text);
    expect(adoptWrittenResult(message, 'submit', accepts)).toBe(message);
  });
  it('does not replace calls', () => {
    const message = calls('a');
    expect(adoptWrittenResult(message, 'submit', accepts)).toBe(message);
  });
});
