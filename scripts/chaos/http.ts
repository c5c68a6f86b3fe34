import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A plain server on the loopback whose answers may also be cut, held or left out. */
export interface RawServer {
  url: string;
  close(): Promise<void>;
}

export interface Received {
  method: string;
  /** Path and query as they came. */
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

async function read(incoming: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
  return { method: incoming.method ?? 'GET', path: incoming.url ?? '/', headers, body: Buffer.concat(chunks) };
}

export async function serveRaw(handle: (received: Received, response: ServerResponse) => Promise<void>): Promise<RawServer> {
  const server: Server = createServer((incoming, response) => {
    read(incoming)
      .then((received) => handle(received, response))
      // Who asked is gone, or what stands behind this server is: for who asked, the connection breaks.
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host', 'content-encoding', 'accept-encoding', 'expect'];

function passed(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
}

/** Hands a request on as it came and takes the whole answer. */
export async function forward(base: string, { method, path, headers, body }: Received): Promise<Answer> {
  const hasBody = method !== 'GET' && method !== 'HEAD' && body.length > 0;
  const init = { method, headers: passed(headers), redirect: 'manual' as const, ...(hasBody ? { body: new Uint8Array(body) } : {}) };
  const response = await fetch(`${base}${path}`, init);
  return { status: response.status, headers: passed(Object.fromEntries(response.headers)), body: Buffer.from(await response.arrayBuffer()) };
}

export function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
}

/** The head promises the whole; the connection ends in its middle. */
export function sendHalf(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': Math.max(body.length, 2) });
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
}

/** Resolves when whoever asked has given up, or after the time. */
export function untilGivenUp(response: ServerResponse, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
