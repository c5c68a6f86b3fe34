import { humanDuration } from '../kernel/time.ts';
import { accessWords } from './access.ts';
import type { AccessWords } from './access.ts';
import { refreshStatus, say, showState } from './effects.ts';
import type { EffectScope } from './effects.ts';
import type { Intent } from './intents.ts';
import type { JsonObject, Task, TicketSnapshot, TicketState } from './model.ts';
import { enterPhase, giveUp, phaseOf } from './phases.ts';
import type { PhaseContext } from './phases.ts';
import { quoteForLine } from './quote.ts';
import type { Workflow } from './workflow.ts';

/*
 * What becomes of an issue that cannot go on. What Banyan can mend itself (a task that went missing) it mends, a few times; of the rest it says
 * once what is missing and who can give it, and goes on by itself as soon as it is there.
 */

/** What stands in the way, as the database found it. */
export interface Hindrance {
  /** `access:<status>`, `installation:deleted`, `installation:suspended`, `repository:archived`, `dependency:<task>`, `lost`, `other`. */
  cause: string;
  /** Of a dependency: titles of the two tasks, the state of the one before, and where it belongs. */
  task?: string;
  before?: string;
  before_state?: string;
  before_number?: number;
  before_repository?: string;
}

/** Kept between two looks. */
export interface BlockedMemory {
  /** Where the issue was when it was blocked; absent where this job did not block it. */
  was?: TicketState;
  /** Times that a lost task was begun again, and in which run. */
  run?: string;
  mended?: number;
}

export interface BlockedContext {
  hindrance: Hindrance | null;
  memory: BlockedMemory;
  /** Since when it is blocked. */
  since: string | null;
  repository: string;
  phases: Omit<PhaseContext, 'at' | 'tasks' | 'source'>;
  now: Date;
}

export interface BlockedDecision {
  finding: string | null;
  memory: BlockedMemory;
  intents: Intent[];
  deed: 'blocked' | 'unblocked' | 'mended' | 'handed_over' | 'shown';
}

/** A task that goes missing more often than this in one run is no accident. */
const MAX_MENDED = 2;

/** Causes by which GitHub refused a token: nothing can be shown there until they are gone. */
export const ACCESS = 'access:';

function dependencyWords(hindrance: Hindrance, { repository }: BlockedContext, { ticket }: TicketSnapshot): AccessWords {
  const { task = 'the next task', before = 'another task', before_state: state, before_number: number = 0, before_repository: place } = hindrance;
  const own = place === repository && number === ticket.number;
  const where = own ? '' : ` (of ${place === repository ? '' : place}#${number})`;
  const ended = state === 'failed' || state === 'dead' || state === 'cancelled' ? `which is ${state}` : 'whose work was ended';
  const other = own ? '' : `get that going again with \`/banyan retry\` there, or `;
  return {
    missing: `"${quoteForLine(task)}" comes after "${quoteForLine(before)}"${where}, ${ended}.`,
    who: `A maintainer: ${other}comment \`/banyan retry\` here to begin anew without it.`,
  };
}

function words(hindrance: Hindrance, context: BlockedContext, snapshot: TicketSnapshot): AccessWords {
  const [owner = ''] = context.repository.split('/');
  if (hindrance.cause.startsWith(ACCESS)) return accessWords(Number(hindrance.cause.slice(ACCESS.length)), owner);
  switch (hindrance.cause) {
    case 'installation:deleted':
      return accessWords(404, owner);
    case 'installation:suspended':
      return accessWords(403, owner);
    case 'repository:archived':
      return { missing: 'this repository is archived.', who: 'Somebody who administers it can unarchive it.' };
    case 'other':
      return { missing: 'it was set aside.', who: 'A maintainer can comment `/banyan retry` to begin anew, or `/banyan stop` to end it.' };
    default:
      return dependencyWords(hindrance, context, snapshot);
  }
}

const at = ({ ticket }: TicketSnapshot): EffectScope => ({ projectId: ticket.project_id, number: ticket.number });
/** Of one change of the issue: each transition of the label is an effect of its own. */
const sourceOf = ({ ticket }: TicketSnapshot): string => `blocked/${ticket.version}`;

function told(event: string, data: JsonObject): Intent {
  return { type: 'event', event, data };
}

/** What outlives the block: how often the run was mended. */
export function forget({ run, mended }: BlockedMemory): BlockedMemory {
  return { ...(run ? { run } : {}), ...(mended ? { mended } : {}) };
}

/** The comment is named by what is missing: however often that goes and comes, it is said once. */
function block(snapshot: TicketSnapshot, context: BlockedContext, hindrance: Hindrance): BlockedDecision {
  const { ticket } = snapshot;
  const { missing, who } = words(hindrance, context, snapshot);
  const sentence = `${missing.charAt(0).toUpperCase()}${missing.slice(1)}`;
  const { was } = ticket.state === 'blocked' ? context.memory : { was: ticket.state };
  const shown = [
    showState(at(snapshot), sourceOf(snapshot), 'blocked'),
    say(at(snapshot), `blocked/${hindrance.cause}`, 'blocked', `I cannot go on here: ${missing} ${who} I go on by myself as soon as it is settled.`),
    refreshStatus(at(snapshot)),
  ];
  const intents: Intent[] = [
    { type: 'set_ticket', state: 'blocked', note: `${sentence} ${who}` },
    ...(hindrance.cause.startsWith(ACCESS) ? [] : shown),
    told('ticket.blocked', { cause: hindrance.cause, from: ticket.state }),
  ];
  return { finding: hindrance.cause, memory: { ...forget(context.memory), ...(was ? { was } : {}) }, intents, deed: 'blocked' };
}

