import { asksForSecrets } from './attempts.ts';
import { KEPT_SEEN, SEEN_CHARS } from './trajectory.ts';
import type { Course, RefusalKind, Seen } from './trajectory.ts';

/*
 * What of a conversation's course is a finding, by rules alone. A finding is sure, or it is a doubt: then it is nothing, unless somebody else
 * says so.
 */

export type Rule = RefusalKind | 'loop' | 'errors' | 'failure' | 'barren' | 'spending' | 'drift';

export interface TrajectoryFinding {
  rule: Rule;
  /** False: a rule alone cannot tell. */
  sure: boolean;
  /** Stays the same while it is the same. */
  name: string;
  /** The step with which it begins. */
  from: number;
  /** The newest step that belongs to it. */
  to: number;
  /** For people and for the model: what it did, after its name ("the Developer ..."). */
  what: string;
  seen: Seen[];
  /** Beyond what a word to the conversation would be enough for. */
  grave: boolean;
}

/** What the conversation is to do, and what it may. */
export interface Task {
  /** Changing files is its work. */
  writes: boolean;
  budgetUsd: number;
  /** The issue and what was made of it. */
  ask: string;
  files: readonly { path: string; chars: number }[];
  /** It was told once already: less is enough then. */
  told: boolean;
  /** Names of doubts that were found to be none: only far more of the same is a finding. */
  cleared: readonly string[];
}

interface Limits {
  loop: number;
  errors: number;
  failures: number;
  barren: number;
  idle: number;
  protected: number;
  network: number;
}
const LIMITS: Limits = { loop: 6, errors: 5, failures: 12, barren: 20, idle: 30, protected: 3, network: 3 };
const TOLD_LIMITS: Limits = { loop: 4, errors: 3, failures: 6, barren: 10, idle: 15, protected: 2, network: 2 };
/** Attempts after which nothing is said any more. */
const GRAVE = { protected: 8, secrets: 6, network: 10 };
/** A share of the budget, spent in a row of so many turns that changed nothing. */
const IDLE_SHARE = 0.3;
const IDLE_TURNS = 10;
const UNSURE_IDLE = 15;
/** A share of what is sure, from which on it may be. */
const UNSURE_SHARE = 0.7;
/** Twice as far, where a doubt was cleared. */
const CLEARED = 2;
const UNSURE_FILES = 8;
const UNSURE_CHARS = 60_000;
const UNRELATED_SHARE = 0.6;

interface Counted extends Pick<TrajectoryFinding, 'rule' | 'from' | 'what' | 'seen'> {
  count: number;
  /** From here on it is sure; twice as far, where the doubt was cleared. */
  limit: number;
  /** From here on it may be. */
  unsure?: number;
  /** It is sure for another reason. */
  dear?: boolean;
}

function attemptFindings({ attempts, read }: Course, { ask, told }: Task, limits: Limits): TrajectoryFinding[] {
  const found = (rule: RefusalKind, sure: boolean, what: string): TrajectoryFinding => {
    const { weight, seen } = attempts[rule];
    const from = seen[0]?.seq ?? read;
    return { rule, sure, name: `${rule}@${from}`, from, to: seen.at(-1)?.seq ?? read, what, seen, grave: weight >= GRAVE[rule] };
  };
  const secrets = attempts.secrets.weight;
  // Once is enough where the issue itself asks for it: then it does as a stranger's text says.
  const sure = secrets >= 2 || told || asksForSecrets(ask);
  return [
    ...(secrets > 0 ? [found('secrets', sure, 'looked for secrets that are no part of the repository')] : []),
    ...(attempts.protected.weight >= limits.protected
      ? [found('protected', true, `tried ${attempts.protected.weight} times to change protected files, which only a person may`)]
      : []),
    ...(attempts.network.weight >= limits.network
      ? [found('network', true, `tried ${attempts.network.weight} times to reach the network, which a sandbox does not have`)]
      : []),
  ];
}

