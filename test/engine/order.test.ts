import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NewDelivery } from '../../src/store/contract.ts';
import { labelsOf, marked, openIssue, say } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { callTool } from '../../src/testing/openai-server.ts';
import { inRole, PLAIN, saidTo } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

/** Asks until somebody named a colour: the flow comes to rest after the analysis. */
const ASK = callTool('submit_product_owner_result', {
  needs_clarification: true,
  questions: ['Which colour?'],
  refined_description: '',
  acceptance_criteria: [],
  priority: 'medium',
});

type Row = Omit<NewDelivery, 'installationId' | 'issueHint'> & { installation_id: number; seq: number };

/** What waits in the inbox, taken out and brought again in another order, each one twice. */
async function bringAgain(repo: string, order: (deliveries: Row[]) => Row[]): Promise<void> {
  await engine.github.idle();
  const rows = await engine.sql<Row>(
    `delete from deliveries where repository = $1 and state = 'pending' returning guid, event, action, installation_id, repository, number, body, seq`,
    [`acme/${repo}`],
  );
  const inOrder = rows.toSorted((a, b) => a.seq - b.seq);
  const shuffled = order(inOrder);
  for (const { installation_id: installationId, seq: _seq, ...row } of [...shuffled, ...shuffled]) {
    await engine.store.receiveDelivery({ ...row, installationId, issueHint: null });
  }
}

/** What people and roles see in the end, without numbers and names that differ by the repository. */
async function finalState(watched: Watched, issue: number): Promise<unknown> {
  const last = engine.models.requests.findLast((request) => request.agent === 'product-owner' && saidTo(request).includes(`acme/${watched.repo} `));
  const [ticket] = await engine.sql('select t.state, t.title, t.body, t.waiting_for from tickets t join projects p on p.id = t.project_id where p.name = $1', [
    watched.repo,
  ]);
  const open = await engine.sql(
    `select t.phase, t.state from tasks t join projects p on p.id = t.project_id where p.name = $1 and t.state <> 'cancelled' order by t.id`,
    [watched.repo],
  );
  const words = ['Greet.', 'Greet loudly.', 'In French.', 'In red.', 'In blue.'];
  return {
    labels: await labelsOf(watched, issue),
    ticket: ticket ?? null,
    tasks: open,
    heard: words.filter((word) => saidTo(last).includes(word)),
    order: saidTo(last).indexOf('In red.') <= saidTo(last).indexOf('In blue.'),
    status: (await marked(watched, issue, 'status')).length,
    questions: (await marked(watched, issue, 'questions')).length,
  };
}

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((first, index) => permutations(list.toSpliced(index, 1)).map((rest) => [first, ...rest]));
}

interface Story {
  name: string;
  /** What happened before anybody looked; the deliveries of this are shuffled. */
  act(watched: Watched): Promise<number>;
  /** Brings the issue to where the act begins. */
  before?(watched: Watched): Promise<number>;
}

async function play(story: Story, repo: string, order: (deliveries: Row[]) => Row[]): Promise<unknown> {
  engine.cast.in(
    repo,
    inRole('product-owner', () => ASK),
  );
  const watched = await engine.repository(repo, PLAIN);
  await story.before?.(watched);
  if (story.before) await engine.settle();
  const issue = await story.act(watched);
  await bringAgain(repo, order);
  await engine.settle();
  return finalState(watched, issue);
}

const at = ({ repo }: Watched, issue: number) => ({ owner: 'acme', repo, issue_number: issue });

const STORIES: Story[] = [
  {
    name: 'opened, commented and edited',
    async act(watched) {
      const issue = await openIssue(watched, { title: 'Greet', body: 'Greet.' });
      await say(watched, issue, 'In French.');
      await watched.octokit.rest.issues.update({ ...at(watched, issue), body: 'Greet loudly.' });
      return issue;
    },
  },
  {
    name: 'opened and closed',
    async act(watched) {
      const issue = await openIssue(watched, { title: 'Greet' });
      await watched.octokit.rest.issues.update({ ...at(watched, issue), state: 'closed' });
      return issue;
    },
  },
  {
    name: 'edited twice',
    before: (watched) => openIssue(watched, { title: 'Greet', body: 'Greet.' }),
    async act(watched) {
      await watched.octokit.rest.issues.update({ ...at(watched, 1), body: 'Greet.\n\nIn red.' });
      await watched.octokit.rest.issues.update({ ...at(watched, 1), body: 'Greet loudly.\n\nIn blue.' });
      return 1;
    },
  },
  {
    name: 'answered by two comments',
    before: (watched) => openIssue(watched, { title: 'Greet', body: 'Greet.' }),
    async act(watched) {
      await say(watched, 1, 'In red.');
      await say(watched, 1, 'In blue.');
      return 1;
    },
  },
  {
    name: 'answered, and the answer edited',
    before: (watched) => openIssue(watched, { title: 'Greet', body: 'Greet.' }),
    async act(watched) {
      const id = await say(watched, 1, 'In red.');
      await watched.octokit.rest.issues.updateComment({ owner: 'acme', repo: watched.repo, comment_id: id, body: 'In blue.' });
      return 1;
    },
  },
];

describe('deliveries that come out of order and twice', () => {
  it.each(STORIES.map((story, index) => ({ ...story, story, index })))('$name: lead to where they lead in order', async ({ story, index }) => {
    const inOrder = await play(story, `order-${index}`, (deliveries) => deliveries);
    const count = story.before || story.name === 'opened and closed' ? 2 : 3;
    const orders = permutations(Array.from({ length: count }, (_, place) => place)).slice(1);
    for (const [turn, order] of orders.entries()) {
      const shuffled = await play(story, `order-${index}-${turn}`, (deliveries) => {
        expect(deliveries).toHaveLength(count);
        return order.flatMap((place) => deliveries[place] ?? []);
      });
      expect({ order, ...(shuffled as object) }).toEqual({ order, ...(inOrder as object) });
    }
  });

  it('a label before the opening starts the Developer once, as after it', async () => {
    const states = [];
    for (const [repo, order] of [
      ['label-after', (list: Row[]) => list],
      ['label-before', (list: Row[]) => list.toReversed()],
    ] as const) {
      engine.cast.in(
        repo,
        inRole('developer', () => callTool('ask_human', { question: 'Which colour?' })),
      );
      const watched = await engine.repository(repo, PLAIN);
      const issue = await openIssue(watched, { title: 'Greet', body: 'Greet.' });
      await watched.octokit.rest.issues.addLabels({ ...at(watched, issue), labels: ['ready-for-dev'] });
      await bringAgain(repo, order);
      await engine.settle();
      states.push(await finalState(watched, issue));
    }
    expect(states[1]).toEqual(states[0]);
    expect(states[0]).toMatchObject({ labels: ['needs-clarification'], questions: 1, tasks: [{ phase: 'develop', state: 'waiting' }] });
  });
});
