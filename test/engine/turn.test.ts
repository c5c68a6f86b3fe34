import { afterAll, beforeAll, expect, it } from 'vitest';
import { marked, openIssue } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { content, PLAIN } from './scripts.ts';

let engine: Engine;
let watched: Watched;
beforeAll(async () => {
  engine = await startEngine();
  engine.cast.in('turns', content);
  watched = await engine.repository('turns', PLAIN);
  // The first delivery makes the organization's row.
  await openIssue(watched, { title: 'First', labels: ['ready-for-dev'] });
  await engine.settle();
});
afterAll(() => engine.close());

const HOURS = `insert into banyan.agent_hours (organization_id, hour, shard, seconds) select id, date_trunc('hour', now()), 99, 3600 from organizations`;

it.each([
  { limit: 'max_concurrent_agents', reached: ['update organizations set max_concurrent_agents = 0'] },
  { limit: 'max_agent_runtime_hours', reached: ['update organizations set max_agent_runtime_hours = 1', HOURS] },
])('the status of an issue that $limit holds back claims no work, and tells of it when it has begun', async ({ limit, reached }) => {
  for (const statement of reached) await engine.sql(statement);
  const issue = await openIssue(watched, { title: `Greet under ${limit}` });
  const status = async () => (await marked(watched, issue, 'status'))[0] ?? '';
  const worker = engine.process();
  await worker.drain();
  await engine.github.idle();
  await worker.drain();
  expect(await status()).toMatch(/Next to act:\*\* Banyan: the Product Owner reads the issue and the code when its turn comes \(the organization's limits/);
  expect(await status()).not.toContain('is reading');

  await engine.pass(60);
  await engine.sql(`update organizations set ${limit} = null`);
  let seen = '';
  engine.cast.in('turns', async (request) => {
    if (request.agent === 'product-owner' && seen === '') {
      await engine.process().drain();
      seen = await status();
    }
    return content(request);
  });
  await engine.settle();
  expect(seen).toContain('Banyan: the Product Owner is reading the issue and the code.');
});
