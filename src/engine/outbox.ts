import { LABEL_KEYS, LABEL_STYLE, labelOf } from '../domain/labels.ts';
import { marker } from '../domain/markers.ts';
import type { JsonObject, TicketState } from '../domain/model.ts';
import { isPaused, renderStatus } from '../domain/status.ts';
import type { OutboxKind } from '../domain/effects.ts';
import type { Repository } from '../github/repository.ts';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';
import { redactSecrets } from '../kernel/redact.ts';
import type { ClaimedEffect, NextEffect } from '../store/effect-contract.ts';
import { deleteBranch } from './branches.ts';
import { errorRecord, putOff, retryTime } from './failures.ts';
import type { EngineParts } from './parts.ts';
import { fromRunSnapshot, readRunConfig } from './run-config.ts';
import type { Suspects } from './suspects.ts';
import type { OpenSpan } from './tracing.ts';

/** After this many tries an effect goes where people see it. */
const MAX_ATTEMPTS = 12;

interface Performance {
  effect: ClaimedEffect;
  repository: Repository;
  number: number;
  parts: EngineParts;
}

type Performer = (performance: Performance) => Promise<JsonObject>;

function text(effect: ClaimedEffect, field: string): string {
  const value = effect.payload[field];
  if (typeof value !== 'string') throw new BanyanError('internal', `effect ${effect.key} has no ${field}`, { retry: 'permanent' });
  return value;
}

async function react({ effect, repository, number }: Performance): Promise<JsonObject> {
  const commentId = effect.payload['comment_id'];
  await repository.issues.react({ number, ...(typeof commentId === 'number' ? { commentId } : {}) }, 'eyes');
  return {};
}

/** A comment is looked for by its marker when an earlier try may have come through. */
async function postOnce({ effect, repository, number, parts }: Performance, kind: string, key: string, body: string): Promise<JsonObject> {
  const hidden = marker(kind, key);
  if (effect.begun_before) {
    const found = await repository.issues.findComment(number, await parts.github.login(), hidden);
    if (found) return { comment_id: found.id, url: found.url };
  }
  const made = await repository.issues.comment(number, `${redactSecrets(body)}\n\n${hidden}`);
  return { comment_id: made.id, url: made.url };
}

function comment(performance: Performance): Promise<JsonObject> {
  const { effect } = performance;
  return postOnce(performance, text(effect, 'kind'), effect.key, text(effect, 'body'));
}

async function disclosureOf(parts: EngineParts, role: string, runId: string): Promise<string | null> {
  try {
    return (await parts.models.forRole(role, { taskId: 'status', runId })).disclosure;
  } catch {
    // A model that cannot be made is told where it is needed; the status comment must not fail for it.
    return null;
  }
}

/** Renders what is true now. An edit that finds its comment deleted makes a new one: there is always one, never two. */
async function statusComment(performance: Performance): Promise<JsonObject> {
  const { effect, repository, number, parts } = performance;
  if (!effect.ticket_id) throw new BanyanError('internal', 'a status comment needs a ticket', { retry: 'permanent' });
  const snapshot = await parts.store.ticketSnapshot(effect.ticket_id);
  const disclosure = await disclosureOf(parts, 'product-owner', snapshot.run?.id ?? 'none');
  const repositoryUrl = `${parts.webUrl}/${repository.project.owner}/${repository.project.name}`;
  const body = redactSecrets(renderStatus(snapshot, { repositoryUrl, disclosure, now: new Date() }));
  const hidden = marker('status', effect.key);
  const known = effect.result?.['comment_id'];
  const doubtful = effect.begun_before || effect.generation > 1;
  const earlier = typeof known === 'number' || !doubtful ? null : await repository.issues.findComment(number, await parts.github.login(), hidden);
  const id = typeof known === 'number' ? known : earlier?.id;
  if (id !== undefined && (await unlessGone(repository.issues.editComment(id, `${body}\n\n${hidden}`)))) return { comment_id: id };
  const made = await repository.issues.comment(number, `${body}\n\n${hidden}`);
  return { comment_id: made.id, url: made.url };
}

/** False where what it is about is not there any more. */
async function unlessGone(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (thrown) {
    if (toBanyanError(thrown).code === 'not_found') return false;
    throw thrown;
  }
}

/** One label of ours at a time: the others go first, so that nobody ever sees two. Labels of people are not touched. */
async function label({ effect, repository, number, parts }: Performance): Promise<JsonObject> {
  const snapshot = effect.ticket_id ? await parts.store.ticketSnapshot(effect.ticket_id) : null;
  const { labels } = snapshot?.run ? fromRunSnapshot(snapshot.run.config_snapshot).repository : (await readRunConfig(repository, parts.instance)).repository;
  const key = labelOf(snapshot && isPaused(snapshot) ? 'paused' : (text(effect, 'state') as TicketState));
  const issue = await repository.issues.get(number);
  const wanted = key ? labels[key] : null;
  const others = LABEL_KEYS.map((candidate) => labels[candidate]).filter((name) => name !== wanted && issue.labels.includes(name));
  for (const name of others) await repository.issues.removeLabel(number, name);
  if (key && wanted && !issue.labels.includes(wanted)) await repository.issues.addLabel(number, { name: wanted, ...LABEL_STYLE[key] });
  return { label: wanted };
}

const DIGEST_TITLE = 'Banyan: the weeks of this repository';
const DIGEST_INTRODUCTION =
  'One comment a week: what is open, what was done, what it cost, and who is waited for. `digest` in `.github/banyan.yml` turns it off; unsubscribe here to read it when you like.';

