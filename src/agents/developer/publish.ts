import { createHash } from 'node:crypto';
import { isTestFile } from '../../context/test-files.ts';
import type { FileChange } from '../../context/overlay.ts';
import { taskEffectKey } from '../../domain/effects.ts';
import { marker } from '../../domain/markers.ts';
import type { CodeGeneration, TicketSnapshot } from '../../domain/model.ts';
import { quoteForComment } from '../../domain/quote.ts';
import type { TaskSession } from '../../engine/session.ts';
import { BanyanError } from '../../kernel/errors.ts';
import { redactSecrets } from '../../kernel/redact.ts';
import { outgoing } from '../common.ts';
import type { DeveloperResult } from '../results.ts';
import { describeSuite, standsUp } from '../suite.ts';
import type { SuiteRun } from '../suite.ts';
import { requireBase } from '../update-base.ts';
import { branchName, changesModes, commitMessage, toCommitChanges, withClosing, withoutOtherClosings } from './policy.ts';

/** How far back a commit of an earlier try is looked for on the branch. */
const LOOK_BACK = 30;

export interface Work {
  message: string;
  changes: readonly FileChange[];
}

type CommitResult = { branch: string; sha: string };

export function changesDigest(changes: readonly FileChange[]): string {
  return createHash('sha256').update(JSON.stringify(changes)).digest('hex').slice(0, 16);
}

/** The trailer by which a commit of a broken-off try is found again: the task and the content. */
function workTrailer(session: TaskSession, changes: readonly FileChange[]): string {
  return `Banyan-Task: ${session.task.id}/${changesDigest(changes)}`;
}

/**
 * Where the branch must stand for the commit: at the revision the change was made on, on our own commit of this task, or on
 * commits of people that touch none of the same files: those are kept and built on.
 * @throws BanyanError `conflict` (needs_human) where somebody changed the same files meanwhile
 */
async function expectedHead(session: TaskSession, branch: string, paths: readonly string[]): Promise<string> {
  const { source, commits } = session.repository;
  const head = await source.head(branch);
  if (head === null || head === session.state.revision) return session.state.revision;
  const mine = await commits.findByMessage(branch, `Banyan-Task: ${session.task.id}/`, 1);
  if (mine?.sha === head) return head;
  const theirs = await source.changedPaths(session.state.revision, head);
  if (theirs && !paths.some((path) => theirs.includes(path))) return head;
  throw new BanyanError('conflict', `somebody pushed to ${branch} while the Developer was working on the same files`, {
    retry: 'needs_human',
    fix: 'Comment `/banyan retry`: work goes on from the branch as it is then.',
  });
}

function branchOf(session: TaskSession, snapshot: TicketSnapshot): string {
  return snapshot.code?.branch ?? branchName(session.ticket);
}

/** One commit on the ticket's branch; made once, however often it is asked for. */
export async function commitWork(session: TaskSession, snapshot: TicketSnapshot, work: Work): Promise<CommitResult> {
  const { repository, task, ledger } = session;
  const branch = branchOf(session, snapshot);
  const trailer = workTrailer(session, work.changes);
  const before = (await session.tree()).files;
  return ledger.once<CommitResult>({
    key: taskEffectKey(task.id, `commit/${trailer}`),
    kind: 'commit',
    payload: { branch, files: work.changes.map((change) => change.path) },
    async find() {
      const found = await repository.commits.findByMessage(branch, trailer, LOOK_BACK);
      return found ? { branch, sha: found.sha } : null;
    },
    async perform() {
      await repository.commits.createBranch(branch, session.state.revision);
      const paths = work.changes.map((change) => change.path);
      const parent = await expectedHead(session, branch, paths);
      const { headline, body } = commitMessage(withoutOtherClosings(redactSecrets(work.message), session.ticket.number), session.ticket.kind, [
        `Refs: #${session.ticket.number}`,
        trailer,
      ]);
      const { sha } = await repository.commits.commit({
        branch,
        parent,
        headline,
        body,
        changes: toCommitChanges(work.changes),
        modesChange: changesModes(work.changes, before),
      });
      return { branch, sha };
    },
  });
}

function testedSection(suite: SuiteRun | null): string {
  if (!suite) return 'The repository has no test command that I could find, so nothing was run.';
  return `In a closed sandbox: ${describeSuite(suite)}.${standsUp(suite) ? '' : ' The failure is left for QA to judge.'}`;
}

function pullRequestBody(session: TaskSession, result: DeveloperResult, suite: SuiteRun | null): string {
  const body = withClosing(withoutOtherClosings(quoteForComment(result.pr_body), session.ticket.number), session.ticket.number);
  return `${outgoing(session, `${body}\n\n#### Checked by Banyan\n\n${testedSection(suite)}`)}\n\n${marker('pull-request', session.ticket.id)}`;
}

type PullResult = { number: number; url: string; node_id: string };

async function openPullRequest(session: TaskSession, branch: string, result: DeveloperResult, suite: SuiteRun | null): Promise<PullResult> {
  const { pulls } = session.repository;
  const { base } = session;
  const find = async (): Promise<PullResult | null> => {
    const pull = await pulls.findByBranch(branch);
    return pull ? { number: pull.number, url: pull.url, node_id: pull.nodeId } : null;
  };
  return session.ledger.once<PullResult>({
    key: taskEffectKey(session.task.id, `pull/${branch}`),
    kind: 'pull_request',
    payload: { branch, base },
    find,
    async perform() {
      // One issue, one pull request: an open one of the branch is taken, whoever opened it.
      const existing = await find();
      if (existing) return existing;
      const title = redactSecrets(result.pr_title);
      const pull = await pulls.open({ title, body: pullRequestBody(session, result, suite), branch, base });
      return { number: pull.number, url: pull.url, node_id: pull.nodeId };
    },
  });
}

/** The ticket's pull request where it is open; one that a person closed is not taken up again. */
export function openPullNumber(snapshot: TicketSnapshot): number | null {
  return snapshot.code?.status === 'open' || snapshot.code?.status === 'ready' ? snapshot.code.pr_number : null;
}

/** True where the branch holds commits (of a try that was stopped, or of people) that the branch it is made for does not have. */
export async function hasEarlierWork({ repository, base, state }: TaskSession): Promise<boolean> {
  return (await repository.source.mergeBase(base, state.revision)) !== state.revision;
}

/** Branch, commit and pull request, each once; without changes it is a pull request of what the branch holds already. Gives what the ticket's record of them is to say. */
export async function publish(
  session: TaskSession,
  snapshot: TicketSnapshot,
  work: { result: DeveloperResult; changes: readonly FileChange[]; suite: SuiteRun | null },
): Promise<Partial<CodeGeneration> & { head_sha: string }> {
  await requireBase(session, session.state.revision);
  const { branch, sha } =
    work.changes.length > 0
      ? await commitWork(session, snapshot, { message: work.result.commit_message, changes: work.changes })
      : { branch: branchOf(session, snapshot), sha: session.state.revision };
  const pull = openPullNumber(snapshot) === null ? await openPullRequest(session, branch, work.result, work.suite) : null;
  const paths = work.changes.map((change) => change.path);
  return {
    branch,
    base_branch: session.base,
    base_sha: snapshot.code?.base_sha ?? session.state.revision,
    head_sha: sha,
    status: 'open',
    files_changed: [...new Set([...(snapshot.code?.files_changed ?? []), ...paths])],
    tests_generated: [...new Set([...(snapshot.code?.tests_generated ?? []), ...paths.filter(isTestFile)])],
    ...(pull ? { pr_number: pull.number, pr_url: pull.url, pr_node_id: pull.node_id } : {}),
  };
}