function progressFindings(course: Course, { writes, budgetUsd, cleared }: Task, limits: Limits): TrajectoryFinding[] {
  const { stale, barren, idle, read } = course;
  const patience = cleared.includes(`spending@${idle.from}`) ? CLEARED : 1;
  const dear = writes && idle.turns >= IDLE_TURNS && budgetUsd > 0 && idle.cost >= patience * IDLE_SHARE * budgetUsd;
  const unsure = (limit: number) => Math.floor(UNSURE_SHARE * limit);
  const error = mostFrequent(course.errors, read);
  const failure = mostFrequent(course.failures, read);
  const counted: Counted[] = [
    {
      rule: 'loop',
      ...stale,
      count: stale.turns,
      limit: limits.loop,
      what: `made nothing but calls that were already made, over the same files, for ${stale.turns} turns`,
    },
    { rule: 'errors', ...error, limit: limits.errors, what: `ran ${error.count} times into the same error` },
    {
      rule: 'failure',
      ...failure,
      limit: limits.failures,
      unsure: unsure(limits.failures),
      what: `ran ${failure.count} times into the same failure, whatever it changed`,
    },
    {
      rule: 'barren',
      ...barren,
      count: barren.turns,
      limit: limits.barren,
      unsure: unsure(limits.barren),
      what: `got nothing new out of ${barren.turns} turns`,
    },
    {
      rule: 'spending',
      from: idle.from,
      seen: [],
      count: writes ? idle.turns : 0,
      limit: limits.idle,
      unsure: UNSURE_IDLE,
      dear,
      what: `worked for ${idle.turns} turns without changing a file`,
    },
  ];
  return counted.flatMap(({ rule, from, seen, count, limit, what, ...more }) => {
    const name = `${rule}@${from}`;
    const sure = more.dear === true || count >= limit * (cleared.includes(name) ? CLEARED : 1);
    return sure || count >= Math.min(limit, more.unsure ?? limit) ? [{ rule, sure, name, from, to: read, what, seen, grave: false }] : [];
  });
}

function mostFrequent(counted: readonly { times: number; seen: Seen[] }[], read: number): Pick<Counted, 'from' | 'seen' | 'count'> {
  const [most] = counted.toSorted((a, b) => b.times - a.times);
  return { from: most?.seen[0]?.seq ?? read, seen: most?.seen ?? [], count: most?.times ?? 0 };
}

function wordsOf(text: string): string[] {
  return text
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\d]+/u)
    .filter((word) => word.length > 3)
    .map((word) => word.replace(/(?:ing|ed|es|s)$/, ''));
}

/** Files of which no word stands in what was asked. Only a hint: code has other words than people. */
export function unrelatedFiles(ask: string, files: Task['files']): string[] {
  const asked = new Set(wordsOf(ask));
  return files.map(({ path }) => path).filter((path) => !wordsOf(path).some((word) => asked.has(word)));
}

function driftFindings({ read }: Course, { ask, files }: Task): TrajectoryFinding[] {
  const unrelated = unrelatedFiles(ask, files);
  const chars = files.reduce((sum, file) => sum + file.chars, 0);
  const astray = files.length >= UNSURE_FILES && unrelated.length >= UNRELATED_SHARE * files.length;
  if (!astray && chars < UNSURE_CHARS) return [];
  const what = astray
    ? `changed ${files.length} files, ${unrelated.length} of which the task does not seem to speak of`
    : `changed ${files.length} files by a lot of text`;
  const seen = (astray ? unrelated : files.map(({ path }) => path)).slice(0, KEPT_SEEN).map((path) => ({ seq: read, what: path.slice(0, SEEN_CHARS) }));
  // Asked about again when it has doubled.
  const size = 2 ** Math.floor(Math.log2(Math.max(files.length, chars / 4000)));
  return [{ rule: 'drift', sure: false, name: `drift@${size}`, from: 1, to: read, what, seen, grave: false }];
}

/** What is wrong with the course, the worst first. */
export function findings(course: Course, task: Task): TrajectoryFinding[] {
  const limits = task.told ? TOLD_LIMITS : LIMITS;
  const all = [...attemptFindings(course, task, limits), ...progressFindings(course, task, limits), ...driftFindings(course, task)];
  return [...all.filter(({ sure }) => sure), ...all.filter(({ sure }) => !sure)];
}
