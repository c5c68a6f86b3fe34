import { Webhooks } from '@octokit/webhooks';
import examples from '@octokit/webhooks-examples';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Delivery, Stand } from './harness.ts';
import { failure, pushFile, SHOP, startStand, WEBHOOK_SECRET } from './harness.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

interface Example {
  name: string;
  examples: Record<string, unknown>[];
}

/** Keys that every recorded example of an event and action has; those of organizations and installations only where ours has them too. */
function sharedKeys(all: Record<string, unknown>[]): string[] {
  const [first = {}, ...rest] = all;
  return Object.keys(first).filter((key) => rest.every((example) => key in example));
}

/** Parts that are not kept here, or that GitHub sends for pull requests only since the examples were recorded. */
const NOT_KEPT = new Set(['enterprise', 'master_branch', 'stargazers', 'draft']);

function missingKeys(delivery: Delivery): string[] {
  const definitions = examples as unknown as Example[];
  const definition = definitions.find(({ name }) => name === delivery.event);
  const fitting = definition?.examples.filter((example) => example.action === delivery.payload.action) ?? [];
  const sample = fitting.length > 0 ? fitting : (definition?.examples ?? []);
  const missing = sharedKeys(sample).filter((key) => !(key in delivery.payload));
  for (const key of sharedKeys(sample)) {
    const objects = sample
      .map((example) => example[key])
      .filter((value): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value));
    const own = delivery.payload[key];
    if (objects.length !== sample.length || typeof own !== 'object' || own === null) continue;
    missing.push(
      ...sharedKeys(objects)
        .filter((inner) => !(inner in own) && !NOT_KEPT.has(inner))
        .map((inner) => `${key}.${inner}`),
    );
  }
  return missing;
}

async function causeEverything(): Promise<void> {
  const { rest } = stand.maintainer;
  const { data: issue } = await rest.issues.create({ ...SHOP, title: 'one', labels: ['bug'], assignees: ['maintainer'] });
  const target = { ...SHOP, issue_number: issue.number };
  await rest.issues.update({ ...target, title: 'two' });
  await rest.issues.removeLabel({ ...target, name: 'bug' });
  await rest.issues.removeAssignees({ ...target, assignees: ['maintainer'] });
  const { data: comment } = await rest.issues.createComment({ ...target, body: 'hello' });
  await rest.issues.updateComment({ ...SHOP, comment_id: comment.id, body: 'hello again' });
  await rest.issues.deleteComment({ ...SHOP, comment_id: comment.id });
  await rest.issues.update({ ...target, state: 'closed' });
  await rest.issues.update({ ...target, state: 'open' });
  await rest.issues.createLabel({ ...SHOP, name: 'fresh', color: 'aabbcc' });
  await pushFile(stand.maintainer, { ...SHOP, branch: 'feature/1-all', path: 'src/all.js', content: 'export {};\n' });
  const { data: pull } = await rest.pulls.create({ ...SHOP, title: 'all', head: 'feature/1-all', base: 'main', body: `closes #${issue.number}` });
  await rest.pulls.requestReviewers({ ...SHOP, pull_number: pull.number, reviewers: ['visitor'] });
  await rest.issues.addLabels({ ...SHOP, issue_number: pull.number, labels: ['fresh'] });
  await stand.visitor.rest.pulls.createReview({
    ...SHOP,
    pull_number: pull.number,
    event: 'COMMENT',
    body: 'fine',
    comments: [{ path: 'src/all.js', line: 1, body: 'here' }],
  });
  await pushFile(stand.maintainer, { ...SHOP, branch: 'feature/1-all', path: 'src/all.js', content: 'export const a = 1;\n' });
  const { octokit } = await stand.installation();
  await octokit.rest.checks.create({ ...SHOP, name: 'banyan/qa', head_sha: pull.head.sha, conclusion: 'success' });
  await rest.repos.createCommitStatus({ ...SHOP, sha: pull.head.sha, state: 'success' });
  const { data: deployment } = await rest.repos.createDeployment({ ...SHOP, ref: 'main', required_contexts: [] });
  await rest.repos.createDeploymentStatus({ ...SHOP, deployment_id: 'id' in deployment ? deployment.id : 0, state: 'success' });
  await rest.repos.addCollaborator({ ...SHOP, username: 'visitor', permission: 'triage' });
  await rest.pulls.merge({ ...SHOP, pull_number: pull.number });
  await rest.git.deleteRef({ ...SHOP, ref: 'heads/feature/1-all' });
}

