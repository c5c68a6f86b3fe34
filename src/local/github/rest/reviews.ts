import type { ReviewEvent } from '../actions/reviews.ts';
import { announceReviewComment, checkVerdict, createReview, createSingleComment, submitReview } from '../actions/reviews.ts';
import { actorRole, atLeast } from '../core/access.ts';
import { Fault, notFound } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { Repository, Review, ReviewComment } from '../core/model.ts';
import { READ_PULLS, REVIEW, WRITE_PULLS } from '../core/needs.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { created, listReply, noContent, numberParam, ok, repositoryRoute, scopeOf } from '../http/call.ts';
import { checkBody, objectList, oneOf, optionalText, requiredText } from '../http/input.ts';
import type { PullIssue } from '../render/pulls.ts';
import { isPull, renderReview, renderReviewComment, renderSimplePull } from '../render/pulls.ts';
import { emit } from '../webhooks/emit.ts';
import { pullOf } from './pulls.ts';

const EVENTS = ['APPROVE', 'REQUEST_CHANGES', 'COMMENT'] as const;

export const reviewRoutes: Route[] = [
  repositoryRoute({ method: 'GET', path: '/pulls/{number}/reviews', need: READ_PULLS }, (call, repository) => {
    const { number } = pullOf(call, repository);
    const shown = repository.reviews.filter((review) => review.pullNumber === number && isVisible(call, review));
    return listReply(call, shown, (review) => renderReview(call.forge, repository, review));
  }),
  repositoryRoute({ method: 'POST', path: '/pulls/{number}/reviews', need: REVIEW }, create),
  repositoryRoute({ method: 'GET', path: '/pulls/{number}/reviews/{review}', need: READ_PULLS }, (call, repository) =>
    ok(renderReview(call.forge, repository, reviewOf(call, repository))),
  ),
  repositoryRoute({ method: 'PUT', path: '/pulls/{number}/reviews/{review}', need: REVIEW }, change),
  repositoryRoute({ method: 'DELETE', path: '/pulls/{number}/reviews/{review}', need: REVIEW }, removePending),
  repositoryRoute({ method: 'GET', path: '/pulls/{number}/reviews/{review}/comments', need: READ_PULLS }, (call, repository) => {
    const review = reviewOf(call, repository);
    return listReply(
      call,
      repository.reviewComments.filter((comment) => comment.reviewId === review.id),
      (comment) => renderReviewComment(call.forge, repository, comment),
    );
  }),
  repositoryRoute({ method: 'POST', path: '/pulls/{number}/reviews/{review}/events', need: REVIEW }, submit),
  repositoryRoute({ method: 'PUT', path: '/pulls/{number}/reviews/{review}/dismissals', need: WRITE_PULLS }, dismiss),
  repositoryRoute({ method: 'GET', path: '/pulls/comments', need: READ_PULLS }, (call, repository) =>
    listComments(call, repository, repository.reviewComments),
  ),
  repositoryRoute({ method: 'GET', path: '/pulls/comments/{id}', need: READ_PULLS }, (call, repository) =>
    ok(renderReviewComment(call.forge, repository, commentOf(call, repository))),
  ),
  repositoryRoute({ method: 'PATCH', path: '/pulls/comments/{id}', need: REVIEW }, changeComment),
  repositoryRoute({ method: 'DELETE', path: '/pulls/comments/{id}', need: REVIEW }, removeComment),
  repositoryRoute({ method: 'GET', path: '/pulls/{number}/comments', need: READ_PULLS }, (call, repository) => {
    const { number } = pullOf(call, repository);
    return listComments(
      call,
      repository,
      repository.reviewComments.filter((comment) => comment.pullNumber === number),
    );
  }),
  repositoryRoute({ method: 'POST', path: '/pulls/{number}/comments', need: REVIEW }, async (call, repository) => {
    const comment = await createSingleComment(scopeOf(call, repository), pullOf(call, repository), call.body);
    return created(renderReviewComment(call.forge, repository, comment));
  }),
  repositoryRoute({ method: 'POST', path: '/pulls/{number}/comments/{id}/replies', need: REVIEW }, async (call, repository) => {
    const input = { body: call.body.body, in_reply_to: commentOf(call, repository).id };
    const comment = await createSingleComment(scopeOf(call, repository), pullOf(call, repository), input);
    return created(renderReviewComment(call.forge, repository, comment));
  }),
];

/** A pending review is its author's alone. */
function isVisible(call: Call, review: Review): boolean {
  if (review.state !== 'PENDING') return true;
  return (call.actor.kind === 'user' || call.actor.kind === 'installation') && call.actor.account.login === review.author;
}

function reviewOf(call: Call, repository: Repository): Review {
  const { number } = pullOf(call, repository);
  const id = numberParam(call, 'review');
  const review = repository.reviews.find((candidate) => candidate.id === id && candidate.pullNumber === number);
  if (review === undefined || !isVisible(call, review)) throw notFound();
  return review;
}

async function create(call: Call, repository: Repository): Promise<Reply> {
  const review = await createReview(scopeOf(call, repository), pullOf(call, repository), {
    body: checkBody(optionalText(call.body, 'body') ?? '', 'PullRequestReview'),
    event: oneOf(call.body, 'event', EVENTS),
    commitSha: optionalText(call.body, 'commit_id'),
    comments: objectList(call.body.comments, 'comments'),
  });
  return ok(renderReview(call.forge, repository, review));
}

