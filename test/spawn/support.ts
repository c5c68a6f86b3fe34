import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../../src/kernel/version.generated.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SCRIPT = join(ROOT, 'scripts/banyan.js');

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Outcome>;
}

/** An identity of no file on this machine: what git knows of the person is the test's decision. */
export function cleanEnvironment(home: string, more: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: home, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: join(home, 'gitconfig'), ...more };
}

/** The command as a process of its own, without a terminal. */
export function start(args: readonly string[], { cwd, env }: { cwd: string; env: Record<string, string> }): Running {
  const child = spawn(process.execPath, [SCRIPT, 'spawn', ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, stdout, stderr }));
  });
  return { child, ended };
}

export interface Place {
  /** Where children go. */
  cwd: string;
  env: Record<string, string>;
  run(...args: string[]): Promise<Outcome>;
  /** Everything below, hidden entries too. */
  entries(): string[];
  remove(): void;
}

export function makePlace(): Place {
  const base = mkdtempSync(join(tmpdir(), 'banyan spawn '));
  const cwd = mkdtempSync(join(base, 'work-'));
  const env = cleanEnvironment(base);
  return {
    cwd,
    env,
    run: (...args) => start(args, { cwd, env }).ended,
    entries: () => readdirSync(cwd).toSorted(),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** Renders only: what is installed is another test's. */
export const QUICK = ['--banyan', VERSION, '--no-install'] as const;

export function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** A process that has ended and that nobody has waited for yet counts as ended. */
export function isRunning(pid: number): boolean {
  const state = /^State:\s+(\w)/m.exec(readIfThere(`/proc/${pid}/status`))?.[1];
  return state !== undefined && state !== 'Z';
}
