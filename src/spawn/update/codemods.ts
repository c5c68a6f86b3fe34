import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import semver from 'semver';
import { BanyanError, toBanyanError } from '../../kernel/errors.ts';
import type { Draft } from './draft.ts';

/** What a codemod may do: it sees the child as it will be, and its writes are written with all the others or not at all. */
export interface CodemodFiles {
  /** null where there is no such text file. */
  read(path: string): string | null;
  write(path: string, content: string): void;
  /** Paths of all files, without `node_modules` and `.git`. */
  list(): string[];
  remove(path: string): void;
}

interface Codemod {
  file: string;
  version: string;
}

interface CodemodModule {
  title: string;
  default(files: CodemodFiles): unknown;
}

/** `codemods/0.4.0-rename-budget.mjs` mends what version 0.4.0 broke. */
const FILE = /^(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)-([a-z0-9-]+)\.mjs$/;

/**
 * The codemods between two versions, oldest first.
 * @throws BanyanError `config_invalid` for a file whose name has no version
 */
export function codemodsBetween(files: readonly string[], from: string, to: string): Codemod[] {
  const codemods = files.flatMap((file) => {
    if (!file.endsWith('.mjs')) return [];
    const version = FILE.exec(file)?.[1];
    if (version !== undefined) return [{ file, version }];
    throw new BanyanError('config_invalid', `codemods/${file}: its name has no version.`, { fix: 'Name it <version>-<what-it-does>.mjs' });
  });
  return codemods
    .filter(({ version }) => semver.gt(version, from) && semver.lte(version, to))
    .toSorted((a, b) => semver.compare(a.version, b.version) || (a.file < b.file ? -1 : 1));
}

function isCodemod(module: unknown): module is CodemodModule {
  const { title, default: run } = module as Partial<CodemodModule>;
  return typeof title === 'string' && typeof run === 'function';
}

async function load(path: string, file: string): Promise<CodemodModule> {
  const module: unknown = await import(pathToFileURL(path).href);
  if (isCodemod(module)) return module;
  throw new BanyanError('config_invalid', `codemods/${file} exports no title and no function.`, { fix: 'See docs/children.md, "Update".' });
}

export interface CodemodNote {
  codemod: string;
  title: string;
  notes: string[];
}

/**
 * Runs over the draft what the package of the new version brings for the versions between.
 * @param folder the package's `codemods/`
 * @throws BanyanError `internal` naming the codemod that failed
 */
export async function runCodemods(folder: string, draft: Draft, { from, to }: { from: string; to: string }): Promise<CodemodNote[]> {
  if (!existsSync(folder)) return [];
  const notes: CodemodNote[] = [];
  for (const { file } of codemodsBetween(readdirSync(folder), from, to)) {
    const codemod = await load(join(folder, file), file);
    const files: CodemodFiles = {
      read: (path) => draft.read(path),
      write: (path, content) => draft.write(path, content),
      list: () => draft.list(),
      remove: (path) => draft.remove(path),
    };
    try {
      const said = await codemod.default(files);
      notes.push({ codemod: file, title: codemod.title, notes: Array.isArray(said) ? said.map(String) : [] });
    } catch (cause) {
      throw new BanyanError('internal', `The codemod ${file} failed: ${toBanyanError(cause).message}`, {
        fix: 'Nothing was changed. Report it to the mother; --no-codemods leaves them out.',
        cause,
      });
    }
  }
  return notes;
}
