import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Stand } from './harness.ts';
import { failure, SHOP, startStand } from './harness.ts';

let stand: Stand;
let sha: string;
beforeAll(async () => {
  stand = await startStand();
  sha = (await stand.maintainer.rest.git.getRef({ ...SHOP, ref: 'heads/main' })).data.object.sha;
});
afterAll(() => stand.stop());

it('keeps check runs of Apps, with annotations that add up', async () => {
  const { octokit } = await stand.installation();
  expect((await failure(stand.maintainer.rest.checks.create({ ...SHOP, name: 'mine', head_sha: sha }))).status).toBe(403);
  const { data: run } = await octokit.rest.checks.create({ ...SHOP, name: 'banyan/qa', head_sha: sha, status: 'in_progress', external_id: 'task-1' });
  const annotation = { path: 'src/cart.js', start_line: 3, end_line: 3, annotation_level: 'failure' as const, message: 'wrong' };
  const output = { title: 'QA', summary: 'one thing' };
  await octokit.rest.checks.update({ ...SHOP, check_run_id: run.id, output: { ...output, annotations: [annotation] } });
  await octokit.rest.checks.update({ ...SHOP, check_run_id: run.id, conclusion: 'failure', output: { ...output, annotations: [annotation, annotation] } });
  expect(await stand.delivered()).toEqual(['check_run.created', 'check_run.completed', 'check_suite.completed']);
  expect((await octokit.rest.checks.get({ ...SHOP, check_run_id: run.id })).data).toMatchObject({
    status: 'completed',
    conclusion: 'failure',
    output: { annotations_count: 3 },
  });
  expect((await octokit.rest.checks.listAnnotations({ ...SHOP, check_run_id: run.id })).data).toHaveLength(3);
  const many = await failure(
    octokit.rest.checks.update({ ...SHOP, check_run_id: run.id, output: { ...output, annotations: Array.from({ length: 51 }, () => annotation) } }),
  );
  expect(many.status).toBe(422);
  await octokit.rest.checks.create({ ...SHOP, name: 'banyan/qa', head_sha: sha, conclusion: 'success' });
  const { data: latest } = await octokit.rest.checks.listForRef({ ...SHOP, ref: 'main' });
  expect(latest).toMatchObject({ total_count: 1, check_runs: [{ conclusion: 'success' }] });
  expect((await octokit.rest.checks.listForRef({ ...SHOP, ref: 'main', filter: 'all' })).data.total_count).toBe(2);
  expect((await octokit.rest.checks.listSuitesForRef({ ...SHOP, ref: 'main' })).data.total_count).toBe(1);
});

it('combines commit statuses', async () => {
  await stand.delivered();
  await stand.maintainer.rest.repos.createCommitStatus({ ...SHOP, sha, state: 'failure', context: 'lint' });
  await stand.maintainer.rest.repos.createCommitStatus({ ...SHOP, sha, state: 'success', context: 'lint' });
  await stand.maintainer.rest.repos.createCommitStatus({ ...SHOP, sha, state: 'pending', context: 'build' });
  expect((await stand.maintainer.rest.repos.getCombinedStatusForRef({ ...SHOP, ref: 'main' })).data).toMatchObject({ state: 'pending', total_count: 2 });
  expect(await stand.delivered()).toEqual(['status', 'status', 'status']);
});

it('keeps deployments and their statuses', async () => {
  const { data: deployment } = await stand.maintainer.rest.repos.createDeployment({ ...SHOP, ref: 'main', environment: 'preview', required_contexts: [] });
  if (!('id' in deployment)) throw new Error('a deployment was expected');
  await stand.maintainer.rest.repos.createDeploymentStatus({
    ...SHOP,
    deployment_id: deployment.id,
    state: 'success',
    environment_url: 'https://preview.example.com',
  });
  expect(await stand.delivered()).toEqual(['deployment.created', 'deployment_status.created']);
  expect((await stand.last('deployment_status')).payload).toMatchObject({
    deployment_status: { state: 'success', environment_url: 'https://preview.example.com' },
    deployment: { sha },
  });
});

it('knows workflow runs as data', async () => {
  const { data: run } = await stand.maintainer.request('POST /repos/{owner}/{repo}/_local/actions/runs', { ...SHOP, name: 'CI', conclusion: 'failure' });
  const { data } = await stand.maintainer.rest.actions.listWorkflowRunsForRepo({ ...SHOP, status: 'failure' });
  expect(data).toMatchObject({ total_count: 1, workflow_runs: [{ id: (run as { id: number }).id, conclusion: 'failure', head_sha: sha }] });
  expect(await stand.delivered()).toEqual(['workflow_run.requested', 'workflow_run.completed']);
});
