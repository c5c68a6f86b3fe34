import { randomOf } from './random.ts';

/*
 * What is to go wrong. Faults are planned by the count of what they strike (the 7th write to GitHub, the 3rd claim), not by the clock:
 * a slow machine meets the same ones. Each strikes once, at the first chance from its count on.
 */

/** Where a fault can strike, and what is counted there. */
export type Place =
  | 'webhook'
  | 'github.read'
  | 'github.write'
  | 'github.ref'
  | 'github.label'
  | 'github.pull'
  | 'model'
  | 'sandbox.write'
  | 'sandbox.run'
  | 'after-claim'
  | 'in-model'
  | 'in-tool'
  | 'begin-perform'
  | 'perform-settle'
  | 'before-apply'
  | 'before-complete';

export type Family = 'kill' | 'webhook' | 'github' | 'model' | 'database' | 'sandbox';

export const FAMILIES: readonly Family[] = ['kill', 'webhook', 'github', 'model', 'database', 'sandbox'];

interface FaultKind {
  family: Family;
  kind: string;
  place: Place;
  /** How many of this kind for ten issues; at least one is planned. */
  each: number;
  /** It strikes within the first so many counts for each issue: fewer than a run without faults has. */
  within: number;
  /** Whatever it meets is tried again, and tries are limited; whoever holds work when its worker ends is suspected of having ended it. */
  costs: 'a life' | 'a try' | 'nothing';
}

export interface Fault extends FaultKind {
  /** The count at its place from which on it strikes. */
  nth: number;
  /** Seconds, for what lasts. */
  seconds: number;
}

function kinds(family: Family, place: Place, list: Record<string, { each?: number; within: number; free?: true }>): FaultKind[] {
  const costs = family === 'kill' || family === 'database' ? 'a life' : 'a try';
  return Object.entries(list).map(([kind, { each = 1, within, free }]) => ({ family, kind, place, each, within, costs: free ? 'nothing' : costs }));
}

const kill = (place: Place, within: number): FaultKind[] => kinds('kill', place, { [place]: { within } });

/** Every fault that there is. */
export const CATALOGUE: readonly FaultKind[] = [
  ...kill('after-claim', 1),
  ...kill('in-model', 1),
  ...kill('in-tool', 0.6),
  ...kill('begin-perform', 4),
  ...kill('perform-settle', 4),
  ...kill('before-apply', 1),
  ...kill('before-complete', 1),
  ...kinds('kill', 'github.read', { 'at random, reading': { within: 20 } }),
  ...kinds('kill', 'github.write', { 'at random, before a write': { each: 0.5, within: 8 }, 'at random, after a write': { within: 8 } }),
  ...kinds('webhook', 'webhook', {
    twice: { each: 2, within: 2, free: true },
    late: { each: 2, within: 2, free: true },
    'out of order': { each: 2, within: 2, free: true },
    never: { each: 2, within: 2, free: true },
    'answer lost': { within: 2, free: true },
  }),
  ...kinds('github', 'github.read', {
    '500': { each: 2, within: 20 },
    '502': { within: 20 },
    '403 retry-after': { within: 20 },
    '429': { within: 20 },
    'secondary limit': { within: 20 },
    'time-out': { within: 5 },
    'half an answer': { within: 20 },
  }),
  ...kinds('github', 'github.write', {
    '500 before': { within: 8 },
    '502 before': { within: 8 },
    'secondary limit before': { within: 8 },
    '429 before': { within: 8 },
    'cut before': { within: 8 },
    '500 after': { each: 2, within: 8 },
    '502 after': { each: 2, within: 8 },
    'cut after': { each: 2, within: 8 },
    'half an answer after': { each: 2, within: 8 },
    'time-out after': { within: 3 },
  }),
  ...kinds('github', 'github.ref', { '422 another was faster': { within: 0.4 } }),
  ...kinds('github', 'github.label', { '422 another was faster': { within: 0.2 } }),
  ...kinds('github', 'github.pull', { '422 another was faster': { within: 0.3 }, 'cut after': { within: 0.3 } }),
  ...kinds('model', 'model', {
    '429': { within: 4 },
    '500': { each: 2, within: 4 },
    'time-out': { within: 4 },
    'cut off': { each: 2, within: 4 },
    'invalid JSON': { within: 4 },
    'unknown tool': { within: 4, free: true },
    'wrong arguments': { within: 4, free: true },
    'arguments that are no JSON': { within: 4, free: true },
    '200 kB': { within: 4, free: true },
  }),
  ...kinds('database', 'model', { 'away for seconds': { within: 3 } }),
  ...kinds('sandbox', 'sandbox.write', { 'disk full': { within: 0.8 } }),
  ...kinds('sandbox', 'sandbox.run', { vanishes: { within: 0.8 } }),
];

export interface PlanOptions {
  seed: number;
  issues: number;
  families: readonly Family[];
}

/** Everything that is to go wrong in one run. */
export function makePlan({ seed, issues, families }: PlanOptions): Fault[] {
  return CATALOGUE.filter(({ family }) => families.includes(family)).flatMap((kind) => {
    const random = randomOf(seed, `${kind.place}/${kind.kind}`);
    const count = Math.max(1, Math.round((kind.each * issues) / 10));
    return Array.from({ length: count }, () => ({ ...kind, nth: random.int(1, Math.max(1, Math.floor(kind.within * issues))), seconds: random.int(2, 3) }));
  });
}
