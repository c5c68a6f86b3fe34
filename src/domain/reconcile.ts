import { deleteComment, refreshStatus, showState } from './effects.ts';
import type { Intent } from './intents.ts';
import { LABEL_KEYS, labelOf } from './labels.ts';
import type { LabelNames } from './labels.ts';
import type { TicketSnapshot } from './model.ts';
import { FINISHED, routeEnd } from './routing.ts';
import type { EndContext } from './routing.ts';
import { isPaused } from './status.ts';

/*
 * What a ticket says, beside what is so on GitHub. A difference is a delivery that never came, or something that was done by hand to what
 * mirrors the ticket. The first is decided as the delivery would have been, the second is put right.
 */

/** What is known of the issue on GitHub. */
export interface IssueTruth {
  closed: boolean;
  closedBy: string | null;
  labels: readonly string[];
}

export interface PullTruth {
  state: 'open' | 'closed' | 'merged';
  closedBy: string | null;
  url: string;
}

export interface Truth {
  /** Null: it was deleted, or moved to another repository. */
  issue: IssueTruth | null;
  /** Null where the ticket has no pull request, or it is not to be found. */
  pull: PullTruth | null;
  /** Comments on the issue that are marked as Banyan's status comment, oldest first; null where nobody looked. */
  statusComments: readonly number[] | null;
}

export interface ReconcileContext {
  /** Names this look: what it wants is wanted once. */
  source: string;
  labels: LabelNames;
  /** The status comment, as the ledger has it. */
  statusComment: number | null;
}

export interface Reconciled {
  finding: string;
  deed: string;
  intents: Intent[];
}

/** GitHub sends who did it with the delivery, and does not always keep it. */
const SOMEBODY = 'ghost';

/** Work ends, and GitHub is not written to: there is nothing any more that could be. */
export function endUnreachable({ run }: TicketSnapshot, note: string): Intent[] {
  return [
    ...(run ? [{ type: 'set_run', state: 'stopped_user', stop_reason: note } as Intent] : []),
    { type: 'cancel_tasks', reason: note },
    { type: 'close_questions', state: 'withdrawn' },
    { type: 'set_ticket', state: 'cancelled', waiting_for: null, waiting_on: null, note },
  ];
}

/** Null where the ticket's end is not missing. */
function missedEnd(snapshot: TicketSnapshot, { issue, pull }: Truth, context: EndContext): Reconciled | null {
  const number = snapshot.code?.pr_number;
  const closedPull = (merged: boolean) => {
    const actor = { login: pull?.closedBy ?? SOMEBODY, bot: false };
    return routeEnd({ type: 'pull_request_closed', actor, number: number ?? 0, merged, url: pull?.url ?? '' }, context).intents;
  };
  if (pull?.state === 'merged') return { finding: 'pull_merged', deed: 'merged', intents: closedPull(true) };
  if (issue === null) {
    const note = 'The issue was deleted or moved to another repository, so I stopped.';
    return { finding: 'issue_gone', deed: 'ended', intents: endUnreachable(snapshot, note) };
  }
  if (issue.closed) {
    const actor = { login: issue.closedBy ?? SOMEBODY, bot: false };
    const { intents } = routeEnd({ type: 'issue_closed', actor, issue: { number: snapshot.ticket.number } }, context);
    return { finding: 'issue_closed', deed: 'closed', intents };
  }
  return pull?.state === 'closed' ? { finding: 'pull_closed', deed: 'closed', intents: closedPull(false) } : null;
}

/** Whether the labels of ours on the issue are the one that shows the ticket's state. */
export function showsState(snapshot: TicketSnapshot, labels: readonly string[], names: LabelNames): boolean {
  const key = labelOf(isPaused(snapshot) ? 'paused' : snapshot.ticket.state);
  const ours = LABEL_KEYS.map((candidate) => names[candidate]).filter((name) => labels.includes(name));
  return key === null ? ours.length === 0 : ours.length === 1 && ours[0] === names[key];
}

function statusDrift(known: number | null, found: readonly number[] | null): 'status_missing' | 'status_doubled' | null {
  if (known === null || found === null) return null;
  if (!found.includes(known)) return 'status_missing';
  return found.length > 1 ? 'status_doubled' : null;
}

/** What is to be done about the difference between a ticket and GitHub; null where there is none. */
export function reconcile(snapshot: TicketSnapshot, truth: Truth, { source, labels, statusComment }: ReconcileContext): Reconciled | null {
  const { ticket } = snapshot;
  if (FINISHED.includes(ticket.state)) return null;
  const at = { projectId: ticket.project_id, number: ticket.number };
  const end = missedEnd(snapshot, truth, { projectId: ticket.project_id, source, snapshot, pullMerged: truth.pull?.state === 'merged' });
  if (end) return end;
  if (truth.issue && !showsState(snapshot, truth.issue.labels, labels)) {
    return { finding: 'label', deed: 'label', intents: [showState(at, source, ticket.state)] };
  }
  const drift = statusDrift(statusComment, truth.statusComments);
  if (drift === 'status_missing') return { finding: drift, deed: 'status', intents: [refreshStatus(at)] };
  if (drift === null) return null;
  const surplus = (truth.statusComments ?? []).filter((id) => id !== statusComment);
  return { finding: drift, deed: 'status', intents: surplus.map((id) => deleteComment(at, id)) };
}
