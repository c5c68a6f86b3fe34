import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ValidateFunction } from 'ajv';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Stand } from './harness.ts';
import { pushFile, SHOP, startStand } from './harness.ts';

/** Answers against GitHub's own description of its API. */

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, { schema: object }> }> }>>;
  components: { schemas: Record<string, object> };
}

/** OpenAPI 3.0 writes "or null" in its own way, and its alternatives overlap. */
function toJsonSchema(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { nullable, oneOf, ...schema } = value as Record<string, unknown>;
  if (Array.isArray(oneOf)) schema.anyOf = oneOf;
  if (nullable !== true) return schema;
  return { anyOf: [schema, { type: 'null' }] };
}

let stand: Stand;
let document: Document;
let ajv: Ajv.default;
beforeAll(async () => {
  stand = await startStand();
  const folder = dirname(createRequire(import.meta.url).resolve('@octokit/openapi/package.json'));
  const text = await readFile(join(folder, 'generated/api.github.com.json'), 'utf8');
  document = JSON.parse(text, (_key, value: unknown) => toJsonSchema(value)) as Document;
  ajv = new Ajv.default({ strict: false, allErrors: true, logger: false });
  addFormats.default(ajv, ['date-time', 'date', 'email']);
  // GitHub itself gives empty text where a deployment has no address.
  ajv.addFormat('uri', (given: string) => given === '' || URL.canParse(given));
  ajv.addSchema({ $id: 'github', components: document.components });
});
afterAll(() => stand.stop());

/** References inside the document are looked up in the schema that was added as `github`. */
function validatorOf(method: string, path: string, status: number): ValidateFunction {
  const schema = document.paths[path]?.[method.toLowerCase()]?.responses[String(status)]?.content?.['application/json']?.schema;
  if (schema === undefined) throw new Error(`the description has no ${status} answer of ${method} ${path}`);
  return ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"github#/components/')) as object);
}

interface Sample {
  route: string;
  status?: number;
  params?: Record<string, unknown>;
  as?: 'installation' | 'app';
}

async function check(sample: Sample): Promise<string[]> {
  const [method = '', path = ''] = sample.route.split(' ');
  const client = sample.as === 'app' ? stand.app : sample.as === 'installation' ? (await stand.installation()).octokit : stand.maintainer;
  const response = await client.request(sample.route, { owner: 'acme', repo: 'shop', org: 'acme', ...sample.params });
  const status = sample.status ?? 200;
  if (response.status !== status) return [`${sample.route}: status ${response.status}`];
  const validate = validatorOf(method, path, status);
  if (validate(response.data)) return [];
  return (validate.errors ?? []).slice(0, 6).map((error) => `${sample.route}: ${error.instancePath} ${error.message ?? ''} ${JSON.stringify(error.params)}`);
}

