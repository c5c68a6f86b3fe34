import { spawn, type ChildProcess } from 'node:child_process';
import { BanyanError } from '../../kernel/errors.ts';
import { createOutputCollector } from '../output.ts';
import type { SandboxResult } from '../types.ts';
import { READY, type Invocation } from './plan.ts';
import { processTree, type Watcher } from './watch.ts';

export interface ExecuteOptions {
  timeoutMs: number;
  maxOutputBytes: number;
  signal?: AbortSignal;
  watcher: Watcher;
}

const WATCH_EVERY_MS = 250;
const KILLED = 137;

/**
 * Leaves first would race with forks; the first process of a pid namespace takes all others with it, so the order does not matter
 * there. Where there is no namespace the process group and the known descendants are killed.
 */
async function killTree(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const tree = await processTree(child.pid);
  for (const target of [-child.pid, ...tree]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
}

interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

function waitForEnd(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new BanyanError('sandbox_failed', `The sandbox could not be started: ${cause.message}`, { retry: 'transient', cause })),
    );
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

/** One command in its isolation: output kept in order, killed with everything it started when its time, memory or disk is over. */
export async function execute(invocation: Invocation, options: ExecuteOptions): Promise<SandboxResult> {
  options.signal?.throwIfAborted();
  const startedAt = performance.now();
  // `env` is small on purpose: the outer tools get no more than they need to be found.
  const child = spawn(invocation.file, invocation.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LANG: 'C.UTF-8' },
  });
  const output = createOutputCollector(options.maxOutputBytes);
  const setup = createOutputCollector(4_096);
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => setup.push(chunk));

  let timedOut = false;
  let note: string | null = null;
  const kill = () => void killTree(child);
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, options.timeoutMs);
  let isLooking = false;
  const look = async (pid: number): Promise<void> => {
    if (isLooking || note !== null) return;
    isLooking = true;
    note = await options.watcher(pid).catch(() => null);
    isLooking = false;
    if (note !== null) kill();
  };
  const watch = setInterval(() => void (child.pid === undefined ? undefined : look(child.pid)), WATCH_EVERY_MS);
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const ending = await waitForEnd(child);
    options.signal?.throwIfAborted();
    return resultOf({ ending, output: output.finish(), setup: setup.finish().output, timedOut, note, startedAt });
  } finally {
    clearTimeout(timer);
    clearInterval(watch);
    options.signal?.removeEventListener('abort', kill);
  }
}

interface Facts {
  ending: Ending;
  output: { output: string; truncated: boolean };
  setup: string;
  timedOut: boolean;
  note: string | null;
  startedAt: number;
}

function resultOf({ ending, output, setup, timedOut, note, startedAt }: Facts): SandboxResult {
  const isKilled = timedOut || note !== null || ending.code === null;
  if (!setup.includes(READY) && !isKilled) {
    throw new BanyanError('sandbox_failed', `The sandbox could not be set up: ${setup.trim().slice(-500) || `exit ${ending.code}`}`, { retry: 'transient' });
  }
  return {
    exitCode: isKilled ? KILLED : (ending.code ?? KILLED),
    output: note === null ? output.output : `${output.output}\n[${note}]`,
    timedOut,
    truncated: output.truncated,
    durationMs: Math.round(performance.now() - startedAt),
  };
}
