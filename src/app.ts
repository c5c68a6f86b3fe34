import { createHash, timingSafeEqual } from 'node:crypto';
import type { BanyanConfig } from './agents/instance.ts';
import type { Environment } from './config/environment.ts';
import type { InstanceSettings } from './config/instance.ts';
import { readIntakeEnvironment } from './config/intake-environment.ts';
import type { IntakeEnvironment } from './config/intake-environment.ts';
import { SCHEDULE, tickJobs } from './domain/schedule.ts';
import { createIntake } from './engine/intake.ts';
import type { EngineParts } from './engine/parts.ts';
import type { Worker } from './engine/worker.ts';
import { BanyanError, toBanyanError } from './kernel/errors.ts';
import { redactSecrets, redactValues } from './kernel/redact.ts';
import type { NewDelivery } from './store/contract.ts';
import { createIntakeStore } from './store/intake.ts';
import { createTransport } from './store/transport.ts';
import type { WatchReport } from './store/watch-contract.ts';

/*
 * The composition root: the only place that knows all parts. What the webhook needs is imported above; what only a worker
 * needs (LangChain, Octokit, sandboxes: 300 ms and 150 MB; the schemas of zod: 30 ms) is imported where the worker is built.
 */

/** What the platform gives a function beside the request. */
export interface Platform {
  /** Keeps the function alive until the promise settles. */
  waitUntil(work: Promise<unknown>): void;
  /** When this invocation is ended; undefined where the platform does not say. */
  deadline(): Date | undefined;
}

export type Handler = (request: Request) => Promise<Response>;

export interface Handlers {
  webhook: Handler;
  worker: Handler;
  cron: Handler;
  health: Handler;
  metrics: Handler;
  agents: Handler;
}

/** Where the platform names no deadline: the shortest that any plan of Vercel's gives a function by default. */
const DEFAULT_RUN_MS = 300_000;
/** What a job began has this long to end. */
const WATCH_MARGIN_MS = 10_000;

function deadlineOf(platform: Platform): number {
  return platform.deadline()?.getTime() ?? Date.now() + DEFAULT_RUN_MS;
}

function writeLine(line: string): void {
  process.stdout.write(line);
}

function warn(fields: Record<string, unknown>, message: string): void {
  writeLine(`${redactSecrets(JSON.stringify(redactValues({ level: 40, time: new Date().toISOString(), ...fields, msg: message })))}\n`);
}

function failure(thrown: unknown): Response {
  const error = toBanyanError(thrown);
  warn({ code: error.code }, error.message);
  const message = error.code === 'config_invalid' || error.code === 'not_found' ? error.message : 'The request could not be handled.';
  return Response.json({ error: { code: error.code, message } }, { status: error.code === 'not_found' ? 404 : 503 });
}

/** Every failure of building the parts becomes an answer; a part that could not be built is tried again with the next request. */
function lazily<T>(build: () => T): () => T {
  let built: { value: T } | undefined;
  return () => (built ??= { value: build() }).value;
}

/** The name of the scheme in whatever letters: RFC 9110, 11.1. */
function mayCall(request: Request, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const sent = (request.headers.get('authorization') ?? '').replace(/^bearer +/i, 'Bearer ');
  return timingSafeEqual(digest(sent), digest(`Bearer ${secret}`));
}

const UNAUTHORIZED = (names = 'CRON_SECRET') =>
  Response.json({ error: { code: 'unauthorized', message: `Send the header "Authorization: Bearer <${names}>".` } }, { status: 401 });

/** Asks this deployment's worker to look; a nudge that gets lost costs a minute, because the tick does the same. */
async function nudge(env: IntakeEnvironment): Promise<void> {
  if (!env.url) return;
  try {
    await fetch(`${env.url}/api/worker`, { method: 'POST', headers: { authorization: `Bearer ${env.cronSecret}` }, signal: AbortSignal.timeout(10_000) });
  } catch {
    warn({}, 'the worker could not be nudged; the next tick starts it');
  }
}

/** The first span of a delivery, sent beside the answer. */
async function tellReceipt({ traces }: IntakeEnvironment, delivery: NewDelivery, startedAt: number): Promise<void> {
  if (!traces) return;
  const [{ createOtlpExporter }, { receiptSpan }] = await Promise.all([import('./engine/otlp.ts'), import('./engine/tracing.ts')]);
  const exporter = createOtlpExporter({ ...traces, redact: redactSecrets });
  exporter.add(receiptSpan(delivery, startedAt));
  await exporter.flush();
}

