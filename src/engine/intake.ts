import { createHmac, timingSafeEqual } from 'node:crypto';
import { readEnvelope } from '../domain/intake.ts';
import { toBanyanError } from '../kernel/errors.ts';
import type { NewDelivery, Store } from '../store/contract.ts';

export interface IntakeParts {
  store: Pick<Store, 'receiveDelivery'>;
  /** The current secret first, then the one being rotated out. */
  secrets: readonly string[];
  /** Called once a delivery is stored: wakes a worker, must not throw. */
  nudge(): void;
  /** Called with what was stored for the first time, and when it came (milliseconds since the epoch); must not throw. */
  accepted?(delivery: NewDelivery, startedAt: number): void;
  /** Where failures are told; the payload is never part of it. */
  warn(fields: Record<string, unknown>, message: string): void;
}

/** GitHub sends nothing larger. */
const MAX_BYTES = 25 * 1024 * 1024;
const GUID = /^[0-9a-zA-Z-]{8,64}$/;

/** Not `Response.json`: servers take a text to the socket as it is. Headers of its own: there are servers that write the length into what they are given. */
function answer(status: number, body: Record<string, unknown>): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}

function refuse(status: number, code: string, message: string): Response {
  return answer(status, { error: { code, message } });
}

/**
 * GitHub's HMAC over the body, byte for byte as it came. Every secret is compared in constant time; an empty list never verifies.
 * `@octokit/webhooks` does the same over a string, and loading it would be a tenth of a cold start.
 */
function isSigned(body: Uint8Array, signature: string, secrets: readonly string[]): boolean {
  const given = Buffer.from(signature);
  return secrets.some((secret) => {
    const wanted = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}

async function readBody(request: Request): Promise<Uint8Array | null> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BYTES) return null;
  const bytes = await request.arrayBuffer();
  return bytes.byteLength > MAX_BYTES ? null : new Uint8Array(bytes);
}

function parseObject(body: string): object | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** What is wrong with the request before its body is looked into, or null. */
function objection(request: Request): Response | null {
  if (request.method !== 'POST') return refuse(405, 'method_not_allowed', 'Deliveries are sent with POST.');
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') return refuse(415, 'media_type_unsupported', 'Set the content type of the webhook to application/json.');
  return null;
}

async function store(parts: IntakeParts, delivery: NewDelivery, startedAt: number): Promise<Response> {
  try {
    const status = await parts.store.receiveDelivery(delivery);
    if (status === 'accepted') {
      parts.nudge();
      parts.accepted?.(delivery, startedAt);
    }
    return answer(202, { delivery: delivery.guid, status });
  } catch (thrown) {
    const error = toBanyanError(thrown);
    parts.warn({ delivery: delivery.guid, event: delivery.event, code: error.code }, 'a delivery could not be stored; GitHub keeps it for redelivery');
    return refuse(503, error.code, 'The delivery could not be stored. Redeliver it later.');
  }
}

/** Takes one webhook of GitHub's: verify, store, answer. Everything else is a worker's. */
export function createIntake(parts: IntakeParts): (request: Request) => Promise<Response> {
  const decoder = new TextDecoder();
  return async (request) => {
    const startedAt = performance.timeOrigin + performance.now();
    const early = objection(request);
    if (early) return early;
    const bytes = await readBody(request);
    if (bytes === null) return refuse(413, 'payload_too_large', `A delivery has at most ${MAX_BYTES} bytes.`);
    if (bytes.length === 0) return refuse(400, 'payload_invalid', 'The body is empty.');
    const signature = request.headers.get('x-hub-signature-256') ?? '';
    if (!isSigned(bytes, signature, parts.secrets)) {
      return refuse(401, 'unauthorized', 'The signature is missing or wrong: the webhook secret here and at the GitHub App must be the same.');
    }
    const guid = request.headers.get('x-github-delivery') ?? '';
    const event = request.headers.get('x-github-event') ?? '';
    if (!GUID.test(guid) || !/^[a-z0-9_]{1,64}$/.test(event))
      return refuse(400, 'payload_invalid', 'The headers X-GitHub-Delivery and X-GitHub-Event are needed.');
    const body = decoder.decode(bytes);
    const payload = parseObject(body);
    if (!payload) return refuse(400, 'payload_invalid', 'The body is not a JSON object.');
    const { ignored, ...envelope } = readEnvelope(event, payload);
    if (ignored) return answer(202, { delivery: guid, status: 'ignored' });
    return store(parts, { guid, event, body, ...envelope }, startedAt);
  };
}
