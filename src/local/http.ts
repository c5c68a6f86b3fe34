import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';

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

/**
 * `Request -> Response` on a loopback port. The body is handed over byte for byte. Node's own `Request` and `Response` would cost more
 * than what the webhook does with them; the adapter makes them only of what is asked for.
 */
export async function listen(options: HttpServerOptions): Promise<HttpServer> {
  const listener = getRequestListener((request, { incoming }) => {
    const { rawBody } = incoming as IncomingMessage & { rawBody?: Buffer };
    return rawBody === undefined ? options.tooLarge() : options.handle(request);
  });
  const server = createServer((incoming, outgoing) => {
    readBody(incoming, options.maxBodyBytes)
      // The name under which the adapter takes a body that was read before.
      .then((body) => listener(Object.assign(incoming, body === 'too large' ? {} : { rawBody: body }), outgoing))
      .catch((error: unknown) => {
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

/** Reads on after the limit without keeping anything: a client that is cut off in the middle of its body does not see the answer. */
function readBody(incoming: IncomingMessage, limit: number): Promise<Buffer | 'too large'> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
    });
    incoming.once('end', () => resolve(size > limit ? 'too large' : ((chunks.length === 1 ? chunks[0] : undefined) ?? Buffer.concat(chunks))));
    incoming.once('error', reject);
    incoming.once('close', () => reject(new Error('the client went away in the middle of its request')));
  });
}
