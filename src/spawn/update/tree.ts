import { lstatSync, readdirSync, readFileSync, type Stats } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { childPath } from '../paths.ts';
import type { Entry, Ours } from './plan.ts';

/** What no update looks into. */
const NOT_OURS = new Set(['.git', 'node_modules']);

/** The text of a file; null where its bytes are none. */
export function decode(bytes: Buffer): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** All files below a folder, by path from `root`; links and other things as they are, never followed. */
export function filesBelow(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (NOT_OURS.has(entry.name)) return [];
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(root, path) : [path];
    });
}

/** Reads with the names as they really are: a file system that ignores capitals would find `readme.md` as `README.md`. */
class Reader {
  private readonly root: string;
  private readonly listings = new Map<string, string[]>();

  constructor(root: string) {
    this.root = root;
  }

  private names(folder: string): string[] {
    const known = this.listings.get(folder);
    if (known) return known;
    const found = this.stat(folder)?.isDirectory() === true ? readdirSync(join(this.root, folder)) : [];
    this.listings.set(folder, found);
    return found;
  }

  private stat(path: string): Stats | undefined {
    if (path === '' || path === '.') return lstatSync(this.root);
    const parent = posix.dirname(path) === '.' ? '' : posix.dirname(path);
    // A link above leads elsewhere: what is behind it is not of the child.
    if (parent !== '' && this.stat(parent)?.isDirectory() !== true) return undefined;
    return this.names(parent).includes(posix.basename(path)) ? lstatSync(join(this.root, path), { throwIfNoEntry: false }) : undefined;
  }

  entry(path: string): Entry | undefined {
    const found = this.stat(path);
    if (found === undefined) return undefined;
    if (found.isDirectory()) return { kind: 'folder', files: filesBelow(this.root, path) };
    if (!found.isFile()) return { kind: 'other' };
    return { kind: 'file', text: decode(readFileSync(join(this.root, path))), mode: found.mode & 0o777 };
  }

  twin(path: string): string | undefined {
    const parent = posix.dirname(path) === '.' ? '' : posix.dirname(path);
    const own = posix.basename(path);
    const key = own.normalize('NFC').toLowerCase();
    const found = this.names(parent).find((name) => name !== own && name.normalize('NFC').toLowerCase() === key);
    return found === undefined ? undefined : posix.join(parent, found);
  }

  /** A folder above, without what is below: only that it is one. */
  above(path: string): Entry | undefined {
    const found = this.stat(path);
    if (found === undefined || found.isDirectory()) return undefined;
    return { kind: 'other' };
  }
}

/** Reads the child wherever a template has or had a file. */
export function readOurs(root: string, paths: Iterable<string>): Ours {
  const reader = new Reader(root);
  const entries = new Map<string, Entry>();
  const twins = new Map<string, string>();
  for (const path of new Set(paths)) {
    const entry = reader.entry(childPath(path));
    if (entry) entries.set(path, entry);
    const twin = reader.twin(path);
    if (twin !== undefined) twins.set(path, twin);
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
      const above = entries.has(folder) ? undefined : reader.above(folder);
      if (above) entries.set(folder, above);
    }
  }
  return { entries, twins };
}

/** The text of one file of the child; null where there is none, or no text. */
export function readChildFile(root: string, path: string): { text: string; mode: number } | null {
  const entry = new Reader(root).entry(childPath(path));
  return entry?.kind === 'file' && entry.text !== null ? { text: entry.text, mode: entry.mode } : null;
}
