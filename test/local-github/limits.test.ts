import type { Octokit } from '@octokit/rest';
import { afterEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../src/local/github/core/access.ts';
import { Limiter } from '../../src/local/github/core/limits.ts';
import type { Limits } from '../../src/local/github/core/limits.ts';
import { SHOP, startStand } from './harness.ts';
import type { Stand } from './harness.ts';

let stand: Stand;
let ahead = 0;
afterEach(() => stand.stop());

async function limited(limits: Limits): Promise<Octokit> {
  ahead = 0;
  stand = await startStand({ limits, now: () => Date.now() + ahead });
  await stand.maintainer.rest.issues.create({ ...SHOP, title: 'to be talked about' });
  return (await stand.installation()).octokit;
}

interface Refusal {
  status: number;
  headers: Record<string, string>;
  page: unknown;
}

async function refusal(call: Promise<unknown>): Promise<Refusal | null> {
  const thrown = await call.then(
    () => null,
    (error: unknown) => error as { status: number; response: { headers: Record<string, string>; data: { documentation_url: unknown } } },
  );
  return thrown && { status: thrown.status, headers: thrown.response.headers, page: thrown.response.data.documentation_url };
}

const comment = (octokit: Octokit) => octokit.rest.issues.createComment({ ...SHOP, issue_number: 1, body: 'words' });
const SECONDARY = 'https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const INSTALLATION: Actor = {
  kind: 'installation',
  account: { id: 1, login: 'acme', type: 'Organization', name: null, email: null, createdAt: '2026-01-01T00:00:00Z' },
  tokenId: 'token',
  repositoryIds: null,
  permissions: {},
};

describe("GitHub's limits", () => {
  it('are counted for each who asks, and shown on every answer', async () => {
    const octokit = await limited({ requestsAnHour: 5000 });
    const first = await octokit.rest.repos.get(SHOP);
    const second = await octokit.rest.repos.get(SHOP);
    expect([first, second].map(({ headers }) => headers['x-ratelimit-remaining'])).toEqual(['4999', '4998']);
    expect((await stand.maintainer.rest.repos.get(SHOP)).headers['x-ratelimit-used']).toBe('2');
    const missing = await refusal(octokit.rest.issues.get({ ...SHOP, issue_number: 999 }));
    expect(missing).toMatchObject({ status: 404, headers: { 'x-ratelimit-remaining': '4997' } });
    expect((await octokit.rest.rateLimit.get()).data.rate).toMatchObject({ limit: 5000, used: 3, remaining: 4997 });
    const rate = await octokit.graphql<{ rateLimit: { used: number } }>('query { rateLimit { used } }');
    expect(rate.rateLimit.used).toBe(4);
    expect(stand.violations()).toEqual([]);
  });

  it('that nobody keeps are never told to be used up', () => {
    const limiter = new Limiter({}, () => NOW);
    for (let request = 0; request < 5001; request += 1) limiter.enter(INSTALLATION, { method: 'GET', path: '/repos/acme/shop', body: {} })();
    expect(limiter.headers(INSTALLATION)).toMatchObject({ 'x-ratelimit-used': '5001', 'x-ratelimit-remaining': '5000' });
    expect(limiter.violations).toEqual([]);
  });

  it('of an hour end with 403 and no requests left, until the reset', async () => {
    const octokit = await limited({ requestsAnHour: 2 });
    await octokit.rest.repos.get(SHOP);
    expect((await octokit.rest.repos.get(SHOP)).headers['x-ratelimit-remaining']).toBe('0');
    const refused = await refusal(octokit.rest.repos.get(SHOP));
    expect(refused).toMatchObject({ status: 403, headers: { 'x-ratelimit-remaining': '0' } });
    const { headers } = refused as Refusal;
    const seconds = Number(headers['x-ratelimit-reset']) - Date.parse(headers['date'] ?? '') / 1000;
    expect(seconds).toBeGreaterThan(3500);
    ahead += 3_601_000;
    expect(await refusal(octokit.rest.repos.get(SHOP))).toBeNull();
    expect(stand.violations()).toEqual(['requestsAnHour']);
  });

  it('of content come with a time, and are over a minute after the content', async () => {
    const octokit = await limited({ creationsAMinute: 2, creationsAnHour: 3 });
    await comment(octokit);
    ahead += 30_000;
    await comment(octokit);
    expect(await refusal(comment(octokit))).toMatchObject({ status: 403, page: SECONDARY, headers: { 'retry-after': '60' } });
    expect(await refusal(octokit.rest.repos.get(SHOP))).toBeNull();
    ahead += 31_000;
    expect(await refusal(comment(octokit))).toBeNull();
    ahead += 120_000;
    expect(await refusal(comment(octokit))).toMatchObject({ status: 403 });
    expect(stand.violations()).toEqual(['creationsAMinute', 'creationsAnHour']);
    // People on the pages are somebody else.
    expect(await refusal(comment(stand.maintainer))).toBeNull();
  });

  it('may come without a time, as they sometimes do', async () => {
    const octokit = await limited({ pointsAMinute: 6, retryAfter: null });
    await octokit.rest.issues.addLabels({ ...SHOP, issue_number: 1, labels: ['bug'] });
    await octokit.rest.repos.get(SHOP);
    const refused = await refusal(octokit.rest.repos.get(SHOP));
    expect(refused).toMatchObject({ status: 403, page: SECONDARY });
    expect(refused?.headers).not.toHaveProperty('retry-after');
    expect(stand.violations()).toEqual(['pointsAMinute']);
  });

  it('hold for what is open at once', async () => {
    const octokit = await limited({ atOnce: 0 });
    expect(await refusal(octokit.graphql('query { viewer { login } }'))).toMatchObject({ status: 403 });
    expect(stand.violations()).toEqual(['atOnce']);
  });
});
