import semver from 'semver';
import type { Prepared } from '../prepare.ts';
import { AGREED, questionOf } from './body.ts';
import type { Issue, Remote } from './remote.ts';
import { sameText } from './same-text.ts';

/*
 * The question before a new major version. One for a major line, kept at its newest version: what was said to 1.0.0 holds for 1.0.1, a yes and a no.
 */

function majorMarker(version: string): string {
  return `<!-- banyan-update: major v${version} -->`;
}

/** The major version that an issue asks about; null for every other. */
function majorIn(body: string): number | null {
  const version = semver.valid(/<!-- banyan-update: major v(\S{1,100}) -->/.exec(body)?.[1] ?? '');
  return version === null ? null : semver.major(version);
}

function questions(remote: Remote): Promise<Issue[]> {
  return remote.findIssues((body) => majorIn(body) !== null);
}

function about(version: string): (issue: Issue) => boolean {
  return ({ body }) => majorIn(body) === semver.major(version);
}

/** Whether somebody has said yes to this major line, to whichever version of it. */
export async function majorAgreed(remote: Remote, version: string): Promise<boolean> {
  for (const { number, labels } of (await questions(remote)).filter(about(version))) {
    if (labels.includes(AGREED) || (await remote.isTold(number, '/banyan update'))) return true;
  }
  return false;
}

/** Asks, or brings the question up to date; one that was closed is answered. */
export async function askMajor(remote: Remote, prepared: Pick<Prepared, 'from' | 'to' | 'changelog'>, notes: string[]): Promise<void> {
  const { to } = prepared;
  const asked = await questions(remote);
  const { title, body } = questionOf(prepared);
  const text = `${body}\n${majorMarker(to)}\n`;
  const ofLine = asked.filter(about(to));
  // Where a line was asked about more than once, a no to any of them stands.
  const declined = ofLine.find(({ state }) => state === 'closed' && !ofLine.some((other) => other.state === 'open'));
  const open = ofLine.find(({ state }) => state === 'open');
  if (declined) {
    notes.push(`v${to} is a new major version, which was declined in #${declined.number}.`);
    return;
  }
  const number = open?.number ?? (await remote.openIssue({ title, body: text }));
  if (open && (open.title !== title || !sameText(open.body, text))) await remote.editIssue(number, { title, body: text });
  notes.push(open ? `v${to} waits for an answer in #${number}.` : `v${to} is a new major version: asked in #${number}.`);
  const older = asked.filter((issue) => issue.state === 'open' && issue.number !== number && (majorIn(issue.body) ?? Infinity) <= semver.major(to));
  for (const issue of older) await closeQuestion(remote, issue, `#${number} asks about template v${to}.`, notes);
}

async function closeQuestion(remote: Remote, { number }: Issue, why: string, notes: string[]): Promise<void> {
  await remote.sayOnce(number, 'asked elsewhere', why);
  await remote.closeIssue(number, 'not_planned');
  notes.push(`Closed #${number}: ${why}`);
}

/** Closes the questions that the child has answered by being there. */
export async function settleQuestions(remote: Remote, from: string, notes: string[]): Promise<void> {
  for (const issue of await questions(remote)) {
    if (issue.state === 'open' && (majorIn(issue.body) ?? Infinity) <= semver.major(from))
      await closeQuestion(remote, issue, `This repository is at template v${from}.`, notes);
  }
}
