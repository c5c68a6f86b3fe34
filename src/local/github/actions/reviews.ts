import { Fault, invalid } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { JsonObject, Review, ReviewComment, ReviewState } from '../core/model.ts';
import type { DiffFile } from '../git/diff.ts';
import type { DiffLine, Side } from '../git/diff-lines.ts';
import { findLine, hunkUpTo, readPatch } from '../git/diff-lines.ts';
import type { Scope } from '../http/call.ts';
import { checkBody, oneOf, optionalInteger, requiredText } from '../http/input.ts';
import type { PullIssue } from '../render/pulls.ts';
import { pullFiles, renderReview, renderReviewComment, renderSimplePull } from '../render/pulls.ts';
import { emit } from '../webhooks/emit.ts';

export type ReviewEvent = 'APPROVE' | 'REQUEST_CHANGES' | 'COMMENT';

const STATES: Record<ReviewEvent, ReviewState> = { APPROVE: 'APPROVED', REQUEST_CHANGES: 'CHANGES_REQUESTED', COMMENT: 'COMMENTED' };

/** Where a comment stands, already checked against the diff. */
export interface CommentPlace {
  path: string;
  side: Side;
  line: number | null;
  startSide: Side | null;
  startLine: number | null;
  position: number | null;
  subjectType: 'line' | 'file';
  diffHunk: string;
}

export interface PlacedComment extends CommentPlace {
  body: string;
}

/** Why a place is not in the diff, told apart because the two APIs word it differently. */
export type PlaceProblem = 'path' | 'line' | 'start_line' | 'position';

function findPlace(files: DiffFile[], input: JsonObject): CommentPlace | { problem: PlaceProblem } {
  const path = requiredText(input, 'path', 'PullRequestReviewComment');
  const file = files.find((candidate) => candidate.path === path);
  if (file === undefined) return { problem: 'path' };
  const lines = file.patch === undefined ? [] : readPatch(file.patch);
  if (oneOf(input, 'subject_type', ['line', 'file'] as const) === 'file') {
    return {
      path,
      side: 'RIGHT',
      line: null,
      startSide: null,
      startLine: null,
      position: null,
      subjectType: 'file',
      diffHunk: lines
        .slice(0, 4)
        .map((line) => line.text)
        .join('\n'),
    };
  }
  const side = oneOf(input, 'side', ['LEFT', 'RIGHT'] as const) ?? 'RIGHT';
  const line = optionalInteger(input, 'line');
  if (line === undefined) return placeByPosition(path, lines, optionalInteger(input, 'position'));
  const target = findLine(lines, line, side);
  if (target === undefined) return { problem: 'line' };
  const startLine = optionalInteger(input, 'start_line');
  const startSide = oneOf(input, 'start_side', ['LEFT', 'RIGHT'] as const) ?? side;
  if (startLine !== undefined && !isGoodStart(lines, { line: startLine, side: startSide }, target)) return { problem: 'start_line' };
  return {
    path,
    side,
    line,
    position: target.position,
    subjectType: 'line',
    diffHunk: hunkUpTo(lines, target),
    startLine: startLine ?? null,
    startSide: startLine === undefined ? null : startSide,
  };
}

/** A range must begin above its end, in the same hunk. */
function isGoodStart(lines: DiffLine[], start: { line: number; side: Side }, end: DiffLine): boolean {
  const first = findLine(lines, start.line, start.side);
  return first !== undefined && first.position < end.position && !lines.slice(first.position, end.position).some((line) => line.kind === 'hunk');
}

function placeByPosition(path: string, lines: DiffLine[], position: number | undefined): CommentPlace | { problem: PlaceProblem } {
  const target = position === undefined ? undefined : lines[position];
  if (target === undefined || target.kind === 'hunk' || target.kind === 'note') return { problem: 'position' };
  const side = target.right === null ? 'LEFT' : 'RIGHT';
  return {
    path,
    side,
    line: target.right ?? target.left,
    startSide: null,
    startLine: null,
    position: target.position,
    subjectType: 'line',
    diffHunk: hunkUpTo(lines, target),
  };
}

const REVIEW_PROBLEMS: Record<PlaceProblem, string> = {
  path: 'Path could not be resolved',
  line: 'Line could not be resolved',
  start_line: 'Start line could not be resolved',
  position: 'Position could not be resolved',
};

export interface NewReview {
  body: string;
  event: ReviewEvent | undefined;
  commitSha: string | undefined;
  comments: JsonObject[];
}

export async function createReview(scope: Scope, issue: PullIssue, input: NewReview): Promise<Review> {
  const { forge, repository, by } = scope;
  if (input.event !== undefined) checkVerdict(scope, issue, { event: input.event, body: input.body, comments: input.comments.length });
  if (input.event === undefined && pendingReview(scope, issue) !== undefined) {
    throw new Fault(422, 'Unprocessable Entity', ['User can only have one pending review per pull request']);
  }
  const files = input.comments.length === 0 ? [] : await pullFiles(forge, repository, issue);
  const placed = input.comments.map((comment) => placeForReview(files, comment));
  const commitSha = input.commitSha ?? issue.pull.headSha;
  if (forge.git(repository).commit(commitSha) === undefined) throw new Fault(422, 'Unprocessable Entity', ['Commit is not part of the pull request']);
  const review: Review = {
    id: forge.store.nextId(),
    pullNumber: issue.number,
    author: by.login,
    body: input.body,
    state: 'PENDING',
    commitSha,
    submittedAt: null,
    updatedAt: timestamp(),
  };
  repository.reviews.push(review);
  for (const place of placed) addReviewComment(scope, issue, { ...place, review, inReplyTo: null });
  if (input.event !== undefined) submitReview(scope, issue, { review, event: input.event, body: input.body });
  return review;
}

