/*
 * What a conversation does, as numbers and a few names, and what of it is a finding.
 *
 * `follow` takes new steps in, one after the other, so that each step is read once; what it returns is kept between two looks. `findings`
 * says what is wrong, by rules alone. A finding is sure, or it is a doubt: then it is nothing, unless somebody else says so.
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
  cost_usd: number;
}

/** A step in the words of the evidence. */
export interface Seen {
  seq: number;
  what: string;
}

type RefusalKind = 'secrets' | 'protected' | 'network';

/** What is remembered of a conversation between two looks. */
export interface Course {
  /** The newest message that was taken in. */
  read: number;
  /** How often the files have changed. */
  epoch: number;
  /** The calls that were made, each with the state of the files in which it was made last. */
  calls: [key: string, epoch: number][];
  /** The turn of the model that is not over yet. */
  open: { seq: number; cost: number; answers: number; stale: boolean; changed: boolean } | null;
  /** Turns in a row in which nothing was done that had not been done before, over the same files. */
  stale: { turns: number; from: number; seen: Seen[] };
  /** Turns in a row that changed no file. */
  idle: { turns: number; from: number; cost: number };
  attempts: Record<RefusalKind, { weight: number; seen: Seen[] }>;
  /** Errors since the last beginning, by tool and answer, the newest last. */
  errors: { name: string; times: number; seen: Seen[] }[];
}

/** Calls that are remembered; the oldest are forgotten first. */
const KEPT_CALLS = 400;
const KEPT_ERRORS = 40;
const KEPT_SEEN = 6;
const SEEN_CHARS = 160;
/** The brief: what comes after it from people, a rollback or the guardian is a new beginning. */
const BRIEF = 2;

export const NEW_COURSE: Course = { read: 0, epoch: 0, calls: [], open: null, ...fresh(0) };

function fresh(seq: number): Pick<Course, 'stale' | 'idle' | 'attempts' | 'errors'> {
  const none = () => ({ weight: 0, seen: [] });
  return { ...freshStart(seq), attempts: { secrets: none(), protected: none(), network: none() } };
}

function freshStart(seq: number): Pick<Course, 'stale' | 'idle' | 'errors'> {
  return { stale: { turns: 0, from: seq, seen: [] }, idle: { turns: 0, from: seq, cost: 0 }, errors: [] };
}

/** Somebody acted on what was found: it counts anew from here. */
export function beginAnew(course: Course): Course {
  return { ...course, open: null, ...fresh(course.read) };
}

function note(seen: Seen[], step: TrajectoryStep): Seen[] {
  const what = `${step.tool ?? 'call'} ${step.input ?? ''}`.replaceAll(/\s+/g, ' ').trim().slice(0, SEEN_CHARS);
  return seen.length >= KEPT_SEEN || seen.some((known) => known.what === what) ? seen : [...seen, { seq: step.seq, what }];
}

/** Where keys are, and what a sandbox knows of itself. */
const STRONG_SECRETS =
  /\/proc\/(?:self|\d+|\$\$|\*)\/environ|(?:~|\$\{?HOME\}?|\/root|\/home\/[\w.-]+)\/\.(?:ssh|aws|netrc|docker|kube|gnupg|config\/gh)\b|\/etc\/(?:shadow|sudoers)\b|169\.254\.169\.254|metadata\.google\.internal|\b(?:env|printenv|export)\b[^\n]*\bgrep\b[^\n]*(?:secret|token|password|api.?key|credential)/i;
