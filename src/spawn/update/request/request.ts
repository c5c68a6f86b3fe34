import semver from 'semver';
import { updateBranch } from '../../../domain/update-issue.ts';
import { BanyanError } from '../../../kernel/errors.ts';
import type { FileWrite } from '../apply.ts';
import { readChildBook } from '../child-book.ts';
import { conflictsOf, outlineOf, prepareUpdate, type Prepared } from '../prepare.ts';
import { locateOwn, locateRelease, offeredVersions, readRelease, runsItself, type Located, type Place, type Release } from '../target.ts';
import { committedPaths, readHead, requireClean, type Head } from '../worktree.ts';
import { whereIssues } from './answers.ts';
import { bodyOf, TITLE, titleOf, type Resolver, type WorkflowPatch } from './body.ts';
import { askByHand, remindOfBehind, settleByHand } from './by-hand.ts';
import { askingFor, conflictsLeft, isResolving, openConflictIssue, settleIssues, settleResolutions, startBanyan, type Asking } from './conflicts.ts';
import { contentOf, withoutWorkflows, type Content } from './content.ts';
import { chooseVersions, decide, isRefusal, ownership, SUPERSEDED, versionOf, type Decision } from './decide.ts';
import { askMajor, majorAgreed, settleQuestions } from './majors.ts';
import { Remote, type Opened, type Pull, type RemoteOptions } from './remote.ts';
import { sameText } from './same-text.ts';

export interface RequestOptions extends RemoteOptions {
  to: string | undefined;
  /** Go to a new major version without asking. */
  major: boolean;
  /** Lets the version that is proposed do it by its own code; null where this code may. */
  handover(this: void, located: Located): Promise<number | null>;
}

export interface RequestOutcome {
  action: Decision['kind'];
  to: string;
  branch: string;
  pull: number | null;
  conflicts: number;
  /** For the log. */
  notes: string[];
}

interface Job {
  remote: Remote;
  place: Place;
  release: Release;
  prepared: Prepared;
  base: { name: string; head: string };
  head: Head;
  pulls: Pull[];
  branch: string;
  /** Who resolves the conflicts. */
  asking: Asking;
  /** How many of them stand on the branch. */
  conflicts: number;
  notes: string[];
}

const NOT_OUT_OF_DRAFT = 'could not be taken out of draft: press "Ready for review"';

function atVersion(version: string): string {
  return `This repository is at template v${version} already.`;
}

/** Closes what is out of date; what a person works on is theirs to close. */
async function supersede({ remote, pulls, notes }: Pick<Job, 'remote' | 'pulls' | 'notes'>, numbers: readonly number[], why: string): Promise<void> {
  for (const { number, branch, body } of pulls.filter((pull) => numbers.includes(pull.number))) {
    const { state } = await remote.branchState(branch);
    await remote.sayOnce(number, 'out of date', state === 'theirs' ? `${why} Somebody has pushed here, so it stays open.` : why);
    if (state === 'theirs') continue;
    await remote.editPull(number, { body: `${body}\n${SUPERSEDED}\n`, state: 'closed' });
    notes.push(`Closed #${number}.`);
  }
}

/** Somebody has pushed to the branch. It is out of draft when no conflict is left. */
async function leave(job: Job, number: number | null): Promise<void> {
  const { remote, branch, pulls, head, notes } = job;
  notes.push(`Somebody has pushed to ${branch}: left alone.`);
  const pull = pulls.find((candidate) => candidate.number === number);
  if (!pull) return remindOfBehind(job);
  await remote.sayOnce(pull.number, 'left alone', 'Somebody has pushed to this branch, so it is yours now: it is not refreshed any more.');
  if (!pull.draft || (await conflictsLeft(remote, pull, head.prefix)).length > 0) return;
  const ready = await remote.setDraft(pull.nodeId, false);
  notes.push(`No conflict is left: #${pull.number} ${ready ? 'is ready for review' : NOT_OUT_OF_DRAFT}.`);
}

function messageOf({ from, to, changelog }: Prepared): string {
  const versions = changelog.map(({ version }) => `v${version}`).join(', ');
  return `chore: template v${to}\n\nFrom v${from}${versions === '' ? '' : `; what changed stands in the changelog of ${versions}`}.`;
}

/** @returns whether the branch is as it should be; `raced` where somebody was quicker */
async function push(job: Job, writes: readonly FileWrite[]): Promise<'done' | 'denied' | 'raced'> {
  const { remote, branch, base, head, prepared, pulls } = job;
  const placed = writes.map((write) => ({ ...write, path: head.prefix + write.path }));
  const commit = await remote.commit(placed, messageOf(prepared), base.head);
  if (commit === null) return 'denied';
  const { head: before, ...found } = await remote.branchState(branch);
  if (
    ownership(
      { ...found, head: before },
      pulls.filter((pull) => pull.branch === branch),
    ) === 'theirs'
  )
    return 'raced';
  if (before !== null && (await remote.contentOf(before)) === (await remote.contentOf(commit))) return 'done';
  const moved = await remote.moveBranch(branch, before, commit);
  return moved === 'moved' ? 'done' : moved;
}

