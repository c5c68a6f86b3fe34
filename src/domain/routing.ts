import { HELP, MAX_BUDGET_USD, parseBudget, parseCommand } from './commands.ts';
import { closeIssue, refreshStatus, say, seen, showState } from './effects.ts';
import type { EffectScope } from './effects.ts';
import type { Intent } from './intents.ts';
import { LABEL_KEYS } from './labels.ts';
import type { LabelNames } from './labels.ts';
import type { JsonObject, Run, Task, Ticket, TicketSnapshot, TicketState } from './model.ts';
import { mayStartWork } from './permission.ts';
import type { RepositoryPermission } from './permission.ts';
import { enterPhase, phaseOf } from './phases.ts';
import type { PhaseContext } from './phases.ts';
import { usd } from '../kernel/money.ts';
import { conflictsVersion, isUpdateAsking } from './update-issue.ts';
import { actorToAsk, kindOf } from './trigger.ts';
import type { EventTrigger as Trigger, IssueFacts } from './trigger.ts';
import type { Workflow } from './workflow.ts';

/** Seconds after a comment in which further comments are taken as one answer. */
export const DEBOUNCE_SECONDS = 1.5;

export interface RoutingContext {
  projectId: string;
  /** The delivery's GUID. */
  source: string;
  snapshot: TicketSnapshot | null;
  /** Of the actor; null where `actorToAsk` named nobody. */
  permission: RepositoryPermission | null;
  /** True where the issue is closed by now, by GitHub's word; only asked when it may start work. */
  issueClosed: boolean;
  /** The branch of the update whose conflicts the issue asks about, by GitHub's word; null for every other issue. */
  updateBranch: string | null;
  /** True where the ticket's pull request is merged by GitHub's word; only asked when an issue was closed. */
  pullMerged: boolean;
  workflow: Workflow;
  config: {
    enabled: boolean;
    labels: LabelNames;
    budgetUsd: number;
    warnAtUsd: number;
    fixCycles: number | null;
    maxMinutes: number | null;
    snapshot: JsonObject;
  };
}

/** What the end of an issue or pull request is decided from. */
export type EndContext = Pick<RoutingContext, 'projectId' | 'source' | 'snapshot' | 'pullMerged'>;
export type IssueClosed = Omit<Trigger & { type: 'issue_closed' }, 'issue'> & { issue: { number: number } };
export type PullRequestClosed = Trigger & { type: 'pull_request_closed' };

/** What is to happen, and in a word why: the reason is stored with the delivery's event. */
export interface Decision {
  reason: string;
  intents: Intent[];
}

export const ignore = (reason: string): Decision => ({ reason, intents: [] });
export const FINISHED: readonly TicketState[] = ['done', 'cancelled'];
/** States in which adding `ready-for-dev` means "begin now"; in the others Banyan has begun already. */
const STARTABLE: readonly TicketState[] = [
  'analyzing',
  'needs_clarification',
  'awaiting_approval',
  'ready_for_dev',
  'blocked',
  'paused',
  'failed',
  'done',
  'cancelled',
];

export function scopeOf(context: Pick<RoutingContext, 'projectId'>, number: number): EffectScope {
  return { projectId: context.projectId, number };
}

export function phaseContext(context: RoutingContext, number: number, tasks: PhaseContext['tasks']): PhaseContext {
  const { workflow, source, config } = context;
  return { at: scopeOf(context, number), workflow, tasks, source, fixCycles: config.fixCycles, maxMinutes: config.maxMinutes };
}

export function openTicket(issue: IssueFacts, state: TicketState): Intent {
  const { number, title, body, author, url } = issue;
  return { type: 'open_ticket', number, title, body, author, url, kind: kindOf(issue), state };
}

function startRun(context: RoutingContext): Intent {
  const { workflow, config } = context;
  return { type: 'start_run', workflow: workflow.name, config_snapshot: config.snapshot, budget_usd: config.budgetUsd, warn_at_usd: config.warnAtUsd };
}

/** Work that belongs into the branch of an update has nowhere to go once that is over. */
function updateIsOver(context: RoutingContext, branch: string, number: number): Decision {
  const text = `The pull request of the update from \`${branch}\` is not open any more, so there is nothing left to resolve here. This issue can be closed.`;
  return { reason: 'update_over', intents: [putBack(context, number), say(scopeOf(context, number), 'update-over', 'note', text)] };
}

