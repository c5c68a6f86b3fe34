import { hashOf, MOST_BEHIND, type Behind, type Book } from '../book.ts';
import type { RenderedFile } from '../render.ts';
import { labelsOf } from './markers.ts';
import { mergeText } from './merge-text.ts';
import type { Change, Entry, Notice, Ours } from './plan.ts';
import { readChildFile } from './tree.ts';

/*
 * Workflows that an update could not push. The book is at the new version then, and these files are not: it keeps what the template had of each, so
 * that the next update, of the same version too, takes them from there. Who applied the patch by hand is not behind any more. Codemods run once, for
 * the versions between: what they mended there is kept as text, before and after, and merged into what the file has become.
 */

type Behinds = Pick<Book, 'behind'>;

function ownText(root: string, path: string): string | null {
  return readChildFile(root, path)?.text ?? null;
}

function isSame(a: string | null, b: string | null): boolean {
  return a === null || b === null ? a === b : hashOf(a) === hashOf(b);
}

/** Whether a file is still as the template had it before, or edited since; not where it is as the new template has it, or was made from it. */
function isBehind(root: string, path: string, { text, sha256 }: Behind): boolean {
  const own = ownText(root, path);
  if (own === null) return sha256 !== null;
  return text !== null && hashOf(own) !== sha256;
}

/** What codemods have mended, merged into the child's own workflows: texts as if they stood there; null: the file goes. */
export interface Carried {
  texts: ReadonlyMap<string, string | null>;
  /** Those in which the template's change is, too. */
  whole: ReadonlySet<string>;
  /** Of what could not be merged any more. */
  notices: Notice[];
}

/** @returns undefined where it cannot be merged */
function mendedText(own: string | null, { from, to }: NonNullable<Behind['mended']>): string | null | undefined {
  if (isSame(own, from)) return to;
  if (own === null || from === null || to === null) return undefined;
  const { text, conflicts } = mergeText({ base: from, ours: own, theirs: to }, labelsOf('', ''));
  return conflicts === 0 ? text : undefined;
}

export function carryMended(root: string, { behind = {} }: Behinds): Carried {
  const texts = new Map<string, string | null>();
  const whole = new Set<string>();
  const notices: Notice[] = [];
  for (const [path, { mended }] of Object.entries(behind)) {
    const own = ownText(root, path);
    if (mended === undefined || isSame(own, mended.to)) continue;
    const text = mendedText(own, mended);
    if (text === undefined) {
      const message = `${path} was changed here where a codemod of an earlier version had mended it, too: yours stays; see whether it still fits.`;
      notices.push({ path, kind: 'mended_elsewhere', message });
    } else if (!isSame(own, text)) {
      texts.set(path, text);
      if (!mended.apart) whole.add(path);
    }
  }
  return { texts, whole, notices };
}

/** What codemods have made of a file. */
export interface Mended {
  /** Left out: the child's own text. */
  from?: string | null;
  to: string | null;
  apart?: true;
}

/**
 * What codemods have made of the changes of a plan, by where the files are now, and what those of earlier versions had made of them. What is in conflict
 * with the template is kept apart from that: its markers are nothing to be merged.
 */
export function mendedFiles(before: readonly Change[], after: readonly Change[], { texts }: Carried): Map<string, Mended> {
  const planned = new Map(before.map(({ path, content }) => [path, content]));
  return new Map(
    after.flatMap(({ path, from, content, conflicts }): [string, Mended][] => {
      const [at, was, earlier] = [from ?? path, planned.get(path), texts.get(from ?? path)];
      if (was === content && earlier === undefined) return [];
      if (conflicts === 0) return [[at, { to: content }]];
      return [[at, earlier === undefined ? { from: was ?? null, to: content, apart: true } : { to: earlier, apart: true }]];
    }),
  );
}

/** The child with them. */
export function withCarried(ours: Ours, { texts }: Carried): Ours {
  const entries = new Map(ours.entries);
  for (const [path, text] of texts) {
    const before: Entry | undefined = entries.get(path);
    if (text === null) entries.delete(path);
    else entries.set(path, { kind: 'file', text, mode: before?.kind === 'file' ? before.mode : 0o644 });
  }
  return { ...ours, entries };
}

