/** Where time can go, in the order in which a moment that is in several counts for the first of them. */
export const CATEGORIES = ['scheduling', 'tests', 'sandbox', 'github', 'database', 'model'] as const;

export type Category = (typeof CATEGORIES)[number];

/** One call or one wait. Times are milliseconds of `performance.now()`. */
export interface Span {
  category: Category;
  /** The SQL function, the route, the action on a sandbox, or the role that waited. */
  name: string;
  start: number;
  end: number;
  /** Name of the repository that it was about, where that is known. */
  repo: string | null;
  /** Nobody on the way waits for it: comments, labels, reactions, the worker's own look at the queues. */
  beside: boolean;
}

export interface Window {
  start: number;
  end: number;
}

type Interval = [start: number, end: number];

function cut(spans: readonly Span[], { start, end }: Window): Interval[] {
  return spans.map((span): Interval => [Math.max(span.start, start), Math.min(span.end, end)]).filter(([from, to]) => to > from);
}

/** Intervals without overlap, in order. */
function merge(intervals: readonly Interval[]): Interval[] {
  const merged: Interval[] = [];
  for (const [start, end] of intervals.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

function lengthOf(intervals: readonly Interval[]): number {
  return merge(intervals).reduce((sum, [start, end]) => sum + end - start, 0);
}

/** Milliseconds of the window in which at least one of the spans was under way: what overlaps counts once. */
export function covered(spans: readonly Span[], window: Window): number {
  return lengthOf(cut(spans, window));
}

/**
 * Every moment of the window given to one category; what is left is the code's own. Spans beside the way are left out.
 * The shares add up to the length of the window.
 */
export function shares(spans: readonly Span[], window: Window): Record<Category | 'own', number> {
  const result: Record<Category | 'own', number> = { scheduling: 0, tests: 0, sandbox: 0, github: 0, database: 0, model: 0, own: 0 };
  let taken: Interval[] = [];
  let before = 0;
  for (const category of CATEGORIES) {
    const own = spans.filter((span) => span.category === category && !span.beside);
    taken = merge([...taken, ...cut(own, window)]);
    const now = lengthOf(taken);
    result[category] = now - before;
    before = now;
  }
  result.own = window.end - window.start - before;
  return result;
}

export function within(spans: readonly Span[], { start, end }: Window): Span[] {
  return spans.filter((span) => span.start < end && span.end > start);
}
