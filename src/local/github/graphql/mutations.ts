import { setDraft } from '../actions/pulls.ts';
import { moveRef } from '../actions/refs.ts';
import { actingAccount } from '../core/access.ts';
import { Fault } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import { parseNodeId } from '../core/ids.ts';
import type { JsonObject, PullData, Repository, ReviewComment } from '../core/model.ts';
import { WRITE_CONTENTS, WRITE_PULLS } from '../core/needs.ts';
import type { FileChanges } from '../git/repository.ts';
import type { Scope } from '../http/call.ts';
import { PLATFORM_EMAIL, PLATFORM_NAME, signatureOf } from '../render/commits.ts';
import type { PullIssue } from '../render/pulls.ts';
import { isPull } from '../render/pulls.ts';
import { checkPath } from '../rest/contents.ts';
import type { Context } from './context.ts';
import { isVisible, require, typedError, unresolvedNode } from './context.ts';
import { actorObject, commitObject } from './git-objects.ts';
import { pullObject, refOf, threadObject } from './objects.ts';

interface CommitInput {
  clientMutationId?: string | null;
  branch: { id?: string | null; repositoryNameWithOwner?: string | null; branchName?: string | null };
  expectedHeadOid: string;
  message: { headline: string; body?: string | null };
  fileChanges?: { additions?: { path: string; contents: string }[] | null; deletions?: { path: string }[] | null } | null;
}

function scopeOf(context: Context, repository: Repository): Scope {
  context.forge.store.touch(repository);
  return { forge: context.forge, repository, by: actingAccount(context.actor), viaApp: context.actor.kind === 'installation' };
}

