import { Fault, notFound } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { CommitStatus, Deployment, DeploymentStatus, Repository, WorkflowRun } from '../core/model.ts';
import { READ_ACTIONS, READ_DEPLOYMENTS, READ_STATUSES, WRITE_ACTIONS, WRITE_DEPLOYMENTS, WRITE_STATUSES } from '../core/needs.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { countedReply, created, listReply, noContent, numberParam, ok, param, repositoryRoute, scopeOf } from '../http/call.ts';
import { oneOf, optionalBoolean, optionalInteger, optionalText, requiredText } from '../http/input.ts';
import { renderCombinedStatus, renderDeployment, renderDeploymentStatus, renderStatus, renderStatusEvent, renderWorkflowRun } from '../render/checks.ts';
import { emit } from '../webhooks/emit.ts';

/** Commit statuses, deployments, and workflow runs as data. */
export const deploymentRoutes: Route[] = [
  repositoryRoute({ method: 'POST', path: '/statuses/{sha}', need: WRITE_STATUSES }, createStatus),
  repositoryRoute({ method: 'GET', path: '/commits/{ref+}/statuses', need: READ_STATUSES }, (call, repository) => {
    const sha = shaOf(call, repository);
    return listReply(call, repository.statuses.filter((status) => status.sha === sha).reverse(), (status) => renderStatus(call.forge, repository, status));
  }),
  repositoryRoute({ method: 'GET', path: '/commits/{ref+}/status', need: READ_STATUSES }, (call, repository) =>
    ok(renderCombinedStatus(call.forge, repository, shaOf(call, repository))),
  ),
  repositoryRoute({ method: 'GET', path: '/deployments', need: READ_DEPLOYMENTS }, listDeployments),
  repositoryRoute({ method: 'POST', path: '/deployments', need: WRITE_DEPLOYMENTS }, createDeployment),
  repositoryRoute({ method: 'GET', path: '/deployments/{id}', need: READ_DEPLOYMENTS }, (call, repository) =>
    ok(renderDeployment(call.forge, repository, deploymentOf(call, repository))),
  ),
  repositoryRoute({ method: 'DELETE', path: '/deployments/{id}', need: WRITE_DEPLOYMENTS }, (call, repository) => {
    const deployment = deploymentOf(call, repository);
    repository.deployments = repository.deployments.filter((other) => other !== deployment);
    return noContent();
  }),
  repositoryRoute({ method: 'GET', path: '/deployments/{id}/statuses', need: READ_DEPLOYMENTS }, (call, repository) => {
    const deployment = deploymentOf(call, repository);
    return listReply(call, [...deployment.statuses].reverse(), (status) => renderDeploymentStatus(call.forge, repository, { deployment, status }));
  }),
  repositoryRoute({ method: 'POST', path: '/deployments/{id}/statuses', need: WRITE_DEPLOYMENTS }, createDeploymentStatus),
  repositoryRoute({ method: 'GET', path: '/actions/runs', need: READ_ACTIONS }, (call, repository) => listRuns(call, repository)),
  repositoryRoute({ method: 'GET', path: '/actions/workflows/{id}/runs', need: READ_ACTIONS }, (call, repository) => {
    const wanted = param(call, 'id');
    const isWanted = ({ workflowId, path }: WorkflowRun) => String(workflowId) === wanted || path === `.github/workflows/${wanted}`;
    if (!repository.workflowRuns.some(isWanted)) throw notFound();
    return listRuns(call, repository, isWanted);
  }),
  repositoryRoute({ method: 'GET', path: '/actions/runs/{id}', need: READ_ACTIONS }, (call, repository) =>
    ok(renderWorkflowRun(call.forge, repository, runOf(call, repository))),
  ),
  // No workflow is executed here; this is how a test or a person says that one ran.
  repositoryRoute({ method: 'POST', path: '/_local/actions/runs', need: WRITE_ACTIONS }, createRun),
  repositoryRoute({ method: 'PATCH', path: '/_local/actions/runs/{id}', need: WRITE_ACTIONS }, changeRun),
];

function shaOf(call: Call, repository: Repository): string {
  const sha = call.forge.git(repository).resolve(param(call, 'ref'));
  if (sha === undefined) throw notFound();
  return sha;
}

