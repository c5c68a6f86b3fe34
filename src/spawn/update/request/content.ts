import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BanyanError } from '../../../kernel/errors.ts';
import { BOOK_PATH, readBook, writeBook, type Book } from '../../book.ts';
import type { FileWrite } from '../apply.ts';
import { leaveBehind } from '../behind.ts';
import { readChildBook } from '../child-book.ts';
import { conflictsOf, type Prepared } from '../prepare.ts';
import type { Place, Release } from '../target.ts';
import { decode, readChildFile } from '../tree.ts';
import { lockWithout, npmInstall, packageWrites, writesOf } from '../update.ts';
import type { WorkflowPatch } from './body.ts';
import { asStored } from './line-ends.ts';
import { patchOf } from './patch.ts';

const MODE = 0o644;
const WORKFLOWS = '.github/workflows/';

/** What the commit of a pull request holds, by paths of the child. */
export interface Content {
  writes: FileWrite[];
  notes: string[];
}

/** The lock file that belongs to the new package.json, made apart from the child. */
async function lockFile(packages: readonly FileWrite[], prepared: Prepared, place: Place): Promise<{ write: FileWrite | null; note: string | null }> {
  const lock = join(place.root, 'package-lock.json');
  if (!existsSync(lock)) return { write: null, note: null };
  const broken = conflictsOf(prepared).some(({ path }) => path === 'package.json');
  if (broken) return { write: null, note: '`package-lock.json` waits for the conflict in `package.json`: run `npm install` then, and commit it.' };
  const folder = join(place.scratch, 'lock');
  mkdirSync(folder, { recursive: true });
  const before = readFileSync(lock, 'utf8');
  const changed = prepared.changes.find(({ path }) => path === 'package.json')?.content ?? readFileSync(join(place.root, 'package.json'), 'utf8');
  writeFileSync(join(folder, 'package.json'), changed);
  writeFileSync(join(folder, 'package-lock.json'), lockWithout(before) ?? before);
  for (const { path, content } of packages) {
    if (content === null) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  try {
    await npmInstall(['--package-lock-only', '--ignore-scripts'], place, folder);
  } catch (error) {
    if (!(error instanceof BanyanError) || error.data['stopped']) throw error;
    return { write: null, note: '`package-lock.json` could not be brought up to date here: run `npm install` on this branch, and commit it.' };
  }
  const after = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  return { write: after === before ? null : { path: 'package-lock.json', content: after, mode: MODE }, note: null };
}

/** The book, with the versions that were refused. */
function bookWrite(prepared: Prepared, refused: readonly string[]): FileWrite {
  const book = readBook(prepared.book);
  const all = [...new Set([...(book.refused ?? []), ...refused])].toSorted();
  return { path: BOOK_PATH, content: writeBook(all.length === 0 ? book : { ...book, refused: all }), mode: MODE };
}

/** Everything that the update changes, the lock file and the book included. What was kept aside stays in the history of the default branch. */
export async function contentOf(
  release: Release,
  prepared: Prepared,
  place: Place,
  options: { refused: readonly string[]; committed: ReadonlySet<string> },
): Promise<Content> {
  const packages = await packageWrites(release, prepared, place);
  const { write, note } = await lockFile(packages, prepared, place);
  const all = [...writesOf({ ...prepared, asides: [] }), ...packages, ...(write === null ? [] : [write]), bookWrite(prepared, options.refused)];
  const writes = all.filter(({ path, content }) => content !== null || options.committed.has(path));
  return { writes: await asStored(writes, place.commands), notes: note === null ? [] : [note] };
}

function textOf(content: FileWrite['content']): string | null {
  return Buffer.isBuffer(content) ? (decode(content) ?? '') : content;
}

function isThere(root: string, { path, content }: FileWrite): boolean {
  const full = join(root, path);
  return existsSync(full) ? content !== null && readFileSync(full).equals(Buffer.from(content)) : content === null;
}

/** What is pushed where the token may not write workflows, and what is left. */
export interface Rest {
  writes: FileWrite[];
  patches: WorkflowPatch[];
  /** Whether nothing else is left to be pushed. */
  alone: boolean;
}

/** That the book would forget conflicts which are resolved is no reason for a pull request of its own. */
function withConflicts(write: FileWrite, { conflicts }: Book): FileWrite {
  if (write.path !== BOOK_PATH || typeof write.content !== 'string' || conflicts === undefined) return write;
  return { ...write, content: writeBook({ conflicts, ...readBook(write.content) }) };
}

/** The same without workflows, which are given as patches; the book goes on saying what they were, and that they are behind. */
export async function withoutWorkflows({ writes }: Pick<Content, 'writes'>, prepared: Prepared, { root, commands }: Place): Promise<Rest> {
  const isWorkflow = ({ path }: FileWrite) => path.startsWith(WORKFLOWS);
  const left = writes.filter(isWorkflow);
  const before = readChildBook(root);
  const present = left.map(({ path, mode }) => ({ path, content: readChildFile(root, path)?.text ?? null, mode }));
  const stored = new Map((await asStored(present, commands)).map(({ path, content }) => [path, textOf(content)]));
  const conflicts = new Map(conflictsOf(prepared).map(({ path, count }) => [path, count]));
  // A file that moves and is in conflict does neither here.
  const moving = new Set(prepared.changes.flatMap(({ from, conflicts: count }) => (from !== undefined && count > 0 ? [from] : [])));
  const patches = left.map(({ path, content }): WorkflowPatch => {
    const count = conflicts.get(path) ?? 0;
    return { path, conflicts: count, patch: count > 0 || moving.has(path) ? '' : patchOf(path, stored.get(path) ?? null, textOf(content)) };
  });
  const leaving = { root, paths: left.map(({ path }) => path), base: prepared.base, mended: prepared.mended };
  const rest = writes
    .filter((write) => !isWorkflow(write))
    .map((write) => {
      if (write.path !== BOOK_PATH || typeof write.content !== 'string') return write;
      return { ...write, content: writeBook(leaveBehind(readBook(write.content), before, leaving)) };
    });
  return { writes: rest, patches, alone: rest.every((write) => isThere(root, withConflicts(write, before))) };
}