/** Everything in one commit; where the token may not write workflows, without these: `by hand` where nothing else is left. */
async function pushContent(job: Job, content: Content): Promise<{ result: 'done' | 'raced' | 'by hand'; workflows: WorkflowPatch[] }> {
  const whole = await push(job, content.writes);
  if (whole !== 'denied') return { result: whole, workflows: [] };
  const { writes, patches, alone } = await withoutWorkflows(content, job.prepared, job.place);
  if (patches.length > 0 && alone) return { result: 'by hand', workflows: patches };
  const rest = patches.length === 0 ? 'denied' : await push(job, writes);
  if (rest !== 'denied') return { result: rest, workflows: patches };
  throw new BanyanError('forbidden', `GitHub does not let this token write the branch ${job.branch}.`, { fix: 'The token needs contents: write.' });
}

interface PullText {
  title: string;
  /** @param drafted false where it should be a draft, and GitHub offers none */
  body(this: void, drafted: boolean): string;
  draft: boolean;
}

async function writePull(job: Job, number: number | null, { title, body, draft }: PullText): Promise<Opened> {
  const { remote, pulls, branch, base, notes } = job;
  const pull = pulls.find((candidate) => candidate.number === number);
  if (!pull) {
    const opened = await remote.openPull({ title, body, head: branch, base: base.name, draft });
    notes.push(`Opened #${opened.number}.`);
    return opened;
  }
  const wasForConflicts = pull.body.includes('## Conflicts');
  // What a person has set stays: a draft of their own will, one that they took out of draft, a title.
  const drafted = !draft || pull.draft || (!wasForConflicts && (await remote.setDraft(pull.nodeId, true)));
  const text = body(drafted);
  const wanted = pull.title.startsWith(TITLE) ? title : pull.title;
  if (!sameText(pull.body, text) || pull.title !== wanted) {
    await remote.editPull(pull.number, { title: wanted, body: text });
    notes.push(`Refreshed #${pull.number}.`);
  }
  if (!draft && pull.draft && wasForConflicts && !(await remote.setDraft(pull.nodeId, false))) notes.push(`#${pull.number} ${NOT_OUT_OF_DRAFT}.`);
  return { number: pull.number, drafted };
}

function refusedVersions(pulls: readonly Pull[]): string[] {
  return pulls.flatMap((pull) => (isRefusal(pull) ? (versionOf(pull.branch) ?? []) : []));
}

async function refresh(job: Job, decision: Extract<Decision, { kind: 'push' }>): Promise<number | null> {
  const { remote, prepared, release, place, pulls, asking } = job;
  const options = { refused: refusedVersions(pulls), committed: await committedPaths(place.commands) };
  const content = await contentOf(release, prepared, place, options);
  const { result, workflows } = await pushContent(job, content);
  const conflicts = conflictsOf(prepared).filter(({ path }) => !workflows.some((workflow) => workflow.path === path));
  job.conflicts = conflicts.length;
  if (result === 'by hand') {
    await askByHand(job, prepared, workflows);
    return decision.pull;
  }
  if (result === 'raced') {
    await leave(job, decision.pull);
    return decision.pull;
  }
  const body = (resolver: Resolver, drafted: boolean) =>
    bodyOf({ prepared, workflows, notes: content.notes, branch: job.branch, conflicts, resolver, drafted });
  const { number: pull, drafted } = await writePull(job, decision.pull, {
    title: titleOf(prepared),
    body: (offered) => body(asking.resolver, offered),
    draft: conflicts.length > 0,
  });
  await supersede(job, decision.superseded, `Superseded by #${pull}, which brings template v${prepared.to}.`);
  const asked = await openConflictIssue(job, asking, pull, conflicts);
  if (asked !== asking) await remote.editPull(pull, { body: body(asked.resolver, drafted) });
  await startBanyan(job, asked);
  return pull;
}

