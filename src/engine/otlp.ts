import { createHash, randomBytes } from 'node:crypto';
import { VERSION } from '../kernel/version.generated.ts';

/*
 * Spans as OpenTelemetry's collectors take them: OTLP over HTTP, in JSON. Its SDK would be several packages that a function loads for each cold start,
 * for one POST. Nothing here may get in the way of work: what cannot be sent is dropped.
 */

export type Attributes = Record<string, string | number | boolean | null | undefined>;

/** A piece of work that has ended. */
export interface EndedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  name: string;
  kind: 'internal' | 'server' | 'client';
  /** Milliseconds since the epoch, with fractions. */
  startedAt: number;
  endedAt: number;
  attributes: Attributes;
  /** In a word; null where all went well. */
  error: string | null;
}

export interface SpanExporter {
  add(span: EndedSpan): void;
  /** Sends what was added. Never throws, and takes five seconds at most. */
  flush(): Promise<void>;
}

export interface OtlpOptions {
  /** As in `OTEL_EXPORTER_OTLP_ENDPOINT`: without `/v1/traces`. */
  endpoint: string;
  /** As in `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,name=value`, values percent-encoded. */
  headers: string;
  serviceName: string;
  redact: (text: string) => string;
  fetch?: typeof fetch;
}

/** What a collector that is away costs in memory. */
const MOST_KEPT = 2_000;
/** Spans of one POST. */
const BATCH = 500;
const TIMEOUT_MS = 5_000;
/** Characters of one attribute: never more than a line. */
const VALUE_CHARS = 200;

const KINDS = { internal: 1, server: 2, client: 3 } as const;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

function digest(text: string, characters: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, characters);
}

/** The trace of a delivery: its GUID without dashes, so that whoever has one finds the other. Every process comes to the same. */
export function traceIdOf(delivery: string): string {
  return UUID.test(delivery) ? delivery.replaceAll('-', '').toLowerCase() : digest(delivery, 32);
}

/** The span of its receipt, under which everything else of the delivery stands. */
export function rootSpanIdOf(delivery: string): string {
  return digest(`root:${delivery}`, 16);
}

export function newSpanId(): string {
  return randomBytes(8).toString('hex');
}

export function newTraceId(): string {
  return randomBytes(16).toString('hex');
}

/** Milliseconds since the epoch, finer than `Date.now()`. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

function headersOf(list: string): Record<string, string> {
  const pairs = list.split(',').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at < 1 ? [] : [[pair.slice(0, at).trim(), decoded(pair.slice(at + 1).trim())] as const];
  });
  return Object.fromEntries(pairs);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Beyond what a number holds exactly, so as text. */
function nanoseconds(milliseconds: number): string {
  return `${Math.round(milliseconds * 1_000)}000`;
}

function createEncoder(redact: (text: string) => string) {
  const line = (text: string) => redact(text).split('\n', 1)[0]?.slice(0, VALUE_CHARS) ?? '';
  const valueOf = (value: string | number | boolean) => {
    if (typeof value === 'boolean') return { boolValue: value };
    if (typeof value === 'string') return { stringValue: line(value) };
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  };
  const attributesOf = (attributes: Attributes) =>
    Object.entries(attributes).flatMap(([key, value]) => (value === null || value === undefined ? [] : [{ key, value: valueOf(value) }]));
  return {
    attributes: attributesOf,
    span: ({ parentSpanId, kind, startedAt, endedAt, attributes, error, ...ids }: EndedSpan) => ({
      ...ids,
      ...(parentSpanId === null ? {} : { parentSpanId }),
      kind: KINDS[kind],
      startTimeUnixNano: nanoseconds(startedAt),
      endTimeUnixNano: nanoseconds(Math.max(startedAt, endedAt)),
      attributes: attributesOf(attributes),
      status: error === null ? {} : { code: 2, message: line(error) },
    }),
  };
}

export function createOtlpExporter({ endpoint, headers, serviceName, redact, fetch: send = fetch }: OtlpOptions): SpanExporter {
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  const encode = createEncoder(redact);
  const resource = { attributes: encode.attributes({ 'service.name': serviceName, 'service.version': VERSION }) };
  let kept: EndedSpan[] = [];
  let sending: Promise<void> = Promise.resolve();

  async function post(spans: readonly EndedSpan[], signal: AbortSignal): Promise<void> {
    const body = JSON.stringify({
      resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'banyan', version: VERSION }, spans: spans.map(encode.span) }] }],
    });
    const response = await send(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headersOf(headers) }, body, signal });
    await response.body?.cancel();
  }

  async function sendKept(): Promise<void> {
    const spans = kept;
    kept = [];
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    for (let at = 0; at < spans.length; at += BATCH) await post(spans.slice(at, at + BATCH), signal);
  }

  function flush(): Promise<void> {
    sending = sending.then(sendKept).catch(() => undefined);
    return sending;
  }

  return {
    add(span) {
      if (kept.length < MOST_KEPT) kept.push(span);
      if (kept.length === BATCH) void flush();
    },
    flush,
  };
}
