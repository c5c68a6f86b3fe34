import { Fault } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import { nodeId } from '../core/ids.ts';
import type { JsonObject, Repository } from '../core/model.ts';
import { commitsBetween, isAncestor, log } from '../git/history.ts';
import { isSha } from '../git/objects.ts';
import type { Scope } from '../http/call.ts';
import { renderCheckSuite } from '../render/checks.ts';
import { noreplyEmail, renderPushCommit } from '../render/commits.ts';
import type { PullIssue } from '../render/pulls.ts';
import { baseShaOf, isPull } from '../render/pulls.ts';
import { pageUrl, renderRepository } from '../render/repositories.ts';
import { emit } from '../webhooks/emit.ts';
import { closingReferences } from './closing.ts';
import { emitIssue, recordEvent, setState } from './issues.ts';

export interface RefChange {
  ref: string;
  /** Null when the ref is new. */
  before: string | null;
  /** Null when the ref is gone. */
  after: string | null;
}

const ZERO_SHA = '0'.repeat(40);
const HEADS = 'refs/heads/';
const TAGS = 'refs/tags/';
const MAX_PUSH_COMMITS = 2048;

/** Moves one ref and does everything that follows from it. Call inside `forge.exclusive`. */
export async function moveRef(scope: Scope, ref: string, after: string | null): Promise<void> {
  const git = scope.forge.git(scope.repository);
  const before = git.refs.read(ref) ?? null;
  if (before === after) return;
  if (after === null) git.refs.delete(ref);
  else if (!git.refs.write(ref, after)) throw new Fault(422, 'Reference cannot be created: a reference of that name would conflict with another');
  await afterRefChange(scope, { ref, before, after });
}

/** Webhooks and bookkeeping for a ref that has moved already, by whatever way. */
export async function afterRefChange(scope: Scope, change: RefChange): Promise<void> {
  const { forge, repository } = scope;
  repository.pushedAt = timestamp();
  if (change.ref.startsWith(HEADS)) await afterBranchChange(scope, change, change.ref.slice(HEADS.length));
  else if (change.ref.startsWith(TAGS)) {
    announceCreation(scope, change, { type: 'tag', name: change.ref.slice(TAGS.length) });
    announcePush(scope, change);
  }
  forge.store.touch(repository);
}

async function afterBranchChange(scope: Scope, change: RefChange, branch: string): Promise<void> {
  const { repository } = scope;
  announceCreation(scope, change, { type: 'branch', name: branch });
  announcePush(scope, change);
  if (change.after === null) return closePullsOf(scope, branch);
  requestChecks(scope, branch, change.after);
  await synchronizePulls(scope, branch, change.after);
  await markMergedPulls(scope, branch, change);
  if (branch === repository.defaultBranch) await closeByCommits(scope, change);
}

function announceCreation(scope: Scope, change: RefChange, { type, name }: { type: 'branch' | 'tag'; name: string }): void {
  const { forge, repository, by } = scope;
  if (change.before !== null && change.after !== null) return;
  const shared = { ref: name, ref_type: type, pusher_type: 'user' };
  const payload = change.after === null ? shared : { ...shared, master_branch: repository.defaultBranch, description: repository.description };
  emit(forge, repository, { event: change.after === null ? 'delete' : 'create', action: null, sender: by, payload });
}

function announcePush(scope: Scope, change: RefChange): void {
  const { forge, repository, by } = scope;
  const git = forge.git(repository);
  const { before, after } = change;
  const commits = after === null ? [] : newCommits(scope, change);
  const render = (sha: string) => renderPushCommit(forge, repository, sha);
  const page = pageUrl(forge, repository);
  emit(forge, repository, {
    event: 'push',
    action: null,
    sender: by,
    payload: {
      ref: change.ref,
      before: before ?? ZERO_SHA,
      after: after ?? ZERO_SHA,
      repository: pushRepository(scope),
      pusher: { name: by.login, email: by.email ?? noreplyEmail(by) },
      created: before === null,
      deleted: after === null,
      forced: before !== null && after !== null && !isAncestor(git, before, after),
      base_ref: null,
      compare: `${page}/compare/${before === null ? '' : `${before.slice(0, 12)}...`}${(after ?? ZERO_SHA).slice(0, 12)}`,
      commits: commits.map(render),
      head_commit: after === null || git.commit(after) === undefined ? null : render(after),
    },
  });
}

/** Push events give some times in seconds and name the owner in an older way. */
function pushRepository({ forge, repository }: Scope): JsonObject {
  const rendered = renderRepository(forge, repository);
  const seconds = (iso: string) => Math.floor(Date.parse(iso) / 1000);
  const owner = rendered.owner as JsonObject;
  return {
    ...rendered,
    owner: { name: owner.login, email: null, ...owner },
    created_at: seconds(repository.createdAt),
    pushed_at: seconds(repository.pushedAt),
    stargazers: 0,
    master_branch: repository.defaultBranch,
  };
}

