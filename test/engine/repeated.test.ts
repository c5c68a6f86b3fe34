import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commentsOf, labelsOf, marked, openIssue, say } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { simplePlayer } from '../../src/testing/openai-players.ts';
import { PLAIN } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const asking = simplePlayer({ questionRounds: [['How?']], files: [{ 'greeting.txt': 'Hi.\n' }] });

interface Opened {
  watched: Watched;
  issue: number;
}

async function begin(repo: string, labels: string[] = []): Promise<Opened> {
  engine.cast.in(repo, asking);
  const watched = await engine.repository(repo, PLAIN);
  const issue = await openIssue(watched, { title: 'Greet', labels });
  await engine.settle();
  return { watched, issue };
}

async function command(opened: Opened, words: string): Promise<void> {
  await say(opened.watched, opened.issue, words);
  await engine.settle();
}

/** What GitHub told last of this kind, told once more under a GUID of its own. */
async function tellAgain({ watched: { repo }, issue }: Opened, event: string, action: string): Promise<void> {
  const [told] = await engine.sql<{ body: string; installation_id: number }>(
    `select body, installation_id::int from deliveries where repository = $1 and event = $2 and action = $3 order by seq desc limit 1`,
    [`acme/${repo}`, event, action],
  );
  if (!told) throw new Error(`nothing was told of ${event} ${action}`);
  const { body, installation_id: installationId } = told;
  const envelope = { guid: randomUUID(), event, action, installationId, repository: `acme/${repo}`, number: issue, issueHint: null };
  expect(await engine.store.receiveDelivery({ ...envelope, body })).toBe('accepted');
}

async function runsOf(repo: string): Promise<string[]> {
  const rows = await engine.sql<{ state: string }>('select r.state from runs r join projects p on p.id = r.project_id where p.name = $1 order by r.id', [repo]);
  return rows.map(({ state }) => state);
}

describe('the same under another GUID', () => {
  it('a command acts once, also where the work that it began has been stopped since', async () => {
    const opened = await begin('twice-retry');
    await command(opened, '/banyan stop');
    await say(opened.watched, opened.issue, '/banyan retry');
    await engine.github.idle();
    await tellAgain(opened, 'issue_comment', 'created');
    await engine.settle();
    expect(await runsOf('twice-retry')).toEqual(['stopped_user', 'running']);

    await engine.as('maintainer').rest.issues.update({ owner: 'acme', repo: 'twice-retry', issue_number: opened.issue, state: 'closed' });
    await engine.settle();
    await tellAgain(opened, 'issue_comment', 'created');
    await engine.settle();
    expect(await runsOf('twice-retry')).toEqual(['stopped_user', 'stopped_user']);
    expect(await labelsOf(opened.watched, opened.issue)).toEqual([]);
    // Said once more by a person it is another comment.
    await engine.as('maintainer').rest.issues.update({ owner: 'acme', repo: 'twice-retry', issue_number: opened.issue, state: 'open' });
    await engine.settle();
    await command(opened, '/banyan stop');
    await command(opened, '/banyan retry');
    expect(await runsOf('twice-retry')).toEqual(['stopped_user', 'stopped_user', 'stopped_user', 'running']);
  });

  it('an answer is heard once, and so is its edit', async () => {
    const opened = await begin('twice-answer');
    const { watched, issue } = opened;
    await say(watched, issue, 'Warmly.');
    await engine.github.idle();
    await tellAgain(opened, 'issue_comment', 'created');
    await engine.settle();
    const inputs = () =>
      engine.sql<{ body: string }>(
        `select i.body from task_inputs i join tasks t on t.id = i.task_id join projects p on p.id = t.project_id where p.name = $1 order by i.id`,
        [watched.repo],
      );
    expect(await inputs()).toEqual([{ body: 'Warmly.' }]);
    const said = (await commentsOf(watched, issue)).find(({ body }) => body === 'Warmly.');
    await watched.octokit.rest.issues.updateComment({ owner: 'acme', repo: watched.repo, comment_id: said?.id ?? 0, body: 'Very warmly.' });
    await engine.github.idle();
    await tellAgain(opened, 'issue_comment', 'edited');
    await engine.settle();
    expect(await inputs()).toEqual([{ body: 'Very warmly.' }]);
  });

  it('a label begins the work once: the state says that it has begun', async () => {
    const opened = await begin('twice-label');
    const { watched, issue } = opened;
    await watched.octokit.rest.issues.addLabels({ owner: 'acme', repo: watched.repo, issue_number: issue, labels: ['ready-for-dev'] });
    await engine.github.idle();
    await tellAgain(opened, 'issues', 'labeled');
    await engine.settle();
    expect(await runsOf(watched.repo)).toEqual(['stopped_user', 'running']);
    expect(await marked(watched, issue, 'status')).toHaveLength(1);
  });
});

describe('a hint', () => {
  it('of several lines reaches the Developer whole', async () => {
    const opened = await begin('long-hint', ['ready-for-dev']);
    await command(opened, '/banyan stop');
    await command(opened, '/banyan retry use the helper\n\n- keep `greet`\n- and be brief <!-- out of sight -->\n');
    const told = engine.models.requests.filter((request) => request.agent === 'developer').map((request) => JSON.stringify(request.messages));
    expect(told.at(-1)).toContain('use the helper\\n\\n- keep `greet`\\n- and be brief');
    expect(told.at(-1)).not.toContain('out of sight');
  });
});
