import { addLabels, createLabel, emitIssue, findLabel, setLabels } from '../actions/issues.ts';
import { Fault, invalid, notFound } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { Label, Milestone, Repository } from '../core/model.ts';
import { MANAGE_LABELS, READ_ISSUES, TRIAGE } from '../core/needs.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { created, listReply, noContent, numberParam, ok, param, repositoryRoute, scopeOf } from '../http/call.ts';
import { labelNames, oneOf, optionalText, requiredText, textOrNull } from '../http/input.ts';
import { labelsOf, renderLabel, renderMilestone } from '../render/issues.ts';
import { emit } from '../webhooks/emit.ts';
import { dropLabels, issueOf } from './issues.ts';

export const labelRoutes: Route[] = [
  repositoryRoute({ method: 'GET', path: '/labels', need: READ_ISSUES }, (call, repository) =>
    listReply(call, repository.labels, (label) => renderLabel(call.forge, repository, label)),
  ),
  repositoryRoute({ method: 'POST', path: '/labels', need: MANAGE_LABELS }, create),
  repositoryRoute({ method: 'GET', path: '/labels/{name}', need: READ_ISSUES }, (call, repository) =>
    ok(renderLabel(call.forge, repository, labelOf(call, repository))),
  ),
  repositoryRoute({ method: 'PATCH', path: '/labels/{name}', need: MANAGE_LABELS }, change),
  repositoryRoute({ method: 'DELETE', path: '/labels/{name}', need: MANAGE_LABELS }, remove),
  repositoryRoute({ method: 'GET', path: '/issues/{number}/labels', need: READ_ISSUES }, issueLabels),
  repositoryRoute({ method: 'POST', path: '/issues/{number}/labels', need: TRIAGE }, async (call, repository) => {
    await addLabels(scopeOf(call, repository), issueOf(call, repository), givenLabels(call));
    return issueLabels(call, repository);
  }),
  repositoryRoute({ method: 'PUT', path: '/issues/{number}/labels', need: TRIAGE }, async (call, repository) => {
    await setLabels(scopeOf(call, repository), issueOf(call, repository), givenLabels(call));
    return issueLabels(call, repository);
  }),
  repositoryRoute({ method: 'DELETE', path: '/issues/{number}/labels', need: TRIAGE }, async (call, repository) => {
    await dropLabels(call, repository, null);
    return noContent();
  }),
  repositoryRoute({ method: 'DELETE', path: '/issues/{number}/labels/{name}', need: TRIAGE }, async (call, repository) => {
    const mine = labelsOf(repository, issueOf(call, repository)).map((label) => label.name.toLowerCase());
    if (!mine.includes(param(call, 'name').toLowerCase())) throw new Fault(404, 'Label does not exist');
    await dropLabels(call, repository, [param(call, 'name')]);
    return issueLabels(call, repository);
  }),
  repositoryRoute({ method: 'GET', path: '/milestones', need: READ_ISSUES }, listMilestones),
  repositoryRoute({ method: 'POST', path: '/milestones', need: MANAGE_LABELS }, createMilestone),
  repositoryRoute({ method: 'GET', path: '/milestones/{milestone}', need: READ_ISSUES }, (call, repository) =>
    ok(renderMilestone(call.forge, repository, milestoneOf(call, repository))),
  ),
  repositoryRoute({ method: 'PATCH', path: '/milestones/{milestone}', need: MANAGE_LABELS }, changeMilestone),
];

/** The body is `{labels: [...]}` or, in an older form, the list itself. */
function givenLabels(call: Call): string[] {
  return labelNames(call.body.labels ?? []);
}

function issueLabels(call: Call, repository: Repository): Reply {
  return listReply(call, labelsOf(repository, issueOf(call, repository)), (label) => renderLabel(call.forge, repository, label));
}

function labelOf(call: Call, repository: Repository): Label {
  const label = findLabel(repository, param(call, 'name'));
  if (label === undefined) throw notFound();
  return label;
}

