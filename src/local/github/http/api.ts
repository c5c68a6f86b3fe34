import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Actor } from '../core/access.ts';
import { Fault, notFound } from '../core/fault.ts';
import type { Forge } from '../core/forge.ts';
import { LimitFault } from '../core/limits.ts';
import type { JsonObject } from '../core/model.ts';
import { authenticate } from '../core/tokens.ts';
import type { Call, Reply } from './call.ts';
import { objectOf } from './input.ts';
import type { Router } from './router.ts';

const MAX_BODY_BYTES = 128 * 1024 * 1024;

/** Who a request's `Authorization` header names. */
export function actorOf(forge: Forge, header: string | undefined): Actor {
  if (header === undefined || header === '') return { kind: 'anonymous' };
  const [scheme = '', value = ''] = header.trim().split(/\s+/);
  if (/^(token|bearer)$/i.test(scheme)) return authenticate(forge.store, forge.appKey, value);
  if (/^basic$/i.test(scheme)) {
    const [user = '', ...rest] = Buffer.from(value, 'base64').toString().split(':');
    const password = rest.join(':');
    return authenticate(forge.store, forge.appKey, password === '' || password === 'x-oauth-basic' ? user : password);
  }
  throw new Fault(401, 'Bad credentials');
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Fault(413, 'Payload Too Large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A JSON body. A bare list is taken as labels, the one place where the API allows a list. */
export function parseBody(data: Buffer): JsonObject {
  const text = data.toString('utf8');
  if (text.trim() === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Fault(400, 'Problems parsing JSON');
  }
  if (Array.isArray(parsed)) return { labels: parsed };
  if (typeof parsed !== 'object' || parsed === null) throw new Fault(400, 'Body should be a JSON object');
  return objectOf(parsed);
}

export async function dispatch(router: Router, call: Omit<Call, 'params'>): Promise<Reply> {
  const method = call.method === 'HEAD' ? 'GET' : call.method;
  const match = router.find(method, call.path);
  if (match === undefined) throw notFound();
  const reply = await match.route.handle({ ...call, method, params: match.params });
  if (method !== 'GET') call.forge.store.touch();
  return reply;
}

export function faultReply(error: unknown): Reply {
  if (error instanceof Fault) return { status: error.status, json: error.body(), headers: error instanceof LimitFault ? error.headers : {} };
  process.stderr.write(`local github: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return { status: 500, json: new Fault(500, 'Server Error').body() };
}

/** Writes an answer with the headers that every API answer has; a GET that has not changed is 304. */
export function sendReply(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const body = reply.raw === undefined ? (reply.json === undefined ? '' : JSON.stringify(reply.json)) : reply.raw.data;
  response.setHeader('x-github-request-id', randomBytes(10).toString('hex').toUpperCase());
  response.setHeader('x-github-media-type', 'github.v3; format=json');
  response.setHeader('x-github-api-version-selected', '2022-11-28');
  response.setHeader('access-control-expose-headers', 'ETag, Link, X-GitHub-Request-Id');
  response.setHeader('cache-control', 'private, max-age=0, must-revalidate');
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if (reply.status === 204 || body.length === 0) {
    response.writeHead(reply.status);
    response.end();
    return;
  }
  response.setHeader('content-type', reply.raw?.type ?? 'application/json; charset=utf-8');
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const etag = `W/"${createHash('sha256').update(body).digest('hex')}"`;
  if (isRead && reply.status === 200) response.setHeader('etag', etag);
  if (isRead && reply.status === 200 && request.headers['if-none-match'] === etag) {
    response.writeHead(304);
    response.end();
    return;
  }
  response.setHeader('content-length', Buffer.byteLength(body));
  response.writeHead(reply.status);
  response.end(request.method === 'HEAD' ? undefined : body);
}