/** What was carried and is not part of another change of its file. */
export function changesOfCarried(carried: Carried, ours: Ours, changes: readonly Change[], classes: ReadonlyMap<string, Change['class']>): Change[] {
  const changed = new Set(changes.flatMap(({ path, from }) => (from === undefined ? [path] : [path, from])));
  return [...carried.texts].flatMap(([path, content]): Change[] => {
    const before = ours.entries.get(path);
    const mode = before?.kind === 'file' ? before.mode : 0o644;
    const kind = content === null ? 'deleted' : 'codemod';
    return changed.has(path) ? [] : [{ path, kind, class: classes.get(path) ?? 'local', content, mode, conflicts: 0 }];
  });
}

/** Workflows that have not come yet, by path. */
export function lateWorkflows(root: string, { behind = {} }: Behinds): string[] {
  return Object.entries(behind).flatMap(([path, entry]) => {
    const late = entry.mended ? !isSame(ownText(root, path), entry.mended.to) : isBehind(root, path, entry);
    return late ? [path] : [];
  });
}

/** Since which version each of them is behind. */
export function behindSince(root: string, book: Behinds & Pick<Book, 'version'>): Map<string, string> {
  return new Map(lateWorkflows(root, book).map((path) => [path, book.behind?.[path]?.version ?? book.version]));
}

/** What the child was made from: the template of the book's version, but for what is behind it. What is carried has the new text in it already. */
export function withBehind(
  base: readonly RenderedFile[],
  root: string,
  { behind = {}, files }: Pick<Book, 'behind' | 'files'>,
  carried: Carried,
): RenderedFile[] {
  const rendered = new Map(base.map((file) => [file.path, file]));
  const late = Object.entries(behind).filter(([path, entry]) => (carried.whole.has(path) ? !rendered.has(path) : isBehind(root, path, entry)));
  const paths = new Set(late.map(([path]) => path));
  const older = late.flatMap(([path, { text }]): RenderedFile[] => {
    if (text === null) return [];
    const known = rendered.get(path);
    return [{ path, content: text, mode: known?.mode ?? 0o644, class: files[path]?.class ?? known?.class ?? 'merged', origin: known?.origin ?? '' }];
  });
  return [...base.filter(({ path }) => !paths.has(path)), ...older];
}

export interface LeftBehind {
  root: string;
  /** Workflows that are not pushed. */
  paths: readonly string[];
  base: ReadonlyMap<string, string>;
  mended: ReadonlyMap<string, Mended>;
}

/** What the book keeps of one of them. */
function behindOf(path: string, after: Book, before: Book, { root, base, mended, since }: LeftBehind & { since: ReadonlyMap<string, string> }): Behind {
  const [known, now] = [before.behind?.[path], mended.get(path)];
  // The template's text that the file itself is at, where the base of this update was the newer one that is carried.
  const isOlder = since.has(path) && known?.mended !== undefined && !known.mended.apart && !now?.apart;
  const entry: Behind = {
    text: isOlder ? known.text : (base.get(path) ?? null),
    sha256: after.files[path]?.sha256 ?? null,
    version: since.get(path) ?? before.version,
  };
  if (now === undefined) return entry;
  const texts = { from: ownText(root, path), ...now };
  return [texts.from, texts.to].every((text) => (text?.length ?? 0) <= MOST_BEHIND) ? { ...entry, mended: texts } : entry;
}

/** The book of a commit without some of its files: these stay what they were in the book before. */
export function leaveBehind(after: Book, before: Book, left: LeftBehind): Book {
  const { root, paths } = left;
  const files = Object.entries(after.files).flatMap(([path, file]) => {
    if (!paths.includes(path)) return [[path, file] as const];
    const old = before.files[path];
    return old === undefined ? [] : [[path, old] as const];
  });
  const since = behindSince(root, before);
  const behind = paths.map((path) => [path, behindOf(path, after, before, { ...left, since })] as const);
  const { conflicts = {}, ...rest } = after;
  const kept = Object.entries(conflicts).filter(([path, conflict]) => conflict === false || !paths.includes(path));
  return {
    ...rest,
    files: Object.fromEntries(files),
    ...(kept.length === 0 ? {} : { conflicts: Object.fromEntries(kept) }),
    ...(behind.length === 0 ? {} : { behind: Object.fromEntries(behind) }),
  };
}