/** Blocked by somebody else: shown, and left to them. */
function show(snapshot: TicketSnapshot, context: BlockedContext): BlockedDecision {
  const { note } = snapshot.ticket;
  const { who } = words({ cause: 'other' }, context, snapshot);
  const text = `This issue is blocked${note ? `: ${quoteForLine(note.replace(/\.$/, ''))}.` : '.'} ${who}`;
  const intents = [showState(at(snapshot), sourceOf(snapshot), 'blocked'), say(at(snapshot), 'blocked/other', 'blocked', text), refreshStatus(at(snapshot))];
  return { finding: 'other', memory: context.memory, intents, deed: 'shown' };
}

const OPEN: readonly Task['state'][] = ['pending', 'running', 'waiting'];

/** Where the issue goes back to: where it was, else where its open task belongs. */
function goesBackTo({ tasks }: TicketSnapshot, workflow: Workflow, was: TicketState | undefined): TicketState {
  const open = tasks.findLast(({ state }) => OPEN.includes(state));
  return was ?? (open && workflow.phases[open.phase]?.state) ?? 'in_progress';
}

function unblock(snapshot: TicketSnapshot, context: BlockedContext): BlockedDecision {
  const { was } = context.memory;
  const state = goesBackTo(snapshot, context.phases.workflow, was);
  const length = context.since === null ? '' : ` for ${humanDuration(context.now.getTime() - Date.parse(context.since))}`;
  const intents: Intent[] = [
    { type: 'set_ticket', state, note: `This issue was blocked${length}; that is settled, and I went on.` },
    showState(at(snapshot), sourceOf(snapshot), state),
    refreshStatus(at(snapshot)),
    told('ticket.unblocked', { to: state }),
  ];
  return { finding: null, memory: forget(context.memory), intents, deed: 'unblocked' };
}

/** The phase at which an issue stands; the ticket was brought there in the transaction that added its task. */
function lostPhase({ ticket, tasks }: TicketSnapshot, workflow: Workflow, was: TicketState | undefined): string {
  const state = ticket.state === 'blocked' ? was : ticket.state;
  const via = Object.values(workflow.phases).flatMap(({ on }) => Object.values(on).filter((target) => target.via === state));
  const standing = Object.keys(workflow.phases).find((name) => phaseOf(workflow, name).state === state);
  const newest = tasks.at(-1)?.phase;
  return standing ?? via[0]?.to ?? (newest !== undefined && workflow.phases[newest] ? newest : workflow.start);
}

/** A key that no task of the phase has, whatever is missing between them. */
function freeKey(phase: string, tasks: Task[]): string {
  const numbers = tasks.map(({ key }) => (key.startsWith(`${phase}:`) ? Number(key.slice(phase.length + 1)) : 0)).filter(Number.isInteger);
  return `${phase}:${Math.max(0, ...numbers) + 1}`;
}

/**
 * Begins the phase again at which the issue stands, with what it was given. No gate is passed by this: what was lost before its result counted
 * is done once more. After what failed, and after too many times, a person is needed.
 */
function mend(snapshot: TicketSnapshot, context: BlockedContext): BlockedDecision {
  const { ticket, run, tasks } = snapshot;
  const { was } = context.memory;
  const memory = forget(context.memory);
  const { workflow } = context.phases;
  const source = sourceOf(snapshot);
  const mended = memory.run === run?.id ? (memory.mended ?? 0) : 0;
  const last = tasks.at(-1);
  const failed = last?.state === 'failed' || last?.state === 'dead';
  if (failed || mended >= MAX_MENDED) {
    const why = failed ? `"${quoteForLine(last.title)}" had failed` : `its next task was lost ${mended + 1} times`;
    const note = `Nothing was left to do and the issue was not at its end: ${why}.`;
    const comment = say(at(snapshot), `blocked/lost/${run?.id ?? 'none'}`, 'blocked', `${note} A maintainer can comment \`/banyan retry\` to begin again.`);
    const intents = [...giveUp({ at: at(snapshot), source }, 'lost', note), comment, told('run.lost', { mended, failed })];
    return { finding: null, memory, intents, deed: 'handed_over' };
  }
  const phase = lostPhase(snapshot, workflow, was);
  const before = tasks.findLast((task) => task.phase === phase);
  const key = freeKey(phase, tasks);
  const phaseContext: PhaseContext = { ...context.phases, at: at(snapshot), tasks, source };
  // Under a `from` of its own: the cycles of the workflow are not used up by it.
  const entered = enterPhase(phaseContext, phase, { input: { ...before?.input, from: 'mended' } });
  const intents: Intent[] = [
    { type: 'cancel_tasks', reason: 'nothing stood in front of it, and it could not begin' },
    ...entered.map((intent) => (intent.type === 'add_task' ? { ...intent, key } : intent)),
    told('run.mended', { phase, key, state: ticket.state, times: mended + 1 }),
  ];
  return { finding: null, memory: { ...memory, mended: mended + 1, ...(run ? { run: run.id } : {}) }, intents, deed: 'mended' };
}

/** What is done about an issue for which something was found, or is found no more; null where there is nothing to do. */
export function decideBlocked(snapshot: TicketSnapshot, context: BlockedContext): BlockedDecision | null {
  const { hindrance } = context;
  const blocked = snapshot.ticket.state === 'blocked';
  if (hindrance === null) return blocked ? unblock(snapshot, context) : null;
  if (hindrance.cause === 'lost') return mend(snapshot, context);
  return hindrance.cause === 'other' ? show(snapshot, context) : block(snapshot, context, hindrance);
}