async function answerHealth(env: Environment): Promise<Response> {
  const [{ checkHealth }, { createStore }] = await Promise.all([import('./engine/health.ts'), import('./store/store.ts')]);
  return checkHealth(createStore(createTransport(env)));
}

async function answerScrape(request: Request, env: Environment): Promise<Response> {
  const secrets = [env.cronSecret, env.metricsToken].filter((secret) => secret !== undefined);
  if (!secrets.some((secret) => mayCall(request, secret))) return UNAUTHORIZED('BANYAN_METRICS_TOKEN or CRON_SECRET');
  const [{ serveMetrics }, { createStore }] = await Promise.all([import('./engine/metrics.ts'), import('./store/store.ts')]);
  return serveMetrics(createStore(createTransport(env)));
}

/** Agents of elsewhere sign what they ask for; administrators, who let them in, have the secret of the cron. */
async function answerAgents(request: Request, by: { secret: string; engineParts: () => Promise<EngineParts>; nudge: () => void }): Promise<Response> {
  const action = lastPartOf(request.url, 'action');
  const isAdministrator = action === 'register' || action === 'retire';
  if (isAdministrator && !mayCall(request, by.secret)) return UNAUTHORIZED();
  const [{ createElsewhere }, parts] = await Promise.all([import('./engine/elsewhere.ts'), by.engineParts()]);
  const elsewhere = createElsewhere(parts, by.nudge);
  return isAdministrator ? elsewhere.administrator(request, action) : elsewhere.agent(request, action);
}

/**
 * The parts of a worker, from the environment and the configuration of the instance (all defaults where there is none).
 * @throws BanyanError `config_invalid`
 */
export async function createEngineParts(env: Environment, config?: BanyanConfig): Promise<EngineParts> {
  const [
    { createStore },
    { createGitHubApp },
    { createModels },
    { defineConfig },
    { createSnapshotCache },
    { createLog },
    { createGitHubBudget },
    { createRedactor },
    { createTracing },
    { createOtlpExporter },
    sandboxes,
  ] = await Promise.all([
    import('./store/store.ts'),
    import('./github/app.ts'),
    import('./llm/models.ts'),
    import('./agents/instance.ts'),
    import('./engine/snapshots.ts'),
    import('./engine/log.ts'),
    import('./engine/github-budget.ts'),
    import('./kernel/redact.ts'),
    import('./engine/tracing.ts'),
    import('./engine/otlp.ts'),
    createSandboxes(env),
  ]);
  const { settings: instance, roles } = config ?? defineConfig();
  const store = createStore(createTransport(env));
  const redact = createRedactor(env.secrets);
  const tracing = createTracing(env.traces ? createOtlpExporter({ ...env.traces, redact }) : null);
  const github = createGitHubApp({
    ...env.github,
    fetch: tracing.fetch('github'),
    budget: createGitHubBudget(store, { counted: env.github.limits === 'github' }),
  });
  return {
    store,
    github,
    models: createModels(modelsOf(env, instance)),
    roles,
    instance,
    sandboxes,
    snapshots: createSnapshotCache(),
    log: createLog(env.logLevel, writeLine, { redact, fields: () => tracing.fields() }),
    tracing,
    webUrl: webUrlOf(env.github.apiUrl),
    settings: env.worker,
  };
}

/** The environment's word for a role or for all goes before the instance's. */
function modelsOf({ models }: Environment, instance: InstanceSettings): Environment['models'] {
  if (models.default !== undefined) return models;
  return { ...models, default: instance.models.default, byRole: { ...instance.models.byRole, ...models.byRole } };
}

async function createSandboxes({ sandbox }: Environment) {
  if (sandbox.provider === 'local') {
    const { createLocalSandboxProvider } = await import('./sandbox/local/provider.ts');
    return createLocalSandboxProvider({ unsafe: sandbox.unsafe });
  }
  const { createVercelSandboxProvider } = await import('./sandbox/vercel/provider.ts');
  const { token, teamId, projectId } = sandbox;
  return createVercelSandboxProvider(token && teamId && projectId ? { token, teamId, projectId } : {});
}

/** `https://api.github.com` shows its pages at `https://github.com`, an Enterprise Server below `/api/v3` at its root. */
function webUrlOf(apiUrl: string): string {
  return apiUrl.replace('//api.github.com', '//github.com').replace(/\/api\/v3$/, '');
}

/**
 * The functions of this deployment. Nothing is built before the first request, so that a missing variable is an answer and not a crash.
 * @param build makes the parts of the worker; whoever watches a worker or gets in its way puts his own around them
 */