function createStatus(call: Call, repository: Repository): Reply {
  const sha = param(call, 'sha');
  if (call.forge.git(repository).commit(sha) === undefined) throw new Fault(422, `No commit found for SHA: ${sha.slice(0, 100)}`);
  const state = oneOf(call.body, 'state', ['error', 'failure', 'pending', 'success'] as const);
  if (state === undefined) throw new Fault(422, 'Invalid request.\n\n"state" wasn\'t supplied.');
  const { by } = scopeOf(call, repository);
  const status: CommitStatus = {
    id: call.forge.store.nextId(),
    sha,
    state,
    context: optionalText(call.body, 'context') ?? 'default',
    description: optionalText(call.body, 'description') ?? null,
    targetUrl: optionalText(call.body, 'target_url') ?? null,
    creator: by.login,
    createdAt: timestamp(),
  };
  repository.statuses.push(status);
  emit(call.forge, repository, { event: 'status', action: null, sender: by, payload: renderStatusEvent(call.forge, repository, status) });
  return created(renderStatus(call.forge, repository, status));
}

function deploymentOf(call: Call, repository: Repository): Deployment {
  const id = numberParam(call, 'id');
  const deployment = repository.deployments.find((candidate) => candidate.id === id);
  if (deployment === undefined) throw notFound();
  return deployment;
}

function listDeployments(call: Call, repository: Repository): Reply {
  const { query } = call;
  const keys = ['sha', 'ref', 'task', 'environment'] as const;
  const shown = repository.deployments.filter((deployment) => keys.every((key) => query.get(key) === null || query.get(key) === deployment[key])).reverse();
  return listReply(call, shown, (deployment) => renderDeployment(call.forge, repository, deployment));
}

function createDeployment(call: Call, repository: Repository): Reply {
  const { body, forge } = call;
  const ref = requiredText(body, 'ref', 'Deployment');
  const sha = forge.git(repository).resolve(ref);
  if (sha === undefined) throw new Fault(422, `No ref found for: ${ref.slice(0, 100)}`);
  const { by, viaApp } = scopeOf(call, repository);
  const environment = optionalText(body, 'environment') ?? 'production';
  const now = timestamp();
  const deployment: Deployment = {
    id: forge.store.nextId(),
    sha,
    ref,
    task: optionalText(body, 'task') ?? 'deploy',
    payload: body.payload ?? {},
    environment,
    description: optionalText(body, 'description') ?? null,
    transient: optionalBoolean(body, 'transient_environment') ?? false,
    production: optionalBoolean(body, 'production_environment') ?? environment === 'production',
    creator: by.login,
    viaApp,
    createdAt: now,
    updatedAt: now,
    statuses: [],
  };
  repository.deployments.push(deployment);
  emit(forge, repository, {
    event: 'deployment',
    action: 'created',
    sender: by,
    payload: { deployment: renderDeployment(forge, repository, deployment), workflow: null, workflow_run: null },
  });
  return created(renderDeployment(forge, repository, deployment));
}

const DEPLOYMENT_STATES = ['error', 'failure', 'inactive', 'in_progress', 'queued', 'pending', 'success'] as const;

function createDeploymentStatus(call: Call, repository: Repository): Reply {
  const { body, forge } = call;
  const deployment = deploymentOf(call, repository);
  const state = oneOf(body, 'state', DEPLOYMENT_STATES);
  if (state === undefined) throw new Fault(422, 'Invalid request.\n\n"state" wasn\'t supplied.');
  const { by, viaApp } = scopeOf(call, repository);
  const status: DeploymentStatus = {
    id: forge.store.nextId(),
    state,
    description: optionalText(body, 'description') ?? '',
    environment: optionalText(body, 'environment') ?? deployment.environment,
    targetUrl: optionalText(body, 'target_url') ?? optionalText(body, 'log_url') ?? '',
    logUrl: optionalText(body, 'log_url') ?? '',
    environmentUrl: optionalText(body, 'environment_url') ?? '',
    creator: by.login,
    viaApp,
    createdAt: timestamp(),
  };
  deployment.statuses.push(status);
  deployment.updatedAt = status.createdAt;
  const json = renderDeploymentStatus(forge, repository, { deployment, status });
  emit(forge, repository, {
    event: 'deployment_status',
    action: 'created',
    sender: by,
    payload: { deployment_status: json, deployment: renderDeployment(forge, repository, deployment), check_run: null, workflow: null, workflow_run: null },
  });
  return created(json);
}

