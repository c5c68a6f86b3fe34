import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anomalyJob } from '../../src/watch/anomaly.ts';
import { diagnoseJob } from '../../src/watch/diagnose.ts';
import { runJob } from '../../src/watch/job.ts';
import { labelsOf, marked, openIssue, say as sayOnIssue } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { content, inRole, PLAIN, saidTo, SUBMIT_DEVELOPER, toolsCalled, WRITE_GREETING } from '../engine/scripts.ts';
import { taskOf } from '../engine/transcripts.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { callTool, fail, say } from '../../src/testing/openai-server.ts';
import type { Answer, ChatRequest } from '../../src/testing/openai-server.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function tick() {
  const parts = { ...engine.process().parts, retention: { deliveryDays: 30, historyDays: 90 } };
  const reports = [];
  for (const job of [anomalyJob, diagnoseJob]) reports.push(await runJob(job, parts, Date.now() + 240_000));
  return reports;
}

async function begin(repo: string): Promise<{ watched: Watched; issue: number }> {
  const watched = await engine.repository(repo, PLAIN);
  return { watched, issue: await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] }) };
}

async function foundIn(repo: string): Promise<{ cause: string; action: string; outcome: string | null; hypothesis: string; model: string | null }[]> {
  return engine.sql(
    `select d.cause, d.action, d.outcome, d.hypothesis, d.model from diagnoses d join runs r on r.id = d.run_id join projects p on p.id = r.project_id
     where p.name = $1 order by d.id`,
    [repo],
  );
}

/** Everybody plays as ever, and the diagnostician gives this answer. */
function diagnosed(answer: (request: ChatRequest) => Answer): (request: ChatRequest) => Answer | Promise<Answer> {
  return (request) => (request.agent === 'diagnostician' ? answer(request) : content(request));
}

/** The Developer's worker dies after the model's first turn, and an hour goes by. */
async function kill(repo: string): Promise<string> {
  const turn = (args: readonly unknown[]) => JSON.stringify(args[2]).includes('tool_calls');
  await engine.process({ death: { at: 'store', call: 'appendMessages', when: 'after', matches: turn } }).drainToDeath();
  const { id } = await taskOf(engine, repo, 'developer');
  await engine.sql(`update tasks set lease_expires_at = now() - interval '1 hour' where id = $1`, [id]);
  return id;
}

const propose = (changes: Record<string, unknown>) =>
  callTool('submit_diagnostician_result', {
    cause: 'The plan is too large',
    hypothesis: 'The Developer does not know where to begin, @everyone.',
    evidence: ['stall', 'task'],
    action: 're_plan',
    ...changes,
  });

describe('a model is asked', () => {
  it('and its diagnosis is carried out, paid by the run', async () => {
    const answer = diagnosed(() => propose({}));
    engine.cast.in('asked', answer);
    const { watched, issue } = await begin('asked');
    const taskId = await kill('asked');
    await tick();
    await tick();
    const requests = engine.models.requests.filter(({ agent, task }) => agent === 'diagnostician' && task === taskId);
    expect(requests).toHaveLength(1);
    expect(saidTo(requests[0])).toMatch(
      /- `stall`: the worker of the task.*- `message:2`:\n<untrusted source="message:2">.*- `re_plan`: the Product Owner plans/s,
    );
    expect(await foundIn('asked')).toMatchObject([
      { action: 're_plan', hypothesis: expect.stringMatching(/^The plan is too large: The Developer/), model: expect.stringMatching(/^openai:/) },
    ]);
    const [spent] = await engine.sql<{ diagnosis: number; actions: number; run: number; roles: number }>(
      `select d.cost_usd::float as diagnosis, r.spent_usd::float as run,
         (select sum(cost_usd)::float from agent_actions a where a.run_id = r.id) as actions,
         (select sum((s ->> 'cost_usd')::float) from jsonb_array_elements(banyan.ticket_spend(r.ticket_id)) as s) as roles
       from diagnoses d join runs r on r.id = d.run_id where d.recovery_task_id is not null and d.task_id = $1`,
      [taskId],
    );
    expect(spent?.diagnosis).toBeGreaterThan(0);
    expect(spent?.actions).toBeCloseTo(spent?.run ?? 0, 9);
    expect(spent?.roles).toBeCloseTo(spent?.run ?? 0, 9);
    await engine.settle();
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    const planned = engine.models.requests.findLast(({ agent, run }) => agent === 'product-owner' && run === requests[0]?.run);
    expect(saidTo(planned)).toMatch(/Why this is planned again.*<untrusted source="diagnosis">.*The plan is too large/s);
    await tick();
    expect(await foundIn('asked')).toMatchObject([{ outcome: 'helped' }]);
  });

  it.each([
    ['no evidence of that name', 'unknown-evidence', () => propose({ evidence: ['message:4711'] }), /no evidence "message:4711"/],
    [
      'an end where nothing was tried yet',
      'turned',
      () => propose({ action: 'stop', hypothesis: '[Sign in here](https://evil.example) to go on.', evidence: ['stall'] }),
      /"stop" is not admitted/,
    ],
    ['an action that is not admitted', 'not-admitted', () => propose({ action: 'change_model', model: 'openai:mine' }), /not admitted/],
    ['an answer in another form', 'other-form', () => say('I do not know.'), /not in the form/],
  ] as const)('and not believed: %s', async (_what, repo, answer, reason) => {
    engine.cast.in(repo, diagnosed(answer));
    const { watched, issue } = await begin(repo);
    const taskId = await kill(repo);
    await tick();
    expect(await foundIn(repo)).toMatchObject([{ action: 'retry' }]);
    const [row] = await engine.sql<{ proposal: { refused: string } }>('select proposal from diagnoses where task_id = $1', [taskId]);
    expect(row?.proposal.refused).toMatch(reason);
    await engine.settle();
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  });

  it('and does not answer: the rules hold, and nothing is paid', async () => {
    const answer = diagnosed(() => fail(400));
    engine.cast.in('mute', answer);
    await begin('mute');
    await kill('mute');
    await tick();
    expect(await foundIn('mute')).toMatchObject([{ action: 'retry', model: null }]);
    await engine.settle();
  });
});

