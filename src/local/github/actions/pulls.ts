import { Fault, invalid } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { Issue } from '../core/model.ts';
import { commitsBetween, isAncestor, mergeBase } from '../git/history.ts';
import { mergeTrees } from '../git/merge.ts';
import type { Scope } from '../http/call.ts';
import { renderLogin } from '../render/accounts.ts';
import { PLATFORM_EMAIL, PLATFORM_NAME, signatureOf } from '../render/commits.ts';
import type { PullIssue } from '../render/pulls.ts';
import { isPull, pullCommits, tryMerge } from '../render/pulls.ts';
import { draftIssue, emitIssue, recordEvent } from './issues.ts';
import { afterRefChange, moveRef, pinPullHead, recordMerge } from './refs.ts';

export interface NewPull {
  title: string;
  body: string | null;
  head: string;
  base: string;
  draft: boolean;
}

export async function createPull(scope: Scope, fields: NewPull): Promise<PullIssue> {
  const { forge, repository } = scope;
  const git = forge.git(repository);
  const headRef = branchName(scope, fields.head);
  const [headSha, baseSha] = [git.branch(headRef), git.branch(fields.base)];
  if (headSha === undefined) throw invalid({ resource: 'PullRequest', field: 'head', code: 'invalid' });
  if (baseSha === undefined) throw invalid({ resource: 'PullRequest', field: 'base', code: 'invalid' });
  const custom = (message: string) => invalid({ resource: 'PullRequest', code: 'custom', message });
  const twin = repository.issues.filter(isPull).some(({ state, pull }) => state === 'open' && pull.headRef === headRef && pull.baseRef === fields.base);
  if (twin) throw custom(`A pull request already exists for ${repository.owner}:${headRef}.`);
  if (isAncestor(git, headSha, baseSha)) throw custom(`No commits between ${fields.base} and ${headRef}`);
  if (mergeBase(git, baseSha, headSha) === undefined) throw custom(`The ${headRef} branch has no history in common with ${fields.base}`);
  const issue: Issue = draftIssue(scope, { title: fields.title, body: fields.body });
  issue.pull = {
    id: forge.store.nextId(),
    headRef,
    headSha,
    baseRef: fields.base,
    baseSha,
    draft: fields.draft,
    mergedAt: null,
    mergedBy: null,
    mergeCommitSha: null,
    requestedReviewers: [],
    autoMerge: null,
  };
  repository.issues.push(issue);
  const pullIssue = issue as PullIssue;
  pinPullHead(scope, pullIssue);
  await emitIssue(scope, issue, { action: 'opened' });
  return pullIssue;
}

/** `owner:branch` names a branch of this repository too; forks are not kept here. */
function branchName(scope: Scope, head: string): string {
  const colon = head.indexOf(':');
  if (colon < 0) return head;
  if (head.slice(0, colon).toLowerCase() !== scope.repository.owner.toLowerCase()) throw invalid({ resource: 'PullRequest', field: 'head', code: 'invalid' });
  return head.slice(colon + 1);
}

export async function setDraft(scope: Scope, issue: PullIssue, draft: boolean): Promise<void> {
  if (issue.pull.draft === draft) return;
  issue.pull.draft = draft;
  recordEvent(scope, issue, { event: draft ? 'convert_to_draft' : 'ready_for_review' });
  await emitIssue(scope, issue, { action: draft ? 'converted_to_draft' : 'ready_for_review' });
}

export async function requestReviewers(scope: Scope, issue: PullIssue, logins: string[]): Promise<void> {
  for (const login of logins) {
    const account = scope.forge.store.account(login);
    if (account === undefined)
      throw new Fault(422, 'Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator.');
    if (account.login === issue.author) throw new Fault(422, 'Review cannot be requested from pull request author.');
    if (issue.pull.requestedReviewers.includes(account.login)) continue;
    issue.pull.requestedReviewers.push(account.login);
    const reviewer = renderLogin(scope.forge, account.login);
    recordEvent(scope, issue, {
      event: 'review_requested',
      details: { requested_reviewer: reviewer, review_requester: renderLogin(scope.forge, scope.by.login) },
    });
    await emitIssue(scope, issue, { action: 'review_requested', extra: { requested_reviewer: reviewer } });
  }
}

export async function removeReviewers(scope: Scope, issue: PullIssue, logins: string[]): Promise<void> {
  for (const login of logins.filter((name) => issue.pull.requestedReviewers.includes(name))) {
    issue.pull.requestedReviewers = issue.pull.requestedReviewers.filter((other) => other !== login);
    const reviewer = renderLogin(scope.forge, login);
    recordEvent(scope, issue, { event: 'review_request_removed', details: { requested_reviewer: reviewer } });
    await emitIssue(scope, issue, { action: 'review_request_removed', extra: { requested_reviewer: reviewer } });
  }
}