function listRuns(call: Call, repository: Repository, fits: (run: WorkflowRun) => boolean = () => true): Reply {
  const { query } = call;
  const [branch, event, status, sha] = [query.get('branch'), query.get('event'), query.get('status'), query.get('head_sha')];
  const shown = repository.workflowRuns.filter(
    (run) =>
      fits(run) &&
      (branch === null || run.headBranch === branch) &&
      (event === null || run.event === event) &&
      (sha === null || run.headSha === sha) &&
      (status === null || run.status === status || run.conclusion === status),
  );
  return countedReply(call, shown.reverse(), { key: 'workflow_runs', render: (run) => renderWorkflowRun(call.forge, repository, run) });
}

function runOf(call: Call, repository: Repository): WorkflowRun {
  const id = numberParam(call, 'id');
  const run = repository.workflowRuns.find((candidate) => candidate.id === id);
  if (run === undefined) throw notFound();
  return run;
}

function createRun(call: Call, repository: Repository): Reply {
  const { body, forge } = call;
  const branch = optionalText(body, 'head_branch') ?? repository.defaultBranch;
  const sha = optionalText(body, 'head_sha') ?? forge.git(repository).branch(branch);
  if (sha === undefined || forge.git(repository).commit(sha) === undefined) throw new Fault(422, `No commit found for branch ${branch.slice(0, 100)}`);
  const now = timestamp();
  const name = optionalText(body, 'name') ?? 'CI';
  const run: WorkflowRun = {
    id: forge.store.nextId(),
    workflowId: optionalInteger(body, 'workflow_id') ?? forge.store.nextId(),
    name,
    path: optionalText(body, 'path') ?? '.github/workflows/ci.yml',
    runNumber: repository.workflowRuns.filter((other) => other.name === name).length + 1,
    runAttempt: 1,
    event: optionalText(body, 'event') ?? 'push',
    status: 'queued',
    conclusion: null,
    headBranch: branch,
    headSha: sha,
    displayTitle: forge.git(repository).commit(sha)?.message.split('\n')[0] ?? name,
    actor: scopeOf(call, repository).by.login,
    createdAt: now,
    updatedAt: now,
  };
  repository.workflowRuns.push(run);
  announceRun(call, repository, { run, action: 'requested' });
  moveRun(call, repository, run);
  return created(renderWorkflowRun(forge, repository, run));
}

function changeRun(call: Call, repository: Repository): Reply {
  const run = runOf(call, repository);
  moveRun(call, repository, run);
  return ok(renderWorkflowRun(call.forge, repository, run));
}

function moveRun(call: Call, repository: Repository, run: WorkflowRun): void {
  const conclusion = optionalText(call.body, 'conclusion');
  const status = conclusion === undefined ? (optionalText(call.body, 'status') ?? run.status) : 'completed';
  if (status === run.status && (conclusion ?? null) === run.conclusion) return;
  Object.assign(run, { status, conclusion: conclusion ?? null, updatedAt: timestamp() });
  if (status === 'in_progress' || status === 'completed') announceRun(call, repository, { run, action: status });
}

function announceRun(call: Call, repository: Repository, { run, action }: { run: WorkflowRun; action: string }): void {
  const { forge } = call;
  const workflow = {
    id: run.workflowId,
    node_id: `W_${run.workflowId}`,
    name: run.name,
    path: run.path,
    state: 'active',
    created_at: run.createdAt,
    updated_at: run.createdAt,
    url: `${forge.url}/repos/${repository.owner}/${repository.name}/actions/workflows/${run.workflowId}`,
    html_url: '',
    badge_url: '',
  };
  emit(forge, repository, {
    event: 'workflow_run',
    action,
    sender: scopeOf(call, repository).by,
    payload: { workflow_run: renderWorkflowRun(forge, repository, run), workflow },
  });
}