describe('every change', () => {
  it('is delivered in order, signed, under a GUID, with all parts of GitHub payloads', async () => {
    await causeEverything();
    const names = await stand.delivered();
    for (const name of [
      'issues.opened',
      'issue_comment.created',
      'pull_request.opened',
      'pull_request.synchronize',
      'pull_request_review.submitted',
      'push',
      'create',
      'delete',
      'status',
      'member.added',
      'label.created',
    ]) {
      expect(names).toContain(name);
    }
    const webhooks = new Webhooks({ secret: WEBHOOK_SECRET });
    for (const delivery of stand.deliveries) {
      expect(await webhooks.verify(delivery.body, delivery.signature)).toBe(true);
      expect(delivery.guid).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
      expect(delivery.headers).toMatchObject({
        'x-github-hook-installation-target-type': 'integration',
        'x-github-hook-installation-target-id': '77',
        'content-type': 'application/json',
      });
      expect(delivery.payload).toMatchObject({ installation: { id: 5001 }, sender: { login: expect.any(String) as string } });
    }
    expect(new Set(stand.deliveries.map(({ guid }) => guid)).size).toBe(stand.deliveries.length);
    const gaps = stand.deliveries
      .map((delivery) => ({ event: `${delivery.event}.${delivery.payload.action ?? ''}`, missing: missingKeys(delivery) }))
      .filter(({ missing }) => missing.length > 0);
    expect(gaps).toEqual([]);
  });
});

describe('deliveries', () => {
  it('are listed with a cursor and redelivered under the same GUID', async () => {
    stand.answerWith(503);
    await stand.maintainer.rest.issues.create({ ...SHOP, title: 'will fail' });
    await stand.delivered();
    stand.answerWith(202);
    const first = await stand.app.rest.apps.listWebhookDeliveries({ per_page: 2 });
    expect(first.data).toHaveLength(2);
    expect(first.data[0]).toMatchObject({ event: 'issues', action: 'opened', status_code: 503, redelivery: false });
    const cursor = /cursor=([^&>]+)/.exec(first.headers.link ?? '')?.[1];
    const second = await stand.app.rest.apps.listWebhookDeliveries({ per_page: 2, cursor: cursor ?? '' });
    expect(second.data.every(({ id }) => first.data.every((other) => other.id > id))).toBe(true);
    const failed = first.data[0];
    if (failed === undefined) throw new Error('a delivery was expected');
    const { data: whole } = await stand.app.rest.apps.getWebhookDelivery({ delivery_id: failed.id });
    expect(whole.request.payload).toMatchObject({ action: 'opened', issue: { title: 'will fail' } });
    await stand.app.rest.apps.redeliverWebhookDelivery({ delivery_id: failed.id });
    expect(await stand.delivered()).toEqual(['issues.opened']);
    expect((await stand.last('issues')).guid).toBe(failed.guid);
    const { data: after } = await stand.app.rest.apps.listWebhookDeliveries({ per_page: 1 });
    expect(after[0]).toMatchObject({ guid: failed.guid, redelivery: true, status_code: 202 });
    expect((await failure(stand.maintainer.rest.apps.listWebhookDeliveries())).status).toBe(401);
  });
});

describe('a restart', () => {
  it('finds everything again', async () => {
    const { data: issue } = await stand.maintainer.rest.issues.create({ ...SHOP, title: 'before' });
    const { token } = await stand.installation();
    const before = (await stand.app.rest.apps.listWebhookDeliveries({ per_page: 100 })).data.length;
    await stand.restart();
    expect((await stand.visitor.rest.issues.get({ ...SHOP, issue_number: issue.number })).data.title).toBe('before');
    const next = await stand.maintainer.rest.issues.create({ ...SHOP, title: 'after' });
    expect(next.data.number).toBe(issue.number + 1);
    expect(next.data.id).toBeGreaterThan(issue.id);
    expect((await stand.app.rest.apps.listWebhookDeliveries({ per_page: 100 })).data.length).toBeGreaterThanOrEqual(before);
    const response = await fetch(`${stand.url}/installation/repositories`, { headers: { authorization: `token ${token}` } });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  });
});
