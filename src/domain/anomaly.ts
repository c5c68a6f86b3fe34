import type { JsonObject } from './model.ts';

/*
 * How unusual a run is among those of its kind, from 0 to 1.
 *
 * What runs cost and how long they take is skewed and has outliers of its own, so each figure is compared on a logarithmic scale by its
 * distance from the median in units of the median absolute deviation: the modified z-score of B. Iglewicz and D. Hoaglin, "How to Detect
 * and Handle Outliers" (ASQC, 1993), who call values above 3.5 outliers. Only too much counts; a run that is at work can still become
 * usual in the other direction.
 *
 * The deviation is bounded on both sides. Alike runs in the past do not make three times as much an anomaly (an issue may simply be
 * larger), and runs that differed widely do not hide ten times the median.
 */

export const FIGURES = ['cost_usd', 'minutes', 'steps', 'error_rate', 'repeated', 'files'] as const;
export type Figure = (typeof FIGURES)[number];

/** From here on somebody looks. */
export const ANOMALY_SCORE = 0.8;
/** Completed runs of a kind from which its history counts; below that absolute bounds do. */
export const MIN_RUNS = 5;
/** From here on a few runs have a median; what they cost is compared to it, where it is more than a little. */
const FEW_RUNS = 3;
const FEW_FLOOR_USD = 1;
/** So many times the median of cost are said, also where nothing above holds a run for it. */
const DEAR = 10;
/** Below this much (US dollars) a median is one of runs whose models have no price. */
const LEAST_MEDIAN_USD = 0.0001;
/** From here on the history is large enough to believe in a small deviation. */
const MANY_RUNS = 20;
const OUTLIER = 3.5;
/** In logarithms: found is what exceeds the median some fivefold at the least deviation, eightfold at the largest. */
const LEAST_DEVIATION = 0.45;
const LARGEST_DEVIATION = 0.6;

interface Bound {
  /** Up to here nothing is unusual, whatever history says. */
  floor: number;
  /** From here on it is without history. */
  limit: number;
  /** Medians below this are taken for this: next to nothing is no measure. */
  least: number;
}

const BOUNDS: Record<Figure, Bound> = {
  cost_usd: { floor: 0.1, limit: 20, least: 0.001 },
  minutes: { floor: 10, limit: 180, least: 1 },
  steps: { floor: 40, limit: 500, least: 4 },
  error_rate: { floor: 0.35, limit: 0.6, least: 0.03 },
  repeated: { floor: 8, limit: 12, least: 1 },
  files: { floor: 20, limit: 100, least: 1 },
};
/** Errors below this many say nothing about a rate. */
const ENOUGH_ERRORS = 8;

export interface Norm {
  /** Completed runs that it was made of. */
  runs: number;
  median: number;
  /** 1.4826 times the median absolute deviation of the logarithms. */
  spread: number;
  scope: 'organization' | 'all';
}

/** What a run took so far; a figure that nothing is known of is missing. */
export type Figures = Partial<Record<Figure | 'errors' | 'calls', number>> & { repeated_tool?: string };

export interface AnomalyPart {
  figure: Figure;
  value: number;
  score: number;
  /** Null where there is too little history: the score then comes from an absolute bound. */
  norm: Norm | null;
}

export interface Anomaly {
  score: number;
  /** The most unusual first. */
  parts: AnomalyPart[];
}

/** Half-way at a quarter of an outlier, 0.8 at an outlier, and towards 1 beyond. */
function scoreOf(z: number): number {
  return z <= 0 ? 0 : z / (z + OUTLIER / 4);
}

function byHistory(value: number, { median, spread, runs }: Norm, { least }: Bound): number {
  const small = runs < MANY_RUNS ? LARGEST_DEVIATION : LEAST_DEVIATION;
  const deviation = Math.min(Math.max(spread, small), LARGEST_DEVIATION);
  return scoreOf(Math.log(value / Math.max(median, least)) / deviation);
}

