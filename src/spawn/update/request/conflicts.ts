import { parseRepositoryConfig, REPOSITORY_CONFIG_PATH } from '../../../config/repository.ts';
import { createPathGuard } from '../../../context/protected-paths.ts';
import { askedIssue, conflictsMarker, conflictsVersion, updateBranch } from '../../../domain/update-issue.ts';
import { BanyanError } from '../../../kernel/errors.ts';
import { BOOK_PATH, readBook, type Conflicts } from '../../book.ts';
import { childPath } from '../../paths.ts';
import { findMarkers } from '../markers.ts';
import { conflictsOf, type Conflict, type Prepared } from '../prepare.ts';
import { whereIssues } from './answers.ts';
import { conflictIssueOf, type Resolver } from './body.ts';
import type { Pull, Remote } from './remote.ts';

/*
 * Who resolves the conflicts of an update. Where a Banyan runs for the repository, an issue asks it, once for each version. It begins when the issue gets
 * its label, and only with an issue that the update's own pull request names: so the issue is opened, then named, then labelled, and a run that was
 * broken off in between is made whole by the next. What the pull request names is all that is known of an issue: others can write markers, too.
 */

interface Place {
  remote: Remote;
  prepared: Prepared;
  head: { prefix: string };
  branch: string;
  notes: string[];
}

export interface Asking {
  resolver: Resolver;
  /** The label that starts Banyan; null where none runs for the repository. */
  label: string | null;
}

/** Which files of the child no agent may change. */
async function protectedFiles(remote: Remote, { prefix }: Place['head'], base: string) {
  const { config } = parseRepositoryConfig(await remote.text(REPOSITORY_CONFIG_PATH, base));
  const isProtected = createPathGuard(config.protectedPaths);
  return { config, isProtected: (path: string) => isProtected(prefix + path) };
}

/** @param open the pull request of the update, where it is open */
export async function askingFor(
  { remote, prepared, head }: Pick<Place, 'remote' | 'prepared' | 'head'>,
  base: string,
  open: Pull | undefined,
): Promise<Asking> {
  const conflicts = conflictsOf(prepared);
  const nobody: Asking = { resolver: { issue: null, persons: [] }, label: null };
  // Of a version that no marker can name nobody could be asked.
  if (conflicts.length === 0 || conflictsVersion(conflictsMarker(prepared.to)) === null) return nobody;
  const { config, isProtected } = await protectedFiles(remote, head, base);
  const label = config.labels['ready-for-dev'];
  if (!config.enabled || !(await remote.hasLabel(label))) return nobody;
  const persons = conflicts.map(({ path }) => path).filter(isProtected);
  const named = askedIssue(open?.body ?? '');
  return { resolver: { issue: named === null ? null : await remote.issueAbout(named), persons }, label };
}

/** Whether Banyan may be at work on the update's branch: then that must not move. */
export function isResolving({ resolver }: Asking): boolean {
  return resolver.issue?.state === 'open';
}

/** The label is given once, whatever became of it since. */
export async function startBanyan({ remote, notes }: Pick<Place, 'remote' | 'notes'>, { resolver, label }: Asking): Promise<void> {
  if (resolver.issue?.state !== 'open' || label === null || (await remote.wasLabelled(resolver.issue.number, label))) return;
  const { number } = resolver.issue;
  const given = await whereIssues(notes, false, () => remote.addLabel(number, label).then(() => true));
  if (given) notes.push(`Asked Banyan in #${number} to resolve the conflicts.`);
}

/**
 * Opens the issue where Banyan is to be asked and was not; nothing starts before the pull request names it and it has its label.
 * @param conflicts those that stand on the branch
 */
export async function openConflictIssue(job: Place, asking: Asking, pull: number, conflicts: readonly Conflict[]): Promise<Asking> {
  const { remote, prepared, branch, head, notes } = job;
  const { resolver, label } = asking;
  const asked = conflicts.filter(({ path }) => !resolver.persons.includes(path));
  if (label === null || resolver.issue !== null || asked.length === 0) return asking;
  const kept = conflicts.flatMap(({ path }) => (resolver.persons.includes(path) ? [path] : []));
  const { title, body } = conflictIssueOf(prepared, { branch, pull, prefix: head.prefix, asked, kept });
  const text = `${body}\n${conflictsMarker(prepared.to)}\n`;
  const number = await whereIssues(notes, null, () => remote.openIssue({ title, body: text }));
  return number === null ? asking : { label, resolver: { ...resolver, issue: { number, state: 'open' } } };
}

