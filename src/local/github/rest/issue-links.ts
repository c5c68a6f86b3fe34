import { recordEvent } from '../actions/issues.ts';
import { actorRole } from '../core/access.ts';
import { Fault, invalid, notFound } from '../core/fault.ts';
import type { Issue, JsonObject, Repository } from '../core/model.ts';
import { READ_ISSUES, TRIAGE } from '../core/needs.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { created, listReply, numberParam, ok, repositoryRoute, scopeOf } from '../http/call.ts';
import { optionalBoolean, optionalInteger } from '../http/input.ts';
import { renderAccount, renderLogin } from '../render/accounts.ts';
import { authorAssociation, renderComment, renderIssue, renderIssueEvent } from '../render/issues.ts';
import { renderReview } from '../render/pulls.ts';
import { renderRepository } from '../render/repositories.ts';
import { emit } from '../webhooks/emit.ts';
import { issueOf } from './issues.ts';

/** How issues hang together (sub-issues, dependencies) and what happened to them. */
export const issueLinkRoutes: Route[] = [
  repositoryRoute({ method: 'GET', path: '/issues/{number}/sub_issues', need: READ_ISSUES }, (call, repository) =>
    listIssues(call, issueOf(call, repository).subIssueIds),
  ),
  repositoryRoute({ method: 'POST', path: '/issues/{number}/sub_issues', need: TRIAGE }, addSubIssue),
  repositoryRoute({ method: 'DELETE', path: '/issues/{number}/sub_issue', need: TRIAGE }, removeSubIssue),
  repositoryRoute({ method: 'PATCH', path: '/issues/{number}/sub_issues/priority', need: TRIAGE }, reorder),
  repositoryRoute({ method: 'GET', path: '/issues/{number}/parent', need: READ_ISSUES }, parent),
  repositoryRoute({ method: 'GET', path: '/issues/{number}/dependencies/blocked_by', need: READ_ISSUES }, (call, repository) =>
    listIssues(call, issueOf(call, repository).blockedByIds),
  ),
  repositoryRoute({ method: 'POST', path: '/issues/{number}/dependencies/blocked_by', need: TRIAGE }, addBlocker),
  repositoryRoute({ method: 'DELETE', path: '/issues/{number}/dependencies/blocked_by/{id}', need: TRIAGE }, removeBlocker),
  repositoryRoute({ method: 'GET', path: '/issues/{number}/dependencies/blocking', need: READ_ISSUES }, (call, repository) => {
    const { id } = issueOf(call, repository);
    const blocked = call.forge.store.repositories.flatMap((other) => other.issues).filter((issue) => issue.blockedByIds.includes(id));
    return listIssues(
      call,
      blocked.map((issue) => issue.id),
    );
  }),
  repositoryRoute({ method: 'GET', path: '/issues/events', need: READ_ISSUES }, (call, repository) =>
    listReply(call, [...repository.events].reverse(), (event) => renderIssueEvent(call.forge, repository, event)),
  ),
  repositoryRoute({ method: 'GET', path: '/issues/{number}/events', need: READ_ISSUES }, (call, repository) => {
    const { number } = issueOf(call, repository);
    return listReply(
      call,
      repository.events.filter((event) => event.issueNumber === number),
      (event) => renderIssueEvent(call.forge, repository, event),
    );
  }),
  repositoryRoute({ method: 'GET', path: '/issues/{number}/timeline', need: READ_ISSUES }, timeline),
  repositoryRoute({ method: 'GET', path: '/assignees', need: READ_ISSUES }, (call, repository) => {
    const { root } = call.forge.store;
    const logins = [repository.owner, ...(root.organizationAdmins[repository.owner] ?? []), ...Object.keys(repository.collaborators)];
    return listReply(
      call,
      root.accounts.filter(({ login, type }) => type === 'User' && logins.includes(login)),
      (account) => renderAccount(call.forge, account),
    );
  }),
];

const MAX_SUB_ISSUES = 100;

function listIssues(call: Call, ids: number[]): Reply {
  const found = ids.flatMap((id) => {
    const match = call.forge.store.issueById(id);
    return match !== undefined && actorRole(call.forge.store, match.repository, call.actor) !== null ? match : [];
  });
  return listReply(call, found, ({ repository, issue }) => renderIssue(call.forge, repository, issue));
}

function givenIssue(call: Call, field: string): { repository: Repository; issue: Issue } {
  const id = optionalInteger(call.body, field);
  const match = id === undefined ? undefined : call.forge.store.issueById(id);
  if (match === undefined || actorRole(call.forge.store, match.repository, call.actor) === null) {
    throw new Fault(404, 'The provided sub-issue does not exist');
  }
  return match;
}

function isBelow(call: Call, issue: Issue, ancestorId: number): boolean {
  if (issue.id === ancestorId) return true;
  const above = issue.parentId === null ? undefined : call.forge.store.issueById(issue.parentId);
  return above !== undefined && isBelow(call, above.issue, ancestorId);
}

function addSubIssue(call: Call, repository: Repository): Reply {
  const issue = issueOf(call, repository);
  const child = givenIssue(call, 'sub_issue_id');
  if (isBelow(call, issue, child.issue.id))
    throw invalid({ resource: 'Issue', code: 'custom', field: 'sub_issue_id', message: 'An issue cannot be below itself' });
  if (issue.subIssueIds.length >= MAX_SUB_ISSUES) throw invalid({ resource: 'Issue', code: 'custom', message: 'Parent cannot have more than 100 sub-issues' });
  const above = child.issue.parentId === null ? undefined : call.forge.store.issueById(child.issue.parentId);
  if (above !== undefined && optionalBoolean(call.body, 'replace_parent') !== true) {
    throw invalid({
      resource: 'Issue',
      code: 'custom',
      field: 'sub_issue_id',
      message: 'Issue may not contain duplicate sub-issues and Sub issue may only have one parent',
    });
  }
  if (above !== undefined) unlink(call, above, child);
  issue.subIssueIds.push(child.issue.id);
  child.issue.parentId = issue.id;
  call.forge.store.touch(child.repository);
  recordEvent(scopeOf(call, repository), issue, { event: 'sub_issue_added' });
  announceLink(call, { above: { repository, issue }, child, actions: ['parent_issue_added', 'sub_issue_added'] });
  return created(renderIssue(call.forge, repository, issue));
}

