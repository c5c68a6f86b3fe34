import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandlers } from '../../src/app.ts';
import type { Handlers } from '../../src/app.ts';
import { createOtlpExporter } from '../../src/engine/otlp.ts';
import { createTracing } from '../../src/engine/tracing.ts';
import { createWorker } from '../../src/engine/worker.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';

/** The functions as the platform calls them, over parts of this machine. */

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const SECRET = 'the secret of the cron';
const ENVIRONMENT = {
  GITHUB_APP_ID: '77',
  GITHUB_APP_PRIVATE_KEY: privateKey,
  GITHUB_WEBHOOK_SECRET: 'a secret of the test',
  SUPABASE_URL: 'http://127.0.0.1:1',
  SUPABASE_SECRET_KEY: 'sb_secret_of_the_test',
  SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_of_the_test',
  CRON_SECRET: SECRET,
};

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

function call(handlers: Handlers, path: string, authorization = `Bearer ${SECRET}`): Promise<Response> {
  return handlers.cron(new Request(`https://banyan.test${path}`, { headers: { authorization } }));
}

describe('a collector that takes spans and never answers', () => {
  it('holds up neither an answer nor a worker, and is given up', async () => {
    const asked: (() => void)[] = [];
    const collector = createServer((request) => void request.on('end', () => asked.splice(0).forEach((heard) => heard())).resume());
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const nudged: string[] = [];
    const app = createServer((request, response) => {
      nudged.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    const at = (server: typeof app) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    // It ends with the test: only what does not wait for it comes to an end before.
    let release = () => {};
    const held = new Promise<Response>((resolve) => (release = () => resolve(new Response('{}'))));
    const heard = new Promise<void>((resolve) => asked.push(resolve));
    const tracing = createTracing(
      createOtlpExporter({
        endpoint: at(collector),
        headers: '',
        serviceName: 'banyan-test',
        redact: (text) => text,
        fetch: (input, init) => Promise.race([fetch(input, { ...init, signal: null }), held]),
      }),
    );
    const { parts } = engine.process();
    const beside: Promise<unknown>[] = [];
    const platform = { waitUntil: (work: Promise<unknown>) => void beside.push(work), deadline: () => undefined };
    const handlers = createHandlers(platform, { ...ENVIRONMENT, BANYAN_URL: at(app) }, () => Promise.resolve({ ...parts, tracing }));
    try {
      const answer = await call(handlers, '/api/cron/conductor');
      expect([answer.status, await answer.json()]).toMatchObject([200, { job: 'conductor', status: 'done' }]);
      await heard;
      expect(beside).toHaveLength(1);
      const worker = createWorker({ ...parts, tracing });
      await tracing.span('more', {}, () => Promise.resolve());
      expect(await worker.drain(Date.now() + 60_000)).toMatchObject({ more: false });
    } finally {
      release();
      await Promise.all(beside);
      for (const server of [collector, app]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    }
  });
});

describe('a job of the cron', () => {
  const handlers = () => createHandlers({ waitUntil: () => undefined, deadline: () => undefined }, ENVIRONMENT, async () => engine.process().parts);
  const jobOf = async (path: string) => ((await (await call(handlers(), path)).json()) as { job?: string }).job;

  it('is the one of the path; where a platform has rewritten that, the one of the query', async () => {
    expect(await jobOf('/api/cron/conductor?job=heartbeat')).toBe('conductor');
    expect(await jobOf('/api/cron/conductor')).toBe('conductor');
    expect(await jobOf('/api/cron?job=heartbeat')).toBe('heartbeat');
    expect((await call(handlers(), '/api/cron/dance?job=heartbeat')).status).toBe(404);
  });

  it('is called with the bearer, its scheme in whatever letters', async () => {
    const statusWith = async (authorization: string) => (await call(handlers(), '/api/cron/conductor', authorization)).status;
    expect(await Promise.all([`Bearer ${SECRET}`, `bearer ${SECRET}`, `BEARER  ${SECRET}`].map(statusWith))).toEqual([200, 200, 200]);
    expect(await Promise.all([SECRET, `Basic ${SECRET}`, `Bearer ${SECRET}x`, 'Bearer', `Bearer ${SECRET.toUpperCase()}`].map(statusWith))).toEqual(
      Array.from({ length: 5 }, () => 401),
    );
  });
});
