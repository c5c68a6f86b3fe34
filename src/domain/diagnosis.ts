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
  failed: { seq: number; name: string; input: string | null; output: string | null }[];
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

/** The step to which the rules go back: the first of the calls that repeat or fail, or the turn whose call never came back. */
function stepBack(facts: Facts): number | undefined {
  const steps = rollbackSteps(facts);
  const { failed = [], repeated = [] } = facts.conversation ?? {};
  const first = Math.min(...repeated.map(({ first_seq: seq }) => seq), ...failed.map(({ seq }) => seq));
  if (!Number.isFinite(first)) return steps.at(-1);
  return steps.findLast((seq) => seq < first) ?? steps[0];
}

function recoveries(facts: Facts): number {
  return facts.in_run.filter(({ action }) => action !== 'ask_person' && action !== 'stop').length;
}

/** Tried against the same before, and in vain: in this run, or more often than it helped elsewhere. */
function inVain(action: RecoveryAction, signature: string, { in_run: inRun, past }: Facts): boolean {
  const here = inRun.some((tried) => tried.action === action && tried.signature === signature && tried.outcome !== 'helped');
  const there = past.filter((tried) => tried.action === action && tried.signature === signature);
  const failed = there.filter(({ outcome }) => outcome === 'failed').length;
  return here || failed > there.length - failed;
}

/** What the state admits, whoever proposes it. A person can always be asked. */
export function allowedActions(given: Case): RecoveryAction[] {
  const { facts, otherModels } = given;
  const { ticket, run, tasks } = facts.snapshot;
  if (!run || ticket.waiting_for !== null) return ['ask_person'];
  if (recoveries(facts) >= MAX_RECOVERIES) return ['ask_person', 'stop'];
  const task = focusOf(facts);
  const signature = signatureOf(given);
  const affordable = run.spent_usd < run.budget_usd;
  // Planning again sends the work through the analysis and its gates once more, once in a run.
  const plannable = affordable && task?.phase === 'develop' && !tasks.some(({ input }) => input['from'] === 'diagnosis');
  const admits: Record<RecoveryAction, boolean> = {
    retry: isOpen(task),
    roll_back: isOpen(task) && rollbackSteps(facts).length > 0,
    split: plannable,
    re_plan: plannable,
    change_model: isOpen(task) && affordable && otherModels.length > 0 && run.recovery?.models?.[task.role] === undefined,
    ask_person: true,
    stop: true,
  };
  return RECOVERY_ACTIONS.filter((action) => admits[action] && (action === 'ask_person' || !inVain(action, signature, facts)));
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
  const action = preferred(given).find((wanted) => allowed.includes(wanted)) ?? 'ask_person';
  if (action === 'roll_back') return { action, step: stepBack(given.facts) };
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
