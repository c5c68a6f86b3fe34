import { constants } from 'node:fs';
import { lstat, mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BanyanError } from '../../kernel/errors.ts';
import { cleanPath } from '../paths.ts';
import type { SandboxFile } from '../types.ts';

/**
 * The host's hand in the sandbox's work folder. Strangers' commands may have put symlinks anywhere in it, so each step of a path is
 * looked at before it is taken. That is free of races because files are touched only while no command runs.
 */
export interface WorkFolder {
  write(files: SandboxFile[]): Promise<void>;
  read(path: string): Promise<Uint8Array | null>;
}

const NO_FOLLOW = constants.O_NOFOLLOW;
const AT_ONCE = 16;

function symlinkError(path: string): BanyanError {
  return new BanyanError('path_invalid', `A part of the path ${JSON.stringify(path)} is a symlink; it is not followed.`, { data: { path } });
}

async function kindOf(path: string): Promise<'folder' | 'link' | 'other' | null> {
  try {
    const stat = await lstat(path);
    if (stat.isSymbolicLink()) return 'link';
    return stat.isDirectory() ? 'folder' : 'other';
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

async function writeAll(handle: FileHandle, file: SandboxFile, owner: number | null): Promise<void> {
  try {
    await handle.writeFile(file.content);
    await handle.chmod((file.mode ?? 0o644) & 0o777);
    if (owner !== null) await handle.chown(owner, owner);
  } finally {
    await handle.close();
  }
}

/** `owner` is the user that commands run as where we are root, else null. */
export function createWorkFolder(root: string, owner: number | null): WorkFolder {
  async function makeFolder(path: string, known: Set<string>): Promise<void> {
    if (path === '.' || known.has(path)) return;
    await makeFolder(dirname(path), known);
    const full = join(root, path);
    const kind = await kindOf(full);
    if (kind === 'link') throw symlinkError(path);
    if (kind === 'other') throw new BanyanError('path_invalid', `${JSON.stringify(path)} is a file, not a folder.`, { data: { path } });
    if (kind === null) {
      await mkdir(full);
      if (owner !== null) {
        const handle = await open(full, constants.O_RDONLY | constants.O_DIRECTORY | NO_FOLLOW);
        try {
          await handle.chown(owner, owner);
        } finally {
          await handle.close();
        }
      }
    }
    known.add(path);
  }

  async function writeOne(file: SandboxFile): Promise<void> {
    const full = join(root, file.path);
    const kind = await kindOf(full);
    if (kind === 'link') throw symlinkError(file.path);
    if (kind === 'folder') throw new BanyanError('path_invalid', `${JSON.stringify(file.path)} is a folder.`, { data: { path: file.path } });
    // Removed and made anew: an existing one could be a hard link, a fifo, or owned by another user.
    if (kind !== null) await rm(full);
    await writeAll(await open(full, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW), file, owner);
  }

  return {
    async write(files) {
      const clean = files.map((file) => ({ ...file, path: cleanPath(file.path) }));
      const known = new Set<string>();
      for (const folder of new Set(clean.map(({ path }) => dirname(path)))) await makeFolder(folder, known);
      const queue = [...new Map(clean.map((file) => [file.path, file])).values()];
      const takeNext = async (): Promise<void> => {
        for (let file = queue.pop(); file; file = queue.pop()) await writeOne(file);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, takeNext));
    },

    async read(path) {
      const clean = cleanPath(path);
      const parts = clean.split('/');
      for (let depth = 1; depth <= parts.length; depth += 1) {
        const kind = await kindOf(join(root, ...parts.slice(0, depth)));
        if (kind === null) return null;
        if (kind === 'link') throw symlinkError(clean);
      }
      const handle = await open(join(root, clean), constants.O_RDONLY | NO_FOLLOW | constants.O_NONBLOCK);
      try {
        return (await handle.stat()).isFile() ? await handle.readFile() : null;
      } finally {
        await handle.close();
      }
    },
  };
}
