/** What happened on GitHub, in our words. `github/triggers.ts` makes these out of deliveries; routing decides from them. */

export interface Actor {
  login: string;
  /** A bot, the App itself included. Bots never start anything. */
  bot: boolean;
}

export interface IssueFacts {
  number: number;
  title: string;
  body: string;
  author: string;
  url: string;
  labels: string[];
}

/** People change what they wrote. */
export type EditTrigger =
  | { type: 'issue_edited'; actor: Actor; issue: IssueFacts }
  | { type: 'comment_edited'; actor: Actor; issue: IssueFacts; comment: { id: number; body: string }; onPullRequest: boolean }
  | { type: 'comment_deleted'; actor: Actor; issue: IssueFacts; comment: { id: number }; onPullRequest: boolean };

export type EventTrigger =
  | { type: 'issue_opened'; actor: Actor; issue: IssueFacts }
  | { type: 'issue_reopened'; actor: Actor; issue: IssueFacts }
  | { type: 'issue_closed'; actor: Actor; issue: IssueFacts }
  | { type: 'label_added'; actor: Actor; issue: IssueFacts; label: string }
  | { type: 'label_removed'; actor: Actor; issue: IssueFacts; label: string }
  | { type: 'comment'; actor: Actor; issue: IssueFacts; comment: { id: number; body: string; url: string }; onPullRequest: boolean }
  | { type: 'pull_request_closed'; actor: Actor; number: number; merged: boolean; url: string };

export type Trigger = EventTrigger | EditTrigger;

export function isEdit(trigger: Trigger): trigger is EditTrigger {
  return trigger.type === 'issue_edited' || trigger.type === 'comment_edited' || trigger.type === 'comment_deleted';
}

/** The people whose permission must be known before a trigger can be routed; null where it does not matter. */
export function actorToAsk(trigger: Trigger): string | null {
  if (trigger.actor.bot || trigger.type === 'pull_request_closed') return null;
  return trigger.actor.login;
}

/** A feature or a bug, by the issue's labels and title: names the branch and tells the Developer what to expect. */
export function kindOf(issue: Pick<IssueFacts, 'title' | 'labels'>): 'feature' | 'bug' {
  if (issue.labels.some((label) => /\b(bug|defect|regression)\b/i.test(label))) return 'bug';
  if (issue.labels.some((label) => /\b(feature|enhancement)\b/i.test(label))) return 'feature';
  return /\b(bug|fix|fixes|broken|crash(es)?|wrong|incorrect|regression|fails?|error)\b/i.test(issue.title) ? 'bug' : 'feature';
}
