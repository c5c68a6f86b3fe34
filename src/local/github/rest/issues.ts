import { addAssignees, assignable, createIssue, editText, removeAssignees, removeLabels, setLabels, setMilestone, setState } from '../actions/issues.ts';
import { actorRole, atLeast } from '../core/access.ts';
import { Fault, invalid, notFound } from '../core/fault.ts';
import type { Issue, Repository } from '../core/model.ts';
import { READ_ISSUES, TALK, TRIAGE } from '../core/needs.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { created, listReply, noContent, numberParam, ok, repositoryRoute, scopeOf } from '../http/call.ts';
import { checkBody, checkTitle, labelNames, oneOf, optionalText, requiredText, textList, textOrNull } from '../http/input.ts';
import { labelsOf, renderIssue } from '../render/issues.ts';

export const issueRoutes: Route[] = [
  repositoryRoute({ method: 'GET', path: '/issues', need: READ_ISSUES }, list),
  repositoryRoute({ method: 'POST', path: '/issues', need: TALK }, create),
  repositoryRoute({ method: 'GET', path: '/issues/{number}', need: READ_ISSUES }, (call, repository) =>
    ok(renderIssue(call.forge, repository, issueOf(call, repository))),
  ),
  repositoryRoute({ method: 'PATCH', path: '/issues/{number}', need: TALK }, change),
  repositoryRoute({ method: 'POST', path: '/issues/{number}/assignees', need: TRIAGE }, (call, repository) => assign(call, repository, addAssignees)),
  repositoryRoute({ method: 'DELETE', path: '/issues/{number}/assignees', need: TRIAGE }, (call, repository) => assign(call, repository, removeAssignees)),
  repositoryRoute({ method: 'PUT', path: '/issues/{number}/lock', need: TRIAGE }, lock),
  repositoryRoute({ method: 'DELETE', path: '/issues/{number}/lock', need: TRIAGE }, unlock),
];

export function issueOf(call: Call, repository: Repository): Issue {
  const number = numberParam(call, 'number');
  const issue = repository.issues.find((candidate) => candidate.number === number);
  if (issue === undefined) throw notFound();
  return issue;
}

export function mayTriage(call: Call, repository: Repository): boolean {
  return call.actor.kind === 'installation' || atLeast(actorRole(call.forge.store, repository, call.actor), 'triage');
}

function list(call: Call, repository: Repository): Reply {
  const issues = filterIssues(call, repository, repository.issues);
  return listReply(call, issues, (issue) => renderIssue(call.forge, repository, issue));
}

