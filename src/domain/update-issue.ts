import type { LabelNames } from './labels.ts';
import type { Trigger } from './trigger.ts';

/*
 * The one thing that a bot may start. Where an update of a child's template leaves conflicts, its workflow opens an issue that asks the Banyan of the
 * repository for their resolution, into the branch of the update. Nothing of that is taken from text alone: the issue has to be of whom the repository
 * trusts, and the update's own pull request, whose text is theirs alone to write who may push, has to name the issue.
 */

/** Whatever a workflow does with its `GITHUB_TOKEN`. No person's login has brackets. */
export const ACTIONS_LOGIN = 'github-actions[bot]';

export function updateBranch(version: string): string {
  return `banyan/template-v${version}`;
}

/** Stands in the issue that asks for the resolution of an update's conflicts. */
export function conflictsMarker(version: string): string {
  return `<!-- banyan-update: conflicts v${version} -->`;
}

const NUMBER = '(?:0|[1-9]\\d{0,8})';
const VERSION = new RegExp(`^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-[0-9A-Za-z-]{1,30}(?:\\.[0-9A-Za-z-]{1,30}){0,4})?$`);

/** The version of the update whose conflicts an issue is about: of the one marker in its text; null where there is none, or more than one. */
export function conflictsVersion(body: string): string | null {
  const markers = [...body.matchAll(/<!--\s*banyan-update:\s*conflicts\b(.*)/gi)];
  const version = /^ v(\S+) -->\s*$/.exec(markers[0]?.[1] ?? '')?.[1];
  return markers.length === 1 && version !== undefined && VERSION.test(version) ? version : null;
}

/** Stands in the text of an update's pull request, and names the issue that asks for the resolution of its conflicts. */
export function askedMarker(issue: number): string {
  return `<!-- banyan-update: asked in #${issue} -->`;
}

/** The issue that an update's pull request names; null where it names none, or several. */
export function askedIssue(body: string): number | null {
  const found = [...body.matchAll(/<!-- banyan-update: asked in #(\d{1,9}) -->/g)];
  return found.length === 1 ? Number(found[0]?.[1]) : null;
}

export interface UpdateFacts {
  /** Whether who opened the issue could push the code themselves, or it was a workflow of the repository. */
  trusted: boolean;
  /** The open pull request from the update's branch, which is one of this very repository. */
  pull: { baseRef: string; body: string } | null;
  defaultBranch: string;
}

/** The branch of the update that an issue asks about, by what GitHub says; null for every other issue. */
export function askedBranch(issue: { number: number; body: string }, { trusted, pull, defaultBranch }: UpdateFacts): string | null {
  const version = conflictsVersion(issue.body);
  if (version === null || !trusted || pull === null) return null;
  return pull.baseRef === defaultBranch && askedIssue(pull.body) === issue.number ? updateBranch(version) : null;
}

/** Whether the workflow of an update gives its issue the label that starts the Developer. It counts as a maintainer's where the issue was verified. */
export function isUpdateAsking(trigger: Trigger, labels: LabelNames): boolean {
  return trigger.type === 'label_added' && trigger.actor.login === ACTIONS_LOGIN && trigger.label === labels['ready-for-dev'];
}

/** A line that an update has written around a conflict. A row of `=` alone may underline a heading. */
export const OWN_MARKER = /^(?:<{7} your child|(?:\|{7}|>{7}) template v\S+)$/;
/** A line that may be such a marker. */
export const POSSIBLE_MARKER = /^(?:<{7}|\|{7}|={7}|>{7})(?:\s|$)/;

const OWN_LINE = new RegExp(OWN_MARKER, 'm');
const POSSIBLE_LINE = new RegExp(POSSIBLE_MARKER, 'gm');

/**
 * Whether conflicts of an update are left in a text.
 * @param left how many lines look like markers and belong to it, where the book says that the update left conflicts in it: then each further one counts
 */
export function holdsConflict(text: string, left: number | null = null): boolean {
  return left === null ? OWN_LINE.test(text) : (text.match(POSSIBLE_LINE) ?? []).length > left;
}
