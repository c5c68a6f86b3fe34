import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Octokit } from '@octokit/rest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { githubError } from './errors.ts';
import { withWholeAnswers } from './whole-answers.ts';

const COMMENTS = JSON.stringify([{ id: 1, body: 'the only one' }]);

let server: Server;
let octokit: Octokit;
beforeAll(async () => {
  server = createServer((request, response) => {
    const way = request.url?.split('/')[2];
    if (way === 'empty') return void response.writeHead(204).end();
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', ...(way === 'counted' ? { 'content-length': COMMENTS.length } : {}) });
    if (way === 'whole') return void response.end(COMMENTS);
    if (way === 'shorter') return void response.end(COMMENTS.slice(0, 10));
    response.write(COMMENTS.slice(0, 10), () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  octokit = new Octokit({ baseUrl, request: { fetch: withWholeAnswers(fetch) }, log: { debug() {}, info() {}, warn() {}, error() {} } });
});
afterAll(() => server.close());

const ask = (owner: string) => octokit.rest.issues.listComments({ owner, repo: 'shop', issue_number: 1 });

it.each(['counted', 'chunked', 'shorter'])('takes an answer that was cut for none (%s)', async (way) => {
  const thrown = await ask(way).catch((error: unknown) => error);
  expect(githubError(thrown)).toMatchObject({ code: 'github_unavailable', retry: 'transient' });
});

it('gives a whole one, and one without a body, as they are', async () => {
  expect((await ask('whole')).data).toEqual([{ id: 1, body: 'the only one' }]);
  expect(await ask('empty')).toMatchObject({ status: 204 });
});
