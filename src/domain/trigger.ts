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

export type Trigger =
  | { type: 'issue_opened'; actor: Actor; issue: IssueFacts }
  | { type: 'issue_reopened'; actor: Actor; issue: IssueFacts }
  | { type: 'issue_closed'; actor: Actor; issue: IssueFacts }
  | { type: 'label_added'; actor: Actor; issue: IssueFacts; label: string }
  | { type: 'label_removed'; actor: Actor; issue: IssueFacts; label: string }
  | { type: 'comment'; actor: Actor; issue: IssueFacts; comment: { id: number; body: string; url: string }; onPullRequest: boolean }
  | { type: 'pull_request_closed'; actor: Actor; number: number; merged: boolean; url: string };

/** The people whose permission must be known before a trigger can be routed; null where it does not matter. */
export function actorToAsk(trigger: Trigger): string | null {
  if (trigger.actor.bot || trigger.type === 'pull_request_closed') return null;
  return trigger.actor.login;
}
