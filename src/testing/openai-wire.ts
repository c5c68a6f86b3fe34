import type { ServerResponse } from 'node:http';
import type { Answer, ChatRequest, ToolCallAnswer, Usage } from './openai-answers.ts';

type Message = Extract<Answer, { kind: 'message' }>;

/** Unique in a conversation: its task, its length, the call's place. */
function wireCalls(calls: ToolCallAnswer[], request: ChatRequest) {
  return calls.map((call, index) => ({
    id: call.id ?? `call_${request.task || 'x'}_${request.messages.length}_${index}`,
    type: 'function',
    function: { name: call.name, arguments: typeof call.args === 'string' ? call.args : JSON.stringify(call.args) },
  }));
}

function wireUsage({ input, output, cached = 0 }: Usage) {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output, prompt_tokens_details: { cached_tokens: cached } };
}

/** Everything but a message: errors, broken connections, broken bodies. True where it was one of them. */
function renderFault(answer: Answer, response: ServerResponse): answer is Exclude<Answer, Message> {
  switch (answer.kind) {
    case 'message':
      return false;
    case 'error':
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(JSON.stringify(answer.body));
      return true;
    case 'garbage':
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer.body);
      return true;
    case 'cut':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"id":"cut","choices":[', () => response.destroy());
      return true;
  }
}

export function render(answer: Answer, request: ChatRequest, response: ServerResponse): void {
  if (renderFault(answer, response)) return;
  const message = {
    role: 'assistant',
    content: answer.text || null,
    ...(answer.calls.length > 0 ? { tool_calls: wireCalls(answer.calls, request) } : {}),
  };
  const body = {
    id: `chatcmpl-${request.messages.length}`,
    object: 'chat.completion',
    created: 0,
    model: request.model,
    choices: [{ index: 0, message, finish_reason: answer.finish, logprobs: null }],
    usage: wireUsage(answer.usage),
  };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function renderStream(answer: Answer, request: ChatRequest, response: ServerResponse): void {
  if (renderFault(answer, response)) return;
  const send = (data: unknown) => response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
  const chunk = (delta: unknown, finish: string | null = null) => ({
    id: `chatcmpl-${request.messages.length}`,
    object: 'chat.completion.chunk',
    created: 0,
    model: request.model,
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  send(chunk({ role: 'assistant', content: answer.text }));
  for (const [index, call] of wireCalls(answer.calls, request).entries()) send(chunk({ tool_calls: [{ index, ...call }] }));
  send(chunk({}, answer.finish));
  send({ ...chunk({}), choices: [], usage: wireUsage(answer.usage) });
  send('[DONE]');
  response.end();
}
