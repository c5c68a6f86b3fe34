import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { givenHashes, hashOf, type Book } from '../book.ts';
import { childPath } from '../paths.ts';
import { asText, findMarkers, hasOwnMarkers } from './markers.ts';
import { decode, filesBelow } from './tree.ts';

export interface Problem {
  kind: 'managed_edited' | 'conflict_left';
  path: string;
  /** From 1; of a conflict. */
  line?: number;
  message: string;
  fix: string;
}

export interface LocalState {
  problems: Problem[];
  /** Files of the template that the child has not, which is its right. */
  deleted: string[];
}

function conflictsIn(path: string, text: string, conflicts: Book['conflicts']): Problem[] {
  return findMarkers(path, text, conflicts).map(({ line }) => ({
    kind: 'conflict_left',
    path,
    line,
    message: `${path}:${line}: a conflict of an update is left.`,
    fix: `Choose between the sides in ${path}, and remove the markers. ${asText(path)}`,
  }));
}

function editOf(path: string, how: string): Problem {
  return {
    kind: 'managed_edited',
    path,
    message: `${path} is managed by the template, and ${how}: the next update would replace it.`,
    fix: `Put your change into a file of your own, or propose it to the mother (npx banyan propose ${path}). Then bring back the template's: git log -- ${path} shows the commits that may have it. Or move yours to another path: what is deleted stays deleted.`,
  };
}

/**
 * Only what is not there is gone: a link, bytes that are no text, or a closed door in its place are somebody's edit.
 * @returns the text; null where there is something else; undefined where there is nothing
 */
function readOwn(root: string, path: string): string | null | undefined {
  const parts = childPath(path).split('/');
  try {
    for (const [index] of parts.entries()) {
      const found = lstatSync(join(root, ...parts.slice(0, index + 1)));
      const last = index === parts.length - 1;
      if (last ? !found.isFile() : !found.isDirectory()) return null;
    }
    return decode(readFileSync(join(root, path)));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : null;
  }
}

const MOST_BYTES = 1_000_000;

/** A file that has left its place may have taken its conflicts along: an update's own markers are looked for wherever it can be now. */
function conflictsElsewhere(root: string, book: Pick<Book, 'files' | 'conflicts'>): Problem[] {
  const elsewhere = filesBelow(root, '').filter((path) => !path.startsWith('.banyan/') && !Object.hasOwn(book.files, path));
  return elsewhere.flatMap((path) => {
    if (lstatSync(join(root, path)).size > MOST_BYTES) return [];
    const text = readOwn(root, path) ?? '';
    return hasOwnMarkers(text) ? conflictsIn(path, text, book.conflicts) : [];
  });
}

/** What is wrong in the child itself, from its book alone: without a network, without a template. */
export function checkLocally(root: string, book: Pick<Book, 'files' | 'conflicts' | 'behind'>): LocalState {
  const state: LocalState = { problems: [], deleted: [] };
  for (const [path, file] of Object.entries(book.files)) {
    const own = readOwn(root, path);
    if (own === undefined) {
      if (file.class !== 'seed' && file.class !== 'local') state.deleted.push(path);
      continue;
    }
    if (own === null) {
      if (file.class === 'managed') state.problems.push(editOf(path, 'is a link, a folder, or no text that can be read'));
      continue;
    }
    const conflicts = file.class === 'local' ? [] : conflictsIn(path, own, book.conflicts);
    state.problems.push(...conflicts);
    if (file.class !== 'managed' || conflicts.length > 0 || givenHashes(book, path).has(hashOf(own))) continue;
    state.problems.push(editOf(path, 'differs from it'));
  }
  if (state.deleted.some((path) => book.conflicts?.[path])) state.problems.push(...conflictsElsewhere(root, book));
  return state;
}
