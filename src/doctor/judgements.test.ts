import { describe, expect, it } from 'vitest';
import type { HookAttempt } from '../github/hook-deliveries.ts';
import { PERMISSIONS } from '../github/permissions.ts';
import { judgeRights, judgeTicks, missingMigrations } from './database.ts';
import { keyKind, satisfies, secretFaults, unknownVariables } from './environment.ts';
import { compareEvents, comparePermissions, judgeAttempts, judgeHook, judgeInstallations } from './github.ts';
import { jsonOf } from './report.ts';
import { gateOf, judgeClocks } from './web.ts';
import { worstOf } from './work.ts';

const jwt = (role: string) => `e30.${Buffer.from(JSON.stringify({ role })).toString('base64url')}.x`;

describe('the environment', () => {
  it.each([
    ['v22.18.0', true],
    ['v22.17.9', false],
    ['v24.0.0', true],
    ['v23.9.0', false],
    ['v26.1.0', false],
  ])('Node %s is supported: %s', (version, supported) => {
    expect(satisfies(version, '^22.18.0 || ^24.0.0')).toBe(supported);
  });

  it('has secrets that are long, their own and not to be guessed', () => {
    const long = 'b7f1d0c2a94e83566a1f';
    expect(secretFaults({ GITHUB_WEBHOOK_SECRET: long, CRON_SECRET: `${long}x` })).toEqual([]);
    expect(secretFaults({ GITHUB_WEBHOOK_SECRET: 'short', CRON_SECRET: long, BANYAN_METRICS_TOKEN: long })).toEqual([
      'GITHUB_WEBHOOK_SECRET has less than 16 characters.',
      'CRON_SECRET and BANYAN_METRICS_TOKEN are the same.',
    ]);
    expect(secretFaults({ CRON_SECRET: 'your-secret-goes-here', GITHUB_WEBHOOK_SECRET: 'aaaaaaaaaaaaaaaaaaaaaa' })).toHaveLength(2);
  });

  it('names what is spelled wrong', () => {
    const models = { BANYAN_MODEL_QA: 'openai:x', BANYAN_MODEL_PRODUCT_OWNER: 'openai:x', BANYAN_MODEL_GUARDIAN: 'openai:x', BANYAN_MODEL_QUA: 'openai:x' };
    const others = { BANYAN_LEASE_SECOND: '5', BANYAN_PORT: '1', BANYAN_LEASE_SECONDS: '5', BANYAN_EMPTY: ' ' };
    expect(unknownVariables({ ...models, ...others }, ['qa', 'product-owner'])).toEqual(['BANYAN_MODEL_QUA', 'BANYAN_LEASE_SECOND']);
  });

  it.each([
    ['sb_secret_x', 'secret'],
    ['sb_publishable_x', 'publishable'],
    [jwt('service_role'), 'service_role'],
    [jwt('anon'), 'anon'],
    ['nonsense', 'unknown'],
    ['a.b.c', 'unknown'],
  ])('knows the kind of the key %s', (key, kind) => {
    expect(keyKind(key)).toBe(kind);
  });
});

