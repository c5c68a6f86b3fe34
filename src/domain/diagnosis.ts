import type { Figure } from './anomaly.ts';
import type { TaskGraph } from './graph.ts';
import { RECOVERY_ACTIONS } from './model.ts';
import type { RecoveryAction, Task, TaskState, TicketSnapshot } from './model.ts';

/*
 * What is wrong with a run and what is to be done about it, from facts alone. A model may write a better hypothesis and propose another
 * action; which actions there are, what they may do, and what was tried in vain before is decided here.
 */

/** Why a run is looked at; the bounds stand in `banyan.stalled_tasks`. */
export type Stall = 'lost' | 'silent' | 'starved' | 'anomaly';

export interface Facts {
  snapshot: TicketSnapshot;
  task_id: string | null;
  lease: { until: string; since: string } | null;
  conversation: ConversationFacts | null;
  graph: TaskGraph;
  blockers: { task: string; before: string; state: TaskState }[];
  queue: { limited: boolean; max_agents: number | null; running: number; ready: number };
  deaths: { in_a_row: number; last_at: string } | null;
  anomaly: { id: string; cause: string; score: number; evidence: { id: string; text: string; score: number }[] } | null;
  /** What was tried in this run before, oldest first. */
  in_run: { signature: string | null; action: RecoveryAction; outcome: 'helped' | 'failed' | null; state: string }[];
  /** What was tried elsewhere in the organization, and came to an end; newest first. */
  past: { signature: string | null; cause: string | null; action: RecoveryAction; outcome: 'helped' | 'failed'; at: string }[];
}

interface ConversationFacts {
  last_seq: number;
  model_calls: number;
  models: string[];
  cost_usd: number;
  /** The newest steps, oldest first. */
  messages: { seq: number; kind: string; tool: string | null; is_error: boolean; at: string; calls: number; ours: boolean; text: string }[];
  rollbacks: { from_seq: number; to_seq: number; reason: string }[];
  /** The newest step that changed files in a way it had not before; null where none did. */
  changed_seq: number | null;
  /** The newest calls that failed. */
  failed: { seq: number; name: string; input: string | null; output: string | null }[];
  /** Calls that were made three times and more, and brought the same, over the files as they are now. */
  repeated: { name: string; input: string | null; times: number; first_seq: number; last_seq: number }[];
}

/** What is to be looked into. */
export interface Case {
  stall: Stall;
  since: string;
  facts: Facts;
  /** Models that are configured and that the role at work does not use, the best first. */
  otherModels: readonly string[];
}

/** An action with what it needs. */
export interface Proposal {
  action: RecoveryAction;
  /** Of `roll_back`: the first step that is undone. */
  step?: number | undefined;
  /** Of `change_model`. */
  model?: string | undefined;
}

type Mend = Exclude<RecoveryAction, 'ask_person' | 'stop'>;
const MENDS = RECOVERY_ACTIONS.filter((action): action is Mend => action !== 'ask_person' && action !== 'stop');

const MAX_RECOVERIES = 2;
/** A conversation that was rolled back this often goes to a person: as its own rollbacks. */
const MAX_ROLLBACKS = 2;
/** Turns that a diagnosis may go back over. Files are kept as they were for two more (`engine/rollback.ts`): who is at work may take these meanwhile. */
const TURNS_BACK = 6;

export function focusOf({ snapshot, task_id: id }: Facts): Task | null {
  return snapshot.tasks.find((task) => task.id === id) ?? null;
}

function isOpen(task: Task | null): task is Task {
  return task !== null && (task.state === 'pending' || task.state === 'running');
}

/** One name for the same trouble at the same place: what was learned about it holds there again. */
export function signatureOf({ stall, facts }: Pick<Case, 'stall' | 'facts'>): string {
  const task = focusOf(facts);
  const what = stall === 'anomaly' ? `anomaly:${facts.anomaly?.cause ?? ''}` : stall;
  const detail = stall === 'anomaly' ? facts.conversation?.repeated[0]?.name : task?.error?.['code'];
  return [what, task?.role ?? 'nobody', task?.phase ?? 'none', typeof detail === 'string' ? detail : 'none'].join('/');
}

function isHidden({ rollbacks }: ConversationFacts, seq: number): boolean {
  return rollbacks.some(({ from_seq: from, to_seq: to }) => seq >= from && seq <= to);
}

/** Turns of the model to which a conversation can go back: behind the last word of a person, and while their files are kept. The newest last. */
export function rollbackSteps({ conversation }: Facts): number[] {
  if (!conversation || conversation.rollbacks.length >= MAX_ROLLBACKS) return [];
  const shown = conversation.messages.filter(({ seq }) => !isHidden(conversation, seq));
  const spoken = shown.findLastIndex(({ kind, ours }) => kind === 'system' || (kind === 'human' && !ours));
  // Where no such word is among the newest steps, nothing may lie before the oldest of them.
  const turns = shown.slice(spoken + 1).filter(({ kind }) => kind === 'ai');
  return turns.slice(-TURNS_BACK).map(({ seq }) => seq);
}

/**
 * The step to which the rules go back: the first of the calls that repeat or fail, or the turn whose call never came back. Never over a
 * change of the files that was not made before: it may be good work, and what it is worth is not for the rules to say.
 */
function stepBack(facts: Facts): number | undefined {
  const { failed = [], repeated = [], changed_seq: changed } = facts.conversation ?? {};
  const steps = rollbackSteps(facts).filter((seq) => seq > (changed ?? 0));
  const first = Math.min(...repeated.map(({ first_seq: seq }) => seq), ...failed.map(({ seq }) => seq));
  if (!Number.isFinite(first)) return steps.at(-1);
  return steps.findLast((seq) => seq < first) ?? steps[0];
}

