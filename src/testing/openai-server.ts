import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer, ChatMessage, ChatRequest } from './openai-answers.ts';
import { render, renderStream } from './openai-wire.ts';

export type { Answer, ChatMessage, ChatRequest } from './openai-answers.ts';
export { callTool, cutOff, fail, invalidJson, rateLimited, say } from './openai-answers.ts';

export interface OpenAiServerOptions {
  /** Decides each answer; a thrown error is kept in `errors`, and answered with status 400: asked again it would be the same. */
  play: (request: ChatRequest) => Answer | Promise<Answer>;
  /** 0 (any free port) when absent. */
  port?: number;
}

export interface OpenAiServer {
  /** For `OPENAI_BASE_URL`: ends with `/v1`. */
  url: string;
  /** Every request, in order of receipt. */
  requests: ChatRequest[];
  /** What `play` threw. */
  errors: unknown[];
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function headerOf(request: IncomingMessage, name: string): string {
  return String(request.headers[name] ?? '');
}

interface RawBody {
  model: string;
  messages: ChatMessage[];
  tools?: { function: { name: string; parameters: unknown } }[];
  stream?: boolean;
}

function readRequest(request: IncomingMessage, body: string): ChatRequest {
  const raw = JSON.parse(body) as RawBody & Record<string, unknown>;
  return {
    agent: headerOf(request, 'x-banyan-agent'),
    task: headerOf(request, 'x-banyan-task'),
    run: headerOf(request, 'x-banyan-run'),
    authorization: headerOf(request, 'authorization'),
    model: raw.model,
    messages: raw.messages,
    tools: (raw.tools ?? []).map((tool) => tool.function.name),
    stream: raw.stream === true,
    raw,
  };
}

/** Starts an OpenAI-compatible endpoint (chat completions, plain and streamed) on the loopback. */
export async function startOpenAiServer({ play, port = 0 }: OpenAiServerOptions): Promise<OpenAiServer> {
  const requests: ChatRequest[] = [];
  const errors: unknown[] = [];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (request.method !== 'POST' || !request.url?.endsWith('/chat/completions')) {
      response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { message: `no route ${request.method} ${request.url}` } }));
      return;
    }
    const chat = readRequest(request, body);
    requests.push(chat);
    const answer = await play(chat);
    if (chat.stream) renderStream(answer, chat, response);
    else render(answer, chat, response);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      errors.push(error);
      if (!response.headersSent) response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: String(error), type: 'invalid_request_error' } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    errors,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
