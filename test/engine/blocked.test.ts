import { afterAll, beforeAll, expect, it } from 'vitest';
import { blockedJob } from '../../src/watch/blocked.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { expectNothingTwice, labelsOf, marked, openIssue, say } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { content, PLAIN } from './scripts.ts';

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
