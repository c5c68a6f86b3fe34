import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Octokit } from '@octokit/rest';
import { createEngineParts } from '../../../src/app.ts';
import { readEnvironment } from '../../../src/config/environment.ts';
import { createIntake } from '../../../src/engine/intake.ts';
import { createWorker } from '../../../src/engine/worker.ts';
import { listen } from '../../../src/local/http.ts';
import type { HttpServer } from '../../../src/local/http.ts';
import { claimPort } from '../../../src/local/stack/ports.ts';
import { keepSecrets, writePrivate } from '../../../src/local/stack/secrets.ts';
import type { Secrets } from '../../../src/local/stack/secrets.ts';
import { startService } from '../../../src/local/stack/service.ts';
import type { Service } from '../../../src/local/stack/service.ts';
import { passThrough } from '../../../src/local/stack/settings.ts';
import { startTimer } from '../../../src/local/stack/timer.ts';
import { MIGRATIONS } from '../postgres.ts';
import type { TestDatabase } from '../postgres.ts';
import { cpuOf, postgresCpu } from '../processor.ts';
import { readOverApi, readOverSql, unfinished } from './evidence.ts';
import { measureParts } from './measured-parts.ts';
import { startModel } from './model.ts';
import { Recorder } from './recorder.ts';

/** Everything that `npm start` brings up, with the functions and the model in this process so that their waiting can be measured. */
export interface Stage {
  recorder: Recorder;
  /** A maintainer at the local GitHub, whose own calls are not measured. */
  maintainer: Octokit;
  githubPid: number;
  /** Processor time of each process of the database so far; empty where the system does not tell. */
  databaseCpu(): Promise<ReadonlyMap<number, number>>;
  /** What has not come to its end, and what it waits for, in lines. */
  evidence(): Promise<string[]>;
  stop(): Promise<void>;
}

type ServiceName = 'github' | 'supabase';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MODEL = 'openai:answers-at-once';
/** As long as the platform gives a function. */
const RUN_MS = 300_000;
const TICK_SECONDS = 5;
const STOP_MS = 2_000;
const SETTLE_MS = 20_000;
const MAX_BODY_BYTES = 4.5 * 1024 * 1024;

interface Plan {
  dataDir: string;
  secrets: Secrets;
  urls: Record<ServiceName | 'app', string>;
}

/** A service as the stack starts it: its settings in a private file, its output in a log. */
async function launch(name: ServiceName, plan: Plan, own: Record<string, unknown>): Promise<{ service: Service; pid: number }> {
  const dataDir = join(plan.dataDir, name);
  mkdirSync(dataDir);
  const settings = join(plan.dataDir, `${name}.json`);
  writePrivate(settings, { port: Number(new URL(plan.urls[name]).port), dataDir, ...own });
  let pid = 0;
  const service = await startService(
    {
      name,
      entry: join(ROOT, `src/local/${name}/main.ts`),
      args: [settings],
      env: { ...passThrough(process.env), DO_NOT_TRACK: '1' },
      cwd: ROOT,
      logFile: join(plan.dataDir, `${name}.log`),
      showStderr: false,
    },
    { onProcess: (started) => (pid = started), onNote: (line) => console.error(line) },
  );
  return { service, pid };
}

function environment({ secrets, urls }: Plan, modelUrl: string, databaseUrl: string | undefined): Record<string, string | undefined> {
  return {
    BANYAN_URL: urls.app,
    GITHUB_API_URL: urls.github,
    GITHUB_GRAPHQL_URL: `${urls.github}/graphql`,
    GITHUB_APP_ID: String(secrets.app.id),
    GITHUB_APP_PRIVATE_KEY: secrets.app.privateKey,
    GITHUB_WEBHOOK_SECRET: secrets.app.webhookSecret,
    SUPABASE_URL: urls.supabase,
    SUPABASE_SECRET_KEY: secrets.keys.secret,
    BANYAN_DATABASE_URL: databaseUrl,
    SUPABASE_PUBLISHABLE_KEY: secrets.keys.publishable,
    CRON_SECRET: secrets.cronSecret,
    BANYAN_SANDBOX: 'local',
    BANYAN_UNSAFE_LOCAL_SANDBOX: process.env['BANYAN_UNSAFE_LOCAL_SANDBOX'],
    BANYAN_WORKER_TASKS: process.env['BANYAN_WORKER_TASKS'],
    BANYAN_LOG_LEVEL: 'error',
    // What is measured is Banyan's part, not how long GitHub makes it wait.
    BANYAN_GITHUB_LIMITS: 'off',
    BANYAN_MODEL: MODEL,
    OPENAI_API_KEY: 'sk-not-a-real-key',
    OPENAI_BASE_URL: modelUrl,
  };
}

