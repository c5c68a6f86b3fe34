import { median, percentile, spreadOf } from '../figures.ts';
import type { BenchTable } from '../section.ts';
import type { Spread } from '../figures.ts';
import { MARKS } from './recorder.ts';
import type { Mark } from './recorder.ts';
import type { Burst, Round } from './rounds.ts';
import { CATEGORIES, covered, shares, within } from './spans.ts';
import type { Category, Span, Window } from './spans.ts';

type Part = Category | 'own';

const PARTS: Part[] = [...CATEGORIES, 'own'];

const PART_TITLES: Record<Part, string> = {
  scheduling: 'Scheduling',
  tests: "Repository's tests",
  sandbox: 'Sandbox',
  github: 'GitHub',
  database: 'Database',
  model: 'Model',
  own: 'Own code',
};

const MARK_TITLES: Record<Mark, string> = {
  reaction: 'First reaction (eyes)',
  status: 'Status comment',
  pull: 'Pull request opened',
  ready: 'A human may merge',
};

/** Titles of what lies between two waits, by who waited before. */
const STEP_TITLES: Record<string, string> = {
  delivery: 'The event is routed',
  'product-owner': 'Product Owner',
  developer: 'Developer',
  qa: 'QA',
  reviewer: 'Reviewer',
};

export interface Summary {
  rounds: number;
  marks: Record<Mark, Spread>;
  /** Median of each part on the way to the pull request: `ms` counts each moment once, `underWay` is all calls of the kind, overlaps once. */
  parts: Record<Part, { ms: number; underWay: number; calls: number }>;
  steps: { name: string; ms: number }[];
  cpu: Record<string, number | null>;
  /** Calls up to the pull request, by name; medians. */
  calls: { category: Category; name: string; count: number; ms: number; beside: boolean }[];
}

const toPull = (round: Round): Window => ({ start: 0, end: round.marks.pull });

function summarizeParts(rounds: Round[]): Summary['parts'] {
  const shareOf = rounds.map((round) => shares(round.spans, toPull(round)));
  const entries = PARTS.map((part) => {
    const ofPart = (round: Round) => within(round.spans, toPull(round)).filter((span) => span.category === part);
    const ms = median(shareOf.map((share) => share[part]));
    return [
      part,
      {
        ms,
        underWay: part === 'own' ? ms : median(rounds.map((round) => covered(ofPart(round), toPull(round)))),
        calls: median(rounds.map((round) => ofPart(round).length)),
      },
    ] as const;
  });
  return Object.fromEntries(entries) as Summary['parts'];
}

/** What lies between the waits of one issue, in order; the waits themselves are named after who waited. */
function stepsOf(round: Round): { name: string; ms: number }[] {
  const waits = round.spans.filter((span) => span.category === 'scheduling').toSorted((a, b) => a.start - b.start);
  const ends = [...waits.slice(1).map((wait) => wait.start), round.marks.ready];
  const steps = waits.flatMap((wait, index) => {
    const title = STEP_TITLES[wait.name] ?? wait.name;
    return [
      { name: `${title}: waits`, ms: wait.end - wait.start },
      { name: title, ms: (ends[index] ?? wait.end) - wait.end },
    ];
  });
  return [{ name: 'The event is delivered and stored', ms: Math.max(0, waits[0]?.start ?? 0) }, ...steps];
}

function summarizeSteps(rounds: Round[]): Summary['steps'] {
  const all = rounds.map(stepsOf);
  return (all[0] ?? []).map(({ name }) => ({ name, ms: median(all.map((steps) => steps.find((step) => step.name === name)?.ms ?? 0)) }));
}

const callKey = ({ category, name, beside }: Span) => `${category} ${name} ${beside}`;

function summarizeCalls(rounds: Round[]): Summary['calls'] {
  const perRound = rounds.map((round) => Map.groupBy(within(round.spans, toPull(round)), callKey));
  const firstOf = new Map(rounds.flatMap((round) => within(round.spans, toPull(round)).map((span) => [callKey(span), span])));
  return [...firstOf]
    .map(([key, { category, name, beside }]) => {
      const lists = perRound.map((groups) => groups.get(key) ?? []);
      const ms = median(lists.map((list) => list.reduce((sum, span) => sum + span.end - span.start, 0)));
      return { category, name, beside, count: median(lists.map((list) => list.length)), ms };
    })
    .filter(({ count }) => count > 0)
    .toSorted((a, b) => Number(a.beside) - Number(b.beside) || b.ms - a.ms);
}

function summarizeCpu(rounds: Round[]): Summary['cpu'] {
  const names = Object.keys(rounds[0]?.cpu ?? {});
  return Object.fromEntries(
    names.map((name) => {
      const values = rounds.map((round) => round.cpu[name]).filter((value) => typeof value === 'number');
      return [name, values.length === rounds.length ? median(values) : null];
    }),
  );
}

export function summarize(rounds: Round[]): Summary {
  const marks = Object.fromEntries(MARKS.map((mark) => [mark, spreadOf(rounds.map((round) => round.marks[mark]))])) as Summary['marks'];
  return {
    rounds: rounds.length,
    marks,
    parts: summarizeParts(rounds),
    steps: summarizeSteps(rounds),
    cpu: summarizeCpu(rounds),
    calls: summarizeCalls(rounds),
  };
}

