import { describe, expect, it } from 'vitest';
import { parseExposition, valueOf } from '../../test/support/prometheus.ts';
import { METRICS, renderMetrics } from './metrics.ts';
import type { MetricsReading } from './metrics.ts';

const NOTHING: MetricsReading = { schema_version: '20261123000900', bounds: ['1', '5', 'Infinity'], totals: [], gauges: [] };
const rendered = (changes: Partial<MetricsReading>) => parseExposition(renderMetrics({ ...NOTHING, ...changes }, '1.2.3'));

describe('renderMetrics', () => {
  it('announces every metric, also where nothing was counted yet', () => {
    const { types, helps, samples } = rendered({});
    expect([...types.keys()]).toEqual(Object.keys(METRICS));
    expect([...helps.keys()]).toEqual(Object.keys(METRICS));
    expect(samples).toEqual([{ name: 'banyan_info', labels: { version: '1.2.3', schema: '20261123000900' }, value: 1 }]);
  });

  it('names metrics as Prometheus asks: what only rises ends in total', () => {
    for (const [name, { type }] of Object.entries(METRICS)) {
      expect(name).toMatch(/^banyan_[a-z_]+$/);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      expect([name, type === 'histogram' && !name.endsWith('_seconds')]).toEqual([name, false]);
    }
  });

  it.each(['plain', 'with "quotes"', 'back\\slash', 'two\nlines', '\\n', '}{,=', ''])('a label of %j comes back as it was', (job) => {
    const { samples } = rendered({ gauges: [{ metric: 'banyan_watch_findings', labels: { job }, value: 3 }] });
    expect(samples.at(-1)).toEqual({ name: 'banyan_watch_findings', labels: { job }, value: 3 });
  });

  it('counts in each bucket of a histogram what the smaller ones hold, with every bucket there', () => {
    const labels = { role: 'qa', kind: 'tool' };
    const metric = 'banyan_step_seconds';
    const read = rendered({
      totals: [
        { metric, labels, value: 12.5 },
        { metric, labels, value: 2, le: '1' },
        { metric, labels, value: '1', le: 'Infinity' },
      ],
    });
    expect(read.types.get(metric)).toBe('histogram');
    expect(['1', '5', '+Inf'].map((le) => valueOf(read, `${metric}_bucket`, { ...labels, le }))).toEqual([2, 2, 3]);
    expect(valueOf(read, `${metric}_sum`, labels)).toBe(12.5);
    expect(valueOf(read, `${metric}_count`, labels)).toBe(3);
  });

  it('leaves out what it does not know', () => {
    expect(rendered({ totals: [{ metric: 'banyan_of_tomorrow_total', labels: {}, value: 1 }] }).samples).toHaveLength(1);
  });
});