async function carryOut(job: Job, decision: Decision): Promise<number | null> {
  const { notes, prepared, asking } = job;
  switch (decision.kind) {
    case 'nothing':
      notes.push(`Up to date: template v${prepared.from}.`);
      await supersede(job, decision.superseded, atVersion(prepared.from));
      return null;
    case 'refused':
      notes.push(`v${prepared.to} was refused${decision.pull === null ? '' : ` (#${decision.pull})`}: not proposed again.`);
      await remindOfBehind(job);
      return decision.pull;
    case 'ask':
      await whereIssues(notes, undefined, () => askMajor(job.remote, prepared, notes));
      await remindOfBehind(job);
      return null;
    case 'hold':
      notes.push(`#${decision.pull} is not refreshed while its conflicts are resolved in #${asking.resolver.issue?.number}.`);
      await startBanyan(job, asking);
      return decision.pull;
    case 'leave':
      await leave(job, decision.pull);
      return decision.pull;
    case 'push':
      return refresh(job, decision);
  }
}

/**
 * The release to propose: the newest that needs no question, or the newest of all where a major was agreed to.
 * @returns null where there is nothing newer, and nothing that was left behind; `notes` say so
 */
async function chooseRelease(options: RequestOptions, remote: Remote, place: Place, notes: string[]): Promise<Located | null> {
  if (options.to !== undefined || !runsItself(place)) return locateRelease(options.to, place);
  const book = readChildBook(place.root);
  const { versions, nothing } = await offeredVersions(book, place);
  const { within, major } = chooseVersions(book.version, versions);
  if (major === null && within === null) {
    if (book.behind !== undefined) return locateOwn(book, place);
    notes.push(nothing);
    return null;
  }
  if (major === null) return locateRelease(within ?? book.version, place);
  if (within === null || options.major || book.majors === true) return locateRelease(major, place);
  if (await whereIssues(notes, false, () => majorAgreed(remote, major))) return locateRelease(major, place);
  const newest = await locateRelease(major, place);
  await whereIssues(notes, undefined, () => askMajor(remote, outlineOf(newest, book), notes));
  return locateRelease(within, place);
}

async function checkedHead(remote: Remote, place: Place): Promise<Pick<Job, 'base' | 'head'>> {
  await requireClean(place.commands);
  const head = await readHead(place.commands);
  const base = await remote.defaultBranch();
  if (head?.commit === base.head) return { base, head };
  throw new BanyanError('conflict', `The checkout is not the newest commit of ${base.name} at GitHub.`, {
    fix: `git switch ${base.name} && git pull, then run it again.`,
  });
}

/** What is over is closed, whatever else this run did. */
async function settle(job: Pick<Job, 'remote' | 'notes' | 'head' | 'base'>, place: Place, at: string): Promise<void> {
  // Where there are no issues none is to be closed.
  await whereIssues([], undefined, async () => {
    await settleIssues(job);
    await settleByHand(job, place);
    await settleQuestions(job.remote, at, job.notes);
  });
  await settleResolutions(job);
}

/**
 * Proposes the update as the one pull request of its version, or keeps it current. The working tree stays as it is.
 * @returns the exit code of the other version's code where that has done it
 */
export async function requestUpdate(options: RequestOptions, place: Place): Promise<RequestOutcome | number> {
  const remote = new Remote(options);
  const notes: string[] = [];
  const where = await checkedHead(remote, place);
  const located = await chooseRelease(options, remote, place, notes);
  const code = located === null ? null : await options.handover(located);
  if (code !== null) return code;
  const pulls = await remote.updatePulls();
  const book = readChildBook(place.root);
  if (located === null) {
    const decision: Decision = decide({
      from: book.version,
      to: book.version,
      waits: false,
      pulls,
      branch: 'absent',
      refused: [],
      resolving: false,
      majorAllowed: false,
    });
    if (decision.kind === 'nothing') await supersede({ remote, pulls, notes }, decision.superseded, atVersion(book.version));
    await settle({ remote, notes, ...where }, place, book.version);
    return {
      action: 'nothing',
      to: book.version,
      branch: updateBranch(book.version),
      pull: null,
      conflicts: 0,
      notes,
    };
  }
  const release = readRelease(located);
  const prepared = await prepareUpdate(release, place, { codemods: true });
  const branch = updateBranch(prepared.to);
  const isMajor = semver.major(prepared.to) > semver.major(prepared.from);
  const open = pulls.find((pull) => pull.branch === branch && pull.state === 'open');
  const asking = await askingFor({ remote, prepared, head: where.head }, where.base.name, open);
  const decision = decide({
    ...prepared,
    pulls,
    branch: ownership(
      await remote.branchState(branch),
      pulls.filter((pull) => pull.branch === branch),
    ),
    refused: book.refused ?? [],
    resolving: isResolving(asking),
    majorAllowed: options.major || book.majors === true || (isMajor && (await whereIssues(notes, false, () => majorAgreed(remote, prepared.to)))),
  });
  const job: Job = { remote, place, release, prepared, ...where, pulls, branch, asking, conflicts: conflictsOf(prepared).length, notes };
  const pull = await carryOut(job, decision);
  await settle(job, place, prepared.from);
  return { action: decision.kind, to: prepared.to, branch, pull, conflicts: job.conflicts, notes };
}