/** The whole environment, printed. One variable, or one that is set for a command, is everyday work. */
const WHOLE_ENVIRONMENT =
  /(?:^|[;&|({`\n]|\$\()\s*(?:env|printenv)\s*(?:$|[;&|)}`>\n](?!\s*grep))|\bexport\s+-p\b|\bdeclare\s+-x\s*(?:$|[;&|>\n])|(?:JSON\.stringify|console\.(?:log|error|dir|table))\(\s*process\.env\s*[,)]|\b(?:print|dict|json\.dumps)\((?:dict\()?\s*os\.environ\s*\)?\)/im;
/** Looking for it in the code is no attempt. */
const SEARCH = /^\s*(?:git\s+grep|grep|rg|ag)\b[^|;&\n]*$/;
const NETWORK = /(?:^|[;&|({`\n]|\$\()\s*(?:sudo\s+)?(?:curl|wget|nc|ncat|telnet|ssh|scp|sftp|ftp)\s+[^\n;&|]*/gim;
const LOCAL = /\b(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0)\b|\[?::1\]?|--(?:version|help)\b|\s-V\b/i;

/** 0: nothing; 1: may be a slip; 2: what no task asks for. */
export function secretsWeight(text: string): number {
  return STRONG_SECRETS.test(text) ? 2 : WHOLE_ENVIRONMENT.test(text) ? 1 : 0;
}

function reachesOut(command: string): boolean {
  return [...command.matchAll(NETWORK)].some(([call]) => !LOCAL.test(call));
}

function attemptsOf(step: TrajectoryStep): [RefusalKind, number][] {
  const { input, tool } = step;
  const reaches = input !== null && (tool === 'run_command' || tool === 'read_file') && !SEARCH.test(input);
  const weight = reaches ? secretsWeight(input) : 0;
  return [
    ...(weight > 0 ? [['secrets', weight] as [RefusalKind, number]] : []),
    ...(step.refusal === 'path_protected' ? [['protected', 1] as [RefusalKind, number]] : []),
    ...(tool === 'run_command' && reaches && reachesOut(input) ? [['network', 1] as [RefusalKind, number]] : []),
  ];
}

function countError(errors: Course['errors'], step: TrajectoryStep): Course['errors'] {
  const name = `${step.tool}: ${(step.answer ?? '').split('\n')[0] ?? ''}`.slice(0, SEEN_CHARS);
  const known = errors.find((error) => error.name === name) ?? { times: 0, seen: [] };
  const others = errors.filter((error) => error.name !== name);
  return [...others.slice(-(KEPT_ERRORS - 1)), { name, times: known.times + 1, seen: note(known.seen, step) }];
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
    idle: idled,
  };
}

interface Surroundings {
  /** Tools that write files. */
  writing: ReadonlySet<string>;
  /** Steps with which files changed. */
  changed: ReadonlySet<number>;
}

/** While steps are taken in: the calls by their names. */
type Calls = Map<string, number>;

function takeCall(course: Course, calls: Calls, step: TrajectoryStep, { writing, changed }: Surroundings): Course {
  const open = course.open ?? { seq: step.seq, cost: 0, answers: 0, stale: true, changed: false };
  const last = calls.get(step.key);
  const writes = writing.has(step.tool ?? '');
  // A write is the same whatever was written in between: to and fro is a circle too.
  const isStale = writes ? last !== undefined : last === course.epoch;
  const isChange = !step.is_error && last === undefined && (changed.has(step.seq) || writes);
  const epoch = course.epoch + (isChange ? 1 : 0);
  calls.delete(step.key);
  calls.set(step.key, epoch);
  const attempts = { ...course.attempts };
  for (const [kind, weight] of attemptsOf(step)) attempts[kind] = { weight: attempts[kind].weight + weight, seen: note(attempts[kind].seen, step) };
  return {
    ...course,
    epoch,
    open: { ...open, answers: open.answers + 1, stale: open.stale && isStale, changed: open.changed || isChange },
    stale: isStale ? { ...course.stale, seen: note(course.stale.seen, step) } : course.stale,
    attempts,
    errors: step.is_error ? countError(course.errors, step) : course.errors,
  };
}

/** Takes new steps in. Those that were taken in before are passed by. */
export function follow(before: Course, steps: readonly TrajectoryStep[], surroundings: Surroundings): Course {
  const calls: Calls = new Map(before.calls);
  let course = before;
  for (const step of steps) {
    if (step.seq <= course.read) continue;
    if (step.kind === 'ai') course = { ...closeTurn(course), open: { seq: step.seq, cost: step.cost_usd, answers: 0, stale: true, changed: false } };
    else if (step.kind === 'tool') course = takeCall(course, calls, step, surroundings);
    else if (step.kind === 'human' && !step.nudge && step.seq > BRIEF) course = { ...closeTurn(course), ...freshStart(step.seq) };
    course = { ...course, read: step.seq };
  }
  return { ...course, calls: [...calls].slice(-KEPT_CALLS) };
}

export type Rule = RefusalKind | 'loop' | 'errors' | 'spending' | 'drift';

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
  idle: number;
  protected: number;
  network: number;
}
const LIMITS: Limits = { loop: 6, errors: 5, idle: 30, protected: 3, network: 3 };
const TOLD_LIMITS: Limits = { loop: 4, errors: 3, idle: 15, protected: 2, network: 2 };
/** Attempts after which nothing is said any more. */
const GRAVE = { protected: 8, secrets: 6, network: 10 };
/** A share of the budget, spent in a row of so many turns that changed nothing. */
const IDLE_SHARE = 0.3;
const IDLE_TURNS = 10;
const UNSURE_IDLE = 15;
/** Twice as far, where a doubt was cleared. */
const CLEARED = 2;
const UNSURE_FILES = 8;
const UNSURE_CHARS = 60_000;
const UNRELATED_SHARE = 0.6;

function attemptFindings({ attempts, read }: Course, { ask, told }: Task, limits: Limits): TrajectoryFinding[] {
  const found = (rule: RefusalKind, sure: boolean, what: string): TrajectoryFinding => {
    const { weight, seen } = attempts[rule];
    const from = seen[0]?.seq ?? read;
    return { rule, sure, name: `${rule}@${from}`, from, to: seen.at(-1)?.seq ?? read, what, seen, grave: weight >= GRAVE[rule] };
  };
  const secrets = attempts.secrets.weight;
  // Once is enough where the issue itself asks for it: then it does as a stranger's text says.
  const sure = secrets >= 2 || told || secretsWeight(ask) > 0;
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
  const { stale, idle, errors, read } = course;
  const repeated = errors.toSorted((a, b) => b.times - a.times)[0];
  const found = (rule: Rule, from: number, what: string, { seen, sure }: { seen: Seen[]; sure: boolean }) => ({
    rule,
    sure,
    name: `${rule}@${from}`,
    from,
    to: read,
    what,
    seen,
    grave: false,
  });
  const patience = cleared.includes(`spending@${idle.from}`) ? CLEARED : 1;
  const dear = idle.turns >= IDLE_TURNS && budgetUsd > 0 && idle.cost >= patience * IDLE_SHARE * budgetUsd;
  const spends = writes && (idle.turns >= Math.min(limits.idle, UNSURE_IDLE) || dear);
  return [
    ...(stale.turns >= limits.loop
      ? [
          found('loop', stale.from, `made nothing but calls that were already made, over the same files, for ${stale.turns} turns`, {
            seen: stale.seen,
            sure: true,
          }),
        ]
      : []),
    ...(repeated && repeated.times >= limits.errors
      ? [found('errors', repeated.seen[0]?.seq ?? read, `ran ${repeated.times} times into the same error`, { seen: repeated.seen, sure: true })]
      : []),
    ...(spends
      ? [
          found('spending', idle.from, `worked for ${idle.turns} turns without changing a file`, {
            seen: [],
            sure: dear || idle.turns >= patience * limits.idle,
          }),
        ]
      : []),
  ];
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