/** That nobody takes it up is no fault of the work: what was done about it does not count against it. */
function recoveries(facts: Facts): number {
  return facts.in_run.filter(({ action, signature }) => action !== 'ask_person' && action !== 'stop' && !signature?.startsWith('starved/')).length;
}

/** People were told of the same before, and nothing else is left to be done about it. */
export function isTold(given: Case): boolean {
  const signature = signatureOf(given);
  return given.stall === 'starved' && given.facts.in_run.some((tried) => tried.action === 'ask_person' && tried.signature === signature);
}

/** Commands that may follow on each other before the next step is stored: install, build, lint and test; before the first of QA some on the base as well. */
const SUITE_COMMANDS = 4;
const OPENING_COMMANDS = 7;

/** How long a worker that holds a task may store nothing, in milliseconds: a suite may be running, and each of its commands may take so long. */
export function silenceOf({ conversation }: Facts, commandTimeoutSeconds: number): number {
  const last = conversation?.messages.at(-1);
  const commands = last === undefined ? OPENING_COMMANDS : last.kind === 'ai' && last.calls > 0 ? SUITE_COMMANDS : 1;
  return commands * commandTimeoutSeconds * 1000;
}

/** Tried against the same before, and in vain: in this run, or more often than it helped elsewhere. */
function inVain(action: RecoveryAction, signature: string, { in_run: inRun, past }: Facts): boolean {
  const here = inRun.some((tried) => tried.action === action && tried.signature === signature && tried.outcome !== 'helped');
  const there = past.filter((tried) => tried.action === action && tried.signature === signature);
  const failed = there.filter(({ outcome }) => outcome === 'failed').length;
  return here || failed > there.length - failed;
}

/** What the state admits, whoever proposes it. The run is ended, or its going on made a person's affair, where nothing else is left to be tried. */
export function allowedActions(given: Case): RecoveryAction[] {
  const { facts, otherModels, stall } = given;
  const { ticket, run, tasks } = facts.snapshot;
  if (!run || ticket.waiting_for !== null) return ['ask_person'];
  // Whoever takes a task up is chosen by no issue: it waits on, and people are told.
  if (stall === 'starved') return isOpen(focusOf(facts)) && !inVain('retry', signatureOf(given), facts) ? ['retry'] : ['ask_person'];
  if (recoveries(facts) >= MAX_RECOVERIES) return ['ask_person', 'stop'];
  const task = focusOf(facts);
  const signature = signatureOf(given);
  const affordable = run.spent_usd < run.budget_usd;
  // Planning again sends the work through the analysis and its gates once more, once in a run.
  const plannable = affordable && task?.phase === 'develop' && !tasks.some(({ input }) => input['from'] === 'diagnosis');
  const mends: Record<Mend, boolean> = {
    retry: isOpen(task),
    roll_back: isOpen(task) && rollbackSteps(facts).length > 0,
    split: plannable,
    re_plan: plannable,
    change_model: isOpen(task) && affordable && otherModels.length > 0 && run.recovery?.models?.[task.role] === undefined,
  };
  const mending = MENDS.filter((action) => mends[action] && !inVain(action, signature, facts));
  const isTried = facts.in_run.some(({ outcome }) => outcome !== 'helped') || !preferred(given).some((action) => mending.includes(action as Mend));
  // What is only unusual is paused for the person who is asked: nothing of it is lost.
  const ends: RecoveryAction[] = stall === 'anomaly' ? ['ask_person', ...(recoveries(facts) > 0 ? ['stop' as const] : [])] : ['ask_person', 'stop'];
  return [...mending, ...(isTried || stall === 'anomaly' ? ends : [])];
}

/** Figures beyond the usual that tell of a conversation which goes in circles. */
const CIRCLES: ReadonlySet<string> = new Set<Figure>(['repeated', 'error_rate']);

/** What the rules try against a stall, the first that is admitted. */
function preferred({ stall, facts }: Case): RecoveryAction[] {
  switch (stall) {
    case 'lost':
    case 'starved':
      return ['retry'];
    case 'silent':
      return ['retry', ...(hangs(facts) ? (['roll_back'] as const) : []), 'change_model'];
    case 'anomaly':
      // What is only dear, long or large is a person's to judge.
      return (facts.anomaly?.cause ?? '').split('+').some((figure) => CIRCLES.has(figure)) ? ['roll_back', 'change_model', 're_plan'] : [];
  }
}

/** The newest turn called something that never answered. */
function hangs({ conversation }: Facts): boolean {
  const last = conversation?.messages.at(-1);
  return last?.kind === 'ai' && last.calls > 0;
}

export function decideByRules(given: Case): Proposal {
  const allowed = allowedActions(given);
  const step = stepBack(given.facts);
  const action = preferred(given).find((wanted) => allowed.includes(wanted) && (wanted !== 'roll_back' || step !== undefined)) ?? 'ask_person';
  if (action === 'roll_back') return { action, step };
  return action === 'change_model' ? { action, model: given.otherModels[0] } : { action };
}

/** Why a proposal is not taken; null where it is. */
export function refusal(given: Case, proposal: Proposal & { evidence: readonly string[] }, known: ReadonlySet<string>): string | null {
  const { action, step, model, evidence } = proposal;
  const unknown = evidence.find((id) => !known.has(id));
  if (evidence.length === 0) return 'it rests on no evidence';
  if (unknown !== undefined) return `there is no evidence "${unknown.slice(0, 60)}"`;
  if (!allowedActions(given).includes(action)) return `"${action}" is not admitted here`;
  if (action === 'roll_back' && (step === undefined || !rollbackSteps(given.facts).includes(step))) return 'there is no such step to go back to';
  if (action === 'change_model' && (model === undefined || !given.otherModels.includes(model))) return 'there is no such model';
  return null;
}
