import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anomalyJob } from '../../src/watch/anomaly.ts';
import { diagnoseJob } from '../../src/watch/diagnose.ts';
import { runJob } from '../../src/watch/job.ts';
import { labelsOf, marked, openIssue } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { content, inRole, PLAIN, saidTo, SUBMIT_DEVELOPER, toolsCalled, WRITE_GREETING } from '../engine/scripts.ts';
import { taskOf } from '../engine/transcripts.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { callTool } from '../support/openai-server.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function tick() {
  const parts = { ...engine.process().parts, retention: { deliveryDays: 30, historyDays: 90 } };
  const reports = [];
  for (const job of [anomalyJob, diagnoseJob]) reports.push(await runJob(job, parts, Date.now() + 60_000));
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
    await engine
      .process({ death: { at: 'store', call: 'appendMessages', when: 'after', matches: (args) => JSON.stringify(args[2]).includes('tool_calls') } })
      .drainToDeath();
    const { id } = await taskOf(engine, 'killed', 'developer');
    await engine.sql(`update tasks set lease_expires_at = now() - interval '1 hour' where id = $1`, [id]);
    await tick();
    await tick();
    expect(await foundIn('killed')).toMatchObject([{ cause: 'lost', action: 'retry' }]);
    await engine.settle();
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
    await tick();
    expect(await foundIn('killed')).toMatchObject([{ outcome: 'helped' }]);
    expect(await marked(watched, issue, 'note')).toEqual([]);
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
