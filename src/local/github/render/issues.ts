import { roleOf } from '../core/access.ts';
import type { Forge } from '../core/forge.ts';
import { nodeId } from '../core/ids.ts';
import type { Issue, IssueComment, IssueEvent, JsonObject, Label, Milestone, Reaction, Repository } from '../core/model.ts';
import { renderLogin, renderLoginOrNull } from './accounts.ts';
import { renderApp } from './app.ts';
import { apiUrl, pageUrl } from './repositories.ts';

const REACTIONS = ['+1', '-1', 'laugh', 'hooray', 'confused', 'heart', 'rocket', 'eyes'];

export function renderLabel(forge: Forge, repository: Repository, label: Label): JsonObject {
  return {
    id: label.id,
    node_id: nodeId('LA', label.id),
    url: `${apiUrl(forge, repository)}/labels/${encodeURIComponent(label.name)}`,
    name: label.name,
    color: label.color,
    default: label.isDefault,
    description: label.description,
  };
}

export function labelsOf(repository: Repository, issue: Issue): Label[] {
  return issue.labelIds.flatMap((id) => repository.labels.find((label) => label.id === id) ?? []);
}

export function renderMilestone(forge: Forge, repository: Repository, milestone: Milestone): JsonObject {
  const mine = repository.issues.filter((issue) => issue.milestoneId === milestone.id);
  const url = `${apiUrl(forge, repository)}/milestones/${milestone.number}`;
  return {
    url,
    html_url: `${pageUrl(forge, repository)}/milestone/${milestone.number}`,
    labels_url: `${url}/labels`,
    id: milestone.id,
    node_id: nodeId('MI', milestone.id),
    number: milestone.number,
    title: milestone.title,
    description: milestone.description,
    creator: renderLogin(forge, milestone.creator),
    open_issues: mine.filter((issue) => issue.state === 'open').length,
    closed_issues: mine.filter((issue) => issue.state === 'closed').length,
    state: milestone.state,
    created_at: milestone.createdAt,
    updated_at: milestone.updatedAt,
    due_on: milestone.dueOn,
    closed_at: milestone.closedAt,
  };
}

export function milestoneOf(forge: Forge, repository: Repository, issue: Issue): JsonObject | null {
  const milestone = repository.milestones.find((candidate) => candidate.id === issue.milestoneId);
  return milestone === undefined ? null : renderMilestone(forge, repository, milestone);
}

export function authorAssociation(forge: Forge, repository: Repository, login: string): string {
  if (repository.owner === login) return 'OWNER';
  if ((forge.store.root.organizationAdmins[repository.owner] ?? []).includes(login)) return 'MEMBER';
  if (repository.collaborators[login] !== undefined) return 'COLLABORATOR';
  const contributed = repository.issues.some((issue) => issue.author === login && issue.pull?.mergedAt != null);
  return contributed && roleOf(forge.store, repository, login) !== null ? 'CONTRIBUTOR' : 'NONE';
}

export function renderReactions(url: string, reactions: Reaction[]): JsonObject {
  const counts = REACTIONS.map((content) => [content, reactions.filter((reaction) => reaction.content === content).length]);
  return { url: `${url}/reactions`, total_count: reactions.length, ...Object.fromEntries(counts) };
}

export function renderReaction(forge: Forge, reaction: Reaction): JsonObject {
  return {
    id: reaction.id,
    node_id: nodeId('REA', reaction.id),
    user: renderLogin(forge, reaction.user),
    content: reaction.content,
    created_at: reaction.createdAt,
  };
}

export function issueNodeId(issue: Issue): string {
  return issue.pull === null ? nodeId('I', issue.id) : nodeId('PR', issue.pull.id);
}

