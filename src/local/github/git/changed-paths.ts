import type { GitRepository } from './repository.ts';

export interface ChangedPaths {
  added: string[];
  removed: string[];
  modified: string[];
}

/** Which files differ between two trees, in this process; renames count as removed and added, as in push events. */
export function changedPaths(git: GitRepository, before: string | null, after: string | null): ChangedPaths {
  const found: ChangedPaths = { added: [], removed: [], modified: [] };
  compare(git, { before, after, prefix: '' }, found);
  return found;
}

function compare(git: GitRepository, at: { before: string | null; after: string | null; prefix: string }, found: ChangedPaths): void {
  if (at.before === at.after) return;
  const entries = (sha: string | null) => new Map((sha === null ? [] : (git.tree(sha) ?? [])).map((entry) => [entry.name, entry]));
  const [old, fresh] = [entries(at.before), entries(at.after)];
  for (const name of [...new Set([...old.keys(), ...fresh.keys()])].sort()) {
    const [a, b] = [old.get(name), fresh.get(name)];
    if (a?.sha === b?.sha && a?.mode === b?.mode) continue;
    const path = at.prefix + name;
    const folders = { before: a?.mode === '040000' ? a.sha : null, after: b?.mode === '040000' ? b.sha : null };
    const [fileBefore, fileAfter] = [a !== undefined && folders.before === null, b !== undefined && folders.after === null];
    if (fileBefore && fileAfter) found.modified.push(path);
    else if (fileBefore) found.removed.push(path);
    else if (fileAfter) found.added.push(path);
    compare(git, { ...folders, prefix: `${path}/` }, found);
  }
}