function branchOf(context: Context, branch: CommitInput['branch']): { repository: Repository; name: string } {
  const { store } = context.forge;
  const parsed = branch.id == null ? undefined : parseNodeId(branch.id);
  const [repositoryId, ref] = parsed?.kind === 'REF' ? parsed.id.split(/:(.*)/s) : [];
  const [owner = '', name = ''] = (branch.repositoryNameWithOwner ?? '').split('/');
  const repository = repositoryId === undefined ? store.repository(owner, name) : store.repositoryById(Number(repositoryId));
  if (repository === undefined || !isVisible(context, repository)) {
    throw typedError('NOT_FOUND', `Could not resolve to a Repository with the name '${branch.repositoryNameWithOwner ?? branch.id ?? ''}'.`);
  }
  return { repository, name: (ref ?? branch.branchName ?? '').replace(/^refs\/heads\//, '') };
}

/** One commit on a branch, only if the branch is where the caller thinks it is. Files that exist keep their mode. */
export async function createCommitOnBranch(context: Context, input: CommitInput): Promise<JsonObject> {
  const { repository, name } = branchOf(context, input.branch);
  require(context, repository, WRITE_CONTENTS);
  const scope = scopeOf(context, repository);
  return context.forge.exclusive(repository, async () => {
    const git = context.forge.git(repository);
    const tip = git.branch(name);
    if (tip === undefined) throw typedError('NOT_FOUND', `Could not find the branch '${name}'.`);
    if (tip !== input.expectedHeadOid)
      throw typedError('STALE_DATA', `Expected branch to point to "${input.expectedHeadOid}" but it did not. Pull and try again.`);
    const baseTree = git.commit(tip)?.tree ?? '';
    const tree = git.writeTree(baseTree, readChanges(scope, baseTree, input.fileChanges));
    const date = timestamp();
    const body = input.message.body ?? '';
    const sha = git.writeCommit({
      tree,
      parents: [tip],
      author: signatureOf(scope.by, date),
      committer: { name: PLATFORM_NAME, email: PLATFORM_EMAIL, date },
      message: body === '' ? input.message.headline : `${input.message.headline}\n\n${body}`,
    });
    await moveRef(scope, `refs/heads/${name}`, sha);
    return {
      clientMutationId: input.clientMutationId ?? null,
      commit: commitObject(context, repository, sha),
      ref: refOf(context, repository, `refs/heads/${name}`),
    };
  });
}

function readChanges(scope: Scope, baseTree: string, given: CommitInput['fileChanges']): FileChanges {
  const git = scope.forge.git(scope.repository);
  const changes: FileChanges = new Map();
  for (const { path } of given?.deletions ?? []) {
    const clean = cleanPath(path);
    if (git.entryAt(baseTree, clean) === undefined)
      throw typedError('UNPROCESSABLE', `A path was requested for deletion which does not exist as of commit oid: ${clean}`);
    changes.set(clean, null);
  }
  for (const { path, contents } of given?.additions ?? []) {
    const clean = cleanPath(path);
    const existing = git.entryAt(baseTree, clean);
    const mode = existing === undefined || existing.mode === '040000' ? '100644' : existing.mode;
    changes.set(clean, { mode, sha: git.objects.write('blob', Buffer.from(contents, 'base64')) });
  }
  return changes;
}

function cleanPath(path: string): string {
  try {
    return checkPath(path);
  } catch (error) {
    if (error instanceof Fault) throw typedError('UNPROCESSABLE', error.message);
    throw error;
  }
}

function findPull(context: Context, id: string): { repository: Repository; issue: PullIssue } {
  const parsed = parseNodeId(id);
  for (const repository of context.forge.store.repositories) {
    const issue = repository.issues.find((candidate) => parsed?.kind === 'PR' && candidate.pull?.id === Number(parsed.id));
    if (issue !== undefined && isPull(issue) && isVisible(context, repository)) return { repository, issue };
  }
  throw unresolvedNode(id);
}

interface PullInput {
  clientMutationId?: string | null;
  pullRequestId: string;
}

/** Out of draft, or back into it. */
export async function changeDraft(context: Context, input: PullInput, draft: boolean): Promise<JsonObject> {
  const { repository, issue } = findPull(context, input.pullRequestId);
  requireOwnOrWrite(context, repository, issue);
  if (issue.state === 'closed') throw typedError('UNPROCESSABLE', `Pull request is closed`);
  await setDraft(scopeOf(context, repository), issue, draft);
  return { clientMutationId: input.clientMutationId ?? null, pullRequest: pullObject(context, repository, issue) };
}

function requireOwnOrWrite(context: Context, repository: Repository, issue: PullIssue): void {
  const own = context.actor.kind === 'user' && context.actor.account.login === issue.author;
  if (!own) require(context, repository, WRITE_PULLS);
}

export async function changeAutoMerge(context: Context, input: PullInput & { mergeMethod?: string | null }, enabled: boolean): Promise<JsonObject> {
  const { repository, issue } = findPull(context, input.pullRequestId);
  require(context, repository, WRITE_PULLS);
  if (enabled && !repository.settings.allowAutoMerge) throw typedError('UNPROCESSABLE', 'Auto merge is not allowed for this repository');
  if (enabled && issue.state === 'closed') throw typedError('UNPROCESSABLE', 'Pull request is in clean status');
  const scope = scopeOf(context, repository);
  const methods: Record<string, NonNullable<PullData['autoMerge']>['method']> = { MERGE: 'merge', SQUASH: 'squash', REBASE: 'rebase' };
  issue.pull.autoMerge = enabled ? { method: methods[input.mergeMethod ?? 'MERGE'] ?? 'merge', by: scope.by.login } : null;
  return { clientMutationId: input.clientMutationId ?? null, actor: actorObject(context, scope.by.login), pullRequest: pullObject(context, repository, issue) };
}

export function changeThread(context: Context, input: { clientMutationId?: string | null; threadId: string }, resolved: boolean): JsonObject {
  const { repository, root } = findThread(context, input.threadId);
  require(context, repository, WRITE_PULLS);
  root.resolvedBy = resolved ? scopeOf(context, repository).by.login : null;
  context.forge.store.touch(repository);
  return { clientMutationId: input.clientMutationId ?? null, thread: threadObject(context, repository, root) };
}

function findThread(context: Context, id: string): { repository: Repository; root: ReviewComment } {
  const parsed = parseNodeId(id);
  for (const repository of context.forge.store.repositories) {
    const root = repository.reviewComments.find((comment) => parsed?.kind === 'PRRT' && comment.id === Number(parsed.id) && comment.inReplyTo === null);
    if (root !== undefined && isVisible(context, repository)) return { repository, root };
  }
  throw unresolvedNode(id);
}
