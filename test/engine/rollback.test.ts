import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelsOf, marked, openIssue, pullsOf, say } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { callTool } from '../../src/testing/openai-server.ts';
import type { Answer, ChatRequest } from '../../src/testing/openai-server.ts';
import { content, developerSteps, PLAIN, saidTo, SUBMIT_DEVELOPER, WRITE_GREETING } from './scripts.ts';
import { greetingOn, taskOf, transcriptOf } from './transcripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

interface Opened {
  watched: Watched;
  issue: number;
}

async function begin(repo: string): Promise<Opened> {
  const watched = await engine.repository(repo, PLAIN);
  return { watched, issue: await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] }) };
}

function asked(repo: string): ChatRequest[] {
  return engine.models.requests.filter((request) => request.agent === 'developer' && saidTo(request).includes(`acme/${repo} `));
}

const wrong = (n: number): Answer => callTool('edit_file', { path: 'greeting.txt', old_string: `not there ${n}`, new_string: 'x' });
const FOUR_WRONG = [1, 2, 3, 4].map(wrong);
const writeOther = callTool('write_file', { path: 'other.txt', content: 'Other.\n' });
const spoil = callTool('run_command', { command: 'echo spoiled > greeting.txt; echo new > spoiled.txt; rm notes/old.txt' });

async function changedOn({ watched }: Opened): Promise<string[]> {
  const [pull] = await pullsOf(watched);
  const { data } = await watched.octokit.rest.pulls.listFiles({ owner: 'acme', repo: watched.repo, pull_number: pull?.number ?? 0 });
  return data.map((file) => file.filename);
}

async function auditOf(repo: string): Promise<Record<string, unknown>[]> {
  return engine.sql(
    `select e.data from events e join projects p on p.id = e.project_id where p.name = $1 and e.type = 'conversation.rolled_back' order by e.id`,
    [repo],
  );
}

async function expectBuiltWithoutSpoil(opened: Opened): Promise<void> {
  expect(engine.models.errors).toEqual([]);
  expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
  expect(await changedOn(opened)).toEqual(['greeting.txt', 'other.txt']);
  expect(await greetingOn(opened.watched)).toBe('Hello, and welcome.\n');
}

describe('a conversation that goes astray', () => {
  it('goes back to the last good step with its files, says so, and goes on', async () => {
    engine.cast.in('astray', developerSteps(writeOther, spoil, ...FOUR_WRONG, WRITE_GREETING, SUBMIT_DEVELOPER));
    const opened = await begin('astray');
    await engine.settle();
    await expectBuiltWithoutSpoil(opened);
    const after = asked('astray')[6];
    expect(saidTo(after)).toContain('Your last 5 steps were undone, with the files that they changed, because the last 4 ended in errors (`edit_file`).');
    expect(saidTo(after)).not.toContain('not there 1');
    expect(after?.messages).toHaveLength(5);
    expect(await auditOf('astray')).toMatchObject([{ data: { from_seq: 5, to_seq: 14, reason: 'errors', times: 4, steps: 5 } }]);
    const thread = await engine.sql(
      `select c.kind, c.body from task_comments c join tasks t on t.id = c.task_id join projects p on p.id = t.project_id where p.name = 'astray'`,
    );
    expect(thread).toMatchObject([
      { kind: 'rollback', body: expect.stringMatching(/^Went back 5 steps: 4 steps in a row ended in errors \(`edit_file`\)/) as string },
    ]);
    // All that was said is still there, and what it cost is counted.
    expect(await transcriptOf(engine, 'astray', 'developer')).toHaveLength(19);
    const [row] = await engine.sql<{ tokens: number }>(
      `select t.tokens_in::int as tokens from tasks t join projects p on p.id = t.project_id where p.name = 'astray' and t.role = 'developer'`,
    );
    expect(row?.tokens).toBe(8_000);
  });

  it.each(['before', 'after'] as const)('and whose process ends %s the rollback is stored: goes back once', async (when) => {
    const repo = `astray-${when}`;
    engine.cast.in(repo, developerSteps(writeOther, spoil, ...FOUR_WRONG, WRITE_GREETING, SUBMIT_DEVELOPER));
    const opened = await begin(repo);
    await engine.process({ death: { at: 'store', call: 'rollBack', when } }).drainToDeath();
    await engine.elapse();
    await engine.settle();
    await expectBuiltWithoutSpoil(opened);
    expect(await auditOf(repo)).toHaveLength(1);
    expect(asked(repo)).toHaveLength(8);
  });

  it('and goes astray again and again: a person is called after two rollbacks, with what failed', async () => {
    engine.cast.in('lost', developerSteps(writeOther, ...Array.from({ length: 20 }, (_, n) => wrong(n))));
    const opened = await begin('lost');
    await engine.settle();
    expect(asked('lost')).toHaveLength(13);
    expect(await auditOf('lost')).toHaveLength(2);
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['needs-human']);
    expect((await marked(opened.watched, opened.issue, 'status'))[0]).toMatch(
      /Developer stopped: 4 steps in a row ended in errors \(`edit_file`\); the last answer: /,
    );
    expect(await taskOf(engine, 'lost', 'developer')).toMatchObject({ state: 'failed', error: { code: 'model_output_invalid' } });
  });

  it('does not go back over what a person said', async () => {
    engine.cast.in('spoken', developerSteps(writeOther, callTool('ask_human', { question: 'Which?' }), ...FOUR_WRONG, WRITE_GREETING, SUBMIT_DEVELOPER));
    const opened = await begin('spoken');
    await engine.settle();
    await say(opened.watched, opened.issue, 'The warm one.');
    await engine.settle();
    await expectBuiltWithoutSpoil(opened);
    expect(saidTo(asked('spoken')[6])).toContain('The warm one.');
    expect(await auditOf('spoken')).toMatchObject([{ data: { steps: 4 } }]);
  });
});

describe('a model that does the same again and again', () => {
  const look = callTool('read_file', { path: 'greeting.txt' });

  it('is told so, and goes on when it takes another way', async () => {
    engine.cast.in('told', developerSteps(look, look, look, WRITE_GREETING, SUBMIT_DEVELOPER));
    const opened = await begin('told');
    await engine.settle();
    expect(saidTo(asked('told')[3])).toContain('You called `read_file` 3 times in a row with the same arguments and got the same answer.');
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
    expect(await auditOf('told')).toEqual([]);
  });

  it('for ever: is told, goes back, and then a person is called', async () => {
    engine.cast.in('for-ever', (request) => (request.agent === 'developer' ? look : content(request)));
    const opened = await begin('for-ever');
    await engine.settle();
    // Three and a word, one more and back to the first, three more.
    expect(asked('for-ever')).toHaveLength(7);
    expect(await auditOf('for-ever')).toMatchObject([{ data: { reason: 'repetition', steps: 3 } }]);
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['needs-human']);
    expect((await marked(opened.watched, opened.issue, 'status'))[0]).toMatch(
      /developer called `read_file` \d times in a row with the same arguments and the same answer/,
    );
  });
});
