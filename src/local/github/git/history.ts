import type { GitRepository } from './repository.ts';

/** Every commit reachable from `from`, itself included. */
function ancestors(git: GitRepository, from: string): Set<string> {
  const seen = new Set<string>();
  const queue = [from];
  for (let sha = queue.pop(); sha !== undefined; sha = queue.pop()) {
    if (seen.has(sha)) continue;
    seen.add(sha);
    queue.push(...(git.commit(sha)?.parents ?? []));
  }
  return seen;
}

export function isAncestor(git: GitRepository, ancestor: string, descendant: string): boolean {
  return ancestor === descendant || ancestors(git, descendant).has(ancestor);
}

/** Commits reachable from `head` and not from `base`, newest first, children before parents. */
export function commitsBetween(git: GitRepository, base: string | undefined, head: string): string[] {
  const hidden = base === undefined ? new Set<string>() : ancestors(git, base);
  return log(git, head, (sha) => hidden.has(sha));
}

/** The history of `head`, newest first, children before parents. */
export function log(git: GitRepository, head: string, stop: (sha: string) => boolean = () => false): string[] {
  const parents = new Map<string, string[]>();
  const pendingChildren = new Map<string, number>();
  const queue = stop(head) ? [] : [head];
  for (let sha = queue.pop(); sha !== undefined; sha = queue.pop()) {
    if (parents.has(sha)) continue;
    const known = (git.commit(sha)?.parents ?? []).filter((parent) => !stop(parent));
    parents.set(sha, known);
    for (const parent of known) pendingChildren.set(parent, (pendingChildren.get(parent) ?? 0) + 1);
    queue.push(...known);
  }
  return topological(git, { head, parents, pendingChildren });
}

interface Walk {
  head: string;
  parents: Map<string, string[]>;
  pendingChildren: Map<string, number>;
}

function topological(git: GitRepository, { head, parents, pendingChildren }: Walk): string[] {
  const order: string[] = [];
  const ready = parents.has(head) ? [head] : [];
  while (ready.length > 0) {
    ready.sort((a, b) => commitTime(git, b) - commitTime(git, a));
    const sha = ready.shift();
    if (sha === undefined) break;
    order.push(sha);
    for (const parent of parents.get(sha) ?? []) {
      const left = (pendingChildren.get(parent) ?? 1) - 1;
      pendingChildren.set(parent, left);
      if (left === 0) ready.push(parent);
    }
  }
  return order;
}

function commitTime(git: GitRepository, sha: string): number {
  return Date.parse(git.commit(sha)?.committer.date ?? '') || 0;
}

/** The best common ancestor; undefined for unrelated histories. */
export function mergeBase(git: GitRepository, one: string, other: string): string | undefined {
  if (one === other) return one;
  const mine = ancestors(git, one);
  return log(git, other).find((sha) => mine.has(sha));
}
