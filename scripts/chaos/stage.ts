import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Octokit } from '@octokit/rest';
import { createLocalGitHub } from '../../src/local/github/server.ts';
import { claimPort } from '../../src/local/stack/ports.ts';
import { keepSecrets } from '../../src/local/stack/secrets.ts';
import { startTimer } from '../../src/local/stack/timer.ts';
import { openDatabase } from './database.ts';
import type { ChaosDatabase, DatabaseKind } from './database.ts';
import { startGitHubProxy } from './github-proxy.ts';
import { send, serveRaw } from './http.ts';
import type { Injector } from './injector.ts';
import { startModelServer } from './model.ts';
import type { ModelServer, Play } from './model.ts';
import type { Place as Where } from './plan.ts';
import { randomOf } from './random.ts';
import { startWebhookProxy } from './webhook-proxy.ts';
import type { WebhookProxy } from './webhook-proxy.ts';
import { startWorkers } from './workers.ts';
import type { WorkerSlot, Workers } from './workers.ts';

export interface StageOptions {
  seed: number;
  database: DatabaseKind;
  injector: Injector;
  dataDir: string;
  cast: (repository: string, issue: number) => Promise<Play>;
}

/** Everything that takes part, with the faults on the lines between. */
export interface Stage {
  database: ChaosDatabase;
  model: ModelServer;
  webhooks: WebhookProxy;
  workers: Workers;
  cuts: { from: number; to: number }[];
  github(user: 'maintainer' | 'visitor'): Octokit;
  /** Whether every webhook that was due has been sent. */
  isIdle(): Promise<boolean>;
  stop(): Promise<void>;
}

const WORKERS = ['one', 'two'];
const LEASE_SECONDS = 3;
const TICK_SECONDS = 1;
const IDLE_MS = 20;
const LARGEST_CLOCK_ERROR_MS = 25_000;

async function slotsOf(seed: number): Promise<WorkerSlot[]> {
  const random = randomOf(seed, 'clocks');
  const slots: WorkerSlot[] = [];
  for (const [index, name] of WORKERS.entries()) {
    const port = await claimPort(0, { what: 'a worker', variable: '' });
    const error = random.int(LARGEST_CLOCK_ERROR_MS / 5, LARGEST_CLOCK_ERROR_MS);
    slots.push({ name, url: `http://127.0.0.1:${port}`, clockMs: index % 2 === 0 ? error : -error });
  }
  return slots;
}

/** Where workers ask at the named points; whoever is killed gets no answer. */
function servePoints(injector: Injector, kill: (slot: string) => void) {
  return serveRaw(async ({ path }, response) => {
    const query = new URL(path, 'http://run').searchParams;
    const slot = query.get('slot') ?? '';
    const fault = injector.next(query.get('place') as Where, query.get('subject') || `worker ${slot}`);
    if (fault?.family === 'kill') return kill(slot);
    send(response, { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ kind: fault?.kind ?? null })) });
  });
}

export async function openStage({ seed, database: kind, injector, dataDir, cast }: StageOptions): Promise<Stage> {
  const secrets = keepSecrets(dataDir);
  const database = await openDatabase(kind, { dataDir, keys: secrets.keys });
  const slots = await slotsOf(seed);
  const cuts: Stage['cuts'] = [];
  let workers: Workers | undefined;
  const kill = (slot: string) => workers?.kill(slot);

  const webhooks = await startWebhookProxy({ injector, targets: () => workers?.alive().map((slot) => slot.url) ?? [] });
  mkdirSync(join(dataDir, 'github'));
  const github = await createLocalGitHub({ port: 0, dataDir: join(dataDir, 'github'), app: secrets.app, webhookUrl: `${webhooks.url}/api/github/webhook` });
  const model = await startModelServer({
    injector,
    cast,
    kill,
    cutDatabase(milliseconds) {
      cuts.push({ from: Date.now(), to: Date.now() + milliseconds });
      database.line.cut(milliseconds);
    },
  });
  const points = await servePoints(injector, kill);
  const doors = await Promise.all(slots.map(({ name }) => startGitHubProxy({ github: github.url, injector, kill: () => kill(name) })));

  function env(slot: WorkerSlot): Record<string, string> {
    const door = doors[slots.indexOf(slot)]?.url ?? '';
    return {
      ...database.env,
      CHAOS_URL: points.url,
      BANYAN_URL: slot.url,
      GITHUB_API_URL: door,
      GITHUB_GRAPHQL_URL: `${door}/graphql`,
      GITHUB_APP_ID: String(secrets.app.id),
      GITHUB_APP_PRIVATE_KEY: secrets.app.privateKey,
      GITHUB_WEBHOOK_SECRET: secrets.app.webhookSecret,
      CRON_SECRET: secrets.cronSecret,
      // What they are about has tests of its own; here they would only stretch a run to minutes.
      BANYAN_GITHUB_LIMITS: 'off',
      BANYAN_SANDBOX: 'local',
      BANYAN_LEASE_SECONDS: String(LEASE_SECONDS),
      BANYAN_MODEL: 'openai:chaos',
      OPENAI_API_KEY: 'sk-not-a-real-key',
      OPENAI_BASE_URL: `${model.url}/${slot.name}/v1`,
    };
  }
  workers = await startWorkers({ slots, env, random: randomOf(seed, 'workers'), dataDir });
  const timers = slots.map(({ url }) =>
    startTimer({ appUrl: url, cronSecret: secrets.cronSecret, jobs: [], tickSeconds: TICK_SECONDS, onNote: () => undefined }),
  );

  return {
    database,
    model,
    webhooks,
    workers,
    cuts,
    github: (user) => new Octokit({ baseUrl: github.url, auth: `${user}-token` }),
    isIdle: () => Promise.race([github.idle().then(() => true), sleep(IDLE_MS).then(() => false)]),
    async stop() {
      for (const stop of timers) stop();
      await workers?.stop();
      await Promise.all([...doors, points, model, webhooks].map((server) => server.close()));
      await github.close();
      await database.stop();
    },
  };
}
