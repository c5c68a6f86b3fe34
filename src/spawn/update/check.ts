import { hashOf, type Book } from '../book.ts';
import { findMarkers } from './merge-text.ts';
import { readChildFile } from './tree.ts';

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

function conflictsIn(path: string, text: string): Problem[] {
  return findMarkers(text).map(({ line }) => ({
    kind: 'conflict_left',
    path,
    line,
    message: `${path}:${line}: a conflict of an update is left.`,
    fix: `Choose between the sides in ${path}, and remove the markers.`,
  }));
}

/** What is wrong in the child itself, from its book alone: without a network, without a template. */
export function checkLocally(root: string, book: Pick<Book, 'files'>): LocalState {
  const state: LocalState = { problems: [], deleted: [] };
  for (const [path, file] of Object.entries(book.files)) {
    const own = readChildFile(root, path);
    if (own === null) {
      if (file.class !== 'seed' && file.class !== 'local') state.deleted.push(path);
      continue;
    }
    const conflicts = file.class === 'local' ? [] : conflictsIn(path, own.text);
    state.problems.push(...conflicts);
    if (file.class !== 'managed' || conflicts.length > 0 || hashOf(own.text) === file.sha256) continue;
    state.problems.push({
      kind: 'managed_edited',
      path,
      message: `${path} is managed by the template, and differs from it: the next update would replace it.`,
      fix: `Bring it back (git log -- ${path}) and put your change into a file of your own, or propose it to the mother: npx banyan propose ${path}`,
    });
  }
  return state;
}
