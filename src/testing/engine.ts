import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Octokit } from '@octokit/rest';
import { defineConfig } from '../agents/instance.ts';
import type { BanyanConfig } from '../agents/instance.ts';
import { readTestingEnvironment } from '../config/testing.ts';
import { createGitHubBudget } from '../engine/github-budget.ts';
import { createIntake } from '../engine/intake.ts';
import { createLog } from '../engine/log.ts';
import type { EngineParts } from '../engine/parts.ts';
import type { SpanExporter } from '../engine/otlp.ts';
import { createSnapshotCache } from '../engine/snapshots.ts';
import { createTracing } from '../engine/tracing.ts';
import { createWorker } from '../engine/worker.ts';
import type { WorkerReport } from '../engine/worker.ts';
import { createGitHubApp } from '../github/app.ts';
import { createModels } from '../llm/models.ts';
import { requireEmbedded } from '../local/embedded.ts';
import type { Limits } from '../local/github/core/limits.ts';
import type { LocalGitHub } from '../local/github/server.ts';
import { createLocalSandboxProvider } from '../sandbox/local/provider.ts';
import type { Store } from '../store/contract.ts';
import { createCast } from './cast.ts';
import { pgliteHarness } from './database.ts';
import type { Harness } from './database.ts';
import { createMortal } from './mortal.ts';
import type { Death } from './mortal.ts';
import { newRepository } from './repository.ts';
import type { Watched } from './repository.ts';
import { startOpenAiServer } from './openai-server.ts';
import type { OpenAiServer } from './openai-server.ts';
import { createTestTime } from './time.ts';

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

export interface EngineOptions {
  /** Of the instance; all defaults where it is left out. */
  config?: BanyanConfig;
  /** The folder whose migrations follow the package's; default: the current one. */
  project?: string;
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
  requireEmbedded();
  // Loaded when used: it is made of optional peers.
  const { createLocalGitHub } = await import('../local/github/server.ts');
  const { unsafeSandbox, logLevel } = readTestingEnvironment();
  const harness = await pgliteHarness(options.project);
  const cast = createCast();
  const models = await startOpenAiServer({ play: (request) => cast.play(request) });
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'banyan-engine-'));
  const tracing = createTracing(options.spans ?? null);
  const time = createTestTime(harness);
  const intake = await serveIntake(harness.store);
  const app = { id: 77, privateKey, webhookSecret: WEBHOOK_SECRET };
  const github = await createLocalGitHub({ port: 0, dataDir, app, webhookUrl: intake.url, limits: options.limits ?? {}, now: time.now });
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
      sandboxes: createLocalSandboxProvider({ unsafe: unsafeSandbox }),
      snapshots: createSnapshotCache(),
      log: options.writeLog
        ? createLog('debug', options.writeLog, { fields: () => tracing.fields() })
        : createLog(logLevel, (line) => process.stdout.write(line)),
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
        if ((await time.open()) === 0) return;
        await time.elapse();
      }
      throw new Error('the engine did not come to rest');
    },
    open: time.open,
    pass: time.pass,
    elapse: time.elapse,
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
