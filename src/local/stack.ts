import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EVENTS } from '../domain/intake.ts';
import { PERMISSIONS } from '../github/permissions.ts';
import { packageModule } from '../kernel/package-root.ts';
import { readVercelConfig } from './functions/routes.ts';
import { migrationFolders } from './project.ts';
import { appEnvironment, serviceEnvironment } from './stack/environment.ts';
import { lockFolder } from './stack/lock.ts';
import { claimPort } from './stack/ports.ts';
import { awaitPrevious } from './stack/previous.ts';
import { keepSecrets, writePrivate, type Secrets } from './stack/secrets.ts';
import { startService, type Service, type ServiceSpec } from './stack/service.ts';
import type { StackSettings } from './stack/settings.ts';
import { startTimer } from './stack/timer.ts';

type ServiceName = 'github' | 'supabase' | 'app';
type PerService<T> = Record<ServiceName, T>;

export interface StackOptions {
  settings: StackSettings;
  /** Its `api/` is served as its `vercel.json` says, over the package's migrations and its own. */
  project: string;
  /** The user's environment; what the functions may see of it is chosen here. */
  env: Record<string, string | undefined>;
  /** Files of the three processes, when they are not the package's own. */
  entries?: Partial<PerService<string>>;
  print(line: string): void;
  /** Warnings and errors of the services. */
  note(line: string): void;
}

export interface Stack {
  urls: PerService<string>;
  stop(): Promise<void>;
}

const ENTRIES: PerService<string> = { github: 'src/local/github/main', supabase: 'src/local/supabase/main', app: 'scripts/serve' };
/** All three in a row stay under the five seconds that a stop may take. */
const STOP_MS = { app: 2500, rest: 1000 };

/** Brings up the local GitHub, the embedded Supabase and the functions, and keeps them up until `stop()`. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { settings } = options;
  mkdirSync(join(settings.dataDir, 'logs'), { recursive: true });
  chmodSync(settings.dataDir, 0o700);
  const unlock = await lockFolder(settings.dataDir);
  try {
    await awaitPrevious(settings.dataDir);
    const secrets = keepSecrets(settings.dataDir);
    const urls = await claimUrls(settings);
    const services = await startServices(options, { secrets, urls });
    const { crons } = readVercelConfig(options.project);
    const stopTimer = startTimer({
      appUrl: urls.app,
      cronSecret: secrets.cronSecret,
      jobs: crons,
      tickSeconds: settings.tickSeconds,
      onNote: (line) => options.note(line),
    });
    return {
      urls,
      async stop() {
        stopTimer();
        await stopServices(services);
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The services must know each other's address before any of them runs. */
async function claimUrls(settings: StackSettings): Promise<PerService<string>> {
  const app = await claimPort(settings.ports.app, { what: 'the functions', variable: 'BANYAN_PORT' });
  const github = await claimPort(settings.ports.github, { what: 'the local GitHub', variable: 'BANYAN_GITHUB_PORT' });
  const supabase = await claimPort(settings.ports.supabase, { what: 'the embedded Supabase', variable: 'BANYAN_SUPABASE_PORT' });
  const url = (port: number) => `http://127.0.0.1:${port}`;
  return { app: url(app), github: url(github), supabase: url(supabase) };
}

interface Plan {
  secrets: Secrets;
  urls: PerService<string>;
}

async function startServices(options: StackOptions, plan: Plan): Promise<Service[]> {
  const { secrets, urls } = plan;
  const pids: Partial<PerService<number>> = {};
  const announce = () => {
    if (pids.app === undefined || pids.github === undefined || pids.supabase === undefined) return;
    writePrivate(join(options.settings.dataDir, 'stack.json'), { urls, ...secrets, pids });
  };
  const start = async (name: ServiceName) => {
    const onProcess = (pid: number) => {
      pids[name] = pid;
      announce();
    };
    const service = await startService(describeService(name, options, plan), { onProcess, onNote: (line) => options.note(line) });
    options.print(`${name.padEnd(9)} ${urls[name]}`);
    return service;
  };
  const outcomes = await Promise.allSettled([start('github'), start('supabase'), start('app')]);
  const services = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (!failure) return services;
  await stopServices(services);
  throw failure.reason;
}

/** The functions first: they may still have something to tell the other two. */
async function stopServices(services: Service[]): Promise<void> {
  const isApp = (service: Service) => service.name === 'app';
  await Promise.all(services.filter(isApp).map((service) => service.stop(STOP_MS.app)));
  await Promise.all(services.filter((service) => !isApp(service)).map((service) => service.stop(STOP_MS.rest)));
}

function describeService(name: ServiceName, options: StackOptions, plan: Plan): ServiceSpec {
  const { dataDir } = options.settings;
  return {
    name,
    entry: options.entries?.[name] ?? packageModule(ENTRIES[name]),
    args: name === 'app' ? [] : [writeServiceSettings(name, options, plan)],
    env: name === 'app' ? appEnvironment(options.env, plan) : serviceEnvironment(options.env),
    cwd: options.project,
    logFile: join(dataDir, 'logs', `${name}.log`),
    // The embedded Supabase prints every refused request as an error of its own.
    showStderr: name !== 'supabase',
  };
}

/** In a file of the private folder: arguments of a process are for everybody to read. */
function writeServiceSettings(name: 'github' | 'supabase', options: StackOptions, { secrets, urls }: Plan): string {
  const common = { port: Number(new URL(urls[name]).port), dataDir: join(options.settings.dataDir, name) };
  const own = {
    github: { app: { ...secrets.app, permissions: PERMISSIONS, events: EVENTS }, webhookUrl: `${urls.app}/api/github/webhook`, publicUrl: urls.github },
    supabase: { migrations: migrationFolders(options.project), keys: secrets.keys },
  };
  mkdirSync(common.dataDir, { recursive: true });
  const file = join(options.settings.dataDir, `${name}.json`);
  writePrivate(file, { ...common, ...own[name] });
  return file;
}