/** The history that a value is compared to; null: the absolute bound. */
function historyFor(figure: Figure, value: number, norm: Norm | undefined): Norm | null {
  if (!norm || norm.runs >= MIN_RUNS) return norm ?? null;
  const isFew = figure === 'cost_usd' && norm.runs >= FEW_RUNS && value >= FEW_FLOOR_USD && value < BOUNDS[figure].limit;
  return isFew ? norm : null;
}

function partOf(figure: Figure, value: number, norm: Norm | undefined, errors: number): AnomalyPart {
  const bound = BOUNDS[figure];
  const known = historyFor(figure, value, norm);
  const raw = known ? byHistory(value, known, bound) : scoreOf((OUTLIER * value) / bound.limit);
  const small = value < bound.floor || (figure === 'error_rate' && errors < ENOUGH_ERRORS);
  return { figure, value, score: Math.round(Math.min(raw, small ? 0.5 : 1) * 1000) / 1000, norm: known };
}

/** The score is that of the most unusual figure: a mean would hide one that ran away behind five that did not. */
export function scoreRun(figures: Figures, norms: Partial<Record<Figure, Norm>>): Anomaly {
  const parts = FIGURES.flatMap((figure) => {
    const value = figures[figure];
    return value === undefined || !Number.isFinite(value) ? [] : [partOf(figure, value, norms[figure], figures.errors ?? 0)];
  }).toSorted((a, b) => b.score - a.score);
  return { score: parts[0]?.score ?? 0, parts };
}

/**
 * Ten times the median of cost, however short the history and however small the sum. With one run of history or some cents that is no ground to hold
 * a run, but people may want to know it. Null where it is not so, or where the score alone says it.
 */
export function dearPart(figures: Figures, norms: Partial<Record<Figure, Norm>>): AnomalyPart | null {
  const { cost_usd: value } = figures;
  const { cost_usd: norm } = norms;
  if (value === undefined || !norm || norm.runs < 1 || norm.median < LEAST_MEDIAN_USD || value < DEAR * norm.median) return null;
  const score = Math.round(byHistory(value, norm, BOUNDS.cost_usd) * 1000) / 1000;
  return { figure: 'cost_usd', value, score, norm };
}

/** A name for what is unusual: the figures beyond the bound, in one order. */
export function anomalyCause({ parts }: Anomaly): string {
  const high = parts.filter(({ score }) => score >= ANOMALY_SCORE).map(({ figure }) => figure);
  return FIGURES.filter((figure) => high.includes(figure)).join('+');
}

const WORDS: Record<Figure, (value: number) => string> = {
  cost_usd: (value) => `$${value.toFixed(value < 0.1 ? 4 : 2)} spent`,
  minutes: (value) => `${value.toFixed(value < 10 ? 1 : 0)} minutes of work`,
  steps: (value) => `${value.toFixed(0)} steps`,
  error_rate: (value) => `${(value * 100).toFixed(0)}% of the calls failed`,
  repeated: (value) => `one call made ${value.toFixed(0)} times`,
  files: (value) => `${value.toFixed(0)} files changed`,
};

/** One part in words, with what it is compared to. */
export function describePart({ figure, value, norm }: AnomalyPart): string {
  const words = WORDS[figure](value);
  if (!norm) return `${words} (more than a run should need; there is no history of its kind yet)`;
  const where = norm.scope === 'all' ? ' everywhere' : '';
  return `${words} (the median of ${norm.runs} finished runs of its kind${where}: ${WORDS[figure](norm.median)})`;
}

/** The parts as evidence of a diagnosis, each with an id to refer to. */
export function anomalyEvidence({ parts }: Anomaly): JsonObject[] {
  return parts.map((part) => ({
    id: `figure:${part.figure}`,
    kind: 'figure',
    text: describePart(part),
    score: part.score,
    value: part.value,
    median: part.norm?.median ?? null,
    runs: part.norm?.runs ?? null,
  }));
}
