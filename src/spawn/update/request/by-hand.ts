import semver from 'semver';
import { committedPaths } from '../worktree.ts';
import { lateWorkflows } from '../behind.ts';
import { readChildBook } from '../child-book.ts';
import { prepareUpdate, type Prepared } from '../prepare.ts';
import { findOldRelease, type Place, type Release } from '../target.ts';
import { whereIssues } from './answers.ts';
import { workflowsIssueOf, type WorkflowPatch } from './body.ts';
import { contentOf, withoutWorkflows } from './content.ts';
import { sameText } from './same-text.ts';
import type { Issue, Remote } from './remote.ts';

/*
 * Workflows that no pull request brings: all else of their version is merged, and the token may not write them, or the branch is somebody's, or what is
 * proposed next was refused. One issue for each version holds the patch until they have come.
 */

interface Asking {
  remote: Remote;
  notes: string[];
}

interface Job extends Asking {
  place: Place;
  release: Release;
  prepared: Prepared;
}

function markerOf(version: string): string {
  return `<!-- banyan-update: workflows v${version} -->`;
}

function versionIn(body: string): string | null {
  return semver.valid(/<!-- banyan-update: workflows v(\S{1,100}) -->/.exec(body)?.[1] ?? '');
}

function byHandIssues(remote: Remote): Promise<Issue[]> {
  return remote.findIssues((body) => versionIn(body) !== null);
}

/** Said once for each version, and kept current as long as it is open. */
export async function askByHand({ remote, notes }: Asking, { to }: Pick<Prepared, 'to'>, workflows: readonly WorkflowPatch[]): Promise<void> {
  const asked = await whereIssues(notes, null, async () => {
    const { title, body } = workflowsIssueOf({ to }, workflows);
    const text = `${body}\n${markerOf(to)}\n`;
    const found = (await byHandIssues(remote)).find((issue) => versionIn(issue.body) === to);
    if (!found) return `told #${await remote.openIssue({ title, body: text })}`;
    if (found.state === 'open' && !sameText(found.body, text)) await remote.editIssue(found.number, { title: found.title, body: text });
    return `see #${found.number}`;
  });
  notes.push(`Workflows of template v${to} wait to be applied by hand: ${asked ?? '`npx banyan update` brings them'}.`);
}

/** What is behind reaches somebody, also where this run pushes nothing. */
export async function remindOfBehind(job: Job): Promise<void> {
  const { place } = job;
  const book = readChildBook(place.root);
  if (lateWorkflows(place.root, book).length === 0) return;
  const isOwn = job.prepared.to === book.version;
  const release = isOwn ? job.release : await findOldRelease(book, place);
  const prepared = isOwn ? job.prepared : await prepareUpdate(release, place, { codemods: true });
  const content = await contentOf(release, prepared, place, { refused: [], committed: await committedPaths(place.commands) });
  const { patches } = await withoutWorkflows(content, prepared, place);
  if (patches.length > 0) await askByHand(job, prepared, patches);
}

/** Closes what is told elsewhere by now, or done. */
export async function settleByHand({ remote, notes }: Asking, { root }: Pick<Place, 'root'>): Promise<void> {
  const book = readChildBook(root);
  const haveCome = lateWorkflows(root, book).length === 0;
  const issues = await byHandIssues(remote);
  const current = issues.find(({ body }) => versionIn(body) === book.version);
  for (const issue of issues.filter(({ state }) => state === 'open')) {
    if (!haveCome && (current === undefined || issue === current)) continue;
    const why = haveCome ? 'These workflows have come.' : `#${current?.number} has what is left of them.`;
    await remote.sayOnce(issue.number, 'over', why);
    await remote.closeIssue(issue.number, haveCome ? 'completed' : 'not_planned');
    notes.push(`Closed #${issue.number}: ${why}`);
  }
}