function begin(context: RoutingContext, issue: IssueFacts, { phase, input, reason }: { phase: string; input: JsonObject; reason: string }): Decision {
  const { updateBranch } = context;
  const base = context.snapshot?.ticket.base_branch;
  if (base && base !== updateBranch) return updateIsOver(context, base, issue.number);
  const state = phase === context.workflow.start ? phaseOf(context.workflow, phase).state : 'ready_for_dev';
  const intents: Intent[] = [
    { ...openTicket(issue, state), ...(updateBranch ? { base_branch: updateBranch } : {}) },
    { type: 'close_questions', state: 'withdrawn' },
    startRun(context),
    seen(scopeOf(context, issue.number)),
    ...enterPhase(phaseContext(context, issue.number, []), phase, { input, via: state }),
  ];
  return { reason, intents };
}

function onOpened(context: RoutingContext, trigger: Trigger & { type: 'issue_opened' | 'issue_reopened' }): Decision {
  const { issue, actor } = trigger;
  const state = context.snapshot?.ticket.state;
  // Deliveries can be late: an issue is opened once, and what is closed now starts nothing.
  if (context.issueClosed) return ignore('closed_meanwhile');
  if (state && (trigger.type === 'issue_opened' || (!FINISHED.includes(state) && state !== 'failed'))) return ignore('already_open');
  if (context.permission && mayStartWork(context.permission)) {
    // The update's pull request is about to name it; the label that follows starts it.
    if (conflictsVersion(issue.body) !== null && context.updateBranch === null) return ignore('update_not_known');
    const ready = context.updateBranch !== null || issue.labels.includes(context.config.labels['ready-for-dev']);
    const phase = ready ? 'develop' : context.workflow.start;
    return begin(context, issue, { phase, input: { from: ready ? 'label' : 'issue', by: actor.login }, reason: 'started' });
  }
  const at = scopeOf(context, issue.number);
  return {
    reason: 'awaiting_approval',
    intents: [
      openTicket(issue, 'awaiting_approval'),
      { type: 'set_ticket', state: 'awaiting_approval', waiting_for: 'approval', waiting_on: 'maintainers', note: null },
      seen(at),
      showState(at, context.source, 'awaiting_approval'),
      refreshStatus(at),
    ],
  };
}

function putBack(context: RoutingContext, number: number): Intent {
  return showState(scopeOf(context, number), context.source, context.snapshot?.ticket.state ?? 'cancelled');
}

function onLabelAdded(context: RoutingContext, trigger: Trigger & { type: 'label_added' }): Decision {
  const { issue, label, actor } = trigger;
  const { labels } = context.config;
  const key = LABEL_KEYS.find((candidate) => labels[candidate] === label);
  if (!key) return ignore('other_label');
  if (context.issueClosed) return ignore('closed_meanwhile');
  if (key !== 'ready-for-dev') {
    return context.snapshot ? { reason: 'label_put_back', intents: [putBack(context, issue.number)] } : ignore('no_ticket');
  }
  if (!actor.bot && (!context.permission || !mayStartWork(context.permission))) {
    const text = `@${actor.login}, only people with write access can start the Developer, so I took the label \`${label}\` back. A maintainer can add it.`;
    return {
      reason: 'label_refused',
      intents: [putBack(context, issue.number), say(scopeOf(context, issue.number), `label-refused/${actor.login}`, 'note', text)],
    };
  }
  const state = context.snapshot?.ticket.state;
  if (state && !STARTABLE.includes(state)) return ignore('already_started');
  const developing = context.snapshot?.tasks.some((task) => task.phase === 'develop' && ['pending', 'running', 'waiting'].includes(task.state));
  if (state === 'ready_for_dev' && developing) return ignore('already_started');
  return begin(context, issue, { phase: 'develop', input: { from: 'label', by: actor.login, ...retryInput(context, '') }, reason: 'started_by_label' });
}

/** What the Developer is told when work starts anew on a ticket that was worked on before. */
function retryInput(context: RoutingContext, words: string): JsonObject {
  const ticket = context.snapshot?.ticket;
  return { ...(ticket?.note ? { tried: ticket.note } : {}), ...(words ? { instruction: words } : {}) };
}