/** Banyan's own issue for the weeks: where the last one was told, if it is still there. */
async function digestIssue({ effect, repository, parts }: Performance): Promise<number> {
  const lastOn = effect.payload['last_on'];
  if (typeof lastOn === 'number' && (await unlessGone(repository.issues.get(lastOn)))) return lastOn;
  const hidden = marker('digest', `${effect.project.id}/issue`);
  const found = await repository.issues.findIssue(await parts.github.login(), hidden);
  return found ?? repository.issues.open(DIGEST_TITLE, `${DIGEST_INTRODUCTION}\n\n${hidden}`);
}

async function tellWeek(performance: Performance): Promise<JsonObject> {
  const { effect } = performance;
  const number = await digestIssue(performance);
  return { issue: number, ...(await postOnce({ ...performance, number }, 'digest', effect.key, text(effect, 'body'))) };
}

async function deleteComment({ effect, repository }: Performance): Promise<JsonObject> {
  await repository.issues.deleteComment(Number(effect.payload['comment_id']));
  return {};
}

async function closeIssue({ repository, number }: Performance): Promise<JsonObject> {
  const issue = await repository.issues.get(number);
  if (issue.state === 'open') await repository.issues.close(number);
  return {};
}

async function pullRequestReady({ effect, repository }: Performance): Promise<JsonObject> {
  await repository.pulls.markReady(Number(effect.payload['pull_number']));
  return {};
}

/** Tries in which a check that was perhaps being made when its task ended is waited for. */
const CHECK_TRIES = 5;

/** Ends the check of a task that came to no verdict, where nobody else has. */
async function endCheck({ effect, repository }: Performance): Promise<JsonObject> {
  const found = await repository.checks.find(text(effect, 'name'), text(effect, 'head_sha'), text(effect, 'external_id'));
  if (!found && effect.payload['certain'] === false && effect.attempts < CHECK_TRIES) {
    throw new BanyanError('not_found', 'the check that is to be ended was not made yet', { retry: 'transient' });
  }
  if (!found || found.completed) return {};
  const summary = 'The work was ended before there was a verdict.';
  await repository.checks.complete(found.id, { conclusion: 'cancelled', title: 'Not finished', summary, annotations: [] });
  return { id: found.id };
}

/** The task that began it has ended, so nobody waits for it any more. */
function closeUnperformed(): Promise<JsonObject> {
  return Promise.resolve({ abandoned: true });
}

/** Every kind of effect that is wanted in a transaction and performed afterwards. */
const PERFORMERS: Record<OutboxKind, Performer> = {
  reaction: react,
  status_comment: statusComment,
  label,
  comment,
  delete_comment: deleteComment,
  delete_branch: async ({ effect, repository, parts }) =>
    deleteBranch(repository, { branch: text(effect, 'branch'), pullNumber: Number(effect.payload['pull_number']), login: await parts.github.login() }),
  close_issue: closeIssue,
  digest: tellWeek,
  pull_request_ready: pullRequestReady,
  check_end: endCheck,
};

export interface Performed {
  /** The next one of the lane, where it was asked for and is due. */
  next: ClaimedEffect | null;
  /** True where the effect is not done: the queue has it again, now or later. */
  again: boolean;
  /** When the next one was asked for, by `performance.now()`. */
  asked: number;
}

export interface Outbox {
  /** Performs one effect and settles it. Never throws: failures are stored with the effect. */
  perform(worker: string, effect: ClaimedEffect, next: NextEffect | null): Promise<Performed>;
}

const LEFT: Performed = { next: null, again: true, asked: 0 };

export function createOutbox(parts: EngineParts, suspects: Suspects): Outbox {
  const { store, github, log, tracing } = parts;

  async function perform(worker: string, effect: ClaimedEffect, wanted: NextEffect | null, span: OpenSpan): Promise<Performed> {
    let leave: () => void = () => undefined;
    try {
      leave = await suspects.admit('effect', effect.key, effect.attempts);
      const performer = effect.by_task ? closeUnperformed : PERFORMERS[effect.kind as OutboxKind];
      if (!performer) throw new BanyanError('internal', `nobody performs effects of kind "${effect.kind}"`, { retry: 'permanent' });
      const repository = await github.repository(effect.project);
      const result = await performer({ effect, repository, number: Number(effect.payload['number']), parts });
      const asked = performance.now();
      const { settled, next } = await store.settleEffect(effect.key, worker, { generation: effect.generation, result, next: wanted });
      return { next, again: !settled, asked };
    } catch (thrown) {
      const error = toBanyanError(thrown);
      span.fail(error);
      const wait = putOff(error);
      if (wait) {
        const status = await store.putOffEffect(effect.key, worker, errorRecord(error), wait);
        log.warn({ effect: effect.key, kind: effect.kind, code: error.code, status, seconds: wait.seconds }, `effect put off: ${error.message}`);
        return LEFT;
      }
      const retryAt = retryTime(error, effect.attempts, MAX_ATTEMPTS);
      log.error({ effect: effect.key, kind: effect.kind, code: error.code, again: retryAt !== null, err: error }, `effect failed: ${error.message}`);
      await store.failEffect(effect.key, worker, errorRecord(error), retryAt);
      return LEFT;
    } finally {
      leave();
    }
  }

  return {
    perform(worker, effect, wanted) {
      const attributes = {
        'banyan.kind': effect.kind,
        'banyan.effect': effect.key,
        'banyan.generation': effect.generation,
        'banyan.attempts': effect.attempts,
      };
      return tracing.span('effect', { delivery: effect.delivery, attributes }, (span) => perform(worker, effect, wanted, span));
    },
  };
}