function givenColor(call: Call): string | undefined {
  const color = optionalText(call.body, 'color')?.replace(/^#/, '').toLowerCase();
  if (color !== undefined && !/^[0-9a-f]{6}$/.test(color)) throw invalid({ resource: 'Label', field: 'color', code: 'invalid' });
  return color;
}

function create(call: Call, repository: Repository): Reply {
  const name = requiredText(call.body, 'name', 'Label');
  if (findLabel(repository, name) !== undefined) throw invalid({ resource: 'Label', field: 'name', code: 'already_exists' });
  if (name.length > 50) throw invalid({ resource: 'Label', field: 'name', code: 'custom', message: 'name is too long (maximum is 50 characters)' });
  const label = createLabel(scopeOf(call, repository), { name, color: givenColor(call), description: textOrNull(call.body, 'description') });
  return created(renderLabel(call.forge, repository, label));
}

function change(call: Call, repository: Repository): Reply {
  const label = labelOf(call, repository);
  const name = optionalText(call.body, 'new_name') ?? label.name;
  const other = findLabel(repository, name);
  if (other !== undefined && other !== label) throw invalid({ resource: 'Label', field: 'name', code: 'already_exists' });
  const changes = {
    ...(name === label.name ? {} : { name: { from: label.name } }),
    ...(givenColor(call) === undefined ? {} : { color: { from: label.color } }),
  };
  label.name = name;
  label.color = givenColor(call) ?? label.color;
  const description = textOrNull(call.body, 'description');
  if (description !== undefined) label.description = description;
  const json = renderLabel(call.forge, repository, label);
  emit(call.forge, repository, { event: 'label', action: 'edited', sender: scopeOf(call, repository).by, payload: { label: json, changes } });
  return ok(json);
}

async function remove(call: Call, repository: Repository): Promise<Reply> {
  const label = labelOf(call, repository);
  const scope = scopeOf(call, repository);
  const json = renderLabel(call.forge, repository, label);
  repository.labels = repository.labels.filter((other) => other !== label);
  emit(call.forge, repository, { event: 'label', action: 'deleted', sender: scope.by, payload: { label: json } });
  for (const issue of repository.issues.filter((candidate) => candidate.labelIds.includes(label.id))) {
    issue.labelIds = issue.labelIds.filter((id) => id !== label.id);
    await emitIssue(scope, issue, { action: 'unlabeled', extra: { label: json } });
  }
  return noContent();
}

function milestoneOf(call: Call, repository: Repository): Milestone {
  const number = numberParam(call, 'milestone');
  const milestone = repository.milestones.find((candidate) => candidate.number === number);
  if (milestone === undefined) throw notFound();
  return milestone;
}

function listMilestones(call: Call, repository: Repository): Reply {
  const state = call.query.get('state') ?? 'open';
  const shown = repository.milestones.filter((milestone) => state === 'all' || milestone.state === state);
  return listReply(call, shown, (milestone) => renderMilestone(call.forge, repository, milestone));
}

function createMilestone(call: Call, repository: Repository): Reply {
  const now = timestamp();
  const milestone: Milestone = {
    id: call.forge.store.nextId(),
    number: repository.milestones.length + 1,
    title: requiredText(call.body, 'title', 'Milestone'),
    description: textOrNull(call.body, 'description') ?? null,
    state: oneOf(call.body, 'state', ['open', 'closed'] as const) ?? 'open',
    creator: scopeOf(call, repository).by.login,
    dueOn: optionalText(call.body, 'due_on') ?? null,
    createdAt: now,
    updatedAt: now,
    closedAt: null,
  };
  repository.milestones.push(milestone);
  return created(renderMilestone(call.forge, repository, milestone));
}

function changeMilestone(call: Call, repository: Repository): Reply {
  const milestone = milestoneOf(call, repository);
  milestone.title = optionalText(call.body, 'title') ?? milestone.title;
  milestone.description = textOrNull(call.body, 'description') ?? milestone.description;
  milestone.state = oneOf(call.body, 'state', ['open', 'closed'] as const) ?? milestone.state;
  milestone.closedAt = milestone.state === 'closed' ? (milestone.closedAt ?? timestamp()) : null;
  milestone.updatedAt = timestamp();
  return ok(renderMilestone(call.forge, repository, milestone));
}