interface Placed {
  repository: Repository;
  issue: Issue;
}

function unlink(call: Call, above: Placed, child: Placed): void {
  above.issue.subIssueIds = above.issue.subIssueIds.filter((id) => id !== child.issue.id);
  child.issue.parentId = null;
  call.forge.store.touch(above.repository);
  call.forge.store.touch(child.repository);
  recordEvent(scopeOf(call, above.repository), above.issue, { event: 'sub_issue_removed' });
  announceLink(call, { above, child, actions: ['parent_issue_removed', 'sub_issue_removed'] });
}

function announceLink(call: Call, { above, child, actions }: { above: Placed; child: Placed; actions: [string, string] }): void {
  const { forge } = call;
  const shared: JsonObject = {
    sub_issue_id: child.issue.id,
    sub_issue: renderIssue(forge, child.repository, child.issue),
    parent_issue_id: above.issue.id,
    parent_issue: renderIssue(forge, above.repository, above.issue),
  };
  const sender = scopeOf(call, above.repository).by;
  const [forChild, forParent] = actions;
  emit(forge, child.repository, {
    event: 'sub_issues',
    action: forChild,
    sender,
    payload: { ...shared, parent_issue_repo: renderRepository(forge, above.repository) },
  });
  emit(forge, above.repository, {
    event: 'sub_issues',
    action: forParent,
    sender,
    payload: { ...shared, sub_issue_repo: renderRepository(forge, child.repository) },
  });
}

function removeSubIssue(call: Call, repository: Repository): Reply {
  const issue = issueOf(call, repository);
  const child = givenIssue(call, 'sub_issue_id');
  if (child.issue.parentId !== issue.id) throw new Fault(404, 'The provided sub-issue does not exist');
  unlink(call, { repository, issue }, child);
  return ok(renderIssue(call.forge, repository, issue));
}

function reorder(call: Call, repository: Repository): Reply {
  const issue = issueOf(call, repository);
  const moved = givenIssue(call, 'sub_issue_id').issue.id;
  const after = optionalInteger(call.body, 'after_id');
  const before = optionalInteger(call.body, 'before_id');
  const others = issue.subIssueIds.filter((id) => id !== moved);
  const at = after === undefined ? others.indexOf(before ?? -1) : others.indexOf(after) + 1;
  if (others.length === issue.subIssueIds.length || at < 0) throw invalid({ resource: 'Issue', code: 'invalid', field: 'sub_issue_id' });
  issue.subIssueIds = others.toSpliced(at, 0, moved);
  return ok(renderIssue(call.forge, repository, issue));
}

function parent(call: Call, repository: Repository): Reply {
  const { parentId } = issueOf(call, repository);
  const above = parentId === null ? undefined : call.forge.store.issueById(parentId);
  if (above === undefined) throw notFound();
  return ok(renderIssue(call.forge, above.repository, above.issue));
}

function addBlocker(call: Call, repository: Repository): Reply {
  const issue = issueOf(call, repository);
  const blocker = givenIssue(call, 'issue_id');
  if (blocker.issue.id === issue.id) throw invalid({ resource: 'Issue', code: 'invalid', field: 'issue_id' });
  if (!issue.blockedByIds.includes(blocker.issue.id)) issue.blockedByIds.push(blocker.issue.id);
  recordEvent(scopeOf(call, repository), issue, { event: 'blocked_by_added' });
  return created(renderIssue(call.forge, repository, issue));
}

function removeBlocker(call: Call, repository: Repository): Reply {
  const issue = issueOf(call, repository);
  const id = numberParam(call, 'id');
  if (!issue.blockedByIds.includes(id)) throw notFound();
  issue.blockedByIds = issue.blockedByIds.filter((other) => other !== id);
  return ok(renderIssue(call.forge, repository, issue));
}

/** Comments, reviews and events of an issue in the order they happened. */
function timeline(call: Call, repository: Repository): Reply {
  const { forge } = call;
  const { number } = issueOf(call, repository);
  const comments = repository.comments
    .filter((comment) => comment.issueNumber === number)
    .map((comment) => ({
      at: comment.createdAt,
      id: comment.id,
      json: { event: 'commented', actor: renderLogin(forge, comment.author), ...renderComment(forge, repository, comment) },
    }));
  const reviews = repository.reviews
    .filter((review) => review.pullNumber === number && review.submittedAt !== null)
    .map((review) => ({
      at: review.submittedAt ?? '',
      id: review.id,
      json: {
        event: 'reviewed',
        ...renderReview(forge, repository, review),
        state: review.state.toLowerCase(),
        author_association: authorAssociation(forge, repository, review.author),
      },
    }));
  const events = repository.events
    .filter((event) => event.issueNumber === number)
    .map((event) => ({ at: event.createdAt, id: event.id, json: renderIssueEvent(forge, repository, event) }));
  const all = [...comments, ...reviews, ...events].sort((a, b) => (a.at === b.at ? a.id - b.id : a.at < b.at ? -1 : 1));
  return listReply(call, all, ({ json }) => json);
}