/** The filters and orders of the issues list. */
function filterIssues(call: Call, repository: Repository, issues: Issue[]): Issue[] {
  const { query } = call;
  const state = query.get('state') ?? 'open';
  const labels = (query.get('labels') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  const since = Date.parse(query.get('since') ?? '');
  const [assignee, creator, milestone] = [query.get('assignee'), query.get('creator'), query.get('milestone')];
  const fits = (issue: Issue): boolean => {
    const names = labelsOf(repository, issue).map((label) => label.name.toLowerCase());
    return (
      (state === 'all' || issue.state === state) &&
      labels.every((name) => names.includes(name)) &&
      !(Date.parse(issue.updatedAt) < since) &&
      (creator === null || issue.author === creator) &&
      fitsAssignee(issue, assignee) &&
      fitsMilestone(repository, issue, milestone)
    );
  };
  const keys: Record<string, (issue: Issue) => number> = {
    updated: (issue) => Date.parse(issue.updatedAt),
    comments: (issue) => repository.comments.filter((comment) => comment.issueNumber === issue.number).length,
  };
  const key = keys[query.get('sort') ?? ''] ?? ((issue: Issue) => issue.number);
  const sorted = issues.filter(fits).sort((a, b) => key(a) - key(b) || a.number - b.number);
  return query.get('direction') === 'asc' ? sorted : sorted.reverse();
}

function fitsAssignee(issue: Issue, wanted: string | null): boolean {
  if (wanted === null) return true;
  if (wanted === '*') return issue.assignees.length > 0;
  return wanted === 'none' ? issue.assignees.length === 0 : issue.assignees.includes(wanted);
}

function fitsMilestone(repository: Repository, issue: Issue, wanted: string | null): boolean {
  if (wanted === null) return true;
  if (wanted === '*') return issue.milestoneId !== null;
  if (wanted === 'none') return issue.milestoneId === null;
  return repository.milestones.some((milestone) => milestone.id === issue.milestoneId && milestone.number === Number(wanted));
}

async function create(call: Call, repository: Repository): Promise<Reply> {
  if (!repository.hasIssues) throw new Fault(410, 'Issues are disabled for this repo');
  const { body } = call;
  const title = checkTitle(requiredText(body, 'title', 'Issue'), 'Issue');
  const text = checkBody(textOrNull(body, 'body') ?? null, 'Issue');
  const scope = scopeOf(call, repository);
  const labels = body.labels === undefined || body.labels === null ? [] : labelNames(body.labels);
  const logins = givenAssignees(call);
  // Who may only read opens an issue, but these fields are dropped in silence, as on GitHub.
  const triage = mayTriage(call, repository);
  const assignees = triage ? logins.map((login) => assignable(scope, login) ?? refuseAssignee(login)) : [];
  const milestoneId = triage ? (givenMilestone(call, repository) ?? null) : null;
  const issue = await createIssue(scope, { title, body: text, labels: triage ? labels : [], assignees, milestoneId });
  return created(renderIssue(call.forge, repository, issue));
}

function givenAssignees(call: Call): string[] {
  const single = optionalText(call.body, 'assignee');
  return [...(textList(call.body, 'assignees') ?? []), ...(single === undefined || single === '' ? [] : [single])];
}

function refuseAssignee(login: string): never {
  throw invalid({ resource: 'Issue', field: 'assignees', code: 'invalid', value: login });
}

function givenMilestone(call: Call, repository: Repository): number | null | undefined {
  const value = call.body.milestone;
  if (value === undefined || value === null) return value;
  const milestone = repository.milestones.find((candidate) => candidate.number === Number(value));
  if (milestone === undefined) throw invalid({ resource: 'Issue', field: 'milestone', code: 'invalid', value });
  return milestone.id;
}

async function change(call: Call, repository: Repository): Promise<Reply> {
  const { body } = call;
  const issue = issueOf(call, repository);
  const scope = scopeOf(call, repository);
  const triage = mayTriage(call, repository);
  if (!triage && issue.author !== scope.by.login) throw new Fault(403, 'Must have admin rights to Repository.');
  const title = optionalText(body, 'title');
  const text = textOrNull(body, 'body');
  const state = oneOf(body, 'state', ['open', 'closed'] as const);
  const reason = oneOf(body, 'state_reason', ['completed', 'not_planned', 'duplicate', 'reopened'] as const);
  const logins = body.assignees === undefined && body.assignee === undefined ? undefined : givenAssignees(call);
  const labels = body.labels === undefined || body.labels === null ? undefined : labelNames(body.labels);
  const milestone = givenMilestone(call, repository);
  await editText(scope, issue, {
    title: title === undefined ? undefined : checkTitle(title.trim() === '' ? requiredText(body, 'title', 'Issue') : title, 'Issue'),
    body: text === undefined ? undefined : checkBody(text, 'Issue'),
  });
  if (triage && labels !== undefined) await setLabels(scope, issue, labels);
  if (triage && logins !== undefined) {
    const wanted = logins.map((login) => assignable(scope, login) ?? refuseAssignee(login));
    await removeAssignees(
      scope,
      issue,
      issue.assignees.filter((login) => !wanted.includes(login)),
    );
    await addAssignees(scope, issue, wanted);
  }
  if (triage && milestone !== undefined) await setMilestone(scope, issue, milestone);
  if (state !== undefined) await setState(scope, issue, { state, reason });
  return ok(renderIssue(call.forge, repository, issue));
}

async function assign(call: Call, repository: Repository, apply: typeof addAssignees): Promise<Reply> {
  const scope = scopeOf(call, repository);
  const issue = issueOf(call, repository);
  const logins = (textList(call.body, 'assignees') ?? []).flatMap((login) => assignable(scope, login) ?? []);
  await apply(scope, issue, logins);
  const json = renderIssue(call.forge, repository, issue);
  return call.method === 'POST' ? created(json) : ok(json);
}

function lock(call: Call, repository: Repository): Reply {
  const issue = issueOf(call, repository);
  issue.locked = true;
  issue.lockReason = optionalText(call.body, 'lock_reason') ?? null;
  return noContent();
}

function unlock(call: Call, repository: Repository): Reply {
  const issue = issueOf(call, repository);
  issue.locked = false;
  issue.lockReason = null;
  return noContent();
}

/** Removes the named labels, or all of them. */
export async function dropLabels(call: Call, repository: Repository, names: string[] | null): Promise<Issue> {
  const issue = issueOf(call, repository);
  const labels = labelsOf(repository, issue);
  const wanted = names?.map((name) => name.toLowerCase());
  await removeLabels(scopeOf(call, repository), issue, wanted === undefined ? labels : labels.filter((label) => wanted.includes(label.name.toLowerCase())));
  return issue;
}
