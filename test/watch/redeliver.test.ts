import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createIntake } from '../../src/engine/intake.ts';
import { createGitHubApp } from '../../src/github/app.ts';
import type { GitHubApp } from '../../src/github/app.ts';
import { redeliverFailed } from '../../src/watch/redeliver.ts';
import { APP_ID, SHOP, startStand, WEBHOOK_SECRET } from '../local-github/harness.ts';
import type { Stand } from '../local-github/harness.ts';
import { pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };
/** Past the wait after a first attempt. */
const SOON_MS = 6_000;

let stand: Stand;
let harness: Harness;
let webhook: Webhook;
let github: GitHubApp;

interface Webhook {
  url: string;
  /** While it is away, whoever calls gets 502, as from a platform whose function does not come up. */
  away: boolean;
  calls: { guid: string; status: number }[];
  close(): Promise<void>;
}

async function serveWebhook(): Promise<Webhook> {
  const intake = createIntake({ store: harness.store, secrets: [WEBHOOK_SECRET], nudge: () => undefined, warn: () => undefined });
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const headers = new Headers(Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]));
      const init = { method: 'POST', headers, body: Buffer.concat(chunks).toString('utf8') };
      const answer = served.away ? new Response(null, { status: 502 }) : await intake(new Request('http://banyan.test/api/github/webhook', init));
      served.calls.push({ guid: headers.get('x-github-delivery') ?? '', status: answer.status });
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const served: Webhook = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/github/webhook`,
    away: false,
    calls: [],
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return served;
}

beforeAll(async () => {
  [stand, harness] = await Promise.all([startStand(), pgliteHarness()]);
  webhook = await serveWebhook();
  // As `url` among the parameters, it would be where the client sends the request itself.
  await stand.app.request('PATCH /app/hook/config', { data: { url: webhook.url } });
  github = createGitHubApp({ appId: APP_ID, privateKey: stand.privateKey, apiUrl: stand.url, graphqlUrl: `${stand.url}/graphql` });
});

afterAll(async () => {
  await stand.stop();
  await webhook.close();
  await harness.close();
});

async function run(now: number): Promise<void> {
  await redeliverFailed({ hooks: github.hookDeliveries(), log: SILENT }, now);
  await stand.delivered();
}

it('brings an event that met nobody under the same GUID, once', async () => {
  webhook.away = true;
  await stand.maintainer.rest.issues.create({ ...SHOP, title: 'nobody is in' });
  await stand.delivered();
  const [lost] = webhook.calls;
  expect(lost).toMatchObject({ status: 502 });
  const soon = Date.now() + SOON_MS;
  await run(Date.now());
  expect(webhook.calls).toEqual([lost]);

  await run(soon);
  expect(webhook.calls).toEqual([lost, lost]);
  webhook.away = false;
  await run(soon);
  expect(webhook.calls).toHaveLength(2);

  // Twice at once, as two ticks may: the second one is a duplicate for the inbox.
  const later = soon + 2 * SOON_MS;
  const hooks = github.hookDeliveries();
  await Promise.all([redeliverFailed({ hooks, log: SILENT }, later), redeliverFailed({ hooks, log: SILENT }, later)]);
  await stand.delivered();
  await run(later + 60_000);
  expect(new Set(webhook.calls.map(({ guid }) => guid))).toEqual(new Set([lost?.guid]));
  expect(await harness.sql('select guid, event, action from deliveries')).toEqual([{ guid: lost?.guid, event: 'issues', action: 'opened' }]);
  const settled = webhook.calls.length;
  await run(later + 600_000);
  expect(webhook.calls).toHaveLength(settled);
});

it('follows the pages of the list, newest first', async () => {
  const hooks = github.hookDeliveries();
  for (let count = 0; count < 101; count += 1) await stand.maintainer.rest.issues.createComment({ ...SHOP, issue_number: 1, body: `word ${count}` });
  await stand.delivered();
  const first = await hooks.list();
  const second = await hooks.list(first.next ?? undefined);
  expect(first.attempts).toHaveLength(100);
  expect(first.attempts[0]).toMatchObject({ event: 'issue_comment', action: 'created', redelivery: false, statusCode: 202 });
  expect(second.attempts.length).toBeGreaterThan(0);
  expect(Number(second.attempts[0]?.id)).toBeLessThan(Number(first.attempts.at(-1)?.id));
  expect(second.next).toBeNull();
});

it('keeps ids that no number holds', async () => {
  const id = '3804004623172239366';
  const item = `{"id":${id},"guid":"g","delivered_at":"2026-11-21T10:00:00Z","redelivery":false,"status_code":502,"event":"issues","action":"opened"}`;
  const urls: string[] = [];
  const answer: typeof fetch = async (input, init) => {
    urls.push(`${init?.method ?? 'GET'} ${input instanceof Request ? input.url : String(input)}`);
    const body = init?.method === 'POST' ? '{}' : `[${item}]`;
    return new Response(body, { status: init?.method === 'POST' ? 202 : 200, headers: { 'content-type': 'application/json' } });
  };
  const { privateKey } = stand;
  const app = createGitHubApp({ appId: APP_ID, privateKey, apiUrl: 'http://github.test', graphqlUrl: 'http://github.test/graphql', fetch: answer });
  const { attempts } = await app.hookDeliveries().list();
  expect(attempts[0]?.id).toBe(id);
  await app.hookDeliveries().redeliver(attempts[0]?.id ?? '');
  expect(urls.at(-1)).toBe(`POST http://github.test/app/hook/deliveries/${id}/attempts`);
});
