import { actorRole, atLeast } from '../core/access.ts';
import { Fault, notFound } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { Issue, IssueComment, JsonObject, Repository } from '../core/model.ts';
import { READ_ISSUES, TALK } from '../core/needs.ts';
import type { Call, Reply, Route, Scope } from '../http/call.ts';
import { created, listReply, noContent, numberParam, ok, repositoryRoute, scopeOf } from '../http/call.ts';
import { checkBody, requiredText } from '../http/input.ts';
import { renderComment, renderIssue } from '../render/issues.ts';
import { emit } from '../webhooks/emit.ts';
import { issueOf, mayTriage } from './issues.ts';

export const commentRoutes: Route[] = [
  repositoryRoute({ method: 'GET', path: '/issues/comments', need: READ_ISSUES }, (call, repository) => listComments(call, repository, repository.comments)),
  repositoryRoute({ method: 'GET', path: '/issues/comments/{id}', need: READ_ISSUES }, (call, repository) =>
    ok(renderComment(call.forge, repository, commentOf(call, repository))),
  ),
  repositoryRoute({ method: 'PATCH', path: '/issues/comments/{id}', need: TALK }, change),
  repositoryRoute({ method: 'DELETE', path: '/issues/comments/{id}', need: TALK }, remove),
  repositoryRoute({ method: 'GET', path: '/issues/{number}/comments', need: READ_ISSUES }, (call, repository) => {
    const { number } = issueOf(call, repository);
    return listComments(
      call,
      repository,
      repository.comments.filter((comment) => comment.issueNumber === number),
    );
  }),
  repositoryRoute({ method: 'POST', path: '/issues/{number}/comments', need: TALK }, create),
];

function listComments(call: Call, repository: Repository, comments: IssueComment[]): Reply {
  const since = Date.parse(call.query.get('since') ?? '');
  const shown = comments.filter((comment) => !(Date.parse(comment.updatedAt) < since));
  const ordered = call.query.get('direction') === 'desc' ? [...shown].reverse() : shown;
  return listReply(call, ordered, (comment) => renderComment(call.forge, repository, comment));
}

export function commentOf(call: Call, repository: Repository): IssueComment {
  const id = numberParam(call, 'id');
  const comment = repository.comments.find((candidate) => candidate.id === id);
  if (comment === undefined) throw notFound();
  return comment;
}

function announce(scope: Scope, comment: IssueComment, { action, extra = {} }: { action: string; extra?: JsonObject }): void {
  const { forge, repository, by } = scope;
  const issue = repository.issues.find((candidate) => candidate.number === comment.issueNumber);
  if (issue === undefined) return;
  emit(forge, repository, {
    event: 'issue_comment',
    action,
    sender: by,
    payload: { ...extra, issue: renderIssue(forge, repository, issue), comment: renderComment(forge, repository, comment) },
  });
}

function create(call: Call, repository: Repository): Reply {
  const issue = issueOf(call, repository);
  if (issue.locked && !mayTriage(call, repository)) throw new Fault(403, 'Unable to create comment because issue is locked.');
  const body = checkBody(requiredText(call.body, 'body', 'IssueComment'), 'IssueComment');
  const comment = addComment(scopeOf(call, repository), issue, body);
  return created(renderComment(call.forge, repository, comment));
}

function addComment(scope: Scope, issue: Issue, body: string): IssueComment {
  const now = timestamp();
  const comment: IssueComment = {
    id: scope.forge.store.nextId(),
    issueNumber: issue.number,
    author: scope.by.login,
    viaApp: scope.viaApp,
    body,
    createdAt: now,
    updatedAt: now,
    reactions: [],
  };
  scope.repository.comments.push(comment);
  issue.updatedAt = now;
  announce(scope, comment, { action: 'created' });
  return comment;
}

/** One's own comment, or anybody's with write access. */
function requireOwn(call: Call, repository: Repository, comment: IssueComment): void {
  const own = comment.author === scopeOf(call, repository).by.login;
  if (!own && !atLeast(actorRole(call.forge.store, repository, call.actor), 'write')) throw new Fault(403, 'Must have push access to repository');
}

function change(call: Call, repository: Repository): Reply {
  const comment = commentOf(call, repository);
  requireOwn(call, repository, comment);
  const body = checkBody(requiredText(call.body, 'body', 'IssueComment'), 'IssueComment');
  const from = comment.body;
  comment.body = body;
  comment.updatedAt = timestamp();
  announce(scopeOf(call, repository), comment, { action: 'edited', extra: { changes: from === body ? {} : { body: { from } } } });
  return ok(renderComment(call.forge, repository, comment));
}

function remove(call: Call, repository: Repository): Reply {
  const comment = commentOf(call, repository);
  requireOwn(call, repository, comment);
  announce(scopeOf(call, repository), comment, { action: 'deleted' });
  repository.comments = repository.comments.filter((other) => other !== comment);
  return noContent();
}
