import type { Intent } from './intents.ts';
import type { JsonObject, TicketState } from './model.ts';

/** The kinds of effects that the outbox performs; those that an agent performs inside its task are not here. `check_end` is wanted by the database alone, when a task ends. */
export type OutboxKind =
  | 'reaction'
  | 'status_comment'
  | 'label'
  | 'comment'
  | 'delete_comment'
  | 'delete_branch'
  | 'close_issue'
  | 'digest'
  | 'pull_request_ready'
  | 'check_end';

/** One issue of one project: the beginning of every effect key, so that keys never meet across repositories. */
export interface EffectScope {
  projectId: string;
  number: number;
}

function scope({ projectId, number }: EffectScope): string {
  return `${projectId}#${number}`;
}

function effect(at: EffectScope, kind: OutboxKind, key: string, payload: JsonObject): Intent {
  return { type: 'effect', key: `${scope(at)}/${key}`, kind, lane: `${scope(at)}/${kind}`, payload: { number: at.number, ...payload } };
}

/** The ledger key of something an agent does inside its task. */
export function taskEffectKey(taskId: string, name: string): string {
  return `task:${taskId}/${name}`;
}

/** "Seen": a reaction on the issue, or on one comment. */
export function seen(at: EffectScope, commentId?: number): Intent {
  const subject: JsonObject = commentId === undefined ? {} : { comment_id: commentId };
  return effect(at, 'reaction', `eyes/${commentId ?? 'issue'}`, { content: 'eyes', ...subject });
}

/** Brings the one status comment up to date with what is then in the database. */
export function refreshStatus(at: EffectScope): Intent {
  return { ...effect(at, 'status_comment', 'status', {}), rearm: true } as Intent;
}

/** Shows a state as its label. `source` (a delivery or a task) makes each transition one effect, so that every label is seen. */
export function showState(at: EffectScope, source: string, state: TicketState): Intent {
  return effect(at, 'label', `label/${source}/${state}`, { state });
}

/** A comment that is posted once. The key also is its hidden marker. */
export function say(at: EffectScope, key: string, kind: string, body: string): Intent {
  return effect(at, 'comment', `comment/${key}`, { body, kind });
}

/** Takes back a comment of Banyan's own. */
export function deleteComment(at: EffectScope, commentId: number): Intent {
  return effect(at, 'delete_comment', `delete-comment/${commentId}`, { comment_id: commentId });
}

/** Deletes the branch of a pull request that is closed, if nothing stands on it that would be missed. */
export function deleteBranch(at: EffectScope, branch: string, pullNumber: number): Intent {
  return effect(at, 'delete_branch', `delete-branch/${pullNumber}`, { branch, pull_number: pullNumber });
}

/** Tells a week on the issue that Banyan keeps for it: where it told the last one, else on one that it opens. */
export function tellWeek(projectId: string, week: string, body: string, lastOn: number | null): Intent {
  return effect({ projectId, number: 0 }, 'digest', `digest/${week}`, { week, body, last_on: lastOn });
}

export function closeIssue(at: EffectScope): Intent {
  return effect(at, 'close_issue', 'close', {});
}

export function markReady(at: EffectScope, source: string, pullNumber: number): Intent {
  return effect(at, 'pull_request_ready', `ready/${source}`, { pull_number: pullNumber });
}
