import { afterAll, beforeAll, expect, it } from 'vitest';
import { approvalsJob } from '../../src/watch/approvals.ts';
import { blockedJob } from '../../src/watch/blocked.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { expectNothingTwice, labelsOf, marked, openIssue, say } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { callTool } from '../../src/testing/openai-server.ts';
import { content, PLAIN } from './scripts.ts';
import { taskOf } from './transcripts.ts';

const QUESTIONS = {
  needs_clarification: true,
  questions: ['How warmly? (Otherwise I assume: a little.)'],
  refined_description: '',
  acceptance_criteria: [],
  priority: 'medium',
};

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function tick(): Promise<void> {
  const process = engine.process();
  await runJob(blockedJob, process.parts as WatchParts, Number.MAX_SAFE_INTEGER);
  await engine.settle(process);
}

/** As far as the first task, which is not begun. */
async function begun(repo: string) {
  engine.cast.in(repo, content);
  const watched = await engine.repository(repo, PLAIN);
  const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
  const inbox = engine.process({ store: (store) => ({ claim: (worker, want) => store.claim(worker, { ...want, tasks: 0 }) }) });
  await inbox.drain();
  return { watched, issue, status: async () => (await marked(watched, issue, 'status'))[0] ?? '' };
}

it('an issue that is blocked has the label, one comment and a status that says who can help, and goes on by itself to its end', async () => {
  const { watched, issue, status } = await begun('blocked-away');
  await engine.sql(`update projects set archived_at = now() where name = 'blocked-away'`);
  await tick();
  await tick();
  expect(await labelsOf(watched, issue)).toEqual(['blocked']);
  expect(await marked(watched, issue, 'blocked')).toHaveLength(1);
  expect(await status()).toMatch(/### Banyan: Blocked\n[^]*> This repository is archived\. Somebody who administers it can unarchive it\./);
  expect(engine.models.requests).toHaveLength(0);
  await engine.sql(`update projects set archived_at = null where name = 'blocked-away'`);
  await tick();
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  expect(await status()).toContain('Ready: a human may merge');
  expect(await marked(watched, issue, 'blocked')).toHaveLength(1);
  await expectNothingTwice(watched, issue);
});

it('an issue whose next task was lost goes on to its end, and nobody is told', async () => {
  const { watched, issue } = await begun('blocked-lost');
  await engine.sql(`delete from tasks t using projects p where p.id = t.project_id and p.name = 'blocked-lost'`);
  await tick();
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  expect(await marked(watched, issue, 'blocked')).toEqual([]);
  await expectNothingTwice(watched, issue);
});

it('a person may begin a blocked issue anew', async () => {
  const { watched, issue } = await begun('blocked-anew');
  await engine.sql(`update tickets t set state = 'blocked', note = 'after the other' from projects p where p.id = t.project_id and p.name = 'blocked-anew'`);
  await tick();
  expect((await marked(watched, issue, 'blocked'))[0]).toContain('This issue is blocked: after the other');
  await say(watched, issue, '/banyan retry');
  await engine.settle();
  await tick();
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  await expectNothingTwice(watched, issue);
});

it('an issue whose repository GitHub closes to the App waits, fails nobody, and goes on when it is open again', async () => {
  const { watched, issue } = await begun('blocked-refused');
  let refusal: number | null = 404;
  const process = engine.process({
    fetch: async (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      if (refusal === null || !url.endsWith('/access_tokens')) return fetch(input, init);
      return Response.json({ message: 'No' }, { status: refusal });
    },
  });
  const look = () => runJob(blockedJob, process.parts as WatchParts, Number.MAX_SAFE_INTEGER);
  const ticket = async () =>
    (await engine.sql(`select t.state, t.note from tickets t join projects p on p.id = t.project_id where p.name = 'blocked-refused'`))[0];
  await process.drain();
  expect(await taskOf(engine, 'blocked-refused', 'developer')).toMatchObject({ state: 'pending', attempts: 0, error: { code: 'forbidden' } });
  expect(await look()).toMatchObject({ did: { blocked: 1 }, failed: 0 });
  expect(await look()).toMatchObject({ looked: 0 });
  expect(await ticket()).toEqual({ state: 'blocked', note: 'The GitHub App is no longer installed here. An owner of `acme` can install it again.' });
  // Held: however due it is, nobody begins it.
  const starts = () =>
    engine.sql(`select e.id from events e join projects p on p.id = e.project_id where p.name = 'blocked-refused' and e.type = 'task.started'`);
  const before = await starts();
  await engine.elapse();
  await process.drain();
  expect(await starts()).toEqual(before);

  const later = () => engine.sql(`update banyan.watch_marks set next_look_at = now() where job = 'blocked'`);
  await later();
  expect(await look()).toMatchObject({ looked: 1, acted: 0 });
  refusal = 403;
  await later();
  await look();
  expect((await ticket())?.['note']).toContain('suspended');
  refusal = null;
  await later();
  expect(await look()).toMatchObject({ did: { unblocked: 1 } });
  await engine.settle(process);
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  expect(await marked(watched, issue, 'blocked')).toEqual([]);
  await later();
  expect(await look()).toMatchObject({ acted: 0, failed: 0 });
  await expectNothingTwice(watched, issue);
});

it('a healthy issue is never looked at, whenever the jobs come', async () => {
  const found: unknown[] = [];
  const parts = engine.process().parts as WatchParts;
  async function look(): Promise<void> {
    for (const job of [approvalsJob, blockedJob]) {
      const report = await runJob(job, parts, Number.MAX_SAFE_INTEGER);
      if (report.looked > 0) found.push(report);
    }
  }
  let asked = 0;
  engine.cast.in('blocked-healthy', async (request) => {
    asked += 1;
    await look();
    return asked === 1 ? callTool('submit_product_owner_result', QUESTIONS) : content(request);
  });
  const watched = await engine.repository('blocked-healthy', PLAIN);
  const issue = await openIssue(watched, { title: 'Greet' });
  const process = engine.process({
    store: (store) => ({
      completeTask: async (...args) => {
        const settled = await store.completeTask(...args);
        await look();
        return settled;
      },
      suspendTask: async (...args) => {
        const settled = await store.suspendTask(...args);
        await look();
        return settled;
      },
      claim: async (...args) => {
        await look();
        return store.claim(...args);
      },
    }),
  });
  await engine.settle(process);
  expect(await labelsOf(watched, issue)).toEqual(['needs-clarification']);
  await look();
  await say(watched, issue, 'A little.');
  await engine.settle(process);
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  await look();
  expect(asked).toBeGreaterThan(5);
  expect(found).toEqual([]);
});

it('a question that nobody could read, because GitHub refused the comment, is asked when it may be', async () => {
  const watched = await engine.repository('blocked-unseen', PLAIN);
  engine.cast.in('blocked-unseen', () => callTool('submit_product_owner_result', QUESTIONS));
  let closed = true;
  const process = engine.process({
    fetch: async (input, init) => {
      const { method, url } = new Request(input, init);
      if (closed && method === 'POST' && url.endsWith('/comments')) return Response.json({ message: 'No' }, { status: 403 });
      return fetch(input, init);
    },
  });
  const look = async (minutes: number) => {
    await engine.sql(`update banyan.watch_marks set next_look_at = next_look_at - make_interval(mins => $1) where job = 'blocked'`, [minutes]);
    const report = await runJob(blockedJob, process.parts as WatchParts, Number.MAX_SAFE_INTEGER);
    await engine.settle(process);
    return report.did;
  };
  const issue = await openIssue(watched, { title: 'Greet' });
  await engine.settle(process);
  expect(await marked(watched, issue, 'questions')).toEqual([]);
  expect(await look(0)).toEqual({});
  expect(await look(9)).toEqual({});
  expect(await look(1)).toEqual({ shown_again: 1 });
  expect(await look(29)).toEqual({});
  closed = false;
  expect(await look(1)).toEqual({ shown_again: 1 });
  expect(await marked(watched, issue, 'questions')).toHaveLength(1);
  expect(await labelsOf(watched, issue)).toEqual(['needs-clarification']);
  await look(1000);
  expect(await engine.sql(`select finding from banyan.watch_marks where job = 'blocked' and subject like 'effects:%'`)).toEqual([{ finding: null }]);
  await expectNothingTwice(watched, issue);
});
