import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Octokit } from '@octokit/rest';
import { defineConfig } from '../../src/agents/instance.ts';
import type { BanyanConfig } from '../../src/agents/instance.ts';
import { createGitHubBudget } from '../../src/engine/github-budget.ts';
import { createIntake } from '../../src/engine/intake.ts';
import { createLog } from '../../src/engine/log.ts';
import type { EngineParts } from '../../src/engine/parts.ts';
import type { SpanExporter } from '../../src/engine/otlp.ts';
import { createSnapshotCache } from '../../src/engine/snapshots.ts';
import { createTracing } from '../../src/engine/tracing.ts';
import { createWorker } from '../../src/engine/worker.ts';
import type { WorkerReport } from '../../src/engine/worker.ts';
import { createGitHubApp } from '../../src/github/app.ts';
import { createModels } from '../../src/llm/models.ts';
import type { Limits } from '../../src/local/github/core/limits.ts';
import { createLocalGitHub } from '../../src/local/github/server.ts';
import type { LocalGitHub } from '../../src/local/github/server.ts';
import { createLocalSandboxProvider } from '../../src/sandbox/local/provider.ts';
import type { Store } from '../../src/store/contract.ts';
import { createCast } from '../e2e/scenarios.ts';
import { newRepository } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';
import { createMortal } from './mortal.ts';
import type { Death } from './mortal.ts';
import { startOpenAiServer } from '../../src/testing/openai-server.ts';
import type { OpenAiServer } from '../../src/testing/openai-server.ts';

const MODEL = 'openai:played-by-the-test';

/** The engine in one process, on a local GitHub, a database in memory, and a model that tests play. Time stands still unless a test moves it. */
export interface Engine {
  github: LocalGitHub;
  models: OpenAiServer;
  /** Says who plays in which repository. */
  cast: ReturnType<typeof createCast>;
  sql: Harness['sql'];
  store: Store;
  webhookSecret: string;
  webhookUrl: string;
  as(user: 'maintainer' | 'visitor'): Octokit;
  repository(name: string, files: Record<string, string>): Promise<Watched>;
  process(options?: ProcessOptions): Process;
  /** Works, and moves time on to what is due later, until nothing is to be done any more. */
  settle(process?: Process): Promise<void>;
  /** So many seconds go by, for GitHub's limits and for whoever waits in the database. */
  pass(seconds: number): Promise<void>;
  /** How much there is to do, now or later. */
  open(): Promise<number>;
  /** What waits for its time is due now, and who holds a lease has lost it. */
  elapse(): Promise<void>;
  close(): Promise<void>;
}

export interface ProcessOptions {
  death?: Death;
  /** In the place of fetch towards GitHub. */
  fetch?: typeof fetch;
  /** In the place of single calls of the store. */
  store?: (store: Store) => Partial<Store>;
}

/** One process of the functions with one worker. */
export interface Process {
  parts: EngineParts;
  /** Takes in what GitHub has sent and works on what is due now. */
  drain(options?: { milliseconds?: number }): Promise<WorkerReport>;
  /** Works until it ends at its appointed moment. @throws where that moment never comes */
  drainToDeath(): Promise<void>;
  dead(): boolean;
}

