import { chmod, lstat, mkdir, mkdtemp, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BanyanError } from '../kernel/errors.ts';
import { childPath } from './paths.ts';

/** What a folder may hold and still be empty for us: what `git init`, a clone of an empty repository and file managers leave. */
const NOTHING = new Set(['.git', '.DS_Store', 'Thumbs.db']);

export type FolderState = { kind: 'absent' } | { kind: 'empty' } | { kind: 'full'; entries: string[] };

/** @throws BanyanError `conflict` where something that is no folder bears the name */
export async function lookAtFolder(folder: string): Promise<FolderState> {
  const found = await lstat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw refused(error, folder);
  });
  if (found === undefined) return { kind: 'absent' };
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      throw new BanyanError('conflict', `${folder} is a link that leads nowhere.`, { fix: 'Remove it, or choose another folder: --dir.' });
    throw error.code === 'ENOTDIR'
      ? new BanyanError('conflict', `${folder} is there and is no folder.`, { fix: 'Choose another name, or --dir.' })
      : refused(error, folder);
  });
  const own = entries.filter((entry) => !NOTHING.has(entry));
  return own.length === 0 ? { kind: 'empty' } : { kind: 'full', entries: own };
}

/** The words for what a file system answers. */
export function refused(error: NodeJS.ErrnoException, folder: string): BanyanError {
  const reasons: Record<string, string> = {
    EACCES: 'you may not write there',
    EPERM: 'you may not write there',
    EROFS: 'it is read-only',
    ENOSPC: 'the disk is full',
    ENOTDIR: 'a part of the path is no folder',
    ENAMETOOLONG: 'the path is too long',
  };
  return new BanyanError('forbidden', `${folder} cannot be written: ${reasons[error.code ?? ''] ?? error.message}.`, {
    fix: 'Choose another folder: --dir <folder>',
    data: { code: error.code },
    cause: error,
  });
}

/** Where a child is made before it is shown, and how everything is undone. */
export interface BuildSite {
  /** The folder to build in. */
  path: string;
  /** Moves everything to its place. A file that is there already is never overwritten. */
  finish(): Promise<void>;
  /** Names of what was moved to the target. */
  entries(): Promise<string[]>;
  /** Removes what was made, before or after `finish`, and nothing else. */
  undo(): Promise<void>;
}

async function makeParents(folder: string, made: string[]): Promise<void> {
  if (await lstat(folder).catch(() => undefined)) return;
  await makeParents(dirname(folder), made);
  await mkdir(folder);
  made.push(folder);
}

function named(path: string): string {
  return join(dirname(path), `.${basename(path).slice(0, 80)}.banyan-`);
}

async function removeAll(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/**
 * Opens a temporary folder beside the target, on the same file system, so that the last step is one move. Where the target is
 * there already, the folder is inside it: what stands beside it may not be ours to write.
 * @throws BanyanError `forbidden`
 */
export async function openSite(target: string, state: FolderState): Promise<BuildSite> {
  const made: string[] = [];
  const undoParents = async () => {
    for (const folder of made.toReversed()) await rmdir(folder).catch(() => undefined);
  };
  const path = await (async () => {
    if (state.kind !== 'absent') return mkdtemp(join(target, '.banyan-spawn-'));
    await makeParents(dirname(target), made);
    return mkdtemp(named(target));
  })().catch(async (error: NodeJS.ErrnoException) => {
    await undoParents();
    throw refused(error, target);
  });
  // mkdtemp makes a private folder; a child is an ordinary one.
  await chmod(path, 0o755);
  const moved: string[] = [];
  const names: string[] = [];
  const hadGit = (await lstat(join(target, '.git')).catch(() => undefined)) !== undefined;
  return {
    path,
    entries: async () => names.filter((name) => name !== '.git'),
    async finish() {
      if (state.kind === 'absent') {
        await rename(path, target);
        moved.push(target);
        names.push(...(await readdir(target)));
        return;
      }
      for (const entry of await readdir(path)) {
        const to = join(target, entry);
        if (await lstat(to).catch(() => undefined)) {
          throw new BanyanError('conflict', `${to} is there already.`, { fix: 'Nothing is overwritten: move it away, or choose another folder with --dir.' });
        }
        await rename(join(path, entry), to);
        moved.push(to);
        names.push(entry);
      }
      await rmdir(path);
    },
    async undo() {
      await removeAll(path);
      for (const entry of moved) await removeAll(entry);
      // The first commit is undone with the rest; a repository that was there before is not ours.
      if (!hadGit && state.kind !== 'absent') await removeAll(join(target, '.git'));
      await undoParents();
    },
  };
}

export interface WrittenFile {
  path: string;
  content: string;
  mode: number;
}

/** Writes files below a folder that is ours. */
export async function writeFiles(folder: string, files: readonly WrittenFile[]): Promise<void> {
  for (const { path, content, mode } of files) {
    const full = join(folder, childPath(path));
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, content, { mode, flag: 'wx' });
  }
}
