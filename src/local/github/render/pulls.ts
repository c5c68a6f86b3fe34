import type { Forge } from '../core/forge.ts';
import { nodeId } from '../core/ids.ts';
import type { Issue, JsonObject, PullData, Repository, Review, ReviewComment } from '../core/model.ts';
import { EMPTY_TREE } from '../git/diff.ts';
import type { DiffFile } from '../git/diff.ts';
import { commitsBetween, isAncestor, mergeBase } from '../git/history.ts';
import type { MergeResult } from '../git/merge.ts';
import { mergeTrees } from '../git/merge.ts';
import { renderLogin, renderLoginOrNull } from './accounts.ts';
import { checksOutcome } from './checks.ts';
import { sum } from './commits.ts';
import { authorAssociation, labelsOf, milestoneOf, renderLabel, renderReactions } from './issues.ts';
import { apiUrl, pageUrl, renderRepository } from './repositories.ts';

export type PullIssue = Issue & { pull: PullData };

export function isPull(issue: Issue): issue is PullIssue {
  return issue.pull !== null;
}

/** The base's tip while open; what it was when closed. */
export function baseShaOf(forge: Forge, repository: Repository, { pull, state }: { pull: PullData; state: Issue['state'] }): string {
  if (state === 'closed') return pull.baseSha;
  return forge.git(repository).branch(pull.baseRef) ?? pull.baseSha;
}

/** The commit or tree that the pull request's changes are counted from. */
export function diffBaseOf(forge: Forge, repository: Repository, issue: PullIssue): string {
  const base = baseShaOf(forge, repository, issue);
  return mergeBase(forge.git(repository), base, issue.pull.headSha) ?? EMPTY_TREE;
}

export async function pullFiles(forge: Forge, repository: Repository, issue: PullIssue): Promise<DiffFile[]> {
  return forge.diff(repository, diffBaseOf(forge, repository, issue), issue.pull.headSha);
}

/** Oldest first, as the commits of a pull request are listed. */
export function pullCommits(forge: Forge, repository: Repository, issue: PullIssue): string[] {
  const base = baseShaOf(forge, repository, issue);
  return commitsBetween(forge.git(repository), base, issue.pull.headSha).reverse();
}

export function tryMerge(forge: Forge, repository: Repository, pull: PullData): MergeResult {
  const git = forge.git(repository);
  const base = git.branch(pull.baseRef);
  const [ours, theirs] = [base === undefined ? undefined : git.commit(base), git.commit(pull.headSha)];
  if (base === undefined || ours === undefined || theirs === undefined) return { conflicts: [] };
  if (isAncestor(git, base, pull.headSha)) return { tree: theirs.tree };
  const common = mergeBase(git, base, pull.headSha);
  const commonTree = common === undefined ? null : (git.commit(common)?.tree ?? null);
  return mergeTrees(git, { base: commonTree, ours: ours.tree, theirs: theirs.tree });
}

function mergeability(forge: Forge, repository: Repository, issue: PullIssue): { mergeable: boolean | null; state: string } {
  if (issue.state === 'closed') return { mergeable: null, state: 'unknown' };
  if ('conflicts' in tryMerge(forge, repository, issue.pull)) return { mergeable: false, state: 'dirty' };
  if (issue.pull.draft) return { mergeable: true, state: 'draft' };
  const outcome = checksOutcome(repository, issue.pull.headSha);
  return { mergeable: true, state: outcome === 'failure' || outcome === 'pending' ? 'unstable' : 'clean' };
}

function renderBranch(forge: Forge, repository: Repository, { ref, sha }: { ref: string; sha: string }): JsonObject {
  return { label: `${repository.owner}:${ref}`, ref, sha, user: renderLogin(forge, repository.owner), repo: renderRepository(forge, repository) };
}

