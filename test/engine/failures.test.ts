import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelsOf, marked, openIssue, pullsOf } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine, ProcessOptions } from '../support/engine.ts';
import { callTool } from '../../src/testing/openai-server.ts';
import type { Answer, ChatRequest } from '../../src/testing/openai-server.ts';
import { content, developerSteps, PLAIN, SUBMIT_DEVELOPER, toolsCalled, WRITE_GREETING } from './scripts.ts';
import { greetingOn, taskOf } from './transcripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

interface Opened {
  watched: Watched;
  issue: number;
}

async function begin(repo: string, files: Record<string, string> = PLAIN): Promise<Opened> {
  const watched = await engine.repository(repo, files);
  return { watched, issue: await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] }) };
}

async function statusOf({ watched, issue }: Opened): Promise<string> {
  return (await marked(watched, issue, 'status'))[0] ?? '';
}

async function dieBy(death: NonNullable<ProcessOptions['death']>, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await engine.process({ death }).drainToDeath();
    await engine.elapse();
  }
}

async function threadOf(repo: string): Promise<{ kind: string; body: string; data: { code?: string; signature?: string } }[]> {
  return engine.sql(
    `select c.kind, c.body, c.data from task_comments c join tasks t on t.id = c.task_id join projects p on p.id = t.project_id where p.name = $1 order by c.id`,
    [repo],
  );
}

describe('work that takes its worker down', () => {
  it('a task is set aside after three deaths, untouched, with the evidence; the next issue is built meanwhile', async () => {
    engine.cast.in('deadly', content);
    engine.cast.in('beside', content);
    const deadly = await begin('deadly');
    await dieBy({ at: 'store', call: 'appendMessages', when: 'before', matches: (args) => (args[2] as { kind: string }[])[0]?.kind === 'ai' }, 3);
    const beside = await begin('beside');
    const task = await taskOf(engine, 'deadly', 'developer');
    const loaded: string[] = [];
    const last = engine.process({
      store: (store) => ({
        loadConversation(taskId, worker) {
          loaded.push(taskId);
          return store.loadConversation(taskId, worker);
        },
      }),
    });
    await engine.settle(last);
    expect(loaded).not.toContain(task.id);
    expect(await taskOf(engine, 'deadly', 'developer')).toMatchObject({ state: 'failed', error: { code: 'worker_lost', retry: 'poisoned' } });
    expect(await labelsOf(deadly.watched, deadly.issue)).toEqual(['needs-human']);
    expect(await statusOf(deadly)).toMatch(
      /Developer stopped.*: its worker ended 3 times in a row after step 2, between .*\d\d:\d\d and .*\d\d:\d\d UTC, and stored nothing.*`\/banyan retry`/,
    );
    expect(await threadOf('deadly')).toMatchObject([{ kind: 'blocker', data: { code: 'worker_lost' } }]);
    expect(await labelsOf(beside.watched, beside.issue)).toEqual(['in-review']);
  });

  it('a task that comes one step further before each death goes on, however often', async () => {
    const writes = Array.from({ length: 7 }, (_, index) => callTool('write_file', { path: `part-${index}.txt`, content: 'x\n' }));
    engine.cast.in('slow-going', (request) =>
      request.agent === 'developer' ? ([...writes, WRITE_GREETING, SUBMIT_DEVELOPER][toolsCalled(request).length] ?? SUBMIT_DEVELOPER) : content(request),
    );
    const opened = await begin('slow-going');
    await dieBy({ at: 'store', call: 'appendMessages', when: 'after', matches: (args) => JSON.stringify(args[2]).includes('"tool_name":"write_file"') }, 7);
    await engine.settle();
    expect(await taskOf(engine, 'slow-going', 'developer')).toMatchObject({ state: 'completed', attempts: 1 });
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
    expect(await greetingOn(opened.watched)).toBe('Hello, and welcome.\n');
  });

  it('an effect is given up after three deaths, and those behind it are done', async () => {
    engine.cast.in('deadly-effect', content);
    const watched = await engine.repository('deadly-effect', PLAIN);
    const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    const isReaction = ({ method, path }: { method: string; path: string }) =>
      method === 'POST' && path.includes('/deadly-effect/') && path.endsWith('/reactions');
    await dieBy({ at: 'github', when: 'before', matches: isReaction }, 3);
    await engine.settle();
    expect(
      await engine.sql(
        `select e.state, e.error ->> 'code' as code from effects e join projects p on p.id = e.project_id where p.name = 'deadly-effect' and e.kind = 'reaction'`,
      ),
    ).toEqual([{ state: 'failed', code: 'worker_lost' }]);
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  });

  it('a delivery becomes a dead letter after three deaths, and the next of its issue is handled', async () => {
    engine.cast.in('deadly-delivery', content);
    const watched = await engine.repository('deadly-delivery', PLAIN);
    const issue = await openIssue(watched, { title: 'Greet' });
    await engine.github.idle();
    const [first] = await engine.sql<{ guid: string }>(`select guid from deliveries where repository = 'acme/deadly-delivery' order by seq limit 1`);
    await dieBy({ at: 'store', call: 'openDelivery', when: 'before', matches: ([input]) => (input as { guid: string }).guid === first?.guid }, 3);
    await watched.octokit.rest.issues.addLabels({ owner: 'acme', repo: 'deadly-delivery', issue_number: issue, labels: ['ready-for-dev'] });
    await engine.settle();
    expect(await engine.sql(`select state, error ->> 'code' as code from deliveries where guid = $1`, [first?.guid])).toEqual([
      { state: 'dead', code: 'worker_lost' },
    ]);
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  });
});

