import type { Forge } from '../core/forge.ts';
import { nodeId } from '../core/ids.ts';
import type { CheckRun, CheckSuite, CommitStatus, Deployment, DeploymentStatus, JsonObject, Repository, WorkflowRun } from '../core/model.ts';
import { renderLogin } from './accounts.ts';
import { renderApp } from './app.ts';
import { renderCommit, renderGitCommit } from './commits.ts';
import { apiUrl, pageUrl, renderRepository } from './repositories.ts';

const BAD = ['failure', 'timed_out', 'cancelled', 'action_required', 'startup_failure', 'stale', 'error'];

/** The newest status of each context. */
export function latestStatuses(repository: Repository, sha: string): CommitStatus[] {
  const newest = new Map<string, CommitStatus>();
  for (const status of repository.statuses) if (status.sha === sha) newest.set(status.context, status);
  return [...newest.values()];
}

/** The newest check run of each name. */
export function latestCheckRuns(repository: Repository, sha: string): CheckRun[] {
  const newest = new Map<string, CheckRun>();
  for (const run of repository.checkRuns) if (run.headSha === sha) newest.set(run.name, run);
  return [...newest.values()];
}

export function checksOutcome(repository: Repository, sha: string): 'none' | 'pending' | 'failure' | 'success' {
  const states = [
    ...latestStatuses(repository, sha).map((status) => status.state),
    ...latestCheckRuns(repository, sha).map((run) => run.conclusion ?? 'pending'),
  ];
  if (states.length === 0) return 'none';
  if (states.some((state) => BAD.includes(state))) return 'failure';
  return states.includes('pending') ? 'pending' : 'success';
}

function pullsOf(forge: Forge, repository: Repository, sha: string): JsonObject[] {
  const stub = { id: repository.id, url: apiUrl(forge, repository), name: repository.name };
  return repository.issues.flatMap(({ number, state, pull }) => {
    if (pull === null || state !== 'open' || pull.headSha !== sha) return [];
    return {
      url: `${apiUrl(forge, repository)}/pulls/${number}`,
      id: pull.id,
      number,
      head: { ref: pull.headRef, sha: pull.headSha, repo: stub },
      base: { ref: pull.baseRef, sha: pull.baseSha, repo: stub },
    };
  });
}

export function renderCheckRun(forge: Forge, repository: Repository, run: CheckRun): JsonObject {
  const url = `${apiUrl(forge, repository)}/check-runs/${run.id}`;
  const page = `${pageUrl(forge, repository)}/runs/${run.id}`;
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId('CR', run.id),
    head_sha: run.headSha,
    external_id: run.externalId,
    url,
    html_url: page,
    details_url: run.detailsUrl ?? page,
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    output: {
      title: run.title,
      summary: run.summary,
      text: run.text,
      annotations_count: run.annotations.length,
      annotations_url: `${url}/annotations`,
    },
    check_suite: { id: run.suiteId },
    app: renderApp(forge),
    pull_requests: pullsOf(forge, repository, run.headSha),
  };
}

export function suiteState(repository: Repository, suite: CheckSuite): { status: string; conclusion: string | null } {
  const runs = repository.checkRuns.filter((run) => run.suiteId === suite.id);
  if (runs.length === 0) return { status: 'queued', conclusion: null };
  if (runs.some((run) => run.status !== 'completed')) return { status: 'in_progress', conclusion: null };
  const bad = runs.find((run) => BAD.includes(run.conclusion ?? ''));
  return { status: 'completed', conclusion: bad?.conclusion ?? 'success' };
}

export function renderCheckSuite(forge: Forge, repository: Repository, suite: CheckSuite): JsonObject {
  const url = `${apiUrl(forge, repository)}/check-suites/${suite.id}`;
  return {
    id: suite.id,
    node_id: nodeId('CS', suite.id),
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    ...suiteState(repository, suite),
    url,
    before: null,
    after: suite.headSha,
    pull_requests: pullsOf(forge, repository, suite.headSha),
    app: renderApp(forge),
    created_at: suite.createdAt,
    updated_at: suite.updatedAt,
    latest_check_runs_count: repository.checkRuns.filter((run) => run.suiteId === suite.id).length,
    check_runs_url: `${url}/check-runs`,
    head_commit: simpleCommit(forge, repository, suite.headSha),
    repository: renderRepository(forge, repository),
  };
}

/** A commit as check suites and workflow runs carry it. */
function simpleCommit(forge: Forge, repository: Repository, sha: string): JsonObject {
  const { tree, message, author, committer } = renderGitCommit(forge, repository, sha) as {
    tree: { sha: string };
    message: string;
    author: { name: string; email: string };
    committer: { name: string; email: string; date: string };
  };
  return {
    id: sha,
    tree_id: tree.sha,
    message,
    timestamp: committer.date,
    author: { name: author.name, email: author.email },
    committer: { name: committer.name, email: committer.email },
  };
}

