import { roleOf } from '../core/access.ts';
import { invalid } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { Issue, IssueEvent, JsonObject, Label, Repository } from '../core/model.ts';
import type { Scope } from '../http/call.ts';
import { renderLogin } from '../render/accounts.ts';
import { labelsOf, renderIssue, renderLabel, renderMilestone } from '../render/issues.ts';
import { isPull, renderPull } from '../render/pulls.ts';
import { emit } from '../webhooks/emit.ts';

const LABEL_COLOR = 'ededed';

export interface NewIssue {
  title: string;
  body: string | null;
  labels: string[];
  assignees: string[];
  milestoneId: number | null;
}

/** A bare issue with the repository's next number; issues and pull requests share one sequence. */
export function draftIssue(scope: Scope, fields: { title: string; body: string | null }): Issue {
  const { forge, repository, by, viaApp } = scope;
  const now = timestamp();
  return {
    id: forge.store.nextId(),
    number: repository.nextNumber++,
    ...fields,
    author: by.login,
    viaApp,
    state: 'open',
    stateReason: null,
    labelIds: [],
    assignees: [],
    milestoneId: null,
    locked: false,
    lockReason: null,
    createdAt: now,
    updatedAt: now,
    closedAt: null,
    closedBy: null,
    reactions: [],
    parentId: null,
    subIssueIds: [],
    blockedByIds: [],
    pull: null,
  };
}

export async function createIssue(scope: Scope, fields: NewIssue): Promise<Issue> {
  const issue = draftIssue(scope, fields);
  issue.milestoneId = fields.milestoneId;
  const labels = fields.labels.map((name) => findOrCreateLabel(scope, name));
  issue.labelIds = [...new Set(labels.map((label) => label.id))];
  issue.assignees = [...new Set(fields.assignees)];
  scope.repository.issues.push(issue);
  await emitIssue(scope, issue, { action: 'opened' });
  for (const label of labelsOf(scope.repository, issue)) await announceLabel(scope, issue, { label, event: 'labeled' });
  for (const login of issue.assignees) await announceAssignee(scope, issue, { login, event: 'assigned' });
  return issue;
}

/** Sends `issues` or, for a pull request, `pull_request`, with the object as it is now. */
export async function emitIssue(scope: Scope, issue: Issue, { action, extra = {} }: { action: string; extra?: JsonObject }): Promise<void> {
  const { forge, repository, by } = scope;
  const payload = isPull(issue)
    ? { number: issue.number, pull_request: await renderPull(forge, repository, issue), ...extra }
    : { issue: renderIssue(forge, repository, issue), ...extra };
  emit(forge, repository, { event: issue.pull === null ? 'issues' : 'pull_request', action, sender: by, payload });
}

export function recordEvent(scope: Scope, issue: Issue, fields: { event: string; details?: JsonObject; commitSha?: string | null }): IssueEvent {
  const { forge, repository, by, viaApp } = scope;
  const event: IssueEvent = {
    id: forge.store.nextId(),
    issueNumber: issue.number,
    event: fields.event,
    actor: by.login,
    viaApp,
    commitSha: fields.commitSha ?? null,
    createdAt: timestamp(),
    details: fields.details ?? {},
  };
  repository.events.push(event);
  issue.updatedAt = event.createdAt;
  forge.store.touch(repository);
  return event;
}

export function findLabel(repository: Repository, name: string): Label | undefined {
  const wanted = name.toLowerCase();
  return repository.labels.find((label) => label.name.toLowerCase() === wanted);
}

export function createLabel(scope: Scope, fields: { name: string; color?: string | undefined; description?: string | null | undefined }): Label {
  const { forge, repository, by } = scope;
  const label: Label = {
    id: forge.store.nextId(),
    name: fields.name,
    color: fields.color ?? LABEL_COLOR,
    description: fields.description ?? null,
    isDefault: false,
  };
  repository.labels.push(label);
  forge.store.touch(repository);
  emit(forge, repository, { event: 'label', action: 'created', sender: by, payload: { label: renderLabel(forge, repository, label) } });
  return label;
}

/** Naming an unknown label creates it, as GitHub does. */
function findOrCreateLabel(scope: Scope, name: string): Label {
  const known = findLabel(scope.repository, name);
  if (known !== undefined) return known;
  if (name.length > 50) throw invalid({ resource: 'Label', field: 'name', code: 'custom', message: 'name is too long (maximum is 50 characters)' });
  return createLabel(scope, { name });
}

async function announceLabel(scope: Scope, issue: Issue, { label, event }: { label: Label; event: 'labeled' | 'unlabeled' }): Promise<void> {
  recordEvent(scope, issue, { event, details: { label: { name: label.name, color: label.color } } });
  await emitIssue(scope, issue, { action: event, extra: { label: renderLabel(scope.forge, scope.repository, label) } });
}