const AWAY: Answer = { kind: 'error', status: 503, headers: { 'retry-after-ms': '1' }, body: {} };

describe('the same failure twice', () => {
  it('of our own goes to a person with the evidence, whatever its words, and is not tried five times', async () => {
    engine.cast.in('own-fault', content);
    const opened = await begin('own-fault');
    let asked = 0;
    const worker = engine.process({
      store: (store) => ({
        beginEffect(effect) {
          if (effect.kind !== 'commit') return store.beginEffect(effect);
          asked += 1;
          return Promise.reject(new TypeError(`cannot read property ${asked} of undefined`));
        },
      }),
    });
    await engine.settle(worker);
    expect(asked).toBe(2);
    const task = await taskOf(engine, 'own-fault', 'developer');
    expect(task).toMatchObject({ state: 'failed', error: { code: 'internal' } });
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['needs-human']);
    expect(await statusOf(opened)).toMatch(
      /Developer stopped: cannot read property 2 of undefined\. The same failure came twice at the same place \(\d\d:\d\d and \d\d:\d\d UTC, step 6\), so I did not try again\./,
    );
    const [evidence] = await threadOf('own-fault');
    expect(evidence?.data.signature).toMatch(/^internal\/developer\/develop\/[0-9a-f]{16}$/);
    expect(evidence?.data).toMatchObject({ earlier: [{ message: 'cannot read property 1 of undefined', steps: 6 }] });
  });

  it('of a provider is no loop: it is asked again, and uses up no attempt', async () => {
    engine.cast.in('outage', developerSteps(WRITE_GREETING, ...Array.from({ length: 7 }, () => AWAY), SUBMIT_DEVELOPER));
    const opened = await begin('outage');
    await engine.settle();
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['in-review']);
  });
});

/** The Developer writes something new in each cycle; QA finds what the test says. */
function cycles(findings: (cycle: number) => string): (request: ChatRequest) => Answer {
  const tasks: string[] = [];
  return (request) => {
    if (!tasks.includes(request.task)) tasks.push(request.task);
    const cycle = tasks.filter((_task, index) => index % 2 === 0).length;
    if (request.agent === 'developer') {
      return toolsCalled(request).length > 0 ? SUBMIT_DEVELOPER : callTool('write_file', { path: 'greeting.txt', content: `Hello ${cycle}.\n` });
    }
    if (request.agent !== 'qa') return content(request);
    return callTool('submit_qa_result', {
      passed: false,
      summary: `Round ${cycle}.`,
      findings: [{ path: 'greeting.txt', line: cycle, severity: 'error', message: findings(cycle) }],
    });
  };
}

async function phasesOf(repo: string): Promise<string[]> {
  const rows = await engine.sql<{ key: string }>(`select t.key from tasks t join projects p on p.id = t.project_id where p.name = $1 order by t.id`, [repo]);
  return rows.map((row) => row.key);
}

describe('fix cycles', () => {
  it('end at a person where QA finds the same after the fix, with what was found', async () => {
    engine.cast.in(
      'same-findings',
      cycles(() => 'It does not welcome anybody.'),
    );
    const opened = await begin('same-findings');
    await engine.settle();
    expect(engine.models.errors).toEqual([]);
    expect(await phasesOf('same-findings')).toEqual(['develop:1', 'qa:1', 'develop:2', 'qa:2']);
    expect(await labelsOf(opened.watched, opened.issue)).toEqual(['needs-human']);
    expect(await statusOf(opened)).toMatch(
      /The same came out twice \(first .*\d\d:\d\d UTC\), so I did not go round once more\.[^]*It does not welcome anybody/,
    );
    expect(await threadOf('same-findings')).toMatchObject([{ kind: 'blocker' }]);
    expect(await pullsOf(opened.watched)).toHaveLength(1);
  });

  it('go on where QA finds something else each time', async () => {
    const words = ['No welcome.', 'No name.', 'No end.', 'No tests.'];
    engine.cast.in(
      'other-findings',
      cycles((cycle) => words[cycle - 1] ?? ''),
    );
    await begin('other-findings');
    await engine.settle();
    expect(await phasesOf('other-findings')).toEqual(['develop:1', 'qa:1', 'develop:2', 'qa:2', 'develop:3', 'qa:3', 'develop:4', 'qa:4']);
  });

  it('end at a person where the Developer hands in a change that was found wanting before', async () => {
    const greetings = ['Hello A.\n', 'Hello B.\n', 'Hello A.\n', 'Hello B.\n'];
    let written = 0;
    let found = 0;
    engine.cast.in('to-and-fro', (request) => {
      if (request.agent === 'developer') {
        return toolsCalled(request).length > 0 ? SUBMIT_DEVELOPER : callTool('write_file', { path: 'greeting.txt', content: greetings[written++] ?? '' });
      }
      if (request.agent !== 'qa') return content(request);
      const words = ['No welcome.', 'No name.', 'No end.'][found++] ?? 'Nothing.';
      return callTool('submit_qa_result', { passed: false, summary: words, findings: [{ path: null, line: null, severity: 'error', message: words }] });
    });
    const opened = await begin('to-and-fro');
    await engine.settle();
    expect(await phasesOf('to-and-fro')).toEqual(['develop:1', 'qa:1', 'develop:2', 'qa:2', 'develop:3']);
    expect(await statusOf(opened)).toContain('The Developer handed in the very same change as before.');
  });
});
