import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import { listen, type HttpServer } from '../http.ts';
import { createInvocations, type Invocations } from './request-context.ts';
import { createRouter, listFunctions, readVercelConfig, type FunctionFile, type Route } from './routes.ts';

/** The platform's limit for a request's body; beyond it the function is not called. */
const MAX_BODY_BYTES = 4.5 * 1024 * 1024;
/** How long work under way may go on after a request to stop. With the supervisor's own part it stays under five seconds. */
const GRACE_MS = 2000;

type Handler = (request: Request) => Response | Promise<Response>;

const handlerSchema = z.custom<Handler>((value) => typeof value === 'function');
const moduleSchema = z.object({ default: z.object({ fetch: handlerSchema }).or(handlerSchema).optional() }).catchall(z.unknown());

/** The functions of `root/api`, routed as `root/vercel.json` says. `close()` lets work under way finish for a moment. */
export async function createFunctionsServer(options: { root: string; port: number }): Promise<Omit<HttpServer, 'close'> & { close(): Promise<void> }> {
  const config = readVercelConfig(options.root);
  const functions = listFunctions(options.root, config);
  const route = createRouter(config, functions);
  const invocations = createInvocations();
  const server = await listen({
    port: options.port,
    handle: (request) => handle(invocations, route(new URL(request.url).pathname), request),
    maxBodyBytes: MAX_BODY_BYTES,
    tooLarge: () => platformError(413, 'Request Entity Too Large', 'FUNCTION_PAYLOAD_TOO_LARGE'),
  });
  return {
    ...server,
    async close() {
      invocations.shorten(GRACE_MS - 500);
      const limit = AbortSignal.timeout(GRACE_MS);
      const timeUp = new Promise<void>((resolve) => limit.addEventListener('abort', () => resolve()));
      await Promise.race([server.close(GRACE_MS).then(() => invocations.settled()), timeUp]);
      invocations.dispose();
    },
  };
}

function platformError(status: number, text: string, code: string): Response {
  return new Response(`${text}\n\n${code}\n`, { status, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-vercel-error': code } });
}

async function handle(invocations: Invocations, route: Route | undefined, request: Request): Promise<Response> {
  if (!route) return platformError(404, 'The page could not be found', 'NOT_FOUND');
  const { maxDurationSeconds } = route.function;
  try {
    const handler = await handlerOf(route.function, request.method);
    if (!handler) return new Response(null, { status: 405 });
    const answer = invocations.run(maxDurationSeconds, async () => handler(withParams(request, route.params)));
    return await withinTime(answer, maxDurationSeconds);
  } catch (error) {
    console.error(error);
    return platformError(500, 'A server error has occurred', 'FUNCTION_INVOCATION_FAILED');
  }
}

/** The platform keeps the path that was asked for and adds to the query what the rewrite matched. */
function withParams(request: Request, params: Record<string, string>): Request {
  if (Object.keys(params).length === 0) return request;
  const url = new URL(request.url);
  for (const [name, value] of Object.entries(params)) url.searchParams.append(name, value);
  return new Request(url, request);
}

async function handlerOf(file: FunctionFile, method: string): Promise<Handler | undefined> {
  const loaded = moduleSchema.safeParse({ ...((await import(pathToFileURL(file.file).href)) as object) });
  if (!loaded.success) throw new BanyanError('internal', `${file.path} exports no handler that the platform knows`, { cause: loaded.error });
  const own = handlerSchema.safeParse(loaded.data[method]);
  if (own.success) return own.data;
  const fallback = loaded.data.default;
  return typeof fallback === 'function' ? fallback : fallback?.fetch.bind(fallback);
}

async function withinTime(answer: Promise<Response>, seconds: number): Promise<Response> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<Response>((resolve) => {
    timer = setTimeout(() => resolve(platformError(504, 'An error occurred with this application', 'FUNCTION_INVOCATION_TIMEOUT')), seconds * 1000);
  });
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