function placeForReview(files: DiffFile[], input: JsonObject): PlacedComment {
  const body = checkBody(requiredText(input, 'body', 'PullRequestReviewComment'), 'PullRequestReviewComment');
  const place = findPlace(files, input);
  if ('problem' in place) throw new Fault(422, 'Unprocessable Entity', [REVIEW_PROBLEMS[place.problem]]);
  return { ...place, body };
}

function pendingReview({ repository, by }: Scope, issue: PullIssue): Review | undefined {
  return repository.reviews.find((review) => review.pullNumber === issue.number && review.author === by.login && review.state === 'PENDING');
}

export function checkVerdict({ by }: Scope, issue: PullIssue, { event, body, comments }: { event: ReviewEvent; body: string; comments: number }): void {
  if (issue.author === by.login && event === 'APPROVE') throw new Fault(422, 'Unprocessable Entity', ['Can not approve your own pull request']);
  if (issue.author === by.login && event === 'REQUEST_CHANGES')
    throw new Fault(422, 'Unprocessable Entity', ['Can not request changes on your own pull request']);
  const needsBody = event === 'REQUEST_CHANGES' || (event === 'COMMENT' && comments === 0);
  if (needsBody && body.trim() === '') throw new Fault(422, 'Unprocessable Entity', [`Body is required for ${event} reviews`]);
}

/** Makes a pending review visible, with its comments. */
export function submitReview(scope: Scope, issue: PullIssue, { review, event, body }: { review: Review; event: ReviewEvent; body: string }): void {
  const { forge, repository, by } = scope;
  const now = timestamp();
  Object.assign(review, { state: STATES[event], body, submittedAt: now, updatedAt: now });
  issue.updatedAt = now;
  issue.pull.requestedReviewers = issue.pull.requestedReviewers.filter((login) => login !== by.login);
  const rendered = renderReview(forge, repository, review);
  emit(forge, repository, {
    event: 'pull_request_review',
    action: 'submitted',
    sender: by,
    payload: { review: { ...rendered, state: review.state.toLowerCase() }, pull_request: renderSimplePull(forge, repository, issue) },
  });
  const mine = repository.reviewComments.filter((comment) => comment.reviewId === review.id);
  for (const comment of mine) announceReviewComment(scope, issue, { comment, action: 'created' });
}

function addReviewComment(scope: Scope, issue: PullIssue, input: PlacedComment & { review: Review; inReplyTo: number | null }): ReviewComment {
  const now = timestamp();
  const { review, ...place } = input;
  const comment: ReviewComment = {
    ...place,
    id: scope.forge.store.nextId(),
    pullNumber: issue.number,
    reviewId: review.id,
    author: scope.by.login,
    commitSha: review.commitSha,
    createdAt: now,
    updatedAt: now,
    resolvedBy: null,
    reactions: [],
  };
  scope.repository.reviewComments.push(comment);
  issue.updatedAt = now;
  return comment;
}

export function announceReviewComment(
  scope: Scope,
  issue: PullIssue,
  { comment, action, extra = {} }: { comment: ReviewComment; action: string; extra?: JsonObject },
): void {
  const { forge, repository, by } = scope;
  emit(forge, repository, {
    event: 'pull_request_review_comment',
    action,
    sender: by,
    payload: { ...extra, comment: renderReviewComment(forge, repository, comment), pull_request: renderSimplePull(forge, repository, issue) },
  });
}

/** A comment outside a review makes a review of its own around it, as on GitHub. */
export async function createSingleComment(scope: Scope, issue: PullIssue, input: JsonObject): Promise<ReviewComment> {
  const { forge, repository, by } = scope;
  const body = checkBody(requiredText(input, 'body', 'PullRequestReviewComment'), 'PullRequestReviewComment');
  const replyTo = optionalInteger(input, 'in_reply_to');
  const place = replyTo === undefined ? findPlace(await pullFiles(forge, repository, issue), input) : threadPlace(scope, issue, replyTo);
  if ('problem' in place) {
    const field = place.problem === 'position' ? 'position' : `pull_request_review_thread.${place.problem}`;
    throw invalid({ resource: 'PullRequestReviewComment', code: 'custom', field, message: `${field} must be part of the diff` });
  }
  const now = timestamp();
  const review: Review = {
    id: forge.store.nextId(),
    pullNumber: issue.number,
    author: by.login,
    body: '',
    state: 'COMMENTED',
    commitSha: issue.pull.headSha,
    submittedAt: now,
    updatedAt: now,
  };
  repository.reviews.push(review);
  const comment = addReviewComment(scope, issue, { ...place, body, review, inReplyTo: replyTo === undefined ? null : rootOf(scope, replyTo) });
  announceReviewComment(scope, issue, { comment, action: 'created' });
  return comment;
}

function rootOf({ repository }: Scope, id: number): number {
  return repository.reviewComments.find((comment) => comment.id === id)?.inReplyTo ?? id;
}

function threadPlace({ repository }: Scope, issue: PullIssue, id: number): CommentPlace {
  const parent = repository.reviewComments.find((comment) => comment.id === id && comment.pullNumber === issue.number);
  if (parent === undefined) throw invalid({ resource: 'PullRequestReviewComment', code: 'invalid', field: 'in_reply_to' });
  const { path, side, line, startSide, startLine, position, subjectType, diffHunk } = parent;
  return { path, side, line, startSide, startLine, position, subjectType, diffHunk };
}