function onCommand(context: RoutingContext, trigger: Trigger & { type: 'comment' }, command: NonNullable<ReturnType<typeof parseCommand>>): Decision {
  const { comment, actor } = trigger;
  const issue = issueOf(context, trigger);
  const at = scopeOf(context, issue.number);
  const seenComment = seen(at, comment.id);
  const ticket = context.snapshot?.ticket;
  // An answer to the workflow of a child's update, which reads it.
  if (command.name === 'update') return ignore('for_the_update');
  if (command.name === 'status') return { reason: 'status', intents: ticket ? [seenComment, refreshStatus(at)] : [seenComment] };
  if (command.name === 'help') return { reason: 'help', intents: [seenComment, say(at, `help/${comment.id}`, 'note', HELP)] };
  if (!context.permission || !mayStartWork(context.permission)) {
    return {
      reason: 'command_refused',
      intents: [say(at, `command-refused/${actor.login}`, 'note', `@${actor.login}, \`/banyan ${command.name}\` needs write access to this repository.`)],
    };
  }
  if (command.name === 'stop') {
    if (!ticket || FINISHED.includes(ticket.state)) return { reason: 'nothing_to_stop', intents: [seenComment] };
    return { reason: 'stopped', intents: [seenComment, ...stop(context, issue.number, `Stopped by @${actor.login}.`)] };
  }
  const run = context.snapshot?.run ?? null;
  if (command.name === 'pause' || command.name === 'resume' || command.name === 'budget') {
    const control = ticket && run && !FINISHED.includes(ticket.state) ? { ticket, run, at, by: actor.login } : null;
    if (!control) return { reason: 'nothing_at_work', intents: [seenComment] };
    if (command.name === 'budget') return withSeen(seenComment, changeBudget(context, control, parseBudget(command.argument), comment.id));
    if (command.name === 'pause') return withSeen(seenComment, pause(context, control));
    const resumed = resume(context, control);
    return withSeen(seenComment, { ...resumed, intents: [...resumed.intents, ...hint(context, trigger, command.words)] });
  }
  if (ticket && run?.state === 'paused' && !FINISHED.includes(ticket.state)) {
    const resumed = resume(context, { ticket, run, at, by: actor.login });
    return withSeen(seenComment, { ...resumed, intents: [...resumed.intents, ...hint(context, trigger, command.words)] });
  }
  const busy = ticket && !FINISHED.includes(ticket.state) && !['failed', 'awaiting_approval', 'blocked'].includes(ticket.state);
  if (busy) return { reason: 'already_started', intents: [seenComment, ...hint(context, trigger, command.words), refreshStatus(at)] };
  const { code, tasks } = context.snapshot ?? { code: null, tasks: [] };
  const reached = code !== null || tasks.some((task) => task.phase === 'develop');
  const further = context.updateBranch !== null || (command.name === 'retry' && ticket && (reached || ticket.acceptance_criteria.length > 0));
  const input: JsonObject = { from: command.name, by: actor.login, ...retryInput(context, command.words) };
  return withSeen(seenComment, begin(context, issue, { phase: further ? 'develop' : context.workflow.start, input, reason: command.name }));
}

/** What follows a command that begins nothing anew is a word to who is at work; where nobody can take it, that is said. */
function hint(context: RoutingContext, { comment, actor }: Trigger & { type: 'comment' }, words: string): Intent[] {
  if (words === '' || !context.snapshot) return [];
  const { number } = context.snapshot.ticket;
  const listener = listenerOf(context.snapshot);
  if (listener) return [hear(context, listener, number, { id: comment.id, author: actor.login, body: words })];
  const text = `@${actor.login}, I did not take the hint: neither the Product Owner nor the Developer is at work now. To have the change built anew with it, comment \`/banyan stop\`, and then \`/banyan retry\` with the hint.`;
  return [say(scopeOf(context, number), `hint/${comment.id}`, 'note', text)];
}

function withSeen(seenComment: Intent, { reason, intents }: Decision): Decision {
  return { reason, intents: [seenComment, ...intents] };
}

interface Control {
  ticket: Ticket;
  run: Run;
  at: EffectScope;
  by: string;
}

/** The ticket stays where it is: what is paused is the run, and the label and the status comment go by that. */
function pause(context: RoutingContext, { run, at, by }: Control): Decision {
  if (run.state !== 'queued' && run.state !== 'running') return { reason: 'nothing_at_work', intents: [refreshStatus(at)] };
  return {
    reason: 'paused',
    intents: [{ type: 'set_run', state: 'paused', stop_reason: `Paused by @${by}.` }, showState(at, context.source, 'paused'), refreshStatus(at)],
  };
}