/** An issue, or a pull request in the form that the issues API gives it. */
export function renderIssue(forge: Forge, repository: Repository, issue: Issue): JsonObject {
  const url = `${apiUrl(forge, repository)}/issues/${issue.number}`;
  const page = `${pageUrl(forge, repository)}/${issue.pull === null ? 'issues' : 'pull'}/${issue.number}`;
  return {
    url,
    repository_url: apiUrl(forge, repository),
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: page,
    id: issue.id,
    node_id: issueNodeId(issue),
    number: issue.number,
    title: issue.title,
    user: renderLogin(forge, issue.author),
    labels: labelsOf(repository, issue).map((label) => renderLabel(forge, repository, label)),
    state: issue.state,
    locked: issue.locked,
    assignee: renderLoginOrNull(forge, issue.assignees[0] ?? null),
    assignees: issue.assignees.map((login) => renderLogin(forge, login)),
    milestone: milestoneOf(forge, repository, issue),
    comments: repository.comments.filter((comment) => comment.issueNumber === issue.number).length,
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    closed_at: issue.closedAt,
    closed_by: renderLoginOrNull(forge, issue.closedBy),
    author_association: authorAssociation(forge, repository, issue.author),
    active_lock_reason: issue.lockReason,
    body: issue.body,
    reactions: renderReactions(url, issue.reactions),
    timeline_url: `${url}/timeline`,
    performed_via_github_app: issue.viaApp ? renderApp(forge) : null,
    state_reason: issue.stateReason,
    ...issueOnlyParts(forge, issue),
    ...(issue.pull === null ? {} : { draft: issue.pull.draft, pull_request: pullLinks(forge, repository, issue) }),
  };
}

function pullLinks(forge: Forge, repository: Repository, issue: Issue): JsonObject {
  const page = `${pageUrl(forge, repository)}/pull/${issue.number}`;
  return {
    url: `${apiUrl(forge, repository)}/pulls/${issue.number}`,
    html_url: page,
    diff_url: `${page}.diff`,
    patch_url: `${page}.patch`,
    merged_at: issue.pull?.mergedAt ?? null,
  };
}

function issueOnlyParts(forge: Forge, issue: Issue): JsonObject {
  if (issue.pull !== null) return {};
  const parts = issue.subIssueIds.flatMap((id) => forge.store.issueById(id)?.issue ?? []);
  const blockers = issue.blockedByIds.flatMap((id) => forge.store.issueById(id)?.issue ?? []);
  const done = parts.filter((part) => part.state === 'closed').length;
  const parent = issue.parentId === null ? undefined : forge.store.issueById(issue.parentId);
  return {
    type: null,
    sub_issues_summary: { total: parts.length, completed: done, percent_completed: parts.length === 0 ? 0 : Math.floor((100 * done) / parts.length) },
    issue_dependencies_summary: {
      blocked_by: blockers.filter((blocker) => blocker.state === 'open').length,
      total_blocked_by: blockers.length,
      blocking: 0,
      total_blocking: 0,
    },
    ...(parent === undefined ? {} : { parent_issue_url: `${apiUrl(forge, parent.repository)}/issues/${parent.issue.number}` }),
  };
}

export function renderComment(forge: Forge, repository: Repository, comment: IssueComment): JsonObject {
  const issue = repository.issues.find((candidate) => candidate.number === comment.issueNumber);
  const url = `${apiUrl(forge, repository)}/issues/comments/${comment.id}`;
  const kind = issue?.pull == null ? 'issues' : 'pull';
  return {
    url,
    html_url: `${pageUrl(forge, repository)}/${kind}/${comment.issueNumber}#issuecomment-${comment.id}`,
    issue_url: `${apiUrl(forge, repository)}/issues/${comment.issueNumber}`,
    id: comment.id,
    node_id: nodeId('IC', comment.id),
    user: renderLogin(forge, comment.author),
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    author_association: authorAssociation(forge, repository, comment.author),
    body: comment.body,
    reactions: renderReactions(url, comment.reactions),
    performed_via_github_app: comment.viaApp ? renderApp(forge) : null,
  };
}

export function renderIssueEvent(forge: Forge, repository: Repository, event: IssueEvent): JsonObject {
  return {
    id: event.id,
    node_id: nodeId('I', `event-${event.id}`),
    url: `${apiUrl(forge, repository)}/issues/events/${event.id}`,
    actor: renderLogin(forge, event.actor),
    event: event.event,
    commit_id: event.commitSha,
    commit_url: event.commitSha === null ? null : `${apiUrl(forge, repository)}/commits/${event.commitSha}`,
    created_at: event.createdAt,
    performed_via_github_app: event.viaApp ? renderApp(forge) : null,
    ...event.details,
  };
}