export interface MergeRequest {
  method: 'merge' | 'squash' | 'rebase';
  title: string | undefined;
  message: string | undefined;
  sha: string | undefined;
}

const SETTING = { merge: 'allowMergeCommit', squash: 'allowSquashMerge', rebase: 'allowRebaseMerge' } as const;
const METHOD_NAMES = { merge: 'Merge commits', squash: 'Squash merges', rebase: 'Rebase merges' } as const;

/** Merges a pull request with real commits. Returns the sha that the base now points to. */
export async function mergePull(scope: Scope, issue: PullIssue, request: MergeRequest): Promise<string> {
  const { forge, repository } = scope;
  return forge.exclusive(repository, async () => {
    const git = forge.git(repository);
    const { pull } = issue;
    const base = git.branch(pull.baseRef);
    if (pull.mergedAt !== null || issue.state === 'closed' || base === undefined) throw new Fault(405, 'Pull Request is not mergeable');
    if (pull.draft) throw new Fault(405, 'Pull Request is still a draft');
    if (request.sha !== undefined && request.sha !== pull.headSha) throw new Fault(409, 'Head branch was modified. Review and try the merge again.');
    if (!repository.settings[SETTING[request.method]]) throw new Fault(405, `${METHOD_NAMES[request.method]} are not allowed on this repository.`);
    const mergeSha = writeMerge(scope, issue, { ...request, base });
    git.refs.write(`refs/heads/${pull.baseRef}`, mergeSha);
    await recordMerge(scope, issue, { mergeSha, baseSha: base });
    await afterRefChange(scope, { ref: `refs/heads/${pull.baseRef}`, before: base, after: mergeSha });
    const removable = repository.settings.deleteBranchOnMerge && pull.headRef !== repository.defaultBranch && git.branch(pull.headRef) !== undefined;
    if (removable) await moveRef(scope, `refs/heads/${pull.headRef}`, null);
    return mergeSha;
  });
}

function writeMerge(scope: Scope, issue: PullIssue, request: MergeRequest & { base: string }): string {
  const { forge, repository, by } = scope;
  const { pull, number } = issue;
  const git = forge.git(repository);
  if (request.method === 'rebase') return rebase(scope, issue, request.base);
  const merged = tryMerge(forge, repository, pull);
  if ('conflicts' in merged) throw new Fault(405, 'Pull Request is not mergeable');
  const now = timestamp();
  const squash = request.method === 'squash';
  const defaults = squash
    ? squashText(scope, issue)
    : { title: `Merge pull request #${number} from ${repository.owner}/${pull.headRef}`, message: issue.title };
  const [title, message] = [request.title ?? defaults.title, request.message ?? defaults.message];
  const author = squash ? (forge.store.account(issue.author) ?? by) : by;
  return git.writeCommit({
    tree: merged.tree,
    parents: squash ? [request.base] : [request.base, pull.headSha],
    author: signatureOf(author, now),
    committer: { name: PLATFORM_NAME, email: PLATFORM_EMAIL, date: now },
    message: message === '' ? `${title}\n` : `${title}\n\n${message}\n`,
  });
}

function squashText(scope: Scope, issue: PullIssue): { title: string; message: string } {
  const git = scope.forge.git(scope.repository);
  const messages = pullCommits(scope.forge, scope.repository, issue).map((sha) => git.commit(sha)?.message.trim() ?? '');
  const [only = issue.title] = messages;
  if (messages.length > 1) return { title: `${issue.title} (#${issue.number})`, message: messages.map((text) => `* ${text}`).join('\n\n') };
  const [subject = '', ...rest] = only.split('\n');
  return { title: `${subject} (#${issue.number})`, message: rest.join('\n').trim() };
}

/** Replays the pull request's own commits on the base, one by one. */
function rebase(scope: Scope, issue: PullIssue, base: string): string {
  const git = scope.forge.git(scope.repository);
  const now = timestamp();
  let tip = base;
  for (const sha of commitsBetween(git, base, issue.pull.headSha).reverse()) {
    const commit = git.commit(sha);
    const onto = git.commit(tip);
    if (commit === undefined || onto === undefined) throw new Fault(405, 'Pull Request is not mergeable');
    if (commit.parents.length > 1) continue;
    const merged = mergeTrees(git, { base: git.commit(commit.parents[0] ?? '')?.tree ?? null, ours: onto.tree, theirs: commit.tree });
    if ('conflicts' in merged) throw new Fault(405, "This branch can't be rebased");
    tip = git.writeCommit({
      tree: merged.tree,
      parents: [tip],
      author: commit.author,
      committer: { name: PLATFORM_NAME, email: PLATFORM_EMAIL, date: now },
      message: commit.message,
    });
  }
  return tip;
}
