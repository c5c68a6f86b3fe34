import { expect, it } from 'vitest';
import { BanyanError } from '../kernel/errors.ts';
import { accessError, githubError, limitOf } from './errors.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');

function failed(status: number, headers: Record<string, string> = {}): Error {
  return Object.assign(new Error(`failed with ${status}`), {
    status,
    response: { headers },
    request: { method: 'POST', url: 'https://api.github.com/x?token=1' },
  });
}

it.each([
  [500, {}, 'github_unavailable', 'transient'],
  [502, {}, 'github_unavailable', 'transient'],
  [408, {}, 'github_unavailable', 'transient'],
  [404, {}, 'not_found', 'permanent'],
  [409, {}, 'conflict', 'transient'],
  [422, {}, 'github_rejected', 'permanent'],
  [401, {}, 'github_rejected', 'needs_human'],
  [403, {}, 'github_rejected', 'needs_human'],
  [403, { 'retry-after': '60' }, 'github_rate_limited', 'rate_limit'],
  [403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' }, 'github_rate_limited', 'rate_limit'],
  [403, { 'x-ratelimit-remaining': '7' }, 'github_rejected', 'needs_human'],
  [429, {}, 'github_rate_limited', 'rate_limit'],
] as const)('tells what %s %j means', (status, headers, code, retry) => {
  expect(githubError(failed(status, headers), NOW)).toMatchObject({ code, retry });
});

it('does not blame an answer of GitHub’s for a connection that never answered', () => {
  const { response: _none, ...silent } = failed(500) as Error & { response: unknown };
  expect(githubError(Object.assign(new Error('aborted'), silent), NOW)).toMatchObject({
    code: 'github_unavailable',
    message: 'GitHub did not answer (POST https://api.github.com/x)',
  });
  expect(githubError(failed(502), NOW).message).toBe('GitHub answered 502 (POST https://api.github.com/x)');
});

it.each([
  [401, 'GITHUB_APP_ID'],
  [403, 'An owner of `acme` can unsuspend it'],
  [404, 'can install it again'],
  [422, 'can give it both'],
] as const)('tells who can help where a token is refused with %s', (status, fix) => {
  const error = accessError(failed(status), { owner: 'acme', name: 'shop' });
  expect(error).toMatchObject({ code: 'forbidden', retry: 'needs_human', fix: expect.stringContaining(fix) as unknown });
});

it('a token that does not come because GitHub is away is no refusal', () => {
  expect(accessError(failed(502), { owner: 'acme', name: 'shop' }).code).toBe('github_unavailable');
});

it.each([
  [{ 'retry-after': '90' }, 90],
  [{ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 + 600) }, 600],
  [{ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 - 600) }, 1],
  [{ 'retry-after': 'soon' }, 60],
])('waits as long as GitHub says: %j', (headers, seconds) => {
  expect(((githubError(failed(429, headers), NOW).retryAt?.getTime() ?? 0) - NOW) / 1000).toBe(seconds);
});

it('goes by the clock of GitHub, not by its own', () => {
  const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 + 600), date: new Date(NOW - 3_600_000).toUTCString() };
  expect(limitOf({ status: 403, headers }, NOW)).toEqual({ refused: true, seconds: 4200 });
});

const PAGE = 'https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits';
const OLD_PAGE = 'https://docs.github.com/en/free-pro-team@latest/rest/overview/resources-in-the-rest-api#secondary-rate-limits';

it.each([
  [403, {}, { documentation_url: PAGE }, { refused: true, seconds: null }],
  [403, {}, { documentation_url: OLD_PAGE }, { refused: true, seconds: null }],
  [403, { 'retry-after': '30' }, { documentation_url: PAGE }, { refused: true, seconds: 30 }],
  [403, {}, { documentation_url: 'https://docs.github.com/rest/issues/comments#create-an-issue-comment' }, null],
  [403, {}, { message: 'You have exceeded a secondary rate limit' }, null],
  [200, {}, { errors: [{ type: 'RATE_LIMITED', message: 'no' }] }, { refused: true, seconds: null }],
  [200, {}, { errors: [{ type: 'NOT_FOUND', message: 'no' }] }, null],
  // The last that came through.
  [200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 + 60) }, {}, { refused: false, seconds: 60 }],
  [200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1', 'x-ratelimit-resource': 'search' }, {}, null],
  [500, {}, 'gone', null],
] as const)('hears in %s %j %j what is said about limits', (status, headers, data, limit) => {
  expect(limitOf({ status, headers, data }, NOW)).toEqual(limit);
});

it('takes what never arrived for GitHub being away', () => {
  expect(githubError(new TypeError('fetch failed'))).toMatchObject({ code: 'github_unavailable', retry: 'transient' });
});

it('names the request without its query, and keeps errors that are its own', () => {
  expect(githubError(failed(422)).data).toEqual({ status: 422, request: 'POST https://api.github.com/x' });
  const own = new BanyanError('conflict', 'x');
  expect(githubError(own)).toBe(own);
});