export function renderStatus(forge: Forge, repository: Repository, status: CommitStatus): JsonObject {
  return {
    url: `${apiUrl(forge, repository)}/statuses/${status.sha}`,
    avatar_url: `${forge.url}/_assets/avatar/${status.id}.svg`,
    id: status.id,
    node_id: nodeId('SC', status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    required: false,
    created_at: status.createdAt,
    updated_at: status.createdAt,
    creator: renderLogin(forge, status.creator),
  };
}

export function renderCombinedStatus(forge: Forge, repository: Repository, sha: string): JsonObject {
  const statuses = latestStatuses(repository, sha);
  const failed = statuses.some((status) => status.state === 'failure' || status.state === 'error');
  const waiting = statuses.length === 0 || statuses.some((status) => status.state === 'pending');
  return {
    state: failed ? 'failure' : waiting ? 'pending' : 'success',
    statuses: statuses.map((status) => renderStatus(forge, repository, status)),
    sha,
    total_count: statuses.length,
    repository: renderRepository(forge, repository),
    commit_url: `${apiUrl(forge, repository)}/commits/${sha}`,
    url: `${apiUrl(forge, repository)}/commits/${sha}/status`,
  };
}

/** The extra facts of the `status` webhook. */
export function renderStatusEvent(forge: Forge, repository: Repository, status: CommitStatus): JsonObject {
  return {
    id: status.id,
    sha: status.sha,
    name: `${repository.owner}/${repository.name}`,
    target_url: status.targetUrl,
    avatar_url: `${forge.url}/_assets/avatar/${status.id}.svg`,
    context: status.context,
    description: status.description,
    state: status.state,
    commit: renderCommit(forge, repository, status.sha),
    branches: branchesAt(forge, repository, status.sha),
    created_at: status.createdAt,
    updated_at: status.createdAt,
  };
}

function branchesAt(forge: Forge, repository: Repository, sha: string): JsonObject[] {
  const heads = [...forge.git(repository).refs.list('refs/heads/')].filter(([, tip]) => tip === sha);
  return heads.map(([ref]) => ({
    name: ref.slice('refs/heads/'.length),
    commit: { sha, url: `${apiUrl(forge, repository)}/commits/${sha}` },
    protected: false,
  }));
}

export function renderDeployment(forge: Forge, repository: Repository, deployment: Deployment): JsonObject {
  const url = `${apiUrl(forge, repository)}/deployments/${deployment.id}`;
  return {
    url,
    id: deployment.id,
    node_id: nodeId('DE', deployment.id),
    sha: deployment.sha,
    ref: deployment.ref,
    task: deployment.task,
    payload: deployment.payload,
    original_environment: deployment.environment,
    environment: deployment.environment,
    description: deployment.description,
    creator: renderLogin(forge, deployment.creator),
    created_at: deployment.createdAt,
    updated_at: deployment.updatedAt,
    statuses_url: `${url}/statuses`,
    repository_url: apiUrl(forge, repository),
    transient_environment: deployment.transient,
    production_environment: deployment.production,
    performed_via_github_app: deployment.viaApp ? renderApp(forge) : null,
  };
}

export function renderDeploymentStatus(
  forge: Forge,
  repository: Repository,
  { deployment, status }: { deployment: Deployment; status: DeploymentStatus },
): JsonObject {
  const deploymentUrl = `${apiUrl(forge, repository)}/deployments/${deployment.id}`;
  return {
    url: `${deploymentUrl}/statuses/${status.id}`,
    id: status.id,
    node_id: nodeId('DES', status.id),
    state: status.state,
    creator: renderLogin(forge, status.creator),
    description: status.description,
    environment: status.environment,
    target_url: status.targetUrl,
    log_url: status.logUrl,
    environment_url: status.environmentUrl,
    created_at: status.createdAt,
    updated_at: status.createdAt,
    deployment_url: deploymentUrl,
    repository_url: apiUrl(forge, repository),
    performed_via_github_app: status.viaApp ? renderApp(forge) : null,
  };
}

export function renderWorkflowRun(forge: Forge, repository: Repository, run: WorkflowRun): JsonObject {
  const url = `${apiUrl(forge, repository)}/actions/runs/${run.id}`;
  const actor = renderLogin(forge, run.actor);
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId('WFR', run.id),
    head_branch: run.headBranch,
    head_sha: run.headSha,
    path: run.path,
    display_title: run.displayTitle,
    run_number: run.runNumber,
    event: run.event,
    status: run.status,
    conclusion: run.conclusion,
    workflow_id: run.workflowId,
    check_suite_id: run.id,
    check_suite_node_id: nodeId('CS', run.id),
    url,
    html_url: `${pageUrl(forge, repository)}/actions/runs/${run.id}`,
    pull_requests: pullsOf(forge, repository, run.headSha),
    created_at: run.createdAt,
    updated_at: run.updatedAt,
    actor,
    run_attempt: run.runAttempt,
    referenced_workflows: [],
    run_started_at: run.createdAt,
    triggering_actor: actor,
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    check_suite_url: `${apiUrl(forge, repository)}/check-suites/${run.id}`,
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    previous_attempt_url: null,
    workflow_url: `${apiUrl(forge, repository)}/actions/workflows/${run.workflowId}`,
    head_commit: simpleCommit(forge, repository, run.headSha),
    repository: renderRepository(forge, repository),
    head_repository: renderRepository(forge, repository),
  };
}