/** A pull request as it stands in lists. */
export function renderSimplePull(forge: Forge, repository: Repository, issue: PullIssue): JsonObject {
  const { pull } = issue;
  const api = apiUrl(forge, repository);
  const url = `${api}/pulls/${issue.number}`;
  const page = `${pageUrl(forge, repository)}/pull/${issue.number}`;
  const links = {
    self: url,
    html: page,
    issue: `${api}/issues/${issue.number}`,
    comments: `${api}/issues/${issue.number}/comments`,
    review_comments: `${url}/comments`,
    review_comment: `${api}/pulls/comments{/number}`,
    commits: `${url}/commits`,
    statuses: `${api}/statuses/${pull.headSha}`,
  };
  return {
    url,
    id: pull.id,
    node_id: nodeId('PR', pull.id),
    html_url: page,
    diff_url: `${page}.diff`,
    patch_url: `${page}.patch`,
    issue_url: links.issue,
    number: issue.number,
    state: issue.state,
    locked: issue.locked,
    title: issue.title,
    user: renderLogin(forge, issue.author),
    body: issue.body,
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    closed_at: issue.closedAt,
    merged_at: pull.mergedAt,
    merge_commit_sha: pull.mergeCommitSha,
    assignee: renderLoginOrNull(forge, issue.assignees[0] ?? null),
    assignees: issue.assignees.map((login) => renderLogin(forge, login)),
    requested_reviewers: pull.requestedReviewers.map((login) => renderLogin(forge, login)),
    requested_teams: [],
    labels: labelsOf(repository, issue).map((label) => renderLabel(forge, repository, label)),
    milestone: milestoneOf(forge, repository, issue),
    draft: pull.draft,
    commits_url: links.commits,
    review_comments_url: links.review_comments,
    review_comment_url: links.review_comment,
    comments_url: links.comments,
    statuses_url: links.statuses,
    head: renderBranch(forge, repository, { ref: pull.headRef, sha: pull.headSha }),
    base: renderBranch(forge, repository, { ref: pull.baseRef, sha: baseShaOf(forge, repository, issue) }),
    _links: Object.fromEntries(Object.entries(links).map(([name, href]) => [name, { href }])),
    author_association: authorAssociation(forge, repository, issue.author),
    auto_merge:
      pull.autoMerge === null
        ? null
        : { enabled_by: renderLogin(forge, pull.autoMerge.by), merge_method: pull.autoMerge.method, commit_title: issue.title, commit_message: '' },
    active_lock_reason: issue.lockReason,
  };
}

/** A pull request on its own, with counts and whether it can be merged. */
export async function renderPull(forge: Forge, repository: Repository, issue: PullIssue): Promise<JsonObject> {
  const files = await pullFiles(forge, repository, issue);
  const { mergeable, state } = mergeability(forge, repository, issue);
  return {
    ...renderSimplePull(forge, repository, issue),
    merged: issue.pull.mergedAt !== null,
    mergeable,
    rebaseable: mergeable,
    mergeable_state: state,
    merged_by: renderLoginOrNull(forge, issue.pull.mergedBy),
    comments: repository.comments.filter((comment) => comment.issueNumber === issue.number).length,
    review_comments: repository.reviewComments.filter((comment) => comment.pullNumber === issue.number).length,
    maintainer_can_modify: false,
    commits: pullCommits(forge, repository, issue).length,
    additions: sum(files, 'additions'),
    deletions: sum(files, 'deletions'),
    changed_files: files.length,
  };
}

export function renderReview(forge: Forge, repository: Repository, review: Review): JsonObject {
  const page = `${pageUrl(forge, repository)}/pull/${review.pullNumber}#pullrequestreview-${review.id}`;
  const pullUrl = `${apiUrl(forge, repository)}/pulls/${review.pullNumber}`;
  return {
    id: review.id,
    node_id: nodeId('PRR', review.id),
    user: renderLogin(forge, review.author),
    body: review.body,
    state: review.state,
    html_url: page,
    pull_request_url: pullUrl,
    author_association: authorAssociation(forge, repository, review.author),
    _links: { html: { href: page }, pull_request: { href: pullUrl } },
    ...(review.submittedAt === null ? {} : { submitted_at: review.submittedAt }),
    commit_id: review.commitSha,
  };
}

export function renderReviewComment(forge: Forge, repository: Repository, comment: ReviewComment): JsonObject {
  const url = `${apiUrl(forge, repository)}/pulls/comments/${comment.id}`;
  const page = `${pageUrl(forge, repository)}/pull/${comment.pullNumber}#discussion_r${comment.id}`;
  const pullUrl = `${apiUrl(forge, repository)}/pulls/${comment.pullNumber}`;
  return {
    url,
    pull_request_review_id: comment.reviewId,
    id: comment.id,
    node_id: nodeId('PRRC', comment.id),
    diff_hunk: comment.diffHunk,
    path: comment.path,
    position: comment.position,
    original_position: comment.position,
    commit_id: comment.commitSha,
    original_commit_id: comment.commitSha,
    user: renderLogin(forge, comment.author),
    body: comment.body,
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    html_url: page,
    pull_request_url: pullUrl,
    author_association: authorAssociation(forge, repository, comment.author),
    _links: { self: { href: url }, html: { href: page }, pull_request: { href: pullUrl } },
    reactions: renderReactions(url, comment.reactions),
    start_line: comment.startLine,
    original_start_line: comment.startLine,
    start_side: comment.startSide,
    line: comment.line,
    original_line: comment.line,
    side: comment.side,
    subject_type: comment.subjectType,
    ...(comment.inReplyTo === null ? {} : { in_reply_to_id: comment.inReplyTo }),
  };
}