/** Oldest first. For a new branch: what the default branch does not have. */
function newCommits({ forge, repository }: Scope, { ref, before, after }: RefChange): string[] {
  if (after === null) return [];
  const git = forge.git(repository);
  const fromDefault = ref === `${HEADS}${repository.defaultBranch}` ? undefined : git.branch(repository.defaultBranch);
  const shas = before === null && fromDefault === undefined ? log(git, after) : commitsBetween(git, before ?? fromDefault, after);
  return shas.slice(0, MAX_PUSH_COMMITS).reverse();
}

/** GitHub opens a check suite for every App that writes checks, and asks it to begin. */
function requestChecks(scope: Scope, branch: string, sha: string): void {
  const { forge, repository, by } = scope;
  if (repository.checkSuites.some((suite) => suite.headSha === sha)) return;
  const now = timestamp();
  const suite = { id: forge.store.nextId(), headSha: sha, headBranch: branch, createdAt: now, updatedAt: now };
  repository.checkSuites.push(suite);
  emit(forge, repository, {
    event: 'check_suite',
    action: 'requested',
    sender: by,
    payload: { check_suite: renderCheckSuite(forge, repository, suite) },
  });
}

function openPulls(repository: Repository, fits: (pull: PullIssue) => boolean): PullIssue[] {
  return repository.issues.filter(isPull).filter((issue) => issue.state === 'open' && fits(issue));
}

export function pinPullHead(scope: Scope, issue: PullIssue): void {
  scope.forge.git(scope.repository).refs.write(`refs/pull/${issue.number}/head`, issue.pull.headSha);
}

async function synchronizePulls(scope: Scope, branch: string, after: string): Promise<void> {
  for (const issue of openPulls(scope.repository, ({ pull }) => pull.headRef === branch && pull.headSha !== after)) {
    const before = issue.pull.headSha;
    issue.pull.headSha = after;
    issue.updatedAt = timestamp();
    pinPullHead(scope, issue);
    if (!isAncestor(scope.forge.git(scope.repository), before, after)) recordEvent(scope, issue, { event: 'head_ref_force_pushed', commitSha: after });
    await emitIssue(scope, issue, { action: 'synchronize', extra: { before, after } });
  }
}

/** A pull request whose commits reach the base by a push counts as merged. */
async function markMergedPulls(scope: Scope, branch: string, change: RefChange): Promise<void> {
  const { after } = change;
  if (after === null) return;
  const git = scope.forge.git(scope.repository);
  for (const issue of openPulls(scope.repository, ({ pull }) => pull.baseRef === branch)) {
    if (isAncestor(git, issue.pull.headSha, after)) await recordMerge(scope, issue, { mergeSha: after, baseSha: change.before ?? after });
  }
}

/** Closes a pull request as merged, and the issues that its text closes. */
export async function recordMerge(scope: Scope, issue: PullIssue, { mergeSha, baseSha }: { mergeSha: string; baseSha: string }): Promise<void> {
  const { repository, by } = scope;
  const now = timestamp();
  Object.assign(issue.pull, { mergedAt: now, mergedBy: by.login, mergeCommitSha: mergeSha, baseSha, autoMerge: null });
  Object.assign(issue, { state: 'closed', closedAt: now, closedBy: by.login });
  recordEvent(scope, issue, { event: 'merged', commitSha: mergeSha });
  recordEvent(scope, issue, { event: 'closed' });
  await emitIssue(scope, issue, { action: 'closed' });
  if (issue.pull.baseRef === repository.defaultBranch) await closeReferenced(scope, issue.body ?? '', mergeSha);
}

async function closePullsOf(scope: Scope, branch: string): Promise<void> {
  for (const issue of openPulls(scope.repository, ({ pull }) => pull.headRef === branch || pull.baseRef === branch)) {
    issue.pull.baseSha = baseShaOf(scope.forge, scope.repository, { pull: issue.pull, state: 'open' });
    if (issue.pull.headRef === branch) recordEvent(scope, issue, { event: 'head_ref_deleted' });
    await setState(scope, issue, { state: 'closed' });
  }
}

async function closeByCommits(scope: Scope, change: RefChange): Promise<void> {
  if (change.before === null || change.after === null) return;
  const git = scope.forge.git(scope.repository);
  for (const sha of newCommits(scope, change)) await closeReferenced(scope, git.commit(sha)?.message ?? '', sha);
}

async function closeReferenced(scope: Scope, text: string, commitSha: string): Promise<void> {
  const { repository } = scope;
  for (const number of closingReferences(text, repository)) {
    const issue = repository.issues.find((candidate) => candidate.number === number);
    if (issue?.pull === null && issue.state === 'open') await setState(scope, issue, { state: 'closed', reason: 'completed', commitSha });
  }
}

export function renderRef(forge: Scope['forge'], repository: Repository, { ref, sha }: { ref: string; sha: string }): JsonObject {
  const type = isSha(sha) ? (forge.git(repository).objects.read(sha)?.type ?? 'commit') : 'commit';
  const api = `${forge.url}/repos/${repository.owner}/${repository.name}/git`;
  const plural = { commit: 'commits', tag: 'tags', tree: 'trees', blob: 'blobs' }[type];
  return { ref, node_id: nodeId('REF', `${repository.id}:${ref}`), url: `${api}/${ref}`, object: { sha, type, url: `${api}/${plural}/${sha}` } };
}
