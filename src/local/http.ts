import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpServer {
  url: string;
  port: number;
  /** Stops accepting and waits for the answers under way, at most so long; then cuts them. */
  close(graceMs: number): Promise<void>;
}

export interface HttpServerOptions {
  /** 0 takes a free one. */
  port: number;
  handle(request: Request): Promise<Response>;
  /** A longer body is answered with `tooLarge` before `handle` sees it. */
  maxBodyBytes: number;
  tooLarge(): Response;
}

/** `Request -> Response` on a loopback port. The body is handed over byte for byte. */
export async function listen(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer((incoming, outgoing) => {
    answer(options, incoming, outgoing).catch((error: unknown) => {
      console.error(error);
      outgoing.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, close: (graceMs) => close(server, graceMs) };
}

async function close(server: Server, graceMs: number): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(cut);
}

async function answer(options: HttpServerOptions, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = await readBody(incoming, options.maxBodyBytes);
  const response = body === 'too large' ? options.tooLarge() : await options.handle(toRequest(incoming, body));
  await send(response, outgoing, incoming.method === 'HEAD');
}

/** Reads on after the limit without keeping anything: a client that is cut off in the middle of its body does not see the answer. */
function readBody(incoming: IncomingMessage, limit: number): Promise<Uint8Array<ArrayBuffer> | 'too large'> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer<ArrayBuffer>[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer<ArrayBuffer>) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
    });
    incoming.once('end', () => resolve(size > limit ? 'too large' : ((chunks.length === 1 ? chunks[0] : undefined) ?? Buffer.concat(chunks))));
    incoming.once('error', reject);
    incoming.once('close', () => reject(new Error('the client went away in the middle of its request')));
  });
}

function toRequest(incoming: IncomingMessage, body: Uint8Array<ArrayBuffer>): Request {
  const headers = new Headers();
  for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
    headers.append(incoming.rawHeaders[index] ?? '', incoming.rawHeaders[index + 1] ?? '');
  }
  const method = incoming.method ?? 'GET';
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const url = new URL(incoming.url ?? '/', `http://${incoming.headers.host ?? '127.0.0.1'}`);
  return new Request(url, { method, headers, ...(hasBody ? { body } : {}) });
}

async function send(response: Response, outgoing: ServerResponse, headOnly: boolean): Promise<void> {
  const cookies = response.headers.getSetCookie();
  for (const [name, value] of response.headers) if (name !== 'set-cookie') outgoing.setHeader(name, value);
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies);
  // Nothing here streams, and a body that is read as a whole takes a fraction of what piping it does.
  const body = headOnly || response.body === null ? null : new Uint8Array(await response.arrayBuffer());
  outgoing.writeHead(response.status, response.statusText || undefined).end(body);
}
