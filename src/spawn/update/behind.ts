import { hashOf, type Behind, type Book } from '../book.ts';
import type { RenderedFile } from '../render.ts';
import { readChildFile } from './tree.ts';

/*
 * Workflows that an update could not push. The book is at the new version then, and these files are not: it keeps what the template had of each, so
 * that the next update, of the same version too, takes them from there. Who applied the patch by hand is not behind any more.
 */

/** Whether a file is still as the template had it before, or edited since; not where it is as the new template has it, or was made from it. */
function isBehind(root: string, path: string, { text, sha256 }: Behind): boolean {
  const own = readChildFile(root, path);
  if (own === null) return sha256 !== null;
  return text !== null && hashOf(own.text) !== sha256;
}

/** What the child was made from: the template of the book's version, but for what is behind it. */
export function withBehind(base: readonly RenderedFile[], root: string, { behind = {}, files }: Book): RenderedFile[] {
  const late = Object.entries(behind).filter(([path, entry]) => isBehind(root, path, entry));
  const paths = new Set(late.map(([path]) => path));
  const older = late.flatMap(([path, { text }]): RenderedFile[] => {
    if (text === null) return [];
    const known = base.find((file) => file.path === path);
    return [{ path, content: text, mode: known?.mode ?? 0o644, class: files[path]?.class ?? known?.class ?? 'merged', origin: known?.origin ?? '' }];
  });
  return [...base.filter(({ path }) => !paths.has(path)), ...older];
}

/** The book of a commit without some of its files: these stay what they were in the book before. */
export function leaveBehind(after: Book, before: Book, left: { paths: readonly string[]; base: ReadonlyMap<string, string> }): Book {
  const { paths, base } = left;
  const files = Object.entries(after.files).flatMap(([path, file]) => {
    if (!paths.includes(path)) return [[path, file] as const];
    const old = before.files[path];
    return old === undefined ? [] : [[path, old] as const];
  });
  const behind = paths.map((path) => [path, { text: base.get(path) ?? null, sha256: after.files[path]?.sha256 ?? null }] as const);
  return { ...after, files: Object.fromEntries(files), ...(behind.length === 0 ? {} : { behind: Object.fromEntries(behind) }) };
}