/** Calls that the table shows, of some thirty kinds. */
const MOST_CALLS = 12;
/** Processes whose time is told apart; sandboxes and the system are the rest. */
const PROCESSORS = ['functions', 'database', 'github'] as const;

const whole = (value: number) => String(Math.round(value));
const seconds = (ms: number) => (ms / 1000).toFixed(1);

/** One contender's name stands before the title of each of its tables. */
export function flowTables(stack: string, { marks, parts, steps, calls, cpu, rounds }: Summary, cold: Round): BenchTable[] {
  const total = marks.pull.median;
  const processor = Object.entries(cpu).map(([name, ms]) => `${name} ${ms === null ? 'unknown' : `${whole(ms)} ms`}`);
  return [
    {
      title: `${stack}: one issue at a time, ${rounds} rounds after one that warmed up`,
      columns: ['ms after issues.opened', 'median', 'fastest', 'slowest', 'first of the process'],
      rows: MARKS.map((mark) => [MARK_TITLES[mark], ...[marks[mark].median, marks[mark].min, marks[mark].max, cold.marks[mark]].map(whole)]),
    },
    {
      title: `${stack}: on the way to the pull request (processor time: ${processor.join(', ')})`,
      columns: ['Part', 'ms', 'share', 'under way', 'calls'],
      rows: PARTS.map((part) => {
        const { ms, underWay, calls: count } = parts[part];
        return [PART_TITLES[part], whole(ms), `${whole((ms / total) * 100)} %`, whole(underWay), part === 'own' ? '' : whole(count)];
      }),
    },
    { title: `${stack}: steps up to ready`, columns: ['Step', 'ms'], rows: steps.map(({ name, ms }) => [name, whole(ms)]) },
    {
      title: `${stack}: calls up to the pull request that cost most`,
      columns: ['Call', 'number', 'ms', 'ms each'],
      rows: calls.slice(0, MOST_CALLS).map(({ category, name, count, ms, beside }) => {
        return [`${beside ? '(beside) ' : ''}${category} ${name}`, whole(count), whole(ms), whole(ms / count)];
      }),
    },
  ];
}

export interface BurstSummary {
  issues: number;
  repositories: number;
  issuesPerMinute: number;
  /** From the first creation to the last issue that is ready. */
  totalMs: number;
  /** To GitHub, for one issue, up to the last that is ready. */
  requestsPerIssue: number;
  marks: Record<Mark, { p50: number; p95: number }>;
  /** Milliseconds with at least one call of the kind under way, in percent of the whole. */
  underWayPercent: Record<Category, number>;
  /** Of one processor; null where the system does not tell. */
  cpuPercent: Record<string, number | null>;
}

export function summarizeBurst({ issues, repositories, totalMs, marks, spans, cpu }: Burst): BurstSummary {
  const perMark = MARKS.map((mark) => {
    const values = marks.map((one) => one[mark]);
    return [mark, { p50: percentile(values, 50), p95: percentile(values, 95) }] as const;
  });
  const busy = CATEGORIES.map((category) => {
    const own = spans.filter((span) => span.category === category);
    return [category, (covered(own, { start: 0, end: totalMs }) / totalMs) * 100] as const;
  });
  return {
    issues,
    repositories,
    issuesPerMinute: issues / (totalMs / 60_000),
    totalMs,
    requestsPerIssue: spans.filter(({ category }) => category === 'github').length / issues,
    marks: Object.fromEntries(perMark) as BurstSummary['marks'],
    underWayPercent: Object.fromEntries(busy) as BurstSummary['underWayPercent'],
    cpuPercent: Object.fromEntries(Object.entries(cpu).map(([name, ms]) => [name, ms === null ? null : (ms / totalMs) * 100])),
  };
}

/** Issues that are opened at the same time, one line each way of spreading them. */
export function burstTables(bursts: readonly { stack: string; burst: BurstSummary }[]): BenchTable[] {
  return [
    {
      title: 'Issues opened at the same time',
      columns: ['', 'issues a minute', 'last ready, s', 'requests to GitHub an issue', ...MARKS.flatMap((mark) => [`${MARK_TITLES[mark]} p50, s`, 'p95, s'])],
      rows: bursts.map(({ stack, burst }) => [
        `${stack}, ${burst.issues} in ${burst.repositories} repositories`,
        burst.issuesPerMinute.toFixed(1),
        seconds(burst.totalMs),
        burst.requestsPerIssue.toFixed(1),
        ...MARKS.flatMap((mark) => [seconds(burst.marks[mark].p50), seconds(burst.marks[mark].p95)]),
      ]),
    },
    {
      title: 'Meanwhile: at least one call of the kind under way, and processor time, in percent of the whole',
      columns: ['', ...CATEGORIES.map((category) => PART_TITLES[category]), ...PROCESSORS.map((name) => `processor: ${name}`)],
      rows: bursts.map(({ stack, burst }) => [
        `${stack}, ${burst.issues} in ${burst.repositories} repositories`,
        ...CATEGORIES.map((category) => whole(burst.underWayPercent[category])),
        ...PROCESSORS.map((name) => (typeof burst.cpuPercent[name] === 'number' ? whole(burst.cpuPercent[name]) : '')),
      ]),
    },
  ];
}