it('has all that GitHub promises', { timeout: 120_000 }, async () => {
  const { rest } = stand.maintainer;
  const { data: parent } = await rest.issues.create({ ...SHOP, title: 'parent', body: 'text', labels: ['bug'], assignees: ['maintainer'] });
  const { data: child } = await rest.issues.create({ ...SHOP, title: 'child' });
  await rest.issues.addSubIssue({ ...SHOP, issue_number: parent.number, sub_issue_id: child.id });
  const { data: comment } = await rest.issues.createComment({ ...SHOP, issue_number: parent.number, body: 'hi' });
  await rest.reactions.createForIssue({ ...SHOP, issue_number: parent.number, content: 'eyes' });
  await rest.issues.update({ ...SHOP, issue_number: child.number, state: 'closed' });
  await pushFile(stand.maintainer, { ...SHOP, branch: 'feature/1-api', path: 'src/api.js', content: 'export {};\n' });
  const { data: pull } = await rest.pulls.create({ ...SHOP, title: 'api', head: 'feature/1-api', base: 'main', draft: true });
  const { data: review } = await stand.visitor.rest.pulls.createReview({
    ...SHOP,
    pull_number: pull.number,
    event: 'COMMENT',
    body: 'x',
    comments: [{ path: 'src/api.js', line: 1, body: 'y' }],
  });
  const { octokit } = await stand.installation();
  const { data: run } = await octokit.rest.checks.create({
    ...SHOP,
    name: 'banyan/qa',
    head_sha: pull.head.sha,
    conclusion: 'failure',
    output: { title: 't', summary: 's', annotations: [{ path: 'src/api.js', start_line: 1, end_line: 1, annotation_level: 'warning', message: 'm' }] },
  });
  await rest.repos.createCommitStatus({ ...SHOP, sha: pull.head.sha, state: 'success' });
  const { data: deployment } = await rest.repos.createDeployment({ ...SHOP, ref: 'main', required_contexts: [] });
  await stand.maintainer.request('POST /repos/{owner}/{repo}/_local/actions/runs', { ...SHOP, conclusion: 'success' });
  await stand.delivered();
  const issue = { issue_number: parent.number };
  const on = { pull_number: pull.number };
  const sha = pull.head.sha;
  const { data: commit } = await rest.git.getCommit({ ...SHOP, commit_sha: sha });
  const deliveries = await stand.app.rest.apps.listWebhookDeliveries({ per_page: 1 });
  const samples: Sample[] = [
    { route: 'GET /user' },
    { route: 'GET /users/{username}', params: { username: 'visitor' } },
    { route: 'GET /orgs/{org}' },
    { route: 'GET /orgs/{org}/repos' },
    { route: 'GET /rate_limit' },
    { route: 'GET /app', as: 'app' },
    { route: 'GET /app/installations/{installation_id}', as: 'app', params: { installation_id: 5001 } },
    { route: 'GET /repos/{owner}/{repo}/installation', as: 'app' },
    { route: 'GET /orgs/{org}/installation', as: 'app' },
    { route: 'GET /installation/repositories', as: 'installation' },
    { route: 'POST /app/installations/{installation_id}/access_tokens', as: 'app', status: 201, params: { installation_id: 5001, repositories: ['shop'] } },
    { route: 'GET /app/hook/config', as: 'app' },
    { route: 'GET /app/hook/deliveries', as: 'app' },
    { route: 'GET /app/hook/deliveries/{delivery_id}', as: 'app', params: { delivery_id: deliveries.data[0]?.id } },
    { route: 'GET /repos/{owner}/{repo}' },
    { route: 'POST /orgs/{org}/repos', status: 201, params: { name: 'fresh', auto_init: true } },
    { route: 'PATCH /repos/{owner}/{repo}', params: { description: 'new' } },
    { route: 'GET /repos/{owner}/{repo}/branches' },
    { route: 'GET /repos/{owner}/{repo}/branches/{branch}', params: { branch: 'main' } },
    { route: 'GET /repos/{owner}/{repo}/collaborators' },
    { route: 'GET /repos/{owner}/{repo}/collaborators/{username}/permission', params: { username: 'visitor' } },
    { route: 'GET /repos/{owner}/{repo}/contents/{path}', params: { path: 'README.md' } },
    { route: 'GET /repos/{owner}/{repo}/contents/{path}', params: { path: 'src' } },
    { route: 'GET /repos/{owner}/{repo}/readme' },
    { route: 'PUT /repos/{owner}/{repo}/contents/{path}', status: 201, params: { path: 'new.txt', message: 'm', content: 'eA==' } },
    { route: 'GET /repos/{owner}/{repo}/commits' },
    { route: 'GET /repos/{owner}/{repo}/commits/{ref}', params: { ref: sha } },
    { route: 'GET /repos/{owner}/{repo}/compare/{basehead}', params: { basehead: 'main...feature/1-api' } },
    { route: 'GET /repos/{owner}/{repo}/git/ref/{ref}', params: { ref: 'heads/main' } },
    { route: 'GET /repos/{owner}/{repo}/git/matching-refs/{ref}', params: { ref: 'heads' } },
    { route: 'GET /repos/{owner}/{repo}/git/commits/{commit_sha}', params: { commit_sha: sha } },
    { route: 'GET /repos/{owner}/{repo}/git/trees/{tree_sha}', params: { tree_sha: sha, recursive: '1' } },
    { route: 'POST /repos/{owner}/{repo}/git/blobs', status: 201, params: { content: 'x' } },
    { route: 'POST /repos/{owner}/{repo}/git/refs', status: 201, params: { ref: 'refs/heads/new', sha } },
    { route: 'POST /repos/{owner}/{repo}/git/trees', status: 201, params: { tree: [{ path: 'a', mode: '100644', type: 'blob', content: 'a' }] } },
    { route: 'POST /repos/{owner}/{repo}/git/commits', status: 201, params: { message: 'm', tree: commit.tree.sha, parents: [sha] } },
    { route: 'GET /repos/{owner}/{repo}/issues' },
    { route: 'POST /repos/{owner}/{repo}/issues', status: 201, params: { title: 't' } },
    { route: 'GET /repos/{owner}/{repo}/issues/{issue_number}', params: issue },
    { route: 'PATCH /repos/{owner}/{repo}/issues/{issue_number}', params: { ...issue, title: 'renamed' } },
    { route: 'GET /repos/{owner}/{repo}/issues/{issue_number}/comments', params: issue },
    { route: 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments', status: 201, params: { ...issue, body: 'b' } },
    { route: 'GET /repos/{owner}/{repo}/issues/comments/{comment_id}', params: { comment_id: comment.id } },
    { route: 'GET /repos/{owner}/{repo}/issues/{issue_number}/labels', params: issue },
    { route: 'GET /repos/{owner}/{repo}/labels' },
    { route: 'GET /repos/{owner}/{repo}/issues/{issue_number}/reactions', params: issue },
    { route: 'GET /repos/{owner}/{repo}/issues/{issue_number}/events', params: issue },
    { route: 'GET /repos/{owner}/{repo}/issues/{issue_number}/timeline', params: issue },
    { route: 'GET /repos/{owner}/{repo}/issues/{issue_number}/sub_issues', params: issue },
    { route: 'GET /repos/{owner}/{repo}/issues/{issue_number}/parent', params: { issue_number: child.number } },
    { route: 'GET /repos/{owner}/{repo}/pulls' },
    { route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}', params: on },
    { route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}/files', params: on },
    { route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}/commits', params: on },
    { route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews', params: on },
    { route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}/comments', params: on },
    { route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}', params: { ...on, review_id: review.id } },
    { route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers', params: on },
    { route: 'GET /repos/{owner}/{repo}/check-runs/{check_run_id}', params: { check_run_id: run.id } },
    { route: 'GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations', params: { check_run_id: run.id } },
    { route: 'GET /repos/{owner}/{repo}/commits/{ref}/check-runs', params: { ref: sha } },
    { route: 'GET /repos/{owner}/{repo}/commits/{ref}/check-suites', params: { ref: sha } },
    { route: 'GET /repos/{owner}/{repo}/commits/{ref}/status', params: { ref: sha } },
    { route: 'GET /repos/{owner}/{repo}/commits/{ref}/statuses', params: { ref: sha } },
    { route: 'GET /repos/{owner}/{repo}/deployments' },
    {
      route: 'POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses',
      status: 201,
      params: { deployment_id: 'id' in deployment ? deployment.id : 0, state: 'success' },
    },
    { route: 'GET /repos/{owner}/{repo}/actions/runs' },
    { route: 'GET /search/issues', params: { q: 'repo:acme/shop parent' } },
  ];
  const problems: string[] = [];
  for (const sample of samples) problems.push(...(await check(sample)));
  expect(problems).toEqual([]);
});
