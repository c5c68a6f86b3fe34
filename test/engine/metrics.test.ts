import { expect, it } from 'vitest';
import { openIssue } from '../e2e/watch.ts';
import { serveMetrics } from '../../src/engine/metrics.ts';
import { startEngine } from '../support/engine.ts';
import { parseExposition, valueOf } from '../support/prometheus.ts';
import { content, PLAIN } from './scripts.ts';

it('a scrape after an issue tells what was done for it, and the same again while nothing happens', async () => {
  const engine = await startEngine();
  try {
    engine.cast.in('measured', content);
    const watched = await engine.repository('measured', PLAIN);
    await openIssue(watched, { title: 'First', labels: ['ready-for-dev'] });
    await engine.settle();
    const scrape = async () => {
      const response = await serveMetrics({ metrics: () => engine.store.metrics(), close: () => Promise.resolve() });
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      return parseExposition(await response.text());
    };
    const read = await scrape();
    for (const role of ['developer', 'qa', 'reviewer']) {
      expect(valueOf(read, 'banyan_tasks_total', { role, state: 'completed' })).toBe(1);
      expect(valueOf(read, 'banyan_tokens_total', { role, direction: 'in' })).toBeGreaterThan(0);
      expect(valueOf(read, 'banyan_step_seconds_count', { role, kind: 'model' })).toBe(valueOf(read, 'banyan_model_calls_total', { role }));
    }
    const [kept] = await engine.sql<{ calls: number | string; spent: number | string }>(
      `select (select count(*) from agent_actions where kind = 'model') as calls, (select sum(spent_usd) from runs) as spent`,
    );
    expect(valueOf(read, 'banyan_model_calls_total')).toBe(Number(kept?.calls));
    expect(valueOf(read, 'banyan_cost_usd_total') ?? 0).toBeCloseTo(Number(kept?.spent), 8);
    expect(valueOf(read, 'banyan_effects_total', { kind: 'pull_request', result: 'settled' })).toBe(1);
    expect(valueOf(read, 'banyan_queue_due')).toBe(0);
    expect(valueOf(read, 'banyan_given_up')).toBe(0);
    const counted = ({ samples }: typeof read) => samples.filter(({ name }) => /_(?:total|bucket|sum|count)$/.test(name));
    expect(counted(await scrape())).toEqual(counted(read));
  } finally {
    await engine.close();
  }
});
