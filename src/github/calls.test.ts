import { Octokit } from '@octokit/rest';
import { expect, it } from 'vitest';
import type { Project } from '../domain/model.ts';
import { createCalls } from './calls.ts';

function callsAnswering(body: unknown, headers: Record<string, string> = {}, status = 200) {
  const octokit = new Octokit({
    request: { fetch: () => Promise.resolve(Response.json(body, { status, headers })) },
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  return createCalls(octokit, { owner: 'acme', name: 'shop' } as Project, 'https://api.github.com/graphql');
}

it('gives the data of a GraphQL answer', async () => {
  expect(await callsAnswering({ data: { x: 1 } }).graphql('query { x }', {})).toEqual({ x: 1 });
});

it.each([
  ['NOT_FOUND', 'not_found', 'permanent'],
  ['STALE_DATA', 'conflict', 'transient'],
  ['FORBIDDEN', 'github_rejected', 'needs_human'],
  ['RATE_LIMITED', 'github_rate_limited', 'rate_limit'],
  ['UNPROCESSABLE', 'github_rejected', 'permanent'],
])('takes a GraphQL error %s as REST would say it', async (type, code, retry) => {
  await expect(callsAnswering({ errors: [{ type, message: 'no' }] }).graphql('query { x }', {})).rejects.toMatchObject({ code, retry });
});

it('waits with GraphQL as long as its headers say', async () => {
  const error: unknown = await callsAnswering({ errors: [{ type: 'RATE_LIMITED', message: 'no' }] }, { 'retry-after': '120' })
    .graphql('query { x }', {})
    .catch((thrown: unknown) => thrown);
  const retryAt = (error as { retryAt: Date }).retryAt.getTime();
  expect(retryAt - Date.now()).toBeGreaterThan(60_000);
});

it('finds null where there is nothing, and throws for everything else', async () => {
  const missing = callsAnswering({ message: 'Not Found' }, {}, 404);
  expect(await missing.find(() => missing.octokit.rest.repos.get({ owner: 'acme', repo: 'shop' }))).toBeNull();
  const refused = callsAnswering({ message: 'no' }, {}, 422);
  await expect(refused.find(() => refused.octokit.rest.repos.get({ owner: 'acme', repo: 'shop' }))).rejects.toMatchObject({ code: 'github_rejected' });
});
