import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { WriteStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { BanyanError } from '../../kernel/errors.ts';
import { packageModule } from '../../kernel/package-root.ts';
import { noteworthy, onLines, openLog } from './logs.ts';

/*
 * A service's states: starting -> ready -> (dead -> starting)* -> stopped. `starting` ends with the line `listening <url>`; a death before the
 * first `ready` fails the start of the stack, a later one is answered with a new process. `stop()` is the only way out.
 */

export interface ServiceSpec {
  name: string;
  /** The file that the process runs. */
  entry: string;
  args: string[];
  env: Record<string, string>;
  cwd: string;
  logFile: string;
  /** Whether plain lines on standard error are for the person at the terminal. */
  showStderr: boolean;
}

export interface ServiceEvents {
  /** A process is up, the first time and after each death. */
  onProcess(pid: number): void;
  onNote(line: string): void;
}

export interface Service {
  name: string;
  url: string;
  stop(graceMs: number): Promise<void>;
}

const READY_TIMEOUT_MS = 90_000;
const BACKOFF_MS = [50, 200, 500, 1000, 2000, 5000];
/** A process that lived this long has not died of its start. */
const STABLE_MS = 20_000;

/** Starts a service and keeps it running until `stop()`. @throws BanyanError `internal` when it does not come up the first time. */
export async function startService(spec: ServiceSpec, events: ServiceEvents): Promise<Service> {
  const log = openLog(spec.logFile);
  const stopped = new AbortController();
  let child = spawnChild(spec);
  const url = await untilListening(child, { spec, log, events });

  async function keepRunning(): Promise<void> {
    for (let deaths = 0; ;) {
      const since = Date.now();
      if (!hasEnded(child)) await once(child, 'exit');
      if (stopped.signal.aborted) return;
      deaths = Date.now() - since > STABLE_MS ? 0 : deaths + 1;
      events.onNote(`${spec.name} ended (${child.signalCode ?? `exit code ${child.exitCode}`}) and is started again`);
      await sleep(BACKOFF_MS[Math.min(deaths, BACKOFF_MS.length - 1)], undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      child = spawnChild(spec);
      await untilListening(child, { spec, log, events }).catch((error: unknown) => events.onNote(String(error)));
    }
  }

  const supervision = keepRunning();
  return {
    name: spec.name,
    url,
    async stop(graceMs) {
      stopped.abort();
      await end(child, graceMs);
      await supervision;
      log.end();
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** A process of its own group, so that Ctrl-C reaches the supervisor alone; the lifeline ends it if the supervisor cannot. */
function spawnChild(spec: ServiceSpec): ChildProcess {
  return fork(spec.entry, spec.args, {
    cwd: spec.cwd,
    env: spec.env,
    execArgv: ['--import', pathToFileURL(packageModule('src/local/lifeline')).href],
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}

/** @returns the address that the process prints. */
async function untilListening(child: ChildProcess, context: { spec: ServiceSpec; log: WriteStream; events: ServiceEvents }): Promise<string> {
  const { spec, log, events } = context;
  const last: string[] = [];
  const listening = new Promise<string>((resolve) => {
    relay(child, spec, (line, stream) => {
      log.write(`${line}\n`);
      last.splice(0, Math.max(0, last.length - 20));
      last.push(line);
      const [, url] = /^listening (\S+)/.exec(line) ?? [];
      if (url !== undefined) resolve(url);
      const note = spec.showStderr || stream === 'stdout' || line.startsWith('{') ? noteworthy(line, stream) : undefined;
      if (note !== undefined) events.onNote(`${spec.name}: ${note}`);
    });
  });
  if (child.pid !== undefined) events.onProcess(child.pid);
  // What it said last arrives after the news of its end.
  const failed = once(child, 'close').then(() => undefined);
  const url = await Promise.race([listening, failed, sleep(READY_TIMEOUT_MS, undefined, { ref: false })]);
  if (url !== undefined) return url;
  child.kill('SIGKILL');
  throw new BanyanError('internal', `The service "${spec.name}" did not start; its last words:\n  ${last.slice(-8).join('\n  ')}`, {
    fix: `See ${spec.logFile}`,
  });
}

function relay(child: ChildProcess, spec: ServiceSpec, take: (line: string, stream: 'stdout' | 'stderr') => void): void {
  if (!child.stdout || !child.stderr) throw new BanyanError('internal', `the output of "${spec.name}" is not readable`);
  onLines(child.stdout, (line) => take(line, 'stdout'));
  onLines(child.stderr, (line) => take(line, 'stderr'));
}

async function end(child: ChildProcess, graceMs: number): Promise<void> {
  if (hasEnded(child)) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const cut = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await gone;
  clearTimeout(cut);
}
