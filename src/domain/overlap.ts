/*
 * Whether two pull requests change the same lines of the base. A change reaches from the gap before its first removed line to the gap after its last
 * one; an insertion is one gap. Where two reach the same gap, git cannot merge both: lines that are neighbours conflict as well.
 */

export interface ChangedFile {
  path: string;
  /** As GitHub names it: `added`, `removed`, `renamed`, ... */
  status?: string;
  /** Its name in the base where that is another one. */
  previousPath?: string;
  /** Null for a binary or very large file: all of it. */
  patch: string | null;
}

export interface Reach {
  /** Gap k is the one after line k. */
  from: number;
  to: number;
}

const WHOLE: Reach = { from: 0, to: Number.MAX_SAFE_INTEGER };
const HUNK = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@/;

/** What a patch changes, in lines of its base. */
export function reachesOf(patch: string | null): Reach[] {
  if (patch === null) return [WHOLE];
  const reaches: Reach[] = [];
  let line = 0;
  let open: Reach | null = null;
  for (const text of patch.split('\n')) {
    const hunk = HUNK.exec(text);
    if (hunk) {
      // Of a hunk without lines of the base the number is that of the line before it.
      line = Number(hunk[1]) - (hunk[2] === '0' ? 0 : 1);
      open = null;
    } else if (text.startsWith('-') || text.startsWith('+')) {
      if (!open) {
        open = { from: line, to: line };
        reaches.push(open);
      }
      if (text.startsWith('-')) open.to = line += 1;
    } else if (text.startsWith(' ')) {
      open = null;
      line += 1;
    }
  }
  return reaches;
}

function baseName({ path, previousPath }: ChangedFile): string {
  return previousPath ?? path;
}

/** git follows a renamed file, so an edit of its old name meets it; both moved, or moved and removed, is more than lines. */
function meet(a: ChangedFile, b: ChangedFile): boolean {
  if (baseName(a) !== baseName(b)) return a.path === b.path;
  if (a.path !== b.path && (a.status === 'removed' || b.status === 'removed' || (a.previousPath && b.previousPath))) return true;
  const theirs = reachesOf(b.patch);
  return reachesOf(a.patch).some((mine) => theirs.some((their) => mine.from <= their.to && their.from <= mine.to));
}

/** Paths of the first on which both change the same lines. */
export function overlappingPaths(a: readonly ChangedFile[], b: readonly ChangedFile[]): string[] {
  const others = new Map<string, Set<ChangedFile>>();
  for (const file of b) for (const name of new Set([file.path, baseName(file)])) others.set(name, (others.get(name) ?? new Set()).add(file));
  const near = (file: ChangedFile) => [...(others.get(file.path) ?? []), ...(others.get(baseName(file)) ?? [])];
  return a.filter((file) => near(file).some((other) => meet(file, other))).map(({ path }) => path);
}

/** Lines that a pull request adds and removes, as far as they are told. */
export function sizeOf(files: readonly ChangedFile[]): number {
  return files.reduce((sum, { patch }) => sum + (patch === null ? 1_000 : (patch.match(/^[+-]/gm)?.length ?? 0)), 0);
}