/** The functions as `app.ts` builds them, of measured parts: a delivery is stored and answered, then a request nudges the worker. */
async function buildFunctions(source: Record<string, string | undefined>, recorder: Recorder): Promise<Functions> {
  const env = readEnvironment(source);
  const { parts, receiveDelivery } = measureParts(await createEngineParts(env), { recorder, callsAreMeasured: env.databaseUrl === undefined });
  const worker = createWorker(parts);
  const drains = new Set<Promise<unknown>>();
  const warn = (fields: Record<string, unknown>, message: string) => console.error(message, fields);

  async function nudge(): Promise<void> {
    await fetch(`${env.url}/api/worker`, { method: 'POST' });
  }
  function drain(): void {
    const drained = worker.drain(Date.now() + RUN_MS).finally(() => drains.delete(drained));
    drains.add(drained);
  }
  const intake = createIntake({ store: { receiveDelivery }, secrets: env.webhookSecrets, nudge: () => void nudge().catch(console.error), warn });
  return {
    async handle(request) {
      if (new URL(request.url).pathname === '/api/github/webhook') return intake(request);
      drain();
      return Response.json({ status: 'started' }, { status: 202 });
    },
    async settled() {
      await Promise.all(drains);
    },
  };
}

interface Functions {
  handle(request: Request): Promise<Response>;
  settled(): Promise<void>;
}

/** The server comes before the services (they must know its address) and before what it serves (which must know theirs). */
function listenLate(functions: Promise<Functions>): Promise<HttpServer> {
  return listen({
    port: 0,
    handle: async (request) => (await functions).handle(request),
    maxBodyBytes: MAX_BODY_BYTES,
    tooLarge: () => new Response(null, { status: 413 }),
  });
}

/** With a `database` the functions go straight to it, else through the embedded Supabase. */
export async function openStage(database?: TestDatabase): Promise<Stage> {
  const dataDir = await mkdtemp(join(tmpdir(), 'banyan-bench-'));
  const model = await startModel();
  const functions = Promise.withResolvers<Functions>();
  const server = await listenLate(functions.promise);
  const github = `http://127.0.0.1:${await claimPort(0, { what: 'the local GitHub', variable: '' })}`;
  const supabase = `http://127.0.0.1:${await claimPort(0, { what: 'the embedded Supabase', variable: '' })}`;
  const plan: Plan = { dataDir, secrets: keepSecrets(dataDir), urls: { app: server.url, github, supabase } };
  const { secrets } = plan;
  const [first, second] = await Promise.all([
    launch('github', plan, { app: secrets.app, webhookUrl: `${server.url}/api/github/webhook`, publicUrl: github }),
    database ? null : launch('supabase', plan, { migrations: [MIGRATIONS], keys: secrets.keys }),
  ]);

  const recorder = new Recorder();
  const plainFetch = globalThis.fetch;
  globalThis.fetch = recorder.wrapFetch(plainFetch, { database: supabase, github, model: model.url });
  const built = await buildFunctions(environment(plan, `${model.url}/v1`, database?.url), recorder);
  functions.resolve(built);
  const onNote = (line: string) => console.error(line);
  const stopTimer = startTimer({ appUrl: server.url, cronSecret: secrets.cronSecret, jobs: [], tickSeconds: TICK_SECONDS, onNote });

  return {
    recorder,
    maintainer: new Octokit({ baseUrl: github, auth: 'maintainer-token', request: { fetch: plainFetch } }),
    githubPid: first.pid,
    async databaseCpu() {
      if (database) return postgresCpu(database.pool);
      const ms = second && cpuOf(second.pid);
      return new Map(second && ms !== null ? [[second.pid, ms]] : []);
    },
    async evidence() {
      const read = database ? readOverSql(database) : readOverApi(supabase, secrets.keys.secret, plainFetch);
      return [recorder.underWay(), ...(await unfinished(read))];
    },
    async stop() {
      stopTimer();
      // Work that never ends has been told of by then.
      await Promise.race([built.settled(), sleep(SETTLE_MS, undefined, { ref: false })]);
      globalThis.fetch = plainFetch;
      await server.close(STOP_MS);
      await Promise.all([first.service.stop(STOP_MS), second?.service.stop(STOP_MS), model.close(STOP_MS)]);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
