import { clockTime } from '../kernel/time.ts';
import { markReady, refreshStatus, showState } from './effects.ts';
import type { EffectScope } from './effects.ts';
import type { Intent } from './intents.ts';
import type { JsonObject, Task, TicketSnapshot, TicketState } from './model.ts';
import type { Phase, Workflow } from './workflow.ts';

/** What a decision about the next phase is taken from. */
export interface PhaseContext {
  at: EffectScope;
  workflow: Workflow;
  /** Tasks of the run so far; empty where the run is only being started. */
  tasks: (Pick<Task, 'phase' | 'input'> & Partial<Pick<Task, 'created_at'>>)[];
  /** A delivery's GUID or a task's id: makes effects of this decision unique and its repetition harmless. */
  source: string;
  /** Overrides `cycles` of the workflow where a repository says so. */
  fixCycles: number | null;
  /** Overrides `timeout_minutes` likewise. */
  maxMinutes: number | null;
}

export function phaseOf(workflow: Workflow, name: string): Phase {
  const phase = workflow.phases[name];
  if (!phase) throw new Error(`workflow "${workflow.name}" has no phase "${name}"`);
  return phase;
}

const TITLES: Record<string, string> = { analyze: 'Clarify the issue', develop: 'Build the change', qa: 'Prove the change', review: 'Review the change' };

/** The task of a phase, and the ticket on its way there. */
export function enterPhase(context: PhaseContext, name: string, options: { input: JsonObject; via?: TicketState; parentTaskId?: string }): Intent[] {
  const phase = phaseOf(context.workflow, name);
  const count = context.tasks.filter((task) => task.phase === name).length;
  const state = options.via ?? phase.state;
  return [
    { type: 'set_ticket', state, waiting_for: null, waiting_on: null, note: null },
    {
      type: 'add_task',
      key: `${name}:${count + 1}`,
      role: phase.role,
      phase: name,
      title: TITLES[name] ?? name,
      input: options.input,
      max_attempts: phase.attempts,
      timeout_seconds: (context.maxMinutes ?? phase.timeout_minutes) * 60,
      ...(options.parentTaskId ? { parent_task_id: options.parentTaskId } : {}),
    },
    showState(context.at, context.source, state),
    refreshStatus(context.at),
  ];
}

/** A person is needed: run and ticket fail with what was tried, and the status comment says how to go on. */
export function giveUp(context: Pick<PhaseContext, 'at' | 'source'> & { runState?: 'failed' | 'stopped_budget' }, reason: string, note: string): Intent[] {
  return [
    { type: 'set_run', state: context.runState ?? 'failed', stop_reason: reason },
    { type: 'set_ticket', state: 'failed', waiting_for: 'retry', waiting_on: 'maintainers', note },
    { type: 'cancel_tasks', reason },
    showState(context.at, context.source, 'failed'),
    refreshStatus(context.at),
  ];
}

function waitForMerge(context: PhaseContext, snapshot: TicketSnapshot): Intent[] {
  const pull = snapshot.code?.pr_number;
  return [
    { type: 'set_ticket', state: 'in_review', waiting_for: 'merge', waiting_on: 'maintainers', note: null },
    ...(pull ? [{ type: 'set_code', status: 'ready' } as Intent, markReady(context.at, context.source, pull)] : []),
    refreshStatus(context.at),
  ];
}

export interface PhaseOutcome {
  task: Task;
  outcome: string;
  /** Handed to the next task. */
  feedback: JsonObject;
  /** For people where the cycles are used up. */
  tried: string;
  /** Names what came out (findings, a diff). The same name twice on the same arrow of one run is a loop and goes to a person at once. */
  signature?: string | null;
}

/** A cycle that brought nothing new: the rest of the cycles would not either. */
function breakLoop(context: PhaseContext, done: PhaseOutcome, firstAt: string | undefined): Intent[] {
  const { task, outcome, signature = null, tried } = done;
  const since = firstAt === undefined ? '' : ` (first ${clockTime(firstAt)} UTC)`;
  const note = `The same came out twice${since}, so I did not go round once more. ${tried}`;
  const data: JsonObject = { signature, phase: task.phase, outcome, first_at: firstAt ?? null };
  return [{ type: 'task_comment', task_id: task.id, kind: 'blocker', body: note, data }, ...giveUp(context, 'loop', note)];
}

/** What follows a phase's outcome: the one function that reads the workflow's arrows. */
export function advance(context: PhaseContext, snapshot: TicketSnapshot, done: PhaseOutcome): Intent[] {
  const phase = phaseOf(context.workflow, done.task.phase);
  const target = phase.on[done.outcome];
  if (!target) throw new Error(`phase "${done.task.phase}" of workflow "${context.workflow.name}" has no outcome "${done.outcome}"`);
  const before = context.tasks.filter((task) => task.phase === target.to && task.input['from'] === done.task.phase);
  const same = done.signature ? before.find((task) => task.input['signature'] === done.signature) : undefined;
  if (same) return breakLoop(context, done, same.created_at);
  const taken = before.length;
  const limit = target.cycles === undefined ? Infinity : (context.fixCycles ?? target.cycles);
  const to = taken < limit ? target.to : (target.exhausted ?? '$fail');
  if (to === '$fail') return giveUp(context, `${done.task.phase}_${done.outcome}`, done.tried);
  if (to === '$merge') return waitForMerge(context, snapshot);
  const input: JsonObject = {
    from: done.task.phase,
    outcome: done.outcome,
    cycle: taken + 1,
    ...(done.signature ? { signature: done.signature } : {}),
    ...done.feedback,
  };
  return enterPhase(context, to, { input, parentTaskId: done.task.id, ...(target.via ? { via: target.via } : {}) });
}
