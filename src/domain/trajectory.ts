import { isSecretPlace, reachesOut, secretsWeight } from './attempts.ts';

/*
 * What a conversation does, as numbers and a few names; what of it is a finding stands in `astray.ts`. `follow` takes new steps in, one
 * after the other, so that each step is read once; what it returns is kept between two looks.
 *
 * The engine itself breaks off the same call with the same answer and rows of errors (`engine/rollback.ts`), at once and between two steps.
 * Here is what it does not see: circles of several calls, errors with good calls between them, money spent without a change, and attempts at
 * what is not allowed, each of them refused and none of them a failure.
 */

/** One message of a conversation, as `guardian_facts` tells of it. */
export interface TrajectoryStep {
  seq: number;
  kind: 'system' | 'human' | 'ai' | 'tool';
  tool: string | null;
  /** Said by the engine itself about the form of the work; everything else that is said in between is a new beginning. */
  nudge: boolean;
  /** Names the call with its arguments. */
  key: string;
  /** The command, path or query of the call, cut. */
  input: string | null;
  is_error: boolean;
  /** The code of what was refused. */
  refusal: string | null;
  /** The beginning of an error's text. */
  answer: string | null;
  /** A command that ended in a failure. */
  failed: boolean;
  /** Names what the call brought, without its own arguments, times and places; null where that says nothing. */
  outcome: string | null;
  cost_usd: number;
}

/** A step in the words of the evidence. */
export interface Seen {
  seq: number;
  what: string;
}

export type RefusalKind = 'secrets' | 'protected' | 'network';

/** What is remembered of a conversation between two looks. */
export interface Course {
  /** The newest message that was taken in. */
  read: number;
  /** How often the files have changed. */
  epoch: number;
  /** The calls that were made, each with the state of the files in which it was made last. */
  calls: [key: string, epoch: number][];
  /** The turn of the model that is not over yet. */
  open: { seq: number; cost: number; answers: number; stale: boolean; changed: boolean; barren: boolean; fruitful: boolean } | null;
  /** Turns in a row in which nothing was done that had not been done before, over the same files. */
  stale: { turns: number; from: number; seen: Seen[] };
  /** What calls brought, each with the state of the files in which they did last. */
  outcomes: [outcome: string, epoch: number][];
  /** Turns in a row that brought nothing but what other calls had brought, over the same files or in the same failure. */
  barren: { turns: number; from: number; seen: Seen[] };
  /** Failures of commands since the last one that was not there before, or that was mended; with the calls that ended so. */
  failures: { outcome: string; times: number; keys: string[]; seen: Seen[] }[];
  /** Turns in a row that changed no file. */
  idle: { turns: number; from: number; cost: number };
  attempts: Record<RefusalKind, { weight: number; seen: Seen[] }>;
  /** Errors since the last beginning, by tool and answer, the newest last. */
  errors: { name: string; times: number; seen: Seen[] }[];
}

const RUNNING = 'run_command';

/** Calls that are remembered; the oldest are forgotten first. */
const KEPT_CALLS = 400;
const KEPT_ERRORS = 40;
const KEPT_FAILURES = 6;
export const KEPT_SEEN = 6;
export const SEEN_CHARS = 160;
/** The brief: what comes after it from people, a rollback or the guardian is a new beginning. */
const BRIEF = 2;

export const NEW_COURSE: Course = { read: 0, epoch: 0, calls: [], outcomes: [], open: null, ...fresh(0) };

type Progress = Pick<Course, 'stale' | 'barren' | 'idle' | 'errors' | 'failures'>;

function fresh(seq: number): Progress & Pick<Course, 'attempts'> {
  const none = () => ({ weight: 0, seen: [] });
  return { ...freshStart(seq), attempts: { secrets: none(), protected: none(), network: none() } };
}

function freshStart(seq: number): Progress {
  const none = { turns: 0, from: seq };
  return { stale: { ...none, seen: [] }, barren: { ...none, seen: [] }, idle: { ...none, cost: 0 }, errors: [], failures: [] };
}

function newTurn(seq: number, cost: number): NonNullable<Course['open']> {
  return { seq, cost, answers: 0, stale: true, changed: false, barren: false, fruitful: false };
}

/** Somebody acted on what was found: it counts anew from here. */
export function beginAnew(course: Course): Course {
  return { ...course, open: null, ...fresh(course.read) };
}

/** The same where somebody else acted on it: what was tried against the rules counts on. */
export function beginAgain(course: Course): Course {
  return { ...course, open: null, ...freshStart(course.read) };
}

function note(seen: Seen[], step: TrajectoryStep): Seen[] {
  const what = `${step.tool ?? 'call'} ${step.input ?? ''}`.replaceAll(/\s+/g, ' ').trim().slice(0, SEEN_CHARS);
  return seen.length >= KEPT_SEEN || seen.some((known) => known.what === what) ? seen : [...seen, { seq: step.seq, what }];
}

function attemptsOf({ input, tool, refusal }: TrajectoryStep): [RefusalKind, number][] {
  const command = tool === RUNNING ? (input ?? '') : '';
  const weight = tool === 'read_file' ? (isSecretPlace(input ?? '') ? 2 : 0) : secretsWeight(command);
  return [
    ...(weight > 0 ? [['secrets', weight] as [RefusalKind, number]] : []),
    ...(refusal === 'path_protected' ? [['protected', 1] as [RefusalKind, number]] : []),
    ...(reachesOut(command) ? [['network', 1] as [RefusalKind, number]] : []),
  ];
}