describe('the App', () => {
  const held = { ...PERMISSIONS };
  it('has exactly the permissions and events that are needed', () => {
    expect(comparePermissions(held)).toEqual({ missing: [], extra: [] });
    expect(comparePermissions({ ...held, issues: 'read', actions: 'write', metadata: 'write' })).toEqual({
      missing: ['issues: write'],
      extra: ['metadata: write', 'actions: write'],
    });
    expect(compareEvents(['issues', 'push'])).toEqual({ missing: ['issue_comment', 'pull_request'], extra: ['push'] });
  });

  it('is installed somewhere, with what was added accepted', () => {
    const one = { id: 1, account: 'acme', suspended: false, permissions: held, page: 'https://github.test/acme' };
    expect(judgeInstallations([])).toMatchObject({ status: 'warn', says: 'It is installed nowhere.' });
    expect(judgeInstallations([one])).toMatchObject({ status: 'ok' });
    expect(judgeInstallations([one, { ...one, account: 'b', suspended: true, permissions: {} }])).toMatchObject({
      status: 'warn',
      says: 'Suspended: b. Nothing is done there.',
    });
    expect(judgeInstallations([{ ...one, permissions: { ...held, checks: 'read' } }])).toMatchObject({
      status: 'fail',
      says: 'acme has not granted checks: write.',
      fix: expect.stringContaining('https://github.test/acme') as string,
    });
  });

  it.each([
    ['ok', {}, 'GitHub sends JSON'],
    ['fail', { url: '' }, 'no webhook'],
    ['fail', { url: 'https://old.test/api/github/webhook' }, 'and not to https://banyan.test/api/github/webhook'],
    ['fail', { signed: false }, 'no secret'],
    ['fail', { contentType: 'form' }, 'forms'],
    ['warn', { verified: false }, 'certificate'],
  ])('has a webhook that is %s with %j', (status, change, says) => {
    const hook = { url: 'https://banyan.test/api/github/webhook', contentType: 'json', verified: true, signed: true };
    expect(judgeHook({ ...hook, ...change }, 'https://banyan.test')).toMatchObject({ status, says: expect.stringContaining(says) as string });
  });
});

describe('the deliveries of GitHub', () => {
  const now = Date.parse('2026-11-20T12:00:00Z');
  const attempt = (guid: string, minutesAgo: number, statusCode: number): HookAttempt => ({
    id: `${guid}${minutesAgo}`,
    guid,
    deliveredAt: new Date(now - minutesAgo * 60_000),
    redelivery: false,
    statusCode,
    event: 'issues',
    action: 'opened',
    installationId: 1,
  });

  it.each([
    ['none', [], 'warn', 'nothing'],
    ['all taken', [attempt('a', 1, 202), attempt('b', 2, 202)], 'ok', 'Of the newest 2, 2 were taken'],
    ['a secret that differs', [attempt('a', 1, 401), attempt('b', 2, 202)], 'fail', 'The webhook secrets differ.'],
    ['forms', [attempt('a', 1, 415)], 'fail', 'forms'],
    ['a redirect', [attempt('a', 1, 308)], 'fail', 'redirects'],
    ['nobody there', [attempt('a', 1, 502)], 'fail', 'Nobody answered'],
    ['a fault of a while ago', [attempt('a', 1, 202), attempt('b', 20, 503)], 'warn', '503 (1)'],
    ['a fault that is history', [attempt('a', 1, 202), attempt('b', 120, 503)], 'ok', '1 were taken'],
    ['a fault that was made good', [attempt('b', 1, 202), attempt('b', 20, 503)], 'ok', 'Of the newest 1, 1 were taken'],
    ['one too large', [attempt('a', 1, 413), attempt('b', 2, 202)], 'warn', '413'],
  ])('%s', (_name, attempts, status, says) => {
    expect(judgeAttempts(attempts, now)).toMatchObject({ status, says: expect.stringContaining(says) as string });
  });
});

describe('what answers in the place of Banyan', () => {
  const answer = (status: number, headers: Record<string, string>, text = '') => gateOf({ status, headers: new Headers(headers), text });
  it('is known by its answer', () => {
    expect(answer(401, { 'content-type': 'text/html', 'set-cookie': '_vercel_sso_nonce=x' })?.fix).toContain('Deployment Protection');
    expect(answer(302, { location: 'https://vercel.com/sso-api?url=x&nonce=secret' })?.fix).toContain('Deployment Protection');
    expect(answer(308, { location: 'https://www.banyan.test/api/health?x=1' })?.says).toBe(
      'It redirects to https://www.banyan.test/api/health; GitHub follows no redirects.',
    );
    expect(answer(404, { 'x-vercel-error': 'DEPLOYMENT_NOT_FOUND' })?.says).toContain('DEPLOYMENT_NOT_FOUND');
    expect(answer(401, { 'content-type': 'application/json' }, '{"error":{}}')).toBeNull();
    expect(answer(200, { 'content-type': 'text/html' })).toBeNull();
  });
});