async function announceAssignee(scope: Scope, issue: Issue, { login, event }: { login: string; event: 'assigned' | 'unassigned' }): Promise<void> {
  const assignee = renderLogin(scope.forge, login);
  recordEvent(scope, issue, { event, details: { assignee, assigner: renderLogin(scope.forge, scope.by.login) } });
  await emitIssue(scope, issue, { action: event, extra: { assignee } });
}

export async function addLabels(scope: Scope, issue: Issue, names: string[]): Promise<void> {
  for (const name of names) {
    const label = findOrCreateLabel(scope, name);
    if (issue.labelIds.includes(label.id)) continue;
    issue.labelIds.push(label.id);
    await announceLabel(scope, issue, { label, event: 'labeled' });
  }
}

export async function removeLabels(scope: Scope, issue: Issue, labels: Label[]): Promise<void> {
  for (const label of labels) {
    if (!issue.labelIds.includes(label.id)) continue;
    issue.labelIds = issue.labelIds.filter((id) => id !== label.id);
    await announceLabel(scope, issue, { label, event: 'unlabeled' });
  }
}

export async function setLabels(scope: Scope, issue: Issue, names: string[]): Promise<void> {
  const wanted = names.map((name) => name.toLowerCase());
  await removeLabels(
    scope,
    issue,
    labelsOf(scope.repository, issue).filter((label) => !wanted.includes(label.name.toLowerCase())),
  );
  await addLabels(scope, issue, names);
}

/** People that an issue may be given to: those with a role of their own here. */
export function assignable(scope: Scope, login: string): string | undefined {
  const { forge, repository } = scope;
  const account = forge.store.account(login);
  if (account?.type !== 'User') return undefined;
  const member = repository.owner === account.login || (forge.store.root.organizationAdmins[repository.owner] ?? []).includes(account.login);
  const known = member || repository.collaborators[account.login] !== undefined;
  return known && roleOf(forge.store, repository, account.login) !== null ? account.login : undefined;
}

export async function addAssignees(scope: Scope, issue: Issue, logins: string[]): Promise<void> {
  for (const login of logins) {
    if (issue.assignees.includes(login)) continue;
    issue.assignees.push(login);
    await announceAssignee(scope, issue, { login, event: 'assigned' });
  }
}

export async function removeAssignees(scope: Scope, issue: Issue, logins: string[]): Promise<void> {
  for (const login of logins) {
    if (!issue.assignees.includes(login)) continue;
    issue.assignees = issue.assignees.filter((other) => other !== login);
    await announceAssignee(scope, issue, { login, event: 'unassigned' });
  }
}

export async function editText(scope: Scope, issue: Issue, fields: { title?: string | undefined; body?: string | null | undefined }): Promise<void> {
  const changes: JsonObject = {};
  if (fields.title !== undefined && fields.title !== issue.title) {
    changes.title = { from: issue.title };
    recordEvent(scope, issue, { event: 'renamed', details: { rename: { from: issue.title, to: fields.title } } });
    issue.title = fields.title;
  }
  if (fields.body !== undefined && fields.body !== issue.body) {
    changes.body = { from: issue.body ?? '' };
    issue.body = fields.body;
  }
  if (Object.keys(changes).length === 0) return;
  issue.updatedAt = timestamp();
  await emitIssue(scope, issue, { action: 'edited', extra: { changes } });
}

export async function setState(
  scope: Scope,
  issue: Issue,
  to: { state: 'open' | 'closed'; reason?: Issue['stateReason'] | undefined; commitSha?: string | undefined },
): Promise<void> {
  const closing = to.state === 'closed';
  const reason = issue.pull !== null ? null : closing ? (to.reason ?? 'completed') : 'reopened';
  if (issue.state === to.state) {
    // A closed issue may still change why it was closed.
    if (closing && to.reason !== undefined) issue.stateReason = reason;
    return;
  }
  issue.state = to.state;
  issue.stateReason = reason;
  issue.closedAt = closing ? timestamp() : null;
  issue.closedBy = closing ? scope.by.login : null;
  recordEvent(scope, issue, {
    event: closing ? 'closed' : 'reopened',
    details: issue.pull === null ? { state_reason: reason } : {},
    commitSha: to.commitSha ?? null,
  });
  await emitIssue(scope, issue, { action: closing ? 'closed' : 'reopened' });
}

export async function setMilestone(scope: Scope, issue: Issue, milestoneId: number | null): Promise<void> {
  if (issue.milestoneId === milestoneId) return;
  const { forge, repository } = scope;
  const steps: ['demilestoned' | 'milestoned', number | null][] = [
    ['demilestoned', issue.milestoneId],
    ['milestoned', milestoneId],
  ];
  issue.milestoneId = milestoneId;
  for (const [action, id] of steps) {
    const milestone = repository.milestones.find((candidate) => candidate.id === id);
    if (milestone === undefined) continue;
    recordEvent(scope, issue, { event: action, details: { milestone: { title: milestone.title } } });
    await emitIssue(scope, issue, { action, extra: { milestone: renderMilestone(forge, repository, milestone) } });
  }
}
