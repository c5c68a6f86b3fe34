import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openIssue } from '../e2e/watch.ts';
import { createOtlpExporter, rootSpanIdOf, traceIdOf } from '../../src/engine/otlp.ts';
import type { EndedSpan } from '../../src/engine/otlp.ts';
import { createTracing, receiptSpan } from '../../src/engine/tracing.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { content, PLAIN } from './scripts.ts';

const GUID = '72d3162e-cc78-11e3-81ab-4c9367dc0958';

describe('what one delivery caused', () => {
  const spans: EndedSpan[] = [];
  const lines: Record<string, unknown>[] = [];
  let engine: Engine;
  let guid: string;
  beforeAll(async () => {
    const writeLog = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
    engine = await startEngine({ spans: { add: (span) => void spans.push(span), flush: () => Promise.resolve() }, writeLog });
    engine.cast.in('traced', content);
    const watched = await engine.repository('traced', PLAIN);
    await openIssue(watched, { title: 'First', labels: ['ready-for-dev'] });
    await engine.settle();
    const [opened] = await engine.sql<{ guid: string }>(`select delivery as guid from tasks order by id limit 1`);
    guid = opened?.guid ?? '';
  });
  afterAll(() => engine.close());

  it('is one trace, from its routing to its last effect, whichever task came between', async () => {
    expect(await engine.sql('select guid from deliveries where guid = $1', [guid])).toHaveLength(1);
    const own = spans.filter(({ traceId }) => traceId === traceIdOf(guid));
    const named = (name: string) => own.filter((span) => span.name === name);
    const of = (list: EndedSpan[], attribute: string) => [...new Set(list.map(({ attributes }) => attributes[attribute]))];
    expect(of(named('delivery'), 'banyan.delivery')).toEqual([guid]);
    expect(of(named('task'), 'banyan.role')).toEqual(expect.arrayContaining(['developer', 'qa', 'reviewer']));
    expect(of(named('effect'), 'banyan.kind')).toEqual(expect.arrayContaining(['status_comment', 'label', 'commit', 'pull_request', 'review']));
    expect(named('claim').length).toBe(named('task').length);
    expect(own.filter(({ attributes }) => attributes['banyan.delivery'] !== guid)).toEqual([]);
    // What stands inside what.
    const byId = new Map(own.map((span) => [span.spanId, span.name]));
    const above = (name: string) => new Set(named(name).map(({ parentSpanId }) => byId.get(parentSpanId ?? '') ?? parentSpanId));
    expect(above('task')).toEqual(new Set([rootSpanIdOf(guid)]));
    expect(above('route')).toEqual(new Set(['delivery']));
    expect([...above('model')]).toEqual(['task']);
    expect([...above('tool')]).toEqual(['task']);
    expect(above('github POST').has('effect')).toBe(true);
    expect(own.every(({ startedAt, endedAt }) => startedAt <= endedAt)).toBe(true);
  });

  it('is named in every line of the log about it', () => {
    const told = lines.filter(({ msg }) => msg === 'task settled');
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(new Set(told.map(({ delivery }) => delivery))).toEqual(new Set([guid]));
    const routed = lines.filter(({ msg }) => msg === 'delivery routed');
    expect(routed.length).toBeGreaterThan(0);
    expect(routed.every(({ delivery }) => typeof delivery === 'string')).toBe(true);
  });

  it('holds no text of people, no code and no answers of models', () => {
    const attributes = spans.flatMap((span) => Object.entries(span.attributes));
    expect(attributes.length).toBeGreaterThan(100);
    const text = attributes.map(([, value]) => String(value));
    expect(text.filter((value) => value.includes('\n') || value.length > 200)).toEqual([]);
    expect(attributes.filter(([key]) => !/^(?:banyan|http|url|server|gen_ai)\./.test(key))).toEqual([]);
  });
});

describe('a task that a later delivery wakes', () => {
  it('belongs to that one from then on, and so does what follows', async () => {
    const engine = await startEngine();
    try {
      const { store, sql } = engine;
      const { aTicketAtWork, addTask, addInput, only } = await import('../store/builders.ts');
      const desk = await aTicketAtWork(store);
      const claims = await store.claim('w', { deliveries: 0, effects: 0, tasks: 1, leaseSeconds: 60 });
      const { task } = only(claims.tasks);
      expect(task.delivery).toMatch(/./);
      await store.suspendTask(task.id, 'w', { waitingFor: 'answer', waitingOn: 'maintainer' }, []);
      await desk.deliver([addInput('comment:1')]);
      const [woken] = await sql<{ delivery: string; state: string }>('select delivery, state from tasks where id = $1', [task.id]);
      expect(woken?.state).toBe('pending');
      expect(woken?.delivery).not.toBe(task.delivery);
      await sql(`update tasks set due_at = now() where id = $1`, [task.id]);
      const again = only((await store.claim('w', { deliveries: 0, effects: 0, tasks: 1, leaseSeconds: 60 })).tasks);
      expect(again.task.delivery).toBe(woken?.delivery);
      await store.applyTaskIntents(task.id, 'w', [addTask('qa:9', { role: 'qa' })]);
      expect(await sql(`select delivery from tasks where key = 'qa:9'`)).toEqual([{ delivery: woken?.delivery }]);
    } finally {
      await engine.close();
    }
  });
});