function resume(context: RoutingContext, { ticket, run, at }: Control): Decision {
  if (run.state !== 'paused') return { reason: 'not_paused', intents: [refreshStatus(at)] };
  return {
    reason: 'resumed',
    intents: [{ type: 'set_run', state: 'running', stop_reason: null }, showState(at, context.source, ticket.state), refreshStatus(at)],
  };
}

/** Warns at the same part of the new budget as of the old one. A run that the old one had stopped goes on where it stopped. */
function changeBudget(context: RoutingContext, { run, at, by }: Control, usdAmount: number | null, commentId: number): Decision {
  const answer = (text: string): Decision => ({ reason: 'budget_refused', intents: [say(at, `budget/${commentId}`, 'note', text)] });
  if (usdAmount === null) return answer(`@${by}, write the whole budget of this issue in US dollars: \`/banyan budget 10\`.`);
  if (usdAmount <= run.spent_usd)
    return answer(`@${by}, ${usd(run.spent_usd)} are spent already, so the budget must be more than that. It stays at ${usd(run.budget_usd)}.`);
  if (usdAmount > MAX_BUDGET_USD) return answer(`@${by}, the budget of one issue may be ${usd(MAX_BUDGET_USD)} at most. It stays at ${usd(run.budget_usd)}.`);
  const share = run.budget_usd > 0 ? run.warn_at_usd / run.budget_usd : 0.8;
  const budget = { budget_usd: usdAmount, warn_at_usd: Math.round(usdAmount * share * 100) / 100 };
  if (run.state !== 'stopped_budget') return { reason: 'budget_changed', intents: [{ type: 'set_run', state: run.state, ...budget }, refreshStatus(at)] };
  const stopped = context.snapshot?.tasks.findLast((task) => task.state === 'failed');
  const state = stopped ? phaseOf(context.workflow, stopped.phase).state : 'in_progress';
  return {
    reason: 'budget_raised',
    intents: [
      { type: 'set_run', state: 'running', stop_reason: null, ...budget },
      { type: 'set_ticket', state, waiting_for: null, waiting_on: null, note: null },
      showState(at, context.source, state),
      refreshStatus(at),
    ],
  };
}

/** A comment on a pull request is about the issue that it closes. */
function issueOf(context: RoutingContext, trigger: Trigger & { type: 'comment' }): IssueFacts {
  const ticket = context.snapshot?.ticket;
  if (!trigger.onPullRequest || !ticket) return trigger.issue;
  const { number, title, body, author, url, kind } = ticket;
  return { number, title, body, author, url, labels: [kind] };
}

/** An issue that nobody has let begin has no run to end. */
const ofRun = ({ snapshot }: EndContext, intent: Intent): Intent[] => (snapshot?.run ? [intent] : []);

function stop(context: EndContext, number: number, note: string): Intent[] {
  const at = scopeOf(context, number);
  return [
    ...ofRun(context, { type: 'set_run', state: 'stopped_user', stop_reason: note }),
    { type: 'cancel_tasks', reason: note },
    { type: 'close_questions', state: 'withdrawn' },
    { type: 'set_ticket', state: 'cancelled', waiting_for: null, waiting_on: null, note },
    showState(at, context.source, 'cancelled'),
    refreshStatus(at),
  ];
}

const OPEN: readonly Task['state'][] = ['pending', 'running', 'waiting'];

/** Who takes people's words. */
export function listenerOf(snapshot: TicketSnapshot): Task | undefined {
  return snapshot.tasks.findLast((task) => OPEN.includes(task.state) && (task.role === 'product-owner' || task.role === 'developer'));
}

/** A comment as the listener's input. Where it waited, these words are its answer; the same ones may come again when it waits for others. */
function hear(context: RoutingContext, listener: Task, number: number, words: { id: number; author: string; body: string }): Intent {
  const { id, author, body } = words;
  const input = { type: 'add_input' as const, source: `comment:${id}`, author, body, debounce_seconds: DEBOUNCE_SECONDS };
  if (listener.state !== 'waiting') return input;
  const at = scopeOf(context, number);
  const { state } = phaseOf(context.workflow, listener.phase);
  const woken: Intent[] = [
    { type: 'close_questions', state: 'answered', answered_by: author, answer: body.slice(0, 4000) },
    { type: 'set_ticket', state, waiting_for: null, waiting_on: null },
    showState(at, context.source, state),
    refreshStatus(at),
  ];
  return { ...input, woken };
}

