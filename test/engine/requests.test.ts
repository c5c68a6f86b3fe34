import { afterAll, beforeAll, expect, it } from 'vitest';
import { openIssue, pullsOf } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { readGitHubRequest } from '../../src/testing/mortal.ts';
import { simplePlayer } from '../../src/testing/openai-players.ts';
import { PLAIN } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

/** GitHub gives an installation 5,000 requests an hour: what an issue asks for says how many issues there can be in one. */
const MOST = 72;

it('an issue asks GitHub for each state of what it reads once, and leaves room for others in the hour', async () => {
  const asked: string[] = [];
  const process = engine.process({
    async fetch(input, init) {
      const { method, path } = await readGitHubRequest(input, init);
      asked.push(`${method} ${path}`);
      return fetch(input, init);
    },
  });
  engine.cast.in('thrifty', simplePlayer({ files: [{ 'greeting.txt': 'Hello, and welcome.\n' }], title: 'greet more warmly' }));
  const watched = await engine.repository('thrifty', PLAIN);
  await openIssue(watched, { title: 'Greet more warmly', body: 'Please.' });
  await engine.settle(process);

  expect((await pullsOf(watched)).map(({ state, draft }) => [state, draft])).toEqual([['open', false]]);
  const matching = (route: RegExp) => asked.filter((request) => route.test(request));
  // QA and Reviewer once each as they open, the review for whose it is, the end of the draft for whether it is one.
  expect(matching(/^GET .*\/pulls\/\d+$/)).toHaveLength(4);
  expect(new Set(matching(/\/tarball\//)).size).toBe(matching(/\/tarball\//).length);
  expect(asked.length).toBeLessThanOrEqual(MOST);
});