describe('the exporter', () => {
  interface Received {
    url: string;
    headers: Record<string, unknown>;
    body: { resourceSpans: { resource: { attributes: unknown[] }; scopeSpans: { spans: Record<string, unknown>[] }[] }[] };
  }
  async function collector(status = 200) {
    const received: Received[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        received.push({ url: request.url ?? '', headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) as Received['body'] });
        response.writeHead(status).end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const close = () => new Promise((resolve) => server.close(resolve));
    return { received, endpoint, close };
  }
  const redact = (text: string) => text.replaceAll('hunter2', '[redacted]');
  const options = { headers: 'authorization=Bearer%20abc, x-team=one', serviceName: 'banyan-test', redact };

  it('sends OTLP in JSON, with the headers that are asked for, one line of each text, and no secret', async () => {
    const { received, endpoint, close } = await collector();
    const exporter = createOtlpExporter({ endpoint, ...options });
    const tracing = createTracing(exporter);
    exporter.add(receiptSpan({ guid: GUID, event: 'issues', action: 'opened' }, 1_700_000_000_000.25));
    const work = tracing.span('task', { delivery: GUID, attributes: { a: 'password hunter2\nsecond line', n: 3, f: 0.5, b: true, gone: null } }, () =>
      Promise.reject(new Error('it broke for hunter2')),
    );
    await expect(work).rejects.toThrow('it broke');
    await tracing.flush();
    await tracing.flush();
    await close();
    expect(received).toHaveLength(1);
    const [post] = received;
    expect(post?.url).toBe('/v1/traces');
    expect(post?.headers).toMatchObject({ authorization: 'Bearer abc', 'x-team': 'one', 'content-type': 'application/json' });
    const [resourceSpans] = post?.body.resourceSpans ?? [];
    expect(resourceSpans?.resource.attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'banyan-test' } });
    const [receipt, task] = resourceSpans?.scopeSpans[0]?.spans ?? [];
    expect(receipt).toMatchObject({
      traceId: '72d3162ecc7811e381ab4c9367dc0958',
      name: 'webhook',
      kind: 2,
      startTimeUnixNano: '1700000000000250000',
      status: {},
    });
    expect(receipt).not.toHaveProperty('parentSpanId');
    expect(task).toMatchObject({
      traceId: receipt?.['traceId'],
      parentSpanId: receipt?.['spanId'],
      status: { code: 2, message: 'internal' },
      attributes: [
        { key: 'a', value: { stringValue: 'password [redacted]' } },
        { key: 'n', value: { intValue: '3' } },
        { key: 'f', value: { doubleValue: 0.5 } },
        { key: 'b', value: { boolValue: true } },
        { key: 'banyan.delivery', value: { stringValue: GUID } },
      ],
    });
    expect(JSON.stringify(received)).not.toContain('hunter2');
  });

  it.each([
    ['is not there', () => Promise.reject(new Error('refused'))],
    ['answers with an error', () => Promise.resolve(new Response('no', { status: 500 }))],
  ])('never gets in the way where the collector %s, and keeps no more than so much', async (_, send) => {
    let calls = 0;
    const fetching = () => {
      calls += 1;
      return send();
    };
    const tracing = createTracing(createOtlpExporter({ endpoint: 'http://127.0.0.1:1', ...options, fetch: fetching }));
    for (let at = 0; at < 100; at += 1) expect(await tracing.span('task', { delivery: GUID }, () => Promise.resolve(at))).toBe(at);
    await tracing.flush();
    expect(calls).toBe(1);
  });

  it('gives a trace to what has no delivery, and ids that every process comes to alike', () => {
    expect(traceIdOf(GUID)).toBe(GUID.replaceAll('-', ''));
    expect(traceIdOf('not-a-uuid')).toMatch(/^[0-9a-f]{32}$/);
    expect(rootSpanIdOf(GUID)).toMatch(/^[0-9a-f]{16}$/);
    expect(rootSpanIdOf(GUID)).toBe(rootSpanIdOf(GUID));
  });
});

describe('scopes', () => {
  it('of work side by side are apart, and one that begins inside another is its own', async () => {
    const spans: EndedSpan[] = [];
    const tracing = createTracing({ add: (span) => void spans.push(span), flush: () => Promise.resolve() });
    const deliveries = ['aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000002'];
    await Promise.all(
      deliveries.map((delivery) =>
        tracing.span('task', { delivery }, async () => {
          await sleep(1);
          expect(tracing.fields()).toEqual({ delivery });
          await tracing.span('tool', {}, () => Promise.resolve());
          await tracing.span('task', { delivery: null }, async () => {
            await sleep(1);
            expect(tracing.fields()).toEqual({});
          });
        }),
      ),
    );
    expect(tracing.fields()).toEqual({});
    const tools = spans.filter(({ name }) => name === 'tool');
    expect(tools.map(({ traceId }) => traceId).toSorted()).toEqual(deliveries.map(traceIdOf).toSorted());
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(4);
  });
});
