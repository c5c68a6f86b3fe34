import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import type { LocalWay } from '../../src/sandbox/local/detect.ts';
import { createLocalSandboxProvider } from '../../src/sandbox/local/provider.ts';
import { whyNot } from './ways.ts';

/** How many processes of the machine sleep for exactly this long. */
async function sleepers(seconds: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line === `sleep\0${seconds}\0`).length;
}

it.for<LocalWay>(['bubblewrap', 'unshare'])('by %s nothing outlives a process that was killed, and the next one cleans up', async (way, { skip }) => {
  const problem = await whyNot(way);
  skip(problem !== null, problem ?? '');
  const folder = await mkdtemp(join(tmpdir(), 'banyan-orphan-'));
  const seconds = String(10_000 + process.pid + (way === 'unshare' ? 0.5 : 0));
  const child = spawn(process.execPath, [fileURLToPath(new URL('orphan.ts', import.meta.url)), way, folder, seconds], { stdio: 'ignore' });
  await vi.waitFor(async () => expect(await sleepers(seconds)).toBe(2), { timeout: 15_000, interval: 50 });
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  await vi.waitFor(async () => expect(await sleepers(seconds)).toBe(0), { timeout: 10_000, interval: 50 });
  const next = await createLocalSandboxProvider({ way, folder }).create({ timeoutSeconds: 10 });
  await next.destroy();
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});
