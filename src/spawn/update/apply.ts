import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { BanyanError, toBanyanError } from '../../kernel/errors.ts';
import { isAlive } from '../../kernel/process.ts';
import { childPath } from '../paths.ts';

/** A file to be put in its place, or (null) to be taken away. */
export interface FileWrite {
  path: string;
  content: string | Buffer | null;
  mode: number;
}

/** Inside the child, so that moves stay on one file system; git ignores it. */
const STAGE = '.banyan';
const PREFIX = 'update-';
const JOURNAL = 'journal.json';

const journalSchema = z.array(z.object({ path: z.string(), had: z.boolean(), puts: z.boolean() }));
type Journal = z.infer<typeof journalSchema>;

/** Undefined also where a part of the path is a file. */
function look(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function exists(path: string): boolean {
  return look(path) !== undefined;
}

/** Anything but a folder, which is moved by its files. */
function isThing(path: string): boolean {
  return look(path)?.isDirectory() === false;
}

function removeEmptyFolders(root: string, path: string): void {
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    try {
      rmdirSync(join(root, folder));
    } catch {
      return;
    }
  }
}

/** Empties a folder in whose place a file comes; only folders may be in it any more. */
function clearFolder(path: string): void {
  if (look(path)?.isDirectory() !== true) return;
  for (const name of readdirSync(path)) clearFolder(join(path, name));
  rmdirSync(path);
}

function refused(error: unknown): BanyanError {
  if (error instanceof BanyanError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const denied = ['EACCES', 'EPERM', 'EROFS'].includes(code);
  return new BanyanError(denied ? 'forbidden' : 'internal', `The update cannot be written: ${toBanyanError(error).message}`, {
    fix: denied ? 'The child is as it was. Make its folder writable for you, then run the update again.' : 'The child is as it was.',
    cause: error,
  });
}

/**
 * A set of changes that happens whole or not at all. States: staged (new files lie in the stage, the child is untouched), moved (the
 * old files lie in the stage), and then either kept or undone. The journal in the stage says how to undo, so that a kill at any
 * moment is mended by the next run (`recover`).
 */
export class Change {
  private readonly root: string;
  private readonly stage: string;
  private journal: Journal = [];

  private constructor(root: string, stage: string) {
    this.root = root;
    this.stage = stage;
  }

  /** @throws BanyanError `forbidden` where the folder cannot be written */
  static open(root: string): Change {
    try {
      mkdirSync(join(root, STAGE), { recursive: true });
      return new Change(root, mkdtempSync(join(root, STAGE, `${PREFIX}${process.pid}-`)));
    } catch (error) {
      throw refused(error);
    }
  }

  /** Moves everything to its place, removals first: a folder may become a file. The child is as it was when this throws. */
  move(writes: readonly FileWrite[]): void {
    try {
      const entries = writes.map(({ path, content }) => ({ path: childPath(path), had: isThing(join(this.root, path)), puts: content !== null }));
      for (const [index, { content, mode }] of writes.entries()) {
        if (content !== null) writeFileSync(join(this.stage, `new-${this.journal.length + index}`), content, { mode });
      }
      const first = this.journal.length;
      this.journal = [...this.journal, ...entries];
      this.writeJournal();
      for (const [index, { path, had }] of entries.entries()) if (had) this.takeAway(path, first + index);
      for (const [index, { path, puts }] of entries.entries()) if (puts) this.put(path, first + index);
    } catch (error) {
      this.undo();
      throw refused(error);
    }
  }

  /** A file that something else is about to write: as it is now, it comes back when all is undone. */
  remember(path: string): void {
    const full = join(this.root, path);
    const had = isThing(full);
    const index = this.journal.length;
    if (had) writeFileSync(join(this.stage, `old-${index}`), readFileSync(full), { mode: lstatSync(full).mode & 0o777 });
    this.journal = [...this.journal, { path, had, puts: true }];
    this.writeJournal();
  }

  private writeJournal(): void {
    // A rename is whole or absent; half a journal could not be read after a kill.
    const path = join(this.stage, JOURNAL);
    writeFileSync(`${path}.new`, JSON.stringify(this.journal));
    renameSync(`${path}.new`, path);
  }

  private takeAway(path: string, index: number): void {
    const full = join(this.root, path);
    renameSync(full, join(this.stage, `old-${index}`));
    removeEmptyFolders(this.root, path);
  }

  private put(path: string, index: number): void {
    const full = join(this.root, path);
    clearFolder(full);
    mkdirSync(dirname(full), { recursive: true });
    renameSync(join(this.stage, `new-${index}`), full);
  }

  keep(): void {
    rmSync(this.stage, { recursive: true, force: true });
  }

  /** Brings back each file as it was. Safe at any moment, and again. */
  undo(): void {
    undoStage(this.root, this.stage, this.journal);
  }
}

function undoStage(root: string, stage: string, journal: Journal): void {
  if (!exists(stage)) return;
  const entries = [...journal.entries()];
  // What was put goes away first: an old file may need the place of a new folder.
  for (const [index, { path, puts, had }] of entries) {
    const [full, before, after] = [join(root, path), join(stage, `old-${index}`), join(stage, `new-${index}`)];
    const wasPut = puts && !exists(after) && (!had || exists(before));
    if (!wasPut || look(full)?.isFile() !== true) continue;
    rmSync(full);
    removeEmptyFolders(root, path);
  }
  for (const [index, { path }] of entries.toReversed()) {
    const before = join(stage, `old-${index}`);
    if (!exists(before)) continue;
    clearFolder(join(root, path));
    mkdirSync(dirname(join(root, path)), { recursive: true });
    renameSync(before, join(root, path));
  }
  rmSync(stage, { recursive: true, force: true });
}

function stagesIn(root: string): string[] {
  const folder = join(root, STAGE);
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(PREFIX)) : [];
}

/** Whether an update is at work here, or was broken off: until it has ended or is undone, the child is neither the old nor the new one. */
export function isHalfway(root: string): boolean {
  return stagesIn(root).length > 0;
}

/**
 * Undoes what an update that was killed has left.
 * @param sure that none is at work, although there is a process of its number: another one may have got it
 * @returns whether there was one
 * @throws BanyanError `conflict` while another update is at work
 */
export function recover(root: string, sure: boolean): boolean {
  const stages = stagesIn(root);
  for (const name of stages) {
    const stage = join(root, STAGE, name);
    const pid = Number(/^update-(\d+)-/.exec(name)?.[1]);
    if (!sure && pid !== process.pid && isAlive(pid)) {
      throw new BanyanError('conflict', `Another update is at work here (process ${pid}).`, {
        fix: `Wait for its end. Where that process is something else, and no update is at work: npx banyan update --force undoes what was broken off. Keep ${stage} till then, it holds the only copies.`,
      });
    }
    // Without a journal nothing had been moved yet.
    const path = join(stage, JOURNAL);
    const journal = existsSync(path) ? journalSchema.parse(JSON.parse(readFileSync(path, 'utf8'))) : [];
    for (const entry of journal) childPath(entry.path);
    undoStage(root, stage, journal);
  }
  return stages.length > 0;
}
