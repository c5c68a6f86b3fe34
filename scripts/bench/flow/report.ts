import { median, percentile, spreadOf } from '../figures.ts';
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

const whole = (value: number) => String(Math.round(value));

/** Columns as wide as they need to be, the first to the left, the others to the right. */
function table(head: string[], rows: string[][]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ');
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

function marksTable({ marks }: Summary, cold: Round): string {
  const rows = MARKS.map((mark) => [MARK_TITLES[mark], ...[marks[mark].median, marks[mark].min, marks[mark].max, cold.marks[mark]].map(whole)]);
  return table(['ms after issues.opened', 'median', 'min', 'max', 'first of the process'], rows);
}

function partsTable({ parts, marks }: Summary): string {
  const total = marks.pull.median;
  const rows = PARTS.map((part) => {
    const { ms, underWay, calls } = parts[part];
    return [PART_TITLES[part], whole(ms), `${whole((ms / total) * 100)} %`, whole(underWay), part === 'own' ? '' : whole(calls)];
  });
  return table(['on the way to the pull request', 'ms', 'share', 'under way', 'calls'], [...rows, ['Together', whole(total), '', '', '']]);
}

function stepsTable({ steps }: Summary): string {
  return table(
    ['step, up to ready', 'ms'],
    steps.map(({ name, ms }) => [name, whole(ms)]),
  );
}

function callsTable({ calls }: Summary): string {
  const rows = calls.map(({ category, name, count, ms, beside }) => [
    `${beside ? '(beside) ' : ''}${category} ${name}`,
    whole(count),
    whole(ms),
    whole(ms / count),
  ]);
  return table(['calls up to the pull request', 'number', 'ms', 'ms each'], rows);
}

export interface BurstSummary {
  issues: number;
  issuesPerMinute: number;
  marks: Record<Mark, { p50: number; p95: number }>;
  /** Milliseconds with at least one call of the kind under way, in percent of the whole. */
  underWayPercent: Record<Category, number>;
}

export function summarizeBurst({ issues, totalMs, marks, spans }: Burst): BurstSummary {
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
    issuesPerMinute: issues / (totalMs / 60_000),
    marks: Object.fromEntries(perMark) as BurstSummary['marks'],
    underWayPercent: Object.fromEntries(busy) as BurstSummary['underWayPercent'],
  };
}

export function burstText({ issues, issuesPerMinute, marks, underWayPercent }: BurstSummary): string {
  const rows = MARKS.map((mark) => [MARK_TITLES[mark], whole(marks[mark].p50), whole(marks[mark].p95)]);
  const busy = CATEGORIES.map((category) => `${PART_TITLES[category]} ${whole(underWayPercent[category])} %`).join(', ');
  return [
    `${issues} issues at once, one in each of ${issues} repositories: ${issuesPerMinute.toFixed(1)} issues a minute until a human may merge`,
    '',
    table(['ms after issues.opened, each issue', 'p50', 'p95'], rows),
    '',
    `At least one under way: ${busy}`,
  ].join('\n');
}

export function flowText(summary: Summary, cold: Round): string {
  const cpu = Object.entries(summary.cpu).map(([name, ms]) => `${name} ${ms === null ? 'unknown' : `${whole(ms)} ms`}`);
  return [
    `One issue at a time, ${summary.rounds} rounds after one that warmed up, each in a repository of its own`,
    '',
    marksTable(summary, cold),
    '',
    partsTable(summary),
    '',
    stepsTable(summary),
    '',
    callsTable(summary),
    '',
    `Processor time up to the pull request: ${cpu.join(', ')}`,
  ].join('\n');
}