function requireAuthor(call: Call, repository: Repository, author: string): void {
  if (author !== scopeOf(call, repository).by.login) throw new Fault(403, 'Must be the author');
}

function change(call: Call, repository: Repository): Reply {
  const review = reviewOf(call, repository);
  requireAuthor(call, repository, review.author);
  const from = review.body;
  review.body = checkBody(requiredText(call.body, 'body', 'PullRequestReview'), 'PullRequestReview');
  review.updatedAt = timestamp();
  if (review.state !== 'PENDING') announce(call, repository, { review, action: 'edited', extra: { changes: { body: { from } } } });
  return ok(renderReview(call.forge, repository, review));
}

function announce(call: Call, repository: Repository, { review, action, extra }: { review: Review; action: string; extra: Record<string, unknown> }): void {
  const rendered = { ...renderReview(call.forge, repository, review), state: review.state.toLowerCase() };
  const payload = { ...extra, review: rendered, pull_request: renderSimplePull(call.forge, repository, pullOf(call, repository)) };
  emit(call.forge, repository, { event: 'pull_request_review', action, sender: scopeOf(call, repository).by, payload });
}

function removePending(call: Call, repository: Repository): Reply {
  const review = reviewOf(call, repository);
  requireAuthor(call, repository, review.author);
  if (review.state !== 'PENDING') throw new Fault(422, 'Unprocessable Entity', ['Can not delete a non-pending pull request review']);
  repository.reviews = repository.reviews.filter((other) => other !== review);
  repository.reviewComments = repository.reviewComments.filter((comment) => comment.reviewId !== review.id);
  return ok(renderReview(call.forge, repository, review));
}

function submit(call: Call, repository: Repository): Reply {
  const issue = pullOf(call, repository);
  const review = reviewOf(call, repository);
  const scope = scopeOf(call, repository);
  requireAuthor(call, repository, review.author);
  const event: ReviewEvent | undefined = oneOf(call.body, 'event', EVENTS);
  if (event === undefined || review.state !== 'PENDING') throw new Fault(422, 'Unprocessable Entity', ['Could not submit the review']);
  const body = optionalText(call.body, 'body') ?? review.body;
  checkVerdict(scope, issue, { event, body, comments: repository.reviewComments.filter((comment) => comment.reviewId === review.id).length });
  submitReview(scope, issue, { review, event, body });
  return ok(renderReview(call.forge, repository, review));
}

function dismiss(call: Call, repository: Repository): Reply {
  const review = reviewOf(call, repository);
  requiredText(call.body, 'message', 'PullRequestReview');
  if (review.state !== 'APPROVED' && review.state !== 'CHANGES_REQUESTED')
    throw new Fault(422, 'Unprocessable Entity', ['Can not dismiss a commented pull request review']);
  review.state = 'DISMISSED';
  announce(call, repository, { review, action: 'dismissed', extra: {} });
  return ok(renderReview(call.forge, repository, review));
}

function listComments(call: Call, repository: Repository, comments: ReviewComment[]): Reply {
  const pending = new Set(repository.reviews.filter((review) => !isVisible(call, review)).map((review) => review.id));
  const shown = comments.filter((comment) => !pending.has(comment.reviewId));
  const ordered = call.query.get('direction') === 'desc' ? [...shown].reverse() : shown;
  return listReply(call, ordered, (comment) => renderReviewComment(call.forge, repository, comment));
}

function commentOf(call: Call, repository: Repository): ReviewComment {
  const id = numberParam(call, 'id');
  const comment = repository.reviewComments.find((candidate) => candidate.id === id);
  if (comment === undefined) throw notFound();
  return comment;
}

function pullOfComment(repository: Repository, comment: ReviewComment): PullIssue {
  const issue = repository.issues.find((candidate) => candidate.number === comment.pullNumber);
  if (issue === undefined || !isPull(issue)) throw notFound();
  return issue;
}

function requireCommentRight(call: Call, repository: Repository, comment: ReviewComment): void {
  const own = comment.author === scopeOf(call, repository).by.login;
  if (!own && !atLeast(actorRole(call.forge.store, repository, call.actor), 'write')) throw new Fault(403, 'Must have push access to repository');
}

function changeComment(call: Call, repository: Repository): Reply {
  const comment = commentOf(call, repository);
  requireCommentRight(call, repository, comment);
  const from = comment.body;
  comment.body = checkBody(requiredText(call.body, 'body', 'PullRequestReviewComment'), 'PullRequestReviewComment');
  comment.updatedAt = timestamp();
  announceReviewComment(scopeOf(call, repository), pullOfComment(repository, comment), { comment, action: 'edited', extra: { changes: { body: { from } } } });
  return ok(renderReviewComment(call.forge, repository, comment));
}

function removeComment(call: Call, repository: Repository): Reply {
  const comment = commentOf(call, repository);
  requireCommentRight(call, repository, comment);
  announceReviewComment(scopeOf(call, repository), pullOfComment(repository, comment), { comment, action: 'deleted' });
  repository.reviewComments = repository.reviewComments.filter((other) => other !== comment);
  return noContent();
}