describe('clocks', () => {
  it.each([
    [{ 'this machine': 3, 'the deployment': -4 }, 'ok', 'within 10 s'],
    [{ 'this machine': 3, 'the deployment': -45 }, 'warn', 'the deployment: 45 s behind GitHub'],
    [{ 'this machine': 90, 'the database': -4 }, 'fail', 'this machine: 90 s ahead of GitHub'],
  ])('%j', (clocks, status, says) => {
    expect(judgeClocks(clocks as Record<string, number>)).toMatchObject({ status, says: expect.stringContaining(says) as string });
  });
});

describe('the database', () => {
  const all = ['1', '2', '3'].map((version) => ({ version, name: `m${version}` }));
  it('lacks what is not in its book, also in the middle; without one, what is newer', () => {
    const names = (schema: string, applied: string[] | null) => missingMigrations(all, schema, applied).map(({ name }) => name);
    expect([names('3', ['1', '2', '3']), names('3', ['1', '3']), names('2', null), names('3', null)]).toEqual([[], ['m2'], ['m3'], []]);
  });

  it('has nothing open', () => {
    const right = { role: 'anon', kind: 'table', name: 'public.tickets', rights: 'select' } as const;
    expect(judgeRights({ role: 'service_role', unguarded: [], open: [] })).toMatchObject({ status: 'ok' });
    expect(judgeRights({ role: 'anon', unguarded: [], open: [] })).toMatchObject({ status: 'fail', says: 'It is called as anon.' });
    expect(judgeRights({ role: 'service_role', unguarded: ['public.x'], open: [right] }).says).toBe(
      'Without row level security: public.x.\nanon may select table public.tickets.',
    );
    expect(judgeRights({ role: 'service_role', unguarded: [], open: Array.from({ length: 12 }, () => right) }).says).toContain('And 2 more.');
  });

  it.each([
    [[], 'fail', 'ever run.'],
    [[['diagnose', 179]], 'ok', '179 s ago'],
    [[['diagnose', 181]], 'fail', '3 minutes ago'],
    // What others call by the clock, or somebody by hand, is no tick.
    [[['sweep', 5]], 'fail', 'ever run with a tick'],
    [
      [
        ['conductor', 0],
        ['guardian', 777_600],
      ],
      'fail',
      '("guardian") ran 9 days ago',
    ],
    [
      [
        ['redeliver', 30],
        ['guardian', 7_300],
      ],
      'warn',
      '"guardian" 2 hours ago',
    ],
    [
      [
        ['redeliver', 30],
        ['guardian', 800],
        ['anomaly', 31],
        ['sweep', 80_000],
      ],
      'ok',
      '"redeliver" ran 30 s ago',
    ],
    [
      [
        ['diagnose', 5, true],
        ['anomaly', 4],
      ],
      'warn',
      '"diagnose" failed as a whole',
    ],
  ] as [[string, number, boolean?][], string, string][])('is ticked: %j', (reports, status, says) => {
    const judged = judgeTicks(reports.map(([job, seconds, failed = false]) => ({ job, age_seconds: seconds, failed })));
    expect(judged).toMatchObject({ status, says: expect.stringContaining(says) as string });
  });
});

it('several findings are as bad as the worst of them', () => {
  const says = (status: 'ok' | 'warn' | 'fail', fix?: string) => ({ status, says: status, ...(fix ? { fix } : {}) });
  expect(worstOf([says('ok'), says('fail', 'Mend.'), says('warn', 'Mend.')])).toEqual({ status: 'fail', says: 'ok\nfail\nwarn', fix: 'Mend.' });
  expect(worstOf([says('ok')])).toEqual({ status: 'ok', says: 'ok' });
});

it('a report for machines names no password of the address', () => {
  const told = (url: string | undefined) => (JSON.parse(jsonOf([], { url, version: '1.0.0' })) as { url: string | null }).url;
  expect(told('https://someone:hunter2fishXY@banyan.test:8443/a?token=hunter2')).toBe('https://banyan.test:8443/a');
  expect([told('http://127.0.0.1:3000'), told(undefined)]).toEqual(['http://127.0.0.1:3000', null]);
});
