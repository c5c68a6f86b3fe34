import { describe, expect, it } from 'vitest';
import { ANOMALY_SCORE, anomalyCause, anomalyEvidence, dearPart, describePart, scoreRun } from './anomaly.ts';
import type { Figure, Figures, Norm } from './anomaly.ts';

const USUAL: Record<Figure, number> = { cost_usd: 0.8, minutes: 12, steps: 60, error_rate: 0.06, repeated: 3, files: 4 };

function norms(changes: Partial<Norm> = {}): Partial<Record<Figure, Norm>> {
  return Object.fromEntries(Object.entries(USUAL).map(([figure, median]) => [figure, { runs: 30, median, spread: 0.4, scope: 'organization', ...changes }]));
}
const usual = (changes: Figures = {}): Figures => ({ ...USUAL, errors: 2, calls: 40, ...changes });

describe('the score of a run', () => {
  it('is nothing at the median and below', () => {
    expect(scoreRun(usual(), norms()).score).toBe(0);
    expect(scoreRun({ cost_usd: 0.1, steps: 3 }, norms()).score).toBe(0);
    expect(scoreRun({}, norms())).toEqual({ score: 0, parts: [] });
  });

  it.each([0, 0.4, 3])('finds ten times the median of cost and leaves three times alone, however history is spread (%s)', (spread) => {
    for (const runs of [5, 200]) {
      const high = scoreRun(usual({ cost_usd: 8 }), norms({ spread, runs }));
      expect(high.score).toBeGreaterThanOrEqual(ANOMALY_SCORE);
      expect(anomalyCause(high)).toBe('cost_usd');
      expect(scoreRun(usual({ cost_usd: 2.4 }), norms({ spread, runs })).score).toBeLessThan(ANOMALY_SCORE);
    }
  });

  it.each<[Figure, Figures]>([
    ['minutes', { minutes: 120 }],
    ['steps', { steps: 600 }],
    ['error_rate', { error_rate: 0.65, errors: 26 }],
    ['repeated', { repeated: 30 }],
    ['files', { files: 40 }],
  ])('finds %s far beyond the median', (figure, changes) => {
    const anomaly = scoreRun(usual(changes), norms());
    expect(anomaly.score).toBeGreaterThanOrEqual(ANOMALY_SCORE);
    expect(anomaly.parts[0]?.figure).toBe(figure);
  });

  it('believes in no ratio between small figures', () => {
    const tiny = { cost_usd: 0.0001, minutes: 0.05, steps: 4, error_rate: 0.03, repeated: 1, files: 1 };
    const small = Object.fromEntries(Object.entries(tiny).map(([figure, median]) => [figure, { runs: 50, median, spread: 0, scope: 'all' }]));
    const run = { cost_usd: 0.002, minutes: 4, steps: 30, error_rate: 0.5, errors: 3, repeated: 6, files: 12 };
    expect(scoreRun(run, small as Partial<Record<Figure, Norm>>).score).toBeLessThan(ANOMALY_SCORE);
  });

  it('rises with the figure and stays below 1', () => {
    const scores = [2, 8, 40, 4000].map((cost) => scoreRun({ cost_usd: cost }, norms()).score);
    expect(scores).toEqual(scores.toSorted((a, b) => a - b));
    expect(scores.at(-1)).toBeLessThan(1);
  });
});

describe('with little history', () => {
  const few = norms({ runs: 4 });

  it('finds ten times the median of cost from three runs on, where it is a dollar and more', () => {
    const cost = (usd: number, runs: number, median: number) => scoreRun({ cost_usd: usd }, { cost_usd: { runs, median, spread: 0.1, scope: 'organization' } });
    for (const runs of [3, 4]) expect(cost(1, runs, 0.1).score).toBeGreaterThanOrEqual(ANOMALY_SCORE);
    expect(cost(1, 3, 0.1).parts[0]?.norm).toMatchObject({ runs: 3 });
    expect(cost(0.9, 4, 0.05).score).toBeLessThan(ANOMALY_SCORE);
    expect(cost(4.5, 2, 0.1).score).toBeLessThan(ANOMALY_SCORE);
  });

  it('says ten times the median of cost from one run on and from fractions of a cent, and no less', () => {
    const cost = (usd: number, runs: number, median: number) => dearPart({ cost_usd: usd }, { cost_usd: { runs, median, spread: 0.1, scope: 'organization' } });
    for (const runs of [1, 2, 3, 4, 5, 200]) {
      for (const median of [0.0002, 0.05, 0.1, 0.3]) expect(cost(10 * median, runs, median)).toMatchObject({ figure: 'cost_usd', norm: { runs, median } });
      expect(cost(0.99, runs, 0.1)).toBeNull();
    }
    expect(cost(1, 5, 0)).toBeNull();
    expect(dearPart({}, norms())).toBeNull();
    expect(dearPart({ cost_usd: 5 }, {})).toBeNull();
  });

  it('a healthy first run is none', () => {
    expect(scoreRun(usual({ cost_usd: 6, minutes: 60, steps: 160, files: 25, repeated: 6 }), few).score).toBeLessThan(ANOMALY_SCORE);
    expect(scoreRun(usual({ cost_usd: 6 }), {}).score).toBeLessThan(ANOMALY_SCORE);
  });

  it.each<Figures>([{ cost_usd: 20 }, { minutes: 180 }, { steps: 500 }, { error_rate: 0.7, errors: 30 }, { repeated: 12 }, { files: 100 }])(
    'absolute bounds hold: %o',
    (changes) => {
      const anomaly = scoreRun(usual(changes), few);
      expect(anomaly.score).toBeGreaterThanOrEqual(ANOMALY_SCORE);
      expect(anomaly.parts[0]?.norm).toBeNull();
    },
  );
});

it('says in words what is unusual and against what', () => {
  const anomaly = scoreRun(usual({ cost_usd: 8 }), norms());
  expect(anomalyEvidence(anomaly)[0]).toMatchObject({ id: 'figure:cost_usd', median: 0.8, runs: 30 });
  expect(describePart(anomaly.parts[0]!)).toBe('$8.00 spent (the median of 30 finished runs of its kind: $0.80 spent)');
  expect(describePart(scoreRun({ repeated: 15 }, {}).parts[0]!)).toMatch(/^one call made 15 times \(more than a run should need/);
});
