import { parseCommand } from './commands.ts';
import { refreshStatus, seen, showState } from './effects.ts';
import type { Intent } from './intents.ts';
import type { Task, TicketSnapshot } from './model.ts';
import { mayStartWork } from './permission.ts';
import { enterPhase, phaseOf } from './phases.ts';
import { DEBOUNCE_SECONDS, FINISHED, ignore, listenerOf, openTicket, phaseContext, route, scopeOf } from './routing.ts';
import type { Decision, RoutingContext } from './routing.ts';
import { isEdit } from './trigger.ts';
import type { EditTrigger, IssueFacts, Trigger } from './trigger.ts';

/*
 * What becomes of work that is overtaken by a change of the words it began with. Whoever may start work is heard in every
 * phase. Who opened the issue and may not start work is heard while it is analysed, because a maintainer looks at the
 * outcome; after that an edit could slip past the maintainer who said that it should be built.
 */

/** Where the work is when the issue's text changes. */
export type Situation = 'idle' | 'to_analyze' | 'analyzing' | 'analyzed' | 'to_develop' | 'developing' | 'judging';
export type Editor = 'maintainer' | 'author';

/**
 * - `ignore`: nothing.
 * - `text`: the ticket's text is brought up to date; whatever begins next reads it.
 * - `hear`: the same, and the conversation under way gets the new text as an input: a result that was handed in before no longer counts.
 * - `again`: the same, and the analysis is done once more, before anything is built on the old one.
 */
export type Consequence = 'ignore' | 'text' | 'hear' | 'again';

export const OVERTAKEN: Record<Situation, Record<Editor, Consequence>> = {
  idle: { maintainer: 'ignore', author: 'ignore' },
  to_analyze: { maintainer: 'text', author: 'text' },
  analyzing: { maintainer: 'hear', author: 'hear' },
  analyzed: { maintainer: 'again', author: 'again' },
  to_develop: { maintainer: 'text', author: 'ignore' },
  developing: { maintainer: 'hear', author: 'ignore' },
  judging: { maintainer: 'text', author: 'ignore' },
};

/** How often a run is analysed once more because of edits: a stranger's edits must not be an open wallet, and nobody's a loop. */
export const REPEATS: Record<Editor, number> = { maintainer: 3, author: 1 };

const begun = (task: Task): boolean => task.started_at !== null;

export function situationOf(snapshot: TicketSnapshot | null): Situation {
  if (!snapshot || FINISHED.includes(snapshot.ticket.state) || snapshot.ticket.state === 'failed') return 'idle';
  const analysis = snapshot.tasks.findLast((task) => task.role === 'product-owner');
  const developed = snapshot.tasks.some((task) => task.role === 'developer' && begun(task));
  const listener = listenerOf(snapshot);
  if (listener?.role === 'product-owner') return begun(listener) ? 'analyzing' : 'to_analyze';
  if (analysis?.state === 'completed' && !developed) return 'analyzed';
  if (listener) return begun(listener) ? 'developing' : 'to_develop';
  return snapshot.run && developed ? 'judging' : 'idle';
}

function editorOf(context: RoutingContext, login: string): Editor | null {
  if (context.permission && mayStartWork(context.permission)) return 'maintainer';
  return login === context.snapshot?.ticket.author ? 'author' : null;
}

/** A task that waits is woken: what people see says that work goes on. */
function wakeIntents(context: RoutingContext, listener: Task, number: number): Intent[] {
  const at = scopeOf(context, number);
  const { state } = phaseOf(context.workflow, listener.phase);
  return [{ type: 'set_ticket', state, waiting_for: null, waiting_on: null }, showState(at, context.source, state), refreshStatus(at)];
}

function hear(context: RoutingContext, snapshot: TicketSnapshot, edit: { issue: IssueFacts; by: string }): Intent[] {
  const listener = listenerOf(snapshot);
  if (!listener) return [];
  const { issue, by } = edit;
  const body = `The issue was edited. It now reads:\n\nTitle: ${issue.title}\n\n${issue.body || '(no description)'}`;
  return [
    { type: 'add_input', source: `edit:${context.source}`, author: by, body, debounce_seconds: DEBOUNCE_SECONDS },
    ...(listener.state === 'waiting' ? wakeIntents(context, listener, issue.number) : []),
  ];
}

