import { AsyncLocalStorage } from 'node:async_hooks';
import { toBanyanError } from '../kernel/errors.ts';
import { newSpanId, newTraceId, preciseNow, rootSpanIdOf, traceIdOf } from './otlp.ts';
import type { Attributes, EndedSpan, SpanExporter } from './otlp.ts';

/*
 * What belongs to which delivery, from the webhook to the last effect. The GUID of the delivery is kept with tasks and effects in the database; a
 * process that takes one up enters its scope, and every span and every line of the log that is written inside has the same id. Without an exporter
 * there are no spans, and the lines still have it.
 */

export interface OpenSpan {
  /** Numbers, names and ids; never text of strangers. */
  set(attributes: Attributes): void;
  /** It did not come to a good end, though nothing is thrown. */
  fail(thrown: unknown): void;
}

export interface SpanOptions {
  /** The delivery that caused it, or null where nobody knows it: begins anew, wherever it is called. Left out: a part of the span that is under way. */
  delivery?: string | null;
  kind?: EndedSpan['kind'];
  /** Since when it waited to be taken up: told as a span of its own before this one. */
  due?: Date;
  attributes?: Attributes;
}

export interface Tracing {
  span<T>(name: string, options: SpanOptions, work: (span: OpenSpan) => Promise<T>): Promise<T>;
  /** For the log: whose work is being done. */
  fields(): { delivery?: string };
  /** A fetch whose calls are spans of this name, without what the address asks for. */
  fetch(name: string, base?: typeof fetch): typeof fetch;
  flush(): Promise<void>;
}

interface Scope {
  traceId: string;
  spanId: string;
  delivery: string | undefined;
}

class Spans implements Tracing {
  readonly #scopes = new AsyncLocalStorage<Scope>();
  readonly #exporter: SpanExporter | null;

  constructor(exporter: SpanExporter | null) {
    this.#exporter = exporter;
  }

  async span<T>(name: string, { delivery, kind = 'internal', due, attributes = {} }: SpanOptions, work: (span: OpenSpan) => Promise<T>): Promise<T> {
    const { traceId, parentSpanId, scope } = this.#enter(delivery);
    const startedAt = preciseNow();
    const ended = { traceId, parentSpanId, name, kind, startedAt };
    const told: Attributes = { ...attributes, 'banyan.delivery': scope.delivery };
    let error: string | null = null;
    const open: OpenSpan = {
      set: (more) => void Object.assign(told, more),
      fail(thrown) {
        error = toBanyanError(thrown).code;
      },
    };
    if (due)
      this.#exporter?.add({
        ...ended,
        spanId: newSpanId(),
        name: 'claim',
        startedAt: Math.min(due.getTime(), startedAt),
        endedAt: startedAt,
        attributes: { 'banyan.of': name, 'banyan.delivery': scope.delivery },
        error,
      });
    try {
      return await this.#scopes.run(scope, () => work(open));
    } catch (thrown) {
      open.fail(thrown);
      throw thrown;
    } finally {
      this.#exporter?.add({ ...ended, spanId: scope.spanId, endedAt: preciseNow(), attributes: told, error });
    }
  }

  #enter(delivery: string | null | undefined): { traceId: string; parentSpanId: string | null; scope: Scope } {
    const around = delivery === undefined ? this.#scopes.getStore() : undefined;
    const spanId = newSpanId();
    if (around) return { traceId: around.traceId, parentSpanId: around.spanId, scope: { ...around, spanId } };
    const cause = delivery ?? undefined;
    const traceId = cause === undefined ? newTraceId() : traceIdOf(cause);
    return { traceId, parentSpanId: cause === undefined ? null : rootSpanIdOf(cause), scope: { traceId, spanId, delivery: cause } };
  }

  fields(): { delivery?: string } {
    const delivery = this.#scopes.getStore()?.delivery;
    return delivery === undefined ? {} : { delivery };
  }

  fetch(name: string, base: typeof fetch = fetch): typeof fetch {
    return (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
      const attributes = { 'http.request.method': method, 'server.address': url.host, 'url.path': url.pathname };
      return this.span(`${name} ${method}`, { kind: 'client', attributes }, async (span) => {
        const response = await base(input, init);
        span.set({ 'http.response.status_code': response.status });
        return response;
      });
    };
  }

  async flush(): Promise<void> {
    await this.#exporter?.flush();
  }
}

export function createTracing(exporter: SpanExporter | null = null): Tracing {
  return new Spans(exporter);
}

/** The receipt of a delivery: the span above all others of it. */
export function receiptSpan(delivery: { guid: string; event: string; action: string | null }, startedAt: number): EndedSpan {
  const { guid, event, action } = delivery;
  return {
    traceId: traceIdOf(guid),
    spanId: rootSpanIdOf(guid),
    parentSpanId: null,
    name: 'webhook',
    kind: 'server',
    startedAt,
    endedAt: preciseNow(),
    attributes: { 'banyan.delivery': guid, 'banyan.event': event, 'banyan.action': action },
    error: null,
  };
}
