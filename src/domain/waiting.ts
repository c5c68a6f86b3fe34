import { humanDuration } from '../kernel/time.ts';
import { refreshStatus, say, showState } from './effects.ts';
import type { EffectScope } from './effects.ts';
import type { Intent } from './intents.ts';
import type { Ticket, TicketSnapshot } from './model.ts';
import { giveUp, phaseOf } from './phases.ts';
import type { Workflow } from './workflow.ts';

/*
 * What becomes of an issue that waits for a person who does not come: a reminder, an escalation, an outcome, each once. An approval is never
 * taken as given.
 */

/** What happens at the end of a wait. `assume`: the Product Owner goes on with the assumptions that came with its questions. */
export const WAIT_OUTCOMES = ['keep', 'stop', 'needs_human', 'assume'] as const;
export type WaitOutcome = (typeof WAIT_OUTCOMES)[number];

/** `waiting` of `.github/banyan.yml`. */
export interface WaitingRules {
  remindAfterHours: number;
  escalateAfterHours: number;
  endAfterHours: number;
  atEnd: WaitOutcome;
  /** `@login` or `@organization/team`; empty: "a maintainer", which notifies nobody in particular. */
  escalateTo: string[];
  remindMerge: boolean;
}

export type WaitStage = 'remind' | 'escalate' | 'end';

export interface Wait {
  stage: WaitStage;
  /** Which wait of its ticket this is: names what is told about it. */
  number: number;
}

export interface WaitContext {
  rules: WaitingRules;
  workflow: Workflow;
  /** What the label `ready-for-dev` is called here. */
  readyLabel: string;
  now: Date;
}

export interface WaitDecision {
  intents: Intent[];
  deed: 'reminded' | 'escalated' | 'assumed' | 'stopped' | 'handed_over';
}

const HOUR_MS = 3_600_000;
const LOGIN = /^[a-z\d](?:-?[a-z\d]){0,38}$/i;

/** Notifies them; a name that is no login (an App's) is only shown. */
function mention(login: string): string {
  return LOGIN.test(login) ? `@${login}` : `\`${login.replaceAll('`', '')}\``;
}

function maintainers({ escalateTo }: WaitingRules): string {
  return escalateTo.length > 0 ? escalateTo.join(' ') : 'A maintainer';
}

function questionsOf({ questions }: TicketSnapshot): string {
  const open = questions.filter(({ state }) => state === 'asked').map(({ number }) => number);
  return open.length === 0 ? 'my questions above' : `${open.length === 1 ? 'question' : 'questions'} ${open.join(', ')} above`;
}

/** What a maintainer does where approval is awaited: before the analysis, or of the plan that came of it. */
function approve({ refined_description: plan }: Ticket, ready: string): string {
  return plan
    ? `read the plan in my status comment and add the label \`${ready}\` to have it built`
    : `comment \`/banyan plan\` to let me analyse it, or add the label \`${ready}\` to have it built as it stands`;
}

/** The outcome that it will be for this wait: only the Product Owner has said what it would assume. */
function outcomeOf({ ticket, tasks }: TicketSnapshot, { atEnd }: WaitingRules): WaitOutcome {
  if (atEnd !== 'assume') return atEnd;
  if (ticket.waiting_for === 'approval') return 'stop';
  return tasks.some(({ state, role }) => state === 'waiting' && role === 'product-owner') ? 'assume' : 'needs_human';
}

const FORECAST: Record<WaitOutcome, string> = {
  keep: 'I go on waiting and do not ask again.',
  stop: 'I stop working on this issue',
  needs_human: 'I hand this issue over to a person',
  assume: 'I go on with the assumptions that I named',
};

/** What comes if nobody does anything. */
function forecast(snapshot: TicketSnapshot, rules: WaitingRules, waitedMs: number): string {
  const outcome = outcomeOf(snapshot, rules);
  if (outcome === 'keep') return FORECAST.keep;
  const left = rules.endAfterHours * HOUR_MS - waitedMs;
  return left > 0 ? `If nothing happens for another ${humanDuration(left)}, ${FORECAST[outcome]}.` : '';
}

function remindText(snapshot: TicketSnapshot, context: WaitContext, waited: string): string {
  const { ticket, code } = snapshot;
  const { rules, readyLabel } = context;
  if (ticket.waiting_for === 'answers') {
    return `${mention(ticket.waiting_on ?? ticket.author)}, I have been waiting for ${waited} for an answer to ${questionsOf(snapshot)}. A short comment is enough.`;
  }
  if (ticket.waiting_for === 'approval') {
    return `${maintainers(rules)}: this issue has been waiting for your word for ${waited}. Please ${approve(ticket, readyLabel)}.`;
  }
  const pull = code?.pr_number ? `pull request #${code.pr_number}` : 'the pull request';
  return `${maintainers(rules)}: ${pull} has been ready for ${waited}. Please merge it, or close it. I do not ask again.`;
}