/** What a worker keeps of its time for storing its last step; see `engine/worker.ts`. */
const MARGIN_MS = 10_000;
const LONG_MS = 120_000;
const WEBHOOK_SECRET = 'the secret of the test';

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function serveIntake(store: Store): Promise<{ server: Server; url: string }> {
  const intake = createIntake({ store, secrets: [WEBHOOK_SECRET], nudge: () => undefined, warn: () => undefined });
  const server = createServer((request, response) => {
    void (async () => {
      const headers = new Headers(Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]));
      const answer = await intake(new Request('http://banyan.test/api/github/webhook', { method: 'POST', headers, body: await readBody(request) }));
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/github/webhook` };
}

/** A drain that never waits for what is due in a moment: tests move the time themselves. */
function withoutLingering(store: Store): Store {
  return { ...store, claim: async (...args) => ({ ...(await store.claim(...args)), next_due_ms: null }) };
}

const DUE_NOW = `
  select (select count(*) from deliveries where state = 'pending')
    + (select count(*) from effects where state in ('pending', 'begun'))
    + (select count(*) from tasks t join runs r on r.id = t.run_id where t.state in ('pending', 'running') and not t.held and r.state in ('queued', 'running')) as open`;

export interface EngineOptions {
  /** Of the instance; all defaults where it is left out. */
  config?: BanyanConfig;
  /** Keeps GitHub's limits; otherwise they are only heeded. */
  counted?: boolean;
  /** What GitHub keeps itself. */
  limits?: Limits;
  /** Takes the spans of every process. */
  spans?: SpanExporter;
  /** Takes the lines of every process's log. */
  writeLog?: (line: string) => void;
}

export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const config = options.config ?? defineConfig();
  const harness = await pgliteHarness();
  const cast = createCast();
  const models = await startOpenAiServer({ play: (request) => cast.play(request) });
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'banyan-engine-'));
  const tracing = createTracing(options.spans ?? null);
  let ahead = 0;
  const intake = await serveIntake(harness.store);
  const app = { id: 77, privateKey, webhookSecret: WEBHOOK_SECRET };
  const github = await createLocalGitHub({ port: 0, dataDir, app, webhookUrl: intake.url, limits: options.limits ?? {}, now: () => Date.now() + ahead });
  const as = (user: string) => new Octokit({ baseUrl: github.url, auth: `${user}-token` });

  function partsOf(store: Store, fetchGitHub: typeof fetch): EngineParts {
    return {
      store,
      github: createGitHubApp({
        appId: app.id,
        privateKey,
        apiUrl: github.url,
        graphqlUrl: `${github.url}/graphql`,
        fetch: tracing.fetch('github', fetchGitHub),
        budget: createGitHubBudget(store, { counted: options.counted ?? false }),
      }),
      models: createModels({ default: MODEL, byRole: {}, openaiApiKey: 'sk-not-a-real-key', openaiBaseUrl: models.url }),
      roles: config.roles,
      instance: config.settings,
      sandboxes: createLocalSandboxProvider({ unsafe: process.env['BANYAN_UNSAFE_LOCAL_SANDBOX'] === '1' }),
      snapshots: createSnapshotCache(),
      log: options.writeLog
        ? createLog('debug', options.writeLog, { fields: () => tracing.fields() })
        : createLog(process.env['BANYAN_TEST_LOG'] ?? 'silent', (line) => process.stdout.write(line)),
      tracing,
      webUrl: github.url,
      settings: { leaseSeconds: 600, tasks: 4, host: 'test' },
    };
  }

  function startProcess({ store, fetch: ownFetch = fetch, death }: ProcessOptions = {}): Process {
    const base = { ...harness.store, ...store?.(harness.store) };
    const mortal = createMortal(withoutLingering(base), ownFetch, death);
    const parts = partsOf(mortal.store, mortal.fetch);
    const worker = createWorker(parts);
    async function drain({ milliseconds = LONG_MS }: { milliseconds?: number } = {}): Promise<WorkerReport> {
      await github.idle();
      return worker.drain(Date.now() + milliseconds + MARGIN_MS);
    }
    return {
      parts,
      drain,
      dead: () => mortal.dead(),
      async drainToDeath() {
        await drain().catch(() => undefined);
        if (!mortal.dead()) throw new Error('the process outlived the moment at which it was to end');
      },
    };
  }

  async function open(): Promise<number> {
    const [row] = await harness.sql<{ open: number | string }>(DUE_NOW);
    return Number(row?.open);
  }

  async function pass(seconds: number): Promise<void> {
    ahead += seconds * 1000;
    const by = `make_interval(secs => $1::float)`;
    await harness.sql(`update github_reservations set granted_at = granted_at - ${by}, slots_until = slots_until - ${by}`, [seconds]);
    await harness.sql(`update installations set held_until = held_until - ${by}`, [seconds]);
    for (const table of ['deliveries', 'effects', 'tasks']) {
      await harness.sql(
        `update ${table} set due_at = due_at - ${by},
           error = case when error ? 'put_off_since'
             then jsonb_set(error, '{put_off_since}', to_jsonb((error ->> 'put_off_since')::timestamptz - ${by})) else error end
         where state in ('pending', 'begun')`,
        [seconds],
      );
    }
  }

  async function elapse(): Promise<void> {
    await harness.sql(
      `update deliveries set due_at = now() - interval '1 second', lease_expires_at = lease_expires_at - interval '1 day' where state = 'pending'`,
    );
    await harness.sql(
      `update effects set due_at = now() - interval '1 second', lease_expires_at = lease_expires_at - interval '1 day' where state in ('pending', 'begun')`,
    );
    await harness.sql(`update installations set held_until = now() where held_until > now()`);
    await harness.sql(`update tasks set due_at = now() - interval '1 second' where state = 'pending'`);
    await harness.sql(`update tasks set lease_expires_at = lease_expires_at - interval '1 day' where state in ('running', 'cancelled')`);
  }

  return {
    github,
    models,
    cast,
    sql: harness.sql,
    store: harness.store,
    webhookSecret: WEBHOOK_SECRET,
    webhookUrl: intake.url,
    as,
    repository: (name, files) => newRepository(as('maintainer'), name, files),
    process: startProcess,
    async settle(worker = startProcess()) {
      for (let round = 0; round < 40; round += 1) {
        await worker.drain();
        await github.idle();
        if ((await open()) === 0) return;
        await elapse();
      }
      throw new Error('the engine did not come to rest');
    },
    open,
    pass,
    elapse,
    async close() {
      await github.close();
      await models.close();
      intake.server.closeAllConnections();
      await new Promise((resolve) => intake.server.close(resolve));
      await harness.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