describe('found and mended', () => {
  it('a conversation that goes round in circles goes back some steps and comes to its end', async () => {
    let asked = 0;
    let reports: Awaited<ReturnType<typeof tick>> = [];
    engine.cast.in(
      'circles',
      inRole('developer', async (request) => {
        if (saidTo(request).includes('were undone')) return toolsCalled(request).includes('write_file') ? SUBMIT_DEVELOPER : WRITE_GREETING;
        asked += 1;
        if (asked === 30) reports = [...(await tick()), ...(await tick())];
        return callTool('read_file', { path: asked % 2 ? 'greeting.txt' : 'notes/old.txt' });
      }),
    );
    const { watched, issue } = await begin('circles');
    await engine.settle();
    expect(reports.map(({ acted, failed }) => [acted, failed])).toEqual([
      [1, 0],
      [1, 0],
      [0, 0],
      [0, 0],
    ]);
    expect(await foundIn('circles')).toMatchObject([{ cause: 'repeated', action: 'roll_back' }]);
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    const rolledBack = await engine.sql<{ reason: string }>(
      `select b.reason from rollbacks b join conversations c on c.id = b.conversation_id join tasks t on t.id = c.task_id join projects p on p.id = t.project_id
       where p.name = 'circles'`,
    );
    expect(rolledBack).toEqual([{ reason: 'diagnosis' }]);
    await tick();
    expect(await foundIn('circles')).toMatchObject([{ outcome: 'helped' }]);
  });

  it('a worker that was killed and never came back costs one retry', async () => {
    engine.cast.in('killed', content);
    const { watched, issue } = await begin('killed');
    await kill('killed');
    await tick();
    await tick();
    expect(await foundIn('killed')).toMatchObject([{ cause: 'lost', action: 'retry' }]);
    await engine.settle();
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    await tick();
    expect(await foundIn('killed')).toMatchObject([{ outcome: 'helped' }]);
    expect(await marked(watched, issue, 'note')).toEqual([]);
  });

  it('a run that costs ten times the median is paused and told of once, and goes on where it was when a maintainer says so', async () => {
    let ticks = 0;
    engine.cast.in(
      'dear',
      inRole('developer', async (request) => {
        if (ticks === 0 && toolsCalled(request).includes('write_file')) {
          await engine.sql(
            `insert into runs (organization_id, project_id, ticket_id, state, workflow, config_snapshot, budget_usd, warn_at_usd, spent_usd, finished_at)
             select r.organization_id, r.project_id, r.ticket_id, 'completed', r.workflow, '{}', 5, 4, 0.2 + n * 0.03, now()
             from runs r, generate_series(1, 6) n where r.id = $1`,
            [request.run],
          );
          await engine.sql('update runs set spent_usd = 3 where id = $1', [request.run]);
          for (ticks = 1; ticks <= 2; ticks += 1) await tick();
        }
        return content(request);
      }),
    );
    const { watched, issue } = await begin('dear');
    await engine.settle();
    expect(await foundIn('dear')).toMatchObject([{ cause: 'cost_usd', action: 'ask_person' }]);
    expect(await labelsOf(watched, issue)).toEqual(['paused']);
    const told = await marked(watched, issue, 'note');
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /far out of the usual.*I paused it.*\$3\.00 spent \(the median of 6 finished runs of its kind: \$0\.\d\d spent\).*`\/banyan resume`/s,
    );
    await sayOnIssue(watched, issue, '/banyan resume');
    await engine.settle();
    await tick();
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    expect(await marked(watched, issue, 'note')).toHaveLength(1);
  });

  it('a healthy run is never found, however often it is looked at', async () => {
    engine.cast.in('healthy', async (request) => {
      await tick();
      return content(request);
    });
    const { watched, issue } = await begin('healthy');
    await engine.settle();
    await tick();
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    expect(await foundIn('healthy')).toEqual([]);
  });
});