function escalateText(snapshot: TicketSnapshot, context: WaitContext, waited: string): string {
  const { ticket } = snapshot;
  const { rules, readyLabel } = context;
  if (ticket.waiting_for === 'answers') {
    const asked = ticket.waiting_on ?? ticket.author;
    return `${maintainers(rules)}: \`${asked.replaceAll('`', '')}\` has not answered ${questionsOf(snapshot)} for ${waited}. Whoever has write access may answer instead, or end this with \`/banyan stop\`.`;
  }
  return `${maintainers(rules)}: nobody has said for ${waited} whether I may go on here. Please ${approve(ticket, readyLabel)}, or end this with \`/banyan stop\`.`;
}

function missing(snapshot: TicketSnapshot, waited: string): string {
  return snapshot.ticket.waiting_for === 'answers' ? `Nobody answered ${questionsOf(snapshot)} for ${waited}` : `Nobody said for ${waited} whether I may go on`;
}

function stopIntents(at: EffectScope, { run }: TicketSnapshot, source: string, note: string): Intent[] {
  return [
    ...(run ? [{ type: 'set_run', state: 'stopped_user', stop_reason: note } as Intent] : []),
    { type: 'cancel_tasks', reason: note },
    { type: 'close_questions', state: 'withdrawn' },
    { type: 'set_ticket', state: 'cancelled', waiting_for: null, waiting_on: null, note },
    showState(at, source, 'cancelled'),
    refreshStatus(at),
  ];
}

/** The conversation gets the word that no answer will come, and goes on. */
function assumeIntents(at: EffectScope, snapshot: TicketSnapshot, { workflow }: WaitContext, source: string): Intent[] {
  const phase = snapshot.tasks.find(({ state }) => state === 'waiting')?.phase ?? workflow.start;
  const { state } = phaseOf(workflow, phase);
  const body = 'Nobody answered. Do not ask again: go on with your assumptions and say in the refined description what you assumed.';
  return [
    { type: 'add_input', source, author: 'Banyan', body, debounce_seconds: 0 },
    { type: 'close_questions', state: 'assumed' },
    { type: 'set_ticket', state, waiting_for: null, waiting_on: null, note: null },
    showState(at, source, state),
    refreshStatus(at),
  ];
}

function endOf(snapshot: TicketSnapshot, context: WaitContext, waited: string, source: string): WaitDecision & { text: string } {
  const { ticket, run } = snapshot;
  const at = { projectId: ticket.project_id, number: ticket.number };
  const lacking = missing(snapshot, waited);
  const begin = ticket.waiting_for === 'approval' && !ticket.refined_description ? '/banyan plan' : '/banyan retry';
  const again = `To start again, somebody with write access comments \`${begin}\`.`;
  const outcome = outcomeOf(snapshot, context.rules);
  if (outcome === 'assume') {
    const text = `${lacking}, so I go on with the assumptions that I named. Whoever has write access can still correct me in a comment.`;
    return { deed: 'assumed', text, intents: assumeIntents(at, snapshot, context, source) };
  }
  if (outcome === 'needs_human') {
    const text = `${lacking}, so a person is needed now.`;
    const intents = giveUp({ at, source }, 'nobody_came', text).filter(({ type }) => type !== 'set_run' || run !== null);
    return { deed: 'handed_over', text: `${maintainers(context.rules)}: ${lacking}. ${again}`, intents };
  }
  const note = `${lacking}, so I stopped.`;
  return { deed: 'stopped', text: `${note} What was said and done is kept. ${again}`, intents: stopIntents(at, snapshot, source, note) };
}

/** What is done about a wait that has reached a stage; null where nothing is waited for any more. */
export function decideWait(snapshot: TicketSnapshot, wait: Wait, context: WaitContext): WaitDecision | null {
  const { ticket } = snapshot;
  if (ticket.waiting_for === null || ticket.waiting_since === null) return null;
  const at = { projectId: ticket.project_id, number: ticket.number };
  const source = `waiting/${wait.number}`;
  const waitedMs = Math.max(0, context.now.getTime() - Date.parse(ticket.waiting_since));
  const waited = humanDuration(waitedMs);
  const told = (deed: WaitDecision['deed'], text: string, intents: Intent[] = []): WaitDecision => {
    const data = { waiting_for: ticket.waiting_for, waiting_on: ticket.waiting_on, wait: wait.number, hours: Math.round(waitedMs / HOUR_MS) };
    return { deed, intents: [...intents, say(at, `${source}/${wait.stage}`, 'waiting', text), { type: 'event', event: `wait.${deed}`, data }] };
  };
  if (wait.stage === 'end') {
    const { deed, text, intents } = endOf(snapshot, context, waited, source);
    return told(deed, text, intents);
  }
  const coming = ticket.waiting_for === 'merge' ? '' : forecast(snapshot, context.rules, waitedMs);
  const text = wait.stage === 'remind' ? remindText(snapshot, context, waited) : escalateText(snapshot, context, waited);
  return told(wait.stage === 'remind' ? 'reminded' : 'escalated', `${text} ${coming}`.trim());
}