function again(context: RoutingContext, snapshot: TicketSnapshot, edit: { issue: IssueFacts; by: string }): Intent[] {
  const phases = phaseContext(context, edit.issue.number, snapshot.tasks);
  return [
    { type: 'cancel_tasks', reason: 'the issue was edited after its analysis' },
    ...enterPhase(phases, context.workflow.start, { input: { from: 'edit', by: edit.by } }),
  ];
}

function onIssueEdited(context: RoutingContext, { issue, actor }: EditTrigger & { type: 'issue_edited' }): Decision {
  const { snapshot } = context;
  const editor = editorOf(context, actor.login);
  const situation = situationOf(snapshot);
  if (!snapshot || !editor) return ignore(snapshot ? 'without_permission' : 'no_ticket');
  if (issue.title === snapshot.ticket.title && issue.body === snapshot.ticket.body) return ignore('same_text');
  const repeats = snapshot.tasks.filter((task) => task.input['from'] === 'edit').length;
  const wanted = OVERTAKEN[situation][editor];
  const spent = wanted === 'again' && repeats >= REPEATS[editor];
  const consequence = spent ? (editor === 'maintainer' ? 'text' : 'ignore') : wanted;
  if (consequence === 'ignore') return ignore(`edit_ignored_${situation}`);
  // The branch's name is made of the title, and whoever goes on after a kill must find the same branch.
  const named = snapshot.code !== null || situation === 'developing' || situation === 'to_develop' || situation === 'judging';
  const text = openTicket({ ...issue, title: named ? snapshot.ticket.title : issue.title }, snapshot.ticket.state);
  const edit = { issue, by: actor.login };
  const more = { text: () => [], hear: () => hear(context, snapshot, edit), again: () => again(context, snapshot, edit) }[consequence]();
  return { reason: `edit_${consequence}_${situation}`, intents: [text, ...more, refreshStatus(scopeOf(context, issue.number))] };
}

/** Who may still have a say in what they wrote: as with a new comment, and for who opened the issue only while it is analysed. */
function mayRevise(context: RoutingContext, login: string, listener: Task | undefined): boolean {
  const editor = editorOf(context, login);
  return editor === 'maintainer' || (editor === 'author' && listener?.role === 'product-owner');
}

function onCommentEdited(context: RoutingContext, trigger: EditTrigger & { type: 'comment_edited' }): Decision {
  const { snapshot } = context;
  const { comment, actor, issue } = trigger;
  if (!snapshot || trigger.onPullRequest) return ignore('not_for_us');
  // A command counts when it is given. One that is made of another comment later is given by nobody.
  if (parseCommand(comment.body)) return ignore('command_by_edit');
  const listener = listenerOf(snapshot);
  if (!mayRevise(context, actor.login, listener)) return ignore('without_permission');
  const input: Intent = {
    type: 'edit_input',
    source: `comment:${comment.id}`,
    revision: context.source,
    author: actor.login,
    body: comment.body,
    debounce_seconds: DEBOUNCE_SECONDS,
    heard: listener !== undefined && begun(listener),
    woken: listener ? wakeIntents(context, listener, issue.number) : [],
  };
  return { reason: 'comment_edited', intents: [input, seen(scopeOf(context, issue.number), comment.id)] };
}

/** No permission is asked for: whoever could delete it has taken it back, and what was taken stays taken. */
function onCommentDeleted(context: RoutingContext, { comment, issue, onPullRequest }: EditTrigger & { type: 'comment_deleted' }): Decision {
  const { snapshot } = context;
  if (!snapshot || onPullRequest) return ignore('not_for_us');
  const at = scopeOf(context, issue.number);
  const wait = { waiting_for: 'answers', waiting_on: snapshot.ticket.author };
  const unheard: Intent[] = [
    { type: 'set_ticket', state: 'needs_clarification', ...wait },
    showState(at, context.source, 'needs_clarification'),
    refreshStatus(at),
  ];
  return { reason: 'comment_deleted', intents: [{ type: 'drop_input', source: `comment:${comment.id}`, ...wait, unheard }] };
}

/** Turns what happened into what is to be done. Pure: the same trigger and context give the same decision. */
export function decide(trigger: Trigger, context: RoutingContext): Decision {
  if (!isEdit(trigger)) return route(trigger, context);
  if (!context.config.enabled) return ignore('disabled');
  if (trigger.actor.bot) return ignore('bot');
  switch (trigger.type) {
    case 'issue_edited':
      return onIssueEdited(context, trigger);
    case 'comment_edited':
      return onCommentEdited(context, trigger);
    case 'comment_deleted':
      return onCommentDeleted(context, trigger);
  }
}