function countError(errors: Course['errors'], step: TrajectoryStep): Course['errors'] {
  const name = `${step.tool}: ${(step.answer ?? '').split('\n')[0] ?? ''}`.slice(0, SEEN_CHARS);
  const known = errors.find((error) => error.name === name) ?? { times: 0, seen: [] };
  const others = errors.filter((error) => error.name !== name);
  return [...others.slice(-(KEPT_ERRORS - 1)), { name, times: known.times + 1, seen: note(known.seen, step) }];
}

/**
 * Failures of commands, whatever was changed between them. One that was not there before is a step forward, and so is a command that failed
 * and does no longer: then the others count anew.
 */
function countFailure(failures: Course['failures'], step: TrajectoryStep): Course['failures'] {
  const { failed, outcome, key } = step;
  if (step.tool !== RUNNING || outcome === null) return failures;
  if (!failed) return failures.some(({ keys }) => keys.includes(key)) ? [] : failures;
  const known = failures.find((failure) => failure.outcome === outcome);
  if (!known)
    return [...failures.slice(1 - KEPT_FAILURES).map((failure) => ({ ...failure, times: 1 })), { outcome, times: 1, keys: [key], seen: note([], step) }];
  const again = { ...known, times: known.times + 1, keys: [...new Set([...known.keys, key])].slice(-KEPT_SEEN), seen: note(known.seen, step) };
  return failures.map((failure) => (failure === known ? again : failure));
}

/** True: it brought what another call had brought. False: it brought something else. Null: what it brought says nothing. */
function isBarren(step: TrajectoryStep, known: number | undefined, epoch: number): boolean | null {
  if (step.outcome === null) return null;
  if (step.tool === 'read_file' && !step.is_error) return false;
  return known !== undefined && (known === epoch || step.failed || step.is_error);
}

/** The turn is over: what it added up to. */
function closeTurn(course: Course): Course {
  const { open, stale, idle } = course;
  if (open === null) return course;
  const idled = open.changed ? { turns: 0, from: open.seq, cost: 0 } : { ...idle, turns: idle.turns + 1, cost: idle.cost + open.cost };
  // Words alone are neither a repetition nor anything new.
  if (open.answers === 0) return { ...course, open: null, idle: idled };
  return {
    ...course,
    open: null,
    stale: open.stale ? { ...stale, turns: stale.turns + 1, from: stale.turns === 0 ? open.seq : stale.from } : { turns: 0, from: open.seq, seen: [] },
    barren: barrenAfter(course, open),
    idle: idled,
  };
}

function barrenAfter({ barren }: Course, open: NonNullable<Course['open']>): Course['barren'] {
  if (open.fruitful) return { turns: 0, from: open.seq, seen: [] };
  return open.barren ? { ...barren, turns: barren.turns + 1, from: barren.turns === 0 ? open.seq : barren.from } : barren;
}

interface Surroundings {
  /** Tools that write files. */
  writing: ReadonlySet<string>;
  /** Steps with which files changed. */
  changed: ReadonlySet<number>;
}

/** While steps are taken in: the calls by their names, and what they brought. */
interface Known {
  calls: Map<string, number>;
  outcomes: Map<string, number>;
}

/** Makes it the newest. */
function remember(known: Map<string, number>, key: string, epoch: number): void {
  known.delete(key);
  known.set(key, epoch);
}

function takeCall(course: Course, { calls, outcomes }: Known, step: TrajectoryStep, { writing, changed }: Surroundings): Course {
  const open = course.open ?? newTurn(step.seq, 0);
  const last = calls.get(step.key);
  const writes = writing.has(step.tool ?? '');
  // A write is the same whatever was written in between: to and fro is a circle too.
  const isStale = writes ? last !== undefined : last === course.epoch;
  const isChange = !step.is_error && last === undefined && (changed.has(step.seq) || writes);
  const epoch = course.epoch + (isChange ? 1 : 0);
  remember(calls, step.key, epoch);
  const outcome = `${step.tool} ${step.outcome}`;
  const barren = writes ? null : isBarren(step, outcomes.get(outcome), epoch);
  if (barren !== null) remember(outcomes, outcome, epoch);
  const attempts = { ...course.attempts };
  for (const [kind, weight] of attemptsOf(step)) attempts[kind] = { weight: attempts[kind].weight + weight, seen: note(attempts[kind].seen, step) };
  return {
    ...course,
    epoch,
    open: {
      ...open,
      answers: open.answers + 1,
      stale: open.stale && isStale,
      changed: open.changed || isChange,
      barren: open.barren || barren === true,
      fruitful: open.fruitful || barren === false,
    },
    barren: barren ? { ...course.barren, seen: note(course.barren.seen, step) } : course.barren,
    failures: countFailure(course.failures, step),
    stale: isStale ? { ...course.stale, seen: note(course.stale.seen, step) } : course.stale,
    attempts,
    errors: step.is_error ? countError(course.errors, step) : course.errors,
  };
}

/** Takes new steps in. Those that were taken in before are passed by. */
export function follow(before: Course, steps: readonly TrajectoryStep[], surroundings: Surroundings): Course {
  const known: Known = { calls: new Map(before.calls), outcomes: new Map(before.outcomes) };
  let course = before;
  for (const step of steps) {
    if (step.seq <= course.read) continue;
    if (step.kind === 'ai') course = { ...closeTurn(course), open: newTurn(step.seq, step.cost_usd) };
    else if (step.kind === 'tool') course = takeCall(course, known, step, surroundings);
    else if (step.kind === 'human' && !step.nudge && step.seq > BRIEF) course = { ...closeTurn(course), ...freshStart(step.seq) };
    course = { ...course, read: step.seq };
  }
  return { ...course, calls: [...known.calls].slice(-KEPT_CALLS), outcomes: [...known.outcomes].slice(-KEPT_CALLS) };
}
