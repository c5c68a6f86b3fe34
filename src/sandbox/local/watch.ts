import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Why a command is to be killed, in words for its output, or null while it behaves. */
export type Watcher = (pid: number) => Promise<string | null>;

const PAGE_KB = 4;
const MAX_PROCESSES = 4_096;
const MAX_ENTRIES = 200_000;

/** Ids of a process and of all that descend from it, by the kernel's own list of children. */
export async function processTree(pid: number): Promise<number[]> {
  const found = [pid];
  for (let index = 0; index < found.length && found.length < MAX_PROCESSES; index += 1) {
    const id = found[index];
    const threads = await readdir(`/proc/${id}/task`).catch(() => []);
    const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${id}/task/${thread}/children`, 'utf8').catch(() => '')));
    found.push(...lists.flatMap((list) => list.split(' ').map(Number)).filter((child) => child > 0));
  }
  return found;
}

async function residentKb(pid: number): Promise<number> {
  const statm = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '');
  const [, resident = '0', shared = '0'] = statm.split(' ');
  return Math.max(Number(resident) - Number(shared), 0) * PAGE_KB;
}

/** Bytes that a folder takes on disk; stops counting once it is over the limit. */
async function folderBytes(folder: string, limitBytes: number): Promise<number> {
  let bytes = 0;
  let entries = 0;
  const queue = [folder];
  for (let next = queue.pop(); next !== undefined && bytes <= limitBytes && entries < MAX_ENTRIES; next = queue.pop()) {
    const path = next;
    const children = await readdir(path, { withFileTypes: true }).catch(() => []);
    const sizes = await Promise.all(
      children.map(async (child) => {
        if (child.isDirectory()) queue.push(join(path, child.name));
        const stat = await lstat(join(path, child.name)).catch(() => null);
        return stat ? stat.blocks * 512 : 0;
      }),
    );
    entries += children.length;
    bytes += sizes.reduce((sum, size) => sum + size, 0);
  }
  return entries >= MAX_ENTRIES ? Number.POSITIVE_INFINITY : bytes;
}

/**
 * What limits on single processes cannot see: memory of the whole tree, and the disk that many files take together.
 * Looked at a few times a second, so a command may be over for that long. Memory is read from /proc (Linux).
 */
export function createWatcher(limits: { folder: string; memoryMb: number; diskMb: number }): Watcher {
  let ticks = 0;
  return async (pid) => {
    const tree = await processTree(pid);
    const resident = (await Promise.all(tree.map(residentKb))).reduce((sum, kb) => sum + kb, 0);
    if (resident > limits.memoryMb * 1024) return `killed: more than ${limits.memoryMb} MB of memory`;
    ticks += 1;
    // A walk of the folder costs more than a look at /proc.
    if (ticks % 3 !== 0) return null;
    const used = await folderBytes(limits.folder, limits.diskMb * 1024 * 1024);
    return used > limits.diskMb * 1024 * 1024 ? `killed: more than ${limits.diskMb} MB of disk (or ${MAX_ENTRIES} files)` : null;
  };
}