function onComment(context: RoutingContext, trigger: Trigger & { type: 'comment' }): Decision {
  if (trigger.onPullRequest && !context.snapshot) return ignore('not_for_us');
  const command = parseCommand(trigger.comment.body);
  if (command) return onCommand(context, trigger, command);
  const { snapshot } = context;
  if (!snapshot || trigger.onPullRequest) return ignore('not_for_us');
  const listener = listenerOf(snapshot);
  if (!listener) return ignore('nobody_listens');
  const { comment, actor, issue } = trigger;
  // Who opened the issue may answer what they were asked; that alone starts no code-writing (the Product Owner's policy asks for approval then).
  const asked = listener.state === 'waiting' && listener.role === 'product-owner' && actor.login === snapshot.ticket.author;
  if (!asked && (!context.permission || !mayStartWork(context.permission))) return ignore('without_permission');
  const input = hear(context, listener, issue.number, { id: comment.id, author: actor.login, body: comment.body });
  return { reason: listener.state === 'waiting' ? 'answered' : 'steered', intents: [input, seen(scopeOf(context, issue.number), comment.id)] };
}

function onMerged(context: EndContext, snapshot: TicketSnapshot): Decision {
  const { number } = snapshot.ticket;
  const at = scopeOf(context, number);
  if (snapshot.ticket.state === 'done') return ignore('already_done');
  const report = { spend: snapshot.spend, pull_request: snapshot.code?.pr_number ?? null, discoveries: snapshot.discoveries } as unknown as JsonObject;
  return {
    reason: 'merged',
    intents: [
      { type: 'cancel_tasks', reason: 'merged' },
      { type: 'set_code', status: 'merged' },
      ...ofRun(context, { type: 'set_run', state: 'completed', report }),
      { type: 'set_ticket', state: 'done', waiting_for: null, waiting_on: null, note: null },
      showState(at, context.source, 'done'),
      closeIssue(at),
      refreshStatus(at),
    ],
  };
}

function onIssueClosed(context: EndContext, trigger: IssueClosed): Decision {
  const { snapshot } = context;
  if (!snapshot || FINISHED.includes(snapshot.ticket.state)) return ignore('nothing_open');
  if (context.pullMerged) return onMerged(context, snapshot);
  return { reason: 'issue_closed', intents: stop(context, trigger.issue.number, `The issue was closed by @${trigger.actor.login}.`) };
}

function onPullRequestClosed(context: EndContext, trigger: PullRequestClosed): Decision {
  const { snapshot } = context;
  if (snapshot?.code?.pr_number !== trigger.number) return ignore('not_our_pull_request');
  if (trigger.merged) return onMerged(context, snapshot);
  if (FINISHED.includes(snapshot.ticket.state)) return ignore('nothing_open');
  const note = `Pull request #${trigger.number} was closed by @${trigger.actor.login} without a merge.`;
  return { reason: 'pull_request_closed', intents: [{ type: 'set_code', status: 'closed' }, ...stop(context, snapshot.ticket.number, note)] };
}

/** What an end means. It counts also where Banyan was switched off in between: what it began must not stay open for ever. */
export function routeEnd(trigger: IssueClosed | PullRequestClosed, context: EndContext): Decision {
  return trigger.type === 'pull_request_closed' ? onPullRequestClosed(context, trigger) : onIssueClosed(context, trigger);
}

/** Turns what happened into what is to be done. Pure: the same trigger and context give the same decision. */
export function route(trigger: Trigger, context: RoutingContext): Decision {
  if (trigger.type === 'pull_request_closed' || trigger.type === 'issue_closed') return routeEnd(trigger, context);
  if (!context.config.enabled) return ignore('disabled');
  if (actorToAsk(trigger) === null && !(context.updateBranch && isUpdateAsking(trigger, context.config.labels))) return ignore('bot');
  switch (trigger.type) {
    case 'issue_opened':
    case 'issue_reopened':
      return onOpened(context, trigger);
    case 'label_added':
      return onLabelAdded(context, trigger);
    case 'label_removed': {
      const { snapshot, config } = context;
      const ours = LABEL_KEYS.some((key) => config.labels[key] === trigger.label);
      if (!ours || !snapshot || FINISHED.includes(snapshot.ticket.state)) return ignore('other_label');
      return { reason: 'label_put_back', intents: [putBack(context, trigger.issue.number)] };
    }
    case 'comment':
      return onComment(context, trigger);
  }
}