export function createHandlers(
  platform: Platform,
  source?: Record<string, string | undefined>,
  build: (env: Environment) => Promise<EngineParts> = createEngineParts,
): Handlers {
  const intakeEnv = lazily(() => readIntakeEnvironment(source));
  const intakeStore = lazily(() => createIntakeStore(createTransport(intakeEnv())));
  const intake = lazily(() =>
    createIntake({
      store: intakeStore(),
      secrets: intakeEnv().webhookSecrets,
      nudge: () => platform.waitUntil(nudge(intakeEnv())),
      accepted: (delivery, startedAt) => platform.waitUntil(tellReceipt(intakeEnv(), delivery, startedAt)),
      warn,
    }),
  );
  let parts: Promise<EngineParts> | undefined;
  let worker: Promise<Worker> | undefined;
  const readAll = async () => (await import('./config/environment.ts')).readEnvironment(source);
  const engineParts = () =>
    (parts ??= readAll()
      .then(build)
      .catch((thrown: unknown) => {
        parts = undefined;
        throw thrown;
      }));

  async function buildWorker(): Promise<Worker> {
    const [{ createWorker }, built] = await Promise.all([import('./engine/worker.ts'), engineParts()]);
    return createWorker(built);
  }

  async function drain(): Promise<void> {
    try {
      const { more } = await (await (worker ??= buildWorker())).drain(deadlineOf(platform));
      if (more) await nudge(intakeEnv());
      // Last: a collector that hangs holds up no work.
      await (await engineParts()).tracing.flush();
    } catch (thrown) {
      worker = parts = undefined;
      failure(thrown);
    }
  }

  /** What a job did may be work for a worker, and no webhook came with it. */
  async function watch(names: readonly string[]): Promise<WatchReport[]> {
    const until = deadlineOf(platform) - WATCH_MARGIN_MS;
    const reports: WatchReport[] = [];
    const [{ WATCH_JOBS }, { runJob }, env, built] = await Promise.all([import('./watch/index.ts'), import('./watch/job.ts'), readAll(), engineParts()]);
    for (const job of WATCH_JOBS.filter(({ name }) => names.includes(name))) {
      const attributes = { 'banyan.job': job.name };
      const run = () => runJob(job, { ...built, retention: env.retention }, until);
      reports.push(await built.tracing.span('job', { delivery: null, attributes }, run));
    }
    platform.waitUntil(built.tracing.flush());
    if (reports.some(({ acted }) => acted > 0)) await nudge(intakeEnv());
    return reports;
  }

  async function watchBeside(names: readonly string[]): Promise<void> {
    try {
      await watch(names);
    } catch (thrown) {
      failure(thrown);
    }
  }

  function guarded(handler: Handler): Handler {
    return async (request) => {
      try {
        return await handler(request);
      } catch (thrown) {
        return failure(thrown);
      }
    };
  }

  const start = async (request: Request, body: Record<string, unknown>, work: readonly (() => Promise<void>)[]): Promise<Response> => {
    if (!mayCall(request, intakeEnv().cronSecret)) return UNAUTHORIZED();
    await readAll();
    for (const begin of work) platform.waitUntil(begin());
    return Response.json(body, { status: 202 });
  };

  return {
    webhook: guarded((request) => intake()(request)),
    worker: guarded((request) => start(request, { status: 'started' }, [drain])),
    cron: guarded(async (request) => {
      const job = lastPartOf(request.url, 'job');
      if (job === 'tick') return start(request, { job, status: 'started' }, [drain, () => watchBeside(tickJobs())]);
      if (!mayCall(request, intakeEnv().cronSecret)) return UNAUTHORIZED();
      if (!SCHEDULE.some((scheduled) => scheduled.job === job)) throw new BanyanError('not_found', `there is no cron job "${job}"`);
      const [report] = await watch([job]);
      return Response.json({ job, status: report?.error ? 'failed' : 'done', ...report }, { status: report?.error ? 503 : 200 });
    }),
    health: guarded(async () => answerHealth(await readAll())),
    metrics: guarded(async (request) => answerScrape(request, await readAll())),
    agents: guarded((request) => answerAgents(request, { secret: intakeEnv().cronSecret, engineParts, nudge: () => platform.waitUntil(nudge(intakeEnv())) })),
  };
}

/** The job or action is in the path; a platform that rewrites the path to that of the function puts it into the query. */
function lastPartOf(url: string, parameter: 'job' | 'action'): string {
  const { searchParams, pathname } = new URL(url);
  const part = /^\/api\/(?:cron|agents)\/+([^/]+)\/?$/.exec(pathname)?.[1] ?? searchParams.get(parameter) ?? pathname.split('/').at(-1) ?? '';
  return part.slice(0, 50);
}
