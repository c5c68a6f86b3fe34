import { randomUUID } from 'node:crypto';
import { Webhooks } from '@octokit/webhooks';
import examples from '@octokit/webhooks-examples' with { type: 'json' };
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIntake } from '../../src/engine/intake.ts';
import { BanyanError } from '../../src/kernel/errors.ts';
import { pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

const SECRET = 'a-secret-of-the-app';
const OLD_SECRET = 'the-secret-before';

let harness: Harness;
let nudges = 0;

beforeAll(async () => {
  harness = await pgliteHarness();
});
afterAll(() => harness.close());

const warnings: string[] = [];
function intake(secrets = [SECRET, OLD_SECRET]) {
  return createIntake({ store: harness.store, secrets, nudge: () => nudges++, warn: (fields, message) => warnings.push(JSON.stringify(fields) + message) });
}

interface Post {
  body?: string;
  event?: string;
  guid?: string;
  secret?: string;
  headers?: Record<string, string>;
  method?: string;
}

const opened = JSON.stringify({
  action: 'opened',
  installation: { id: 1 },
  repository: { full_name: 'acme/shop' },
  issue: { number: 1 },
  sender: { login: 'maintainer', type: 'User' },
});

async function deliver(post: Post = {}, handler = intake()): Promise<{ status: number; body: Record<string, unknown> }> {
  const { body = opened, event = 'issues', guid = randomUUID(), secret = SECRET, method = 'POST' } = post;
  const headers = {
    'content-type': 'application/json',
    'x-github-event': event,
    'x-github-delivery': guid,
    'x-hub-signature-256': await new Webhooks({ secret }).sign(body || ' '),
    ...post.headers,
  };
  const response = await handler(new Request('http://banyan.test/api/github/webhook', { method, headers, ...(method === 'POST' ? { body } : {}) }));
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('the webhook', () => {
  it('stores a delivery once, nudges once, and says so', async () => {
    const guid = randomUUID();
    const before = nudges;
    expect(await deliver({ guid })).toEqual({ status: 202, body: { delivery: guid, status: 'accepted' } });
    expect(await deliver({ guid })).toEqual({ status: 202, body: { delivery: guid, status: 'duplicate' } });
    expect(nudges - before).toBe(1);
    expect(await harness.sql('select event from deliveries where guid = $1', [guid])).toEqual([{ event: 'issues' }]);
  });

  it('tells of what it accepted and when that came, once, and of nothing else', async () => {
    const guid = randomUUID();
    const told: string[] = [];
    const parts = { store: harness.store, secrets: [SECRET], nudge: () => undefined, warn: () => undefined };
    const handler = createIntake({ ...parts, accepted: (delivery, at) => void told.push(`${delivery.guid} ${Math.abs(at - Date.now()) < 60_000}`) });
    await deliver({ guid }, handler);
    await deliver({ guid }, handler);
    await deliver({ secret: 'wrong' }, handler);
    await deliver({ event: 'star' }, handler);
    expect(told).toEqual([`${guid} true`]);
  });

  it('takes the secret that is being rotated out', async () => {
    expect((await deliver({ secret: OLD_SECRET })).status).toBe(202);
  });

  it('refuses a wrong, a missing and a malformed signature', async () => {
    expect((await deliver({ secret: 'guessed' })).status).toBe(401);
    expect((await deliver({ headers: { 'x-hub-signature-256': '' } })).status).toBe(401);
    expect((await deliver({ headers: { 'x-hub-signature-256': 'sha256=zz' } })).status).toBe(401);
  });

  it('never verifies without a secret', async () => {
    expect((await deliver({}, intake([]))).status).toBe(401);
  });

  it('refuses other types, other methods and what is no object', async () => {
    expect((await deliver({ headers: { 'content-type': 'application/x-www-form-urlencoded' } })).status).toBe(415);
    expect((await deliver({ method: 'GET' })).status).toBe(405);
    expect((await deliver({ body: '{"action": ' })).status).toBe(400);
    expect((await deliver({ body: '[]' })).status).toBe(400);
    expect((await deliver({ guid: 'x' })).status).toBe(400);
  });

  it('refuses what is larger than GitHub sends, before reading it', async () => {
    expect((await deliver({ headers: { 'content-length': String(26 * 1024 * 1024) } })).status).toBe(413);
  });

  it('answers 503 where the database is away, and logs nothing of the payload', async () => {
    const away = createIntake({
      store: { receiveDelivery: () => Promise.reject(new BanyanError('database_unavailable', 'away', { retry: 'transient' })) },
      secrets: [SECRET],
      nudge: () => nudges++,
      warn: (fields, message) => warnings.push(JSON.stringify(fields) + message),
    });
    expect((await deliver({}, away)).status).toBe(503);
    expect(warnings.join()).not.toContain('maintainer');
  });

  it('takes every example that GitHub publishes without an error', async () => {
    const events = examples as unknown as { name: string; examples: unknown[] }[];
    const statuses = new Set<number>();
    for (const { name, examples: payloads } of events) {
      for (const payload of payloads.slice(0, 3)) statuses.add((await deliver({ event: name, body: JSON.stringify(payload) })).status);
    }
    expect([...statuses]).toEqual([202]);
  });
});
