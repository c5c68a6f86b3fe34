import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const stackFileSchema = z.object({ pids: z.record(z.string(), z.number().int().positive()) });

/** Longer than the lifeline gives a child whose supervisor was killed. */
const PATIENCE_MS = 5000;

/** Waits for the processes of a stack that was killed: two processes on one database folder would spoil it. */
export async function awaitPrevious(dataDir: string): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until && previousPids(dataDir).some(isOurs)) await sleep(100);
}

function previousPids(dataDir: string): number[] {
  try {
    const parsed = stackFileSchema.safeParse(JSON.parse(readFileSync(join(dataDir, 'stack.json'), 'utf8')));
    return parsed.success ? Object.values(parsed.data.pids) : [];
  } catch {
    return [];
  }
}

/** A number may belong to a stranger by now: where the system tells what a process runs, it must be a service of the stack. */
function isOurs(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('local/lifeline.');
  } catch {
    return process.platform !== 'linux' && isAlive(pid);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
