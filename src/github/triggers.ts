import { z } from 'zod';
import type { Actor, IssueFacts, Trigger } from '../domain/trigger.ts';
import { BanyanError } from '../kernel/errors.ts';
import { payloadSchemas } from './payload-schema.ts';
import type { CommentPayload, CommonPayload, IssuePayload, IssuesPayload } from './payload-schema.ts';

export interface ReadDelivery {
  common: CommonPayload;
  trigger: Trigger;
}

function actorOf(payload: CommonPayload): Actor {
  return { login: payload.sender.login, bot: payload.sender.type === 'Bot' };
}

function factsOf(issue: IssuePayload): IssueFacts {
  return {
    number: issue.number,
    title: issue.title,
    body: issue.body ?? '',
    author: issue.user?.login ?? 'ghost',
    url: issue.html_url,
    labels: issue.labels.map((label) => label.name),
  };
}

function issueTrigger(payload: IssuesPayload): Trigger | null {
  const base = { actor: actorOf(payload), issue: factsOf(payload.issue) };
  const { action, label } = payload;
  if (action === 'opened') return { type: 'issue_opened', ...base };
  if (action === 'reopened') return { type: 'issue_reopened', ...base };
  if (action === 'edited') return { type: 'issue_edited', ...base };
  if (action === 'closed') return { type: 'issue_closed', ...base };
  if (action === 'labeled' && label) return { type: 'label_added', ...base, label: label.name };
  if (action === 'unlabeled' && label) return { type: 'label_removed', ...base, label: label.name };
  return null;
}

function commentTrigger(payload: CommentPayload): Trigger {
  const { id, body, html_url: url } = payload.comment;
  const onPullRequest = payload.issue.pull_request !== undefined && payload.issue.pull_request !== null;
  const base = { actor: actorOf(payload), issue: factsOf(payload.issue), onPullRequest };
  if (payload.action === 'edited') return { type: 'comment_edited', ...base, comment: { id, body } };
  if (payload.action === 'deleted') return { type: 'comment_deleted', ...base, comment: { id } };
  return { type: 'comment', ...base, comment: { id, body, url } };
}

function parse<Schema extends z.ZodType>(schema: Schema, payload: unknown, event: string): z.output<Schema> {
  const result = schema.safeParse(payload);
  if (result.success) return result.data;
  throw new BanyanError('payload_invalid', `A delivery of "${event}" was not understood: ${z.prettifyError(result.error)}`, {
    retry: 'poisoned',
    data: { fields: result.error.issues.map((issue) => issue.path.join('.')) },
  });
}

/**
 * A stored delivery in our words.
 * @throws BanyanError `payload_invalid` (poisoned) where the payload is not of the form that GitHub documents.
 */
export function readDelivery(event: string, body: string): ReadDelivery {
  const payload: unknown = JSON.parse(body);
  if (event === 'issues') {
    const issues = parse(payloadSchemas.issues, payload, event);
    const trigger = issueTrigger(issues);
    if (trigger) return { common: issues, trigger };
  }
  if (event === 'issue_comment') {
    const commented = parse(payloadSchemas.issue_comment, payload, event);
    return { common: commented, trigger: commentTrigger(commented) };
  }
  if (event === 'pull_request') {
    const pull = parse(payloadSchemas.pull_request, payload, event);
    const { number, merged, html_url: url } = pull.pull_request;
    return { common: pull, trigger: { type: 'pull_request_closed', actor: actorOf(pull), number, merged, url } };
  }
  throw new BanyanError('payload_invalid', `A delivery of "${event}" was stored that nobody handles`, { retry: 'poisoned' });
}

/** The body of a delivery with nothing but the fields that `readDelivery` reads; null where it would not understand it. */
export function readFields(event: string, payload: unknown): string | null {
  const schema = Object.entries(payloadSchemas).find(([name]) => name === event)?.[1];
  const result = schema?.safeParse(payload);
  return result?.success ? JSON.stringify(result.data) : null;
}
