import { afterAll, beforeAll, expect, it } from 'vitest';
import { approvalsJob } from '../../src/watch/approvals.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { expectNothingTwice, labelsOf, marked, openIssue } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { callTool } from '../../src/testing/openai-server.ts';
import { inRole, PLAIN, saidTo } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function waitedFor(repo: string, hours: number): Promise<void> {
  await engine.sql(
    `update tickets t set waiting_since = now() - make_interval(hours => $2) from projects p
     where p.id = t.project_id and p.name = $1 and t.waiting_for is not null`,
    [repo, hours],
  );
  const process = engine.process();
  await runJob(approvalsJob, process.parts as WatchParts, Number.MAX_SAFE_INTEGER);
  await engine.settle(process);
}

it("a stranger's issue that nobody looks at is asked about twice, then stopped, and nothing was spent", async () => {
  const watched = await engine.repository('waiting-stranger', PLAIN);
  const issue = await openIssue({ ...watched, octokit: engine.as('visitor') }, { title: 'Greet' });
  await engine.settle();
  for (const hours of [50, 51, 130, 131, 400]) await waitedFor(watched.repo, hours);
  const told = await marked(watched, issue, 'waiting');
  expect(told.map((body) => /`\/banyan (\w+)`/.exec(body)?.[1])).toEqual(['plan', 'plan', 'plan']);
  expect(told.at(-1)).toContain('so I stopped');
  expect(await labelsOf(watched, issue)).toEqual([]);
  expect((await marked(watched, issue, 'status'))[0]).toMatch(/### Banyan: Stopped\n[^]*Nobody said for 16 d 16 h whether I may go on, so I stopped\./);
  expect(engine.models.requests).toHaveLength(0);
  await expectNothingTwice(watched, issue);
});

it('questions that nobody answers end in the assumptions, where that is configured', async () => {
  const watched = await engine.repository('waiting-assume', { ...PLAIN, '.github/banyan.yml': 'waiting: {at_end: assume, escalate_to: ["@maintainer"]}\n' });
  const questions = callTool('submit_product_owner_result', {
    needs_clarification: true,
    questions: ['How warmly? (Otherwise I assume: a little.)'],
    refined_description: '',
    acceptance_criteria: [],
    priority: 'medium',
  });
  const decided = callTool('submit_product_owner_result', {
    needs_clarification: false,
    questions: [],
    refined_description: 'Greet a little more warmly.',
    acceptance_criteria: ['The greeting welcomes.'],
    priority: 'medium',
  });
  engine.cast.in(
    'waiting-assume',
    inRole('product-owner', (request) => (saidTo(request).includes('Nobody answered.') ? decided : questions)),
  );
  const issue = await openIssue(watched, { title: 'Greet' });
  await engine.settle();
  expect(await labelsOf(watched, issue)).toEqual(['needs-clarification']);
  await waitedFor(watched.repo, 130);
  expect((await marked(watched, issue, 'waiting'))[0]).toMatch(/^@maintainer: `maintainer` has not answered question 1 above for 5 d 10 h\./);
  await waitedFor(watched.repo, 400);
  expect((await marked(watched, issue, 'waiting'))[1]).toContain('so I go on with the assumptions');
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  expect((await marked(watched, issue, 'status'))[0]).toContain('Greet a little more warmly.');
  await expectNothingTwice(watched, issue);
});
