import semver from 'semver';
import { updateBranch } from '../../../domain/update-issue.ts';

/** What is known of a pull request of an update. */
export interface UpdatePull {
  number: number;
  branch: string;
  /** Its last commit; of one that is over, the one that it ended with. */
  head: string;
  state: 'open' | 'closed';
  merged: boolean;
  draft: boolean;
}

export interface Situation {
  from: string;
  to: string;
  /** Whether the target brings anything at all. */
  waits: boolean;
  /** Every pull request from a branch of an update, newest first. */
  pulls: readonly UpdatePull[];
  /** The branch of this update; `ours` as long as nobody else has pushed to it. */
  branch: 'absent' | 'ours' | 'theirs';
  /** Versions that the book remembers as refused. */
  refused: readonly string[];
  /** Whether Banyan was asked, and the conflicts are not resolved yet. */
  resolving: boolean;
  /** Whether a new major version was agreed to. */
  majorAllowed: boolean;
}

/** Nothing else is done than what stands here. */
export type Decision =
  | { kind: 'nothing'; superseded: number[] }
  | { kind: 'refused'; pull: number | null }
  /** A new major version is asked for first. */
  | { kind: 'ask' }
  /** Banyan works on the conflicts of the branch, so it must not move. */
  | { kind: 'hold'; pull: number }
  /** Somebody works on the branch: hands off. */
  | { kind: 'leave'; pull: number | null }
  | { kind: 'push'; pull: number | null; superseded: number[] };

export function versionOf(branch: string): string | null {
  return semver.valid(/^banyan\/template-v(.+)$/.exec(branch)?.[1] ?? '');
}

/** In a pull request that we closed ourselves, since a newer one took its place. */
export const SUPERSEDED = '<!-- banyan-update: superseded -->';

/** Whether somebody has closed it without taking it. */
export function isRefusal({ state, merged, body }: Pick<UpdatePull, 'state' | 'merged'> & { body: string }): boolean {
  return state === 'closed' && !merged && !body.includes(SUPERSEDED);
}

/**
 * The branch of an update with what is known of its pull requests. One that was merged or closed leaves nobody's work behind, whoever had pushed to it:
 * the branch may be used anew, as long as it ends where the pull request did.
 */
export function ownership(
  { state, head }: { state: Situation['branch']; head: string | null },
  own: readonly Pick<UpdatePull, 'state' | 'head'>[],
): Situation['branch'] {
  const isOver = own.every((pull) => pull.state === 'closed') && own.some((pull) => pull.head === head);
  return state === 'theirs' && isOver ? 'ours' : state;
}

/** Open pull requests of versions that compare so with one. */
function openUpTo(pulls: readonly UpdatePull[], to: string, compare: (a: string, b: string) => boolean): number[] {
  return pulls.flatMap(({ number, branch, state }) => {
    const version = versionOf(branch);
    return state === 'open' && version !== null && compare(version, to) ? [number] : [];
  });
}

/**
 * The life of the pull request of an update. Absent: it is opened, unless that version was refused (closed unmerged) or is a new
 * major that nobody has agreed to. Open and ours: refreshed, but not under the hands of who resolves its conflicts. Open and somebody pushed to it: left to them. Closed unmerged: that
 * version is refused for good; a newer one is proposed again. An open one of an older version is closed with a pointer.
 */
export function decide({ from, to, waits, pulls, branch, refused, resolving, majorAllowed }: Situation): Decision {
  const own = pulls.filter((pull) => pull.branch === updateBranch(to));
  const open = own.find(({ state }) => state === 'open');
  if (!waits) return { kind: 'nothing', superseded: openUpTo(pulls, to, semver.lte) };
  if (!open) {
    const closed = own.find(({ merged }) => !merged);
    if (closed || refused.includes(to)) return { kind: 'refused', pull: closed?.number ?? null };
  }
  if (semver.major(to) > semver.major(from) && !majorAllowed && !open) return { kind: 'ask' };
  if (branch === 'theirs') return { kind: 'leave', pull: open?.number ?? null };
  if (open && resolving) return { kind: 'hold', pull: open.number };
  return { kind: 'push', pull: open?.number ?? null, superseded: openUpTo(pulls, to, semver.lt) };
}

/** Of all that a registry has: the newest that needs no question, and a newer major where there is one. */
export function chooseVersions(current: string, versions: readonly string[]): { within: string | null; major: string | null } {
  const newer = versions.filter((version) => semver.valid(version) && semver.prerelease(version) === null && semver.gt(version, current));
  const sorted = newer.toSorted(semver.rcompare);
  return {
    within: sorted.find((version) => semver.major(version) === semver.major(current)) ?? null,
    major: sorted.find((version) => semver.major(version) > semver.major(current)) ?? null,
  };
}
