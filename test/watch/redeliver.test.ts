import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createIntake } from '../../src/engine/intake.ts';
import { createGitHubApp } from '../../src/github/app.ts';
import type { GitHubApp } from '../../src/github/app.ts';
import type { HookDeliveries } from '../../src/github/hook-deliveries.ts';
import { readDelivery } from '../../src/github/triggers.ts';
import { BanyanError } from '../../src/kernel/errors.ts';
import { createFunctionsServer } from '../../src/local/functions/server.ts';
import { redeliverMissed } from '../../src/watch/redeliver.ts';
import type { RedeliverReport } from '../../src/watch/redeliver.ts';
import { APP_ID, SHOP, startStand, WEBHOOK_SECRET } from '../local-github/harness.ts';
import type { Stand } from '../local-github/harness.ts';
import { pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

/** The webhook as a function behind the local platform, with the limits of Vercel. */
interface Webhook {
  url: string;
  /** While it is away, whoever calls gets 502, as from a platform whose function does not come up. */
  away: boolean;
  calls: { guid: string; status: number }[];
  close(): Promise<void>;
}

let stand: Stand;
let harness: Harness;
let webhook: Webhook;
let github: GitHubApp;
let lines: Record<string, unknown>[] = [];

const note = (fields: Record<string, unknown>, message: string): void => void lines.push({ ...fields, message });
const LOG = { info: note, warn: note, error: note, debug: note };

/** Where the function, which the platform loads as a file, finds what it is to do. */
const ENTRY = Symbol.for('banyan.test.webhook');

async function serveWebhook(): Promise<Webhook> {
  const intake = createIntake({ store: harness.store, secrets: [WEBHOOK_SECRET], nudge: () => undefined, warn: () => undefined });
  const root = mkdtempSync(join(tmpdir(), 'banyan-webhook-'));
  mkdirSync(join(root, 'api'));
  writeFileSync(join(root, 'vercel.json'), '{}');
  writeFileSync(
    join(root, 'api/webhook.ts'),
    `export const POST = (request: Request): unknown => Reflect.get(globalThis, Symbol.for('banyan.test.webhook'))(request);\n`,
  );
  Reflect.set(globalThis, ENTRY, async (request: Request) => {
    const guid = request.headers.get('x-github-delivery') ?? '';
    const answer = served.away ? new Response(null, { status: 502 }) : await intake(request);
    served.calls.push({ guid, status: answer.status });
    return answer;
  });
  const server = await createFunctionsServer({ root, port: 0 });
  const served: Webhook = {
    url: `${server.url}/api/webhook`,
    away: false,
    calls: [],
    async close() {
      await server.close();
      Reflect.deleteProperty(globalThis, ENTRY);
      rmSync(root, { recursive: true });
    },
  };
  return served;
}

beforeAll(async () => {
  [stand, harness] = await Promise.all([startStand(), pgliteHarness()]);
  webhook = await serveWebhook();
  await pointToWebhook();
  github = createGitHubApp({ appId: APP_ID, privateKey: stand.privateKey, apiUrl: stand.url, graphqlUrl: `${stand.url}/graphql` });
});

/** Every test finds nothing missing; what earlier ones left in the tables has GUIDs of its own. */
afterEach(async () => {
  webhook.away = false;
  await passTime();
  await run();
  await run();
  if ((await harness.store.health()).deliveries_missing > 0) throw new Error('something is still missing');
  webhook.calls.length = 0;
  lines = [];
});

afterAll(async () => {
  await stand.stop();
  await webhook.close();
  await harness.close();
});

async function pointToWebhook(): Promise<void> {
  // As `url` among the parameters, it would be where the client sends the request itself.
  await stand.app.request('PATCH /app/hook/config', { data: { url: webhook.url } });
}

async function run(hooks: HookDeliveries = github.hookDeliveries()): Promise<RedeliverReport> {
  const report = await redeliverMissed({ hooks, store: harness.store, log: LOG });
  await stand.delivered();
  return report;
}

const passTime = () => harness.sql(`update missed_deliveries set next_try_at = now() - interval '1 second'`);
const missed = (...guids: string[]): Promise<Record<string, unknown>[]> =>
  harness.sql('select guid, event, action, state, attempts, outcome from missed_deliveries where guid = any ($1) order by happened_at, guid', [guids]);
const inbox = (...guids: string[]): Promise<Record<string, unknown>[]> =>
  harness.sql('select guid, event, action from deliveries where guid = any ($1) order by guid', [guids]);

/** An issue of which nobody heard. */
async function lose(title: string): Promise<string> {
  webhook.away = true;
  await stand.maintainer.rest.issues.create({ ...SHOP, title });
  await stand.delivered();
  const lost = webhook.calls.at(-1);
  expect(lost).toMatchObject({ status: 502 });
  return lost?.guid ?? '';
}

describe('a delivery that met nobody', () => {
  it('is asked for twice, and then its payload is fetched', async () => {
    const guid = await lose('nobody is in');
    expect(await run()).toEqual({ asked: 1, recovered: 0, lost: 0 });
    expect(await run()).toEqual({ asked: 0, recovered: 0, lost: 0 });
    await passTime();
    expect(await run()).toEqual({ asked: 1, recovered: 0, lost: 0 });
    expect(webhook.calls.filter((call) => call.guid === guid)).toHaveLength(3);
    expect(await inbox(guid)).toEqual([]);
    expect(await harness.store.health()).toMatchObject({ deliveries_missing: 1, deliveries_lost: 0 });

    await passTime();
    expect(await run()).toEqual({ asked: 0, recovered: 1, lost: 0 });
    expect(await inbox(guid)).toEqual([{ guid, event: 'issues', action: 'opened' }]);
    expect(await missed(guid)).toMatchObject([{ guid, state: 'recovered', attempts: 3 }]);
    const [row] = await harness.sql<{ body: string; subject: string }>('select body, subject from deliveries where guid = $1', [guid]);
    expect(readDelivery('issues', row?.body ?? '').trigger).toMatchObject({ type: 'issue_opened', issue: { title: 'nobody is in', author: 'maintainer' } });
    expect(row?.subject).toMatch(/^acme\/shop#\d+$/);
    await passTime();
    expect(await run()).toEqual({ asked: 0, recovered: 0, lost: 0 });
    expect(await harness.store.health()).toMatchObject({ deliveries_missing: 0, deliveries_lost: 0 });
  });

  it('comes under its GUID when it is asked for, once, also where two ticks ask side by side', async () => {
    const guids = [await lose('one'), await lose('two'), await lose('three')];
    webhook.away = false;
    const reports = await Promise.all([run(), run()]);
    expect(reports.reduce((sum, { asked }) => sum + asked, 0)).toBe(3);
    expect(await inbox(...guids)).toHaveLength(3);
    await passTime();
    expect(await run()).toEqual({ asked: 0, recovered: 0, lost: 0 });
    expect((await missed(...guids)).map((row) => row['state'])).toEqual(['received', 'received', 'received']);
    expect(webhook.calls.filter(({ status }) => status === 202)).toHaveLength(3);
  });

  it('is not asked for where a person was faster, or where nobody handles it', async () => {
    const guid = await lose('by hand');
    await stand.maintainer.rest.issues.createLabel({ ...SHOP, name: 'nobody-listens-to-labels', color: 'aabbcc' });
    await stand.delivered();
    webhook.away = false;
    const { attempts } = await github.hookDeliveries().list();
    await github.hookDeliveries().redeliver(attempts.find((attempt) => attempt.guid === guid)?.id ?? '');
    await stand.delivered();
    expect(await run()).toEqual({ asked: 0, recovered: 0, lost: 0 });
    expect(await missed(guid)).toEqual([]);
    expect(await inbox(guid)).toHaveLength(1);
    expect(await harness.sql(`select 1 from missed_deliveries where event not in ('issues', 'issue_comment', 'pull_request')`)).toEqual([]);
  });

  it('is lost where GitHub has forgotten it, which health shows and one line tells', async () => {
    const guid = await lose('forgotten');
    const hooks = github.hookDeliveries();
    const forgetful = { ...hooks, redeliver: () => Promise.reject(new BanyanError('not_found', 'GitHub found nothing')) };
    expect(await run(forgetful)).toEqual({ asked: 0, recovered: 0, lost: 1 });
    await passTime();
    expect(await run(forgetful)).toEqual({ asked: 0, recovered: 0, lost: 0 });
    expect(lines.filter(({ message }) => message === 'a delivery is lost')).toMatchObject([
      { delivery: guid, event: 'issues', reason: 'GitHub no longer has it' },
    ]);
    expect(await harness.store.health()).toMatchObject({ deliveries_missing: 0, deliveries_lost: 1 });
  });
});

describe('a run', () => {
  const away = () => Promise.reject(new BanyanError('github_unavailable', 'away', { retry: 'transient' }));

  it('that dies after it stored a payload leaves a row that the next one closes', async () => {
    const guid = await lose('half done');
    await run();
    await harness.sql('update missed_deliveries set attempts = 2, next_try_at = now() where guid = $1', [guid]);
    const dying = { ...harness.store, settleMissed: () => Promise.reject(new BanyanError('database_unavailable', 'away', { retry: 'transient' })) };
    await redeliverMissed({ hooks: github.hookDeliveries(), store: dying, log: LOG });
    expect(await missed(guid)).toMatchObject([{ guid, state: 'missing' }]);
    await run();
    expect(await missed(guid)).toMatchObject([{ guid, state: 'received', outcome: 'in the inbox' }]);
    expect(await inbox(guid)).toHaveLength(1);
  });

  it('ends where GitHub is away, says so, fails nobody, and goes on with what it knows where only the list is', async () => {
    const guids = [await lose('first'), await lose('second')];
    const hooks = github.hookDeliveries();
    expect(await run({ ...hooks, redeliver: away, payload: away })).toEqual({ asked: 0, recovered: 0, lost: 0 });
    expect((await missed(...guids)).map((row) => row['attempts'])).toEqual([1, 0]);
    expect(lines.at(-1)).toMatchObject({ code: 'github_unavailable' });
    expect(await run({ ...hooks, list: away })).toEqual({ asked: 1, recovered: 0, lost: 0 });
  });
});

/*
 * Vercel refuses a body over 4.5 MB before the function sees it. GitHub bounds what people write (65,536 characters of text,
 * 100 labels), so what makes an event of an issue this large is what GitHub adds to it. Here that is a list of labels longer
 * than people could make, in a delivery that is written into the record of the local GitHub and sent at its next start.
 */
describe('a delivery that is too large for the platform', () => {
  it('is fetched at once, and only what is read of it is kept', async () => {
    await stand.maintainer.rest.issues.create({ ...SHOP, title: 'large' });
    await stand.delivered();
    const [sent] = (await github.hookDeliveries().list()).attempts;
    const { data: whole } = await stand.app.rest.apps.getWebhookDelivery({ delivery_id: Number(sent?.id) });
    const label = { id: 1, node_id: 'x', url: 'x', color: 'aabbcc', default: false, description: 'd'.repeat(4_000) };
    const payload = structuredClone(whole.request.payload) as { issue: { labels: unknown[] } };
    payload.issue.labels = Array.from({ length: 1_200 }, (_, index) => ({ ...label, name: `label-${index}` }));
    const guid = '6d1a5c2e-0000-4000-8000-000000000001';
    const record = {
      ...{ id: Number(sent?.id) + 1000, guid, event: 'issues', action: 'opened', repositoryId: 1, deliveredAt: new Date().toISOString(), redelivery: false },
      ...{ durationSeconds: 0, status: 'pending', statusCode: 0, url: webhook.url, payload, responseHeaders: {}, responseBody: '' },
      requestHeaders: { ...whole.request.headers, 'X-GitHub-Delivery': guid },
    };
    appendFileSync(join(stand.dataDir, 'deliveries.jsonl'), `${JSON.stringify(record)}\n`);
    // The receiver of the stand is who it is sent to first.
    stand.answerWith(502);
    await stand.restart();
    await stand.delivered();
    await pointToWebhook();
    await github.hookDeliveries().redeliver(String(record.id));
    await stand.delivered();
    const refused = (await github.hookDeliveries().list()).attempts.find((attempt) => attempt.guid === guid);
    expect(refused).toMatchObject({ statusCode: 413, event: 'issues', action: 'opened' });
    expect(webhook.calls.some((call) => call.guid === guid)).toBe(false);

    expect(await run()).toMatchObject({ asked: 0, recovered: 1 });
    const [row] = await harness.sql<{ body: string }>('select body from deliveries where guid = $1', [guid]);
    expect(row?.body.length).toBeLessThan(60_000);
    const { trigger } = readDelivery('issues', row?.body ?? '');
    expect(trigger).toMatchObject({ type: 'issue_opened', issue: { title: 'large' } });
    expect(trigger.type === 'issue_opened' && trigger.issue.labels).toHaveLength(1_200);
    expect(JSON.stringify(lines)).not.toContain('label-7');
  });
});

describe('the list of GitHub', () => {
  it('is read page by page, newest first', async () => {
    const hooks = github.hookDeliveries();
    const { data: issue } = await stand.maintainer.rest.issues.create({ ...SHOP, title: 'talk' });
    for (let count = 0; count < 101; count += 1)
      await stand.maintainer.rest.issues.createComment({ ...SHOP, issue_number: issue.number, body: `word ${count}` });
    await stand.delivered();
    const first = await hooks.list();
    const second = await hooks.list(first.next ?? undefined);
    expect(first.attempts).toHaveLength(100);
    expect(first.attempts[0]).toMatchObject({ event: 'issue_comment', action: 'created', redelivery: false, statusCode: 202, installationId: 5001 });
    expect(second.attempts.length).toBeGreaterThan(0);
    expect(Number(second.attempts[0]?.id)).toBeLessThan(Number(first.attempts.at(-1)?.id));
    expect(second.next).toBeNull();
  });

  it('keeps ids that no number holds', async () => {
    const id = '3804004623172239366';
    const item = `{"id":${id},"guid":"g","delivered_at":"2026-11-21T10:00:00Z","redelivery":false,"status_code":502,"event":"issues","action":"opened","installation_id":5}`;
    const urls: string[] = [];
    const answer: typeof fetch = async (input, init) => {
      urls.push(`${init?.method ?? 'GET'} ${input instanceof Request ? input.url : String(input)}`);
      const one = urls.at(-1)?.endsWith(id) ? `{"id":${id},"request":{"headers":{},"payload":{"action":"opened"}}}` : `[${item}]`;
      return new Response(init?.method === 'POST' ? '{}' : one, {
        status: init?.method === 'POST' ? 202 : 200,
        headers: { 'content-type': 'application/json' },
      });
    };
    const { privateKey } = stand;
    const app = createGitHubApp({ appId: APP_ID, privateKey, apiUrl: 'http://github.test', graphqlUrl: 'http://github.test/graphql', fetch: answer });
    const { attempts } = await app.hookDeliveries().list();
    expect(attempts[0]).toMatchObject({ id, installationId: 5 });
    await app.hookDeliveries().redeliver(attempts[0]?.id ?? '');
    expect(urls.at(-1)).toBe(`POST http://github.test/app/hook/deliveries/${id}/attempts`);
    expect(await app.hookDeliveries().payload(id)).toEqual({ action: 'opened' });
    expect(urls.at(-1)).toBe(`GET http://github.test/app/hook/deliveries/${id}`);
  });
});
