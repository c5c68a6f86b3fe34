import { parseCommand } from '../domain/commands.ts';
import type { Ticket } from '../domain/model.ts';
import { mayStartWork } from '../domain/permission.ts';
import type { Trigger } from '../domain/trigger.ts';
import type { Repository } from '../github/repository.ts';
import { toBanyanError } from '../kernel/errors.ts';

/*
 * Deliveries can be late, out of order or come again, and people go on writing: what was said is compared with what GitHub
 * says now, where that can change what follows.
 */

/** A trigger as it is to be taken now. */
export interface Current {
  trigger: Trigger;
  issueClosed: boolean;
  /** Why it says nothing any more, or null. */
  outdated: 'comment_deleted' | 'edited_again' | null;
}

type CommentTrigger = Trigger & { type: 'comment' | 'comment_edited' };

async function currentComment(repository: Repository, trigger: CommentTrigger): Promise<Current> {
  const answer = { trigger, issueClosed: false, outdated: null };
  // A command counts as it was given.
  if (trigger.onPullRequest || parseCommand(trigger.comment.body)) return answer;
  const comment = await repository.issues.readComment(trigger.comment.id);
  if (!comment) return { ...answer, outdated: 'comment_deleted' };
  if (comment.body === trigger.comment.body) return answer;
  // The delivery of the newer edit brings the newer text, and says who wrote it.
  if (trigger.type === 'comment_edited') return { ...answer, outdated: 'edited_again' };
  if (parseCommand(comment.body)) return answer;
  return { ...answer, trigger: { ...trigger, comment: { ...trigger.comment, body: comment.body } } };
}

/** @param known whether there is a ticket already: comments and edits concern nobody before */
export async function currentTrigger(repository: Repository, trigger: Trigger, known: boolean): Promise<Current> {
  const asItIs: Current = { trigger, issueClosed: false, outdated: null };
  switch (trigger.type) {
    case 'comment':
    case 'comment_edited':
      return known ? currentComment(repository, trigger) : asItIs;
    case 'issue_opened': {
      const { state, ...issue } = await repository.issues.get(trigger.issue.number);
      return { ...asItIs, trigger: { ...trigger, issue }, issueClosed: state === 'closed' };
    }
    // The text stays that of the delivery: it is what the person saw who said that work should begin.
    case 'issue_reopened':
    case 'label_added':
      return { ...asItIs, issueClosed: (await repository.issues.get(trigger.issue.number)).state === 'closed' };
    case 'issue_edited': {
      if (!known) return asItIs;
      const { title, body } = await repository.issues.get(trigger.issue.number);
      return title === trigger.issue.title && body === trigger.issue.body ? asItIs : { ...asItIs, outdated: 'edited_again' };
    }
    default:
      return asItIs;
  }
}

/**
 * The issue's text as it is when a task starts, or null where that must not be taken: what somebody without write access
 * wrote counts as it stood when a maintainer said that work should begin. An analysis may take it, because a maintainer
 * looks at its outcome.
 */
export async function currentText(repository: Repository, ticket: Ticket, role: string): Promise<{ title: string; body: string } | null> {
  try {
    const { title, body } = await repository.issues.get(ticket.number);
    if (title === ticket.title && body === ticket.body) return null;
    const trusted = role === 'product-owner' || mayStartWork(await repository.issues.permission(ticket.author));
    return trusted ? { title, body } : null;
  } catch (thrown) {
    // An issue that was deleted or moved away: its end is told by a delivery.
    if (toBanyanError(thrown).code === 'not_found') return null;
    throw thrown;
  }
}
