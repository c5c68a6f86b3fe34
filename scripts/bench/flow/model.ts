import { z } from 'zod';
import { listen } from '../../../src/local/http.ts';
import type { HttpServer } from '../../../src/local/http.ts';
import { nextCalls } from './scenario.ts';

const requestSchema = z.object({
  model: z.string(),
  messages: z.array(z.object({ role: z.string() })),
  tools: z.array(z.object({ function: z.object({ name: z.string() }) })).default([]),
});

const MAX_BODY_BYTES = 32 * 1024 * 1024;
const USAGE = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };

async function complete(request: Request): Promise<Response> {
  const { model, messages, tools } = requestSchema.parse(await request.json());
  const calls = nextCalls(request.headers.get('x-banyan-agent') ?? '', {
    tools: tools.map((tool) => tool.function.name),
    hasActed: messages.some((message) => message.role === 'assistant'),
  });
  const toolCalls = calls.map(({ name, args }, index) => ({
    id: `call_${messages.length}_${index}`,
    type: 'function',
    function: { name, arguments: JSON.stringify(args) },
  }));
  const message = { role: 'assistant', content: null, tool_calls: toolCalls };
  const choices = [{ index: 0, message, finish_reason: 'tool_calls', logprobs: null }];
  return Response.json({ id: 'chatcmpl-bench', object: 'chat.completion', created: 0, model, choices, usage: USAGE });
}

/** An OpenAI-compatible endpoint that answers at once with what the scenario says. */
export function startModel(): Promise<HttpServer> {
  return listen({ port: 0, handle: complete, maxBodyBytes: MAX_BODY_BYTES, tooLarge: () => new Response(null, { status: 413 }) });
}