/** What the book of a branch says; null where nobody can read it. */
function conflictsOfBook(text: string | null): Conflicts | null {
  if (text === null) return {};
  try {
    const { conflicts = {} } = readBook(text);
    for (const path of Object.keys(conflicts)) childPath(path);
    return conflicts;
  } catch (error) {
    if (error instanceof BanyanError) return null;
    throw error;
  }
}

/** Where conflicts are left: judged as the check judges on the branch, whose book says what the update left there, and where markers went since. */
export async function conflictsLeft(remote: Remote, { number, branch }: Pull, prefix: string): Promise<string[]> {
  const conflicts = conflictsOfBook(await remote.text(prefix + BOOK_PATH, branch));
  if (conflicts === null) return [BOOK_PATH];
  const marked = (await remote.markedFiles(number)).filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
  const found = await Promise.all(
    [...new Set([...Object.keys(conflicts), ...marked])].map(async (path) => {
      const own = await remote.text(prefix + path, branch);
      return own !== null && findMarkers(path, own, conflicts).length > 0 ? [path] : [];
    }),
  );
  return found.flat();
}

interface Settling extends Pick<Place, 'remote' | 'notes' | 'head'> {
  /** The default branch. */
  base: { name: string };
}

/** Closes the issues of conflicts that are no more, which stops whoever works on them. */
export async function settleIssues({ remote, notes, head, base }: Settling): Promise<void> {
  const issues = await remote.openConflictIssues();
  if (issues.length === 0) return;
  const pulls = await remote.updatePulls();
  const { isProtected } = await protectedFiles(remote, head, base.name);
  for (const { number, version } of issues) {
    const pull = pulls.find(({ branch }) => branch === updateBranch(version));
    const why = await reasonToClose({ remote, head, isProtected }, { pull, version, number });
    if (why === null) continue;
    await remote.sayOnce(number, 'over', `${why} Nothing is left to resolve here.`);
    await remote.closeIssue(number, 'not_planned');
    notes.push(`Closed #${number}: ${why}`);
  }
}

async function reasonToClose(
  { remote, head, isProtected }: Pick<Place, 'remote' | 'head'> & { isProtected: (path: string) => boolean },
  { pull, version, number }: { pull: Pull | undefined; version: string; number: number },
): Promise<string | null> {
  if (!pull) return `There is no pull request of template v${version} any more.`;
  if (pull.state === 'closed') return `#${pull.number}, which brings template v${version}, was ${pull.merged ? 'merged' : 'closed'}.`;
  const left = await conflictsLeft(remote, pull, head.prefix);
  if (left.length === 0) return `No conflict is left on \`${pull.branch}\`.`;
  // A book that nobody can read tells of no file whether it is left.
  if (left.every((path) => path !== BOOK_PATH && isProtected(path))) {
    return `The conflicts that are left on \`${pull.branch}\` are in files that no agent may change.`;
  }
  const named = askedIssue(pull.body);
  // Left behind by a run that was broken off.
  return named === null || named === number ? null : `#${pull.number} asks for the resolution in #${named}.`;
}

/**
 * Closes, once, what Banyan proposed to an issue that is over: merged now, it would go into a branch that is gone, or over somebody's own resolution.
 * One to which a person has pushed is theirs, and so is one that was opened again.
 */
export async function settleResolutions({ remote, notes }: Pick<Place, 'remote' | 'notes'>): Promise<void> {
  for (const { number, body, base } of await remote.resolutionPulls()) {
    const issue = Number(/\bcloses #(\d{1,9})\b/i.exec(body)?.[1] ?? 0);
    const found = issue === 0 ? null : await remote.issueAbout(issue);
    if (found === null || found.state === 'open' || conflictsVersion(found.body) === null) continue;
    if ((await remote.isSaid(number, 'over')) || !(await remote.isOfBots(number))) continue;
    const why = `#${issue}, which asked for this resolution into \`${base}\`, is closed.`;
    await remote.sayOnce(number, 'over', why);
    await remote.editPull(number, { state: 'closed' });
    notes.push(`Closed #${number}: ${why}`);
  }
}
