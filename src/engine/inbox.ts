import { say } from '../domain/effects.ts';
import type { Intent } from '../domain/intents.ts';
import type { RepositoryPermission } from '../domain/permission.ts';
import { decide } from '../domain/edits.ts';
import type { RoutingContext } from '../domain/routing.ts';
import { actorToAsk } from '../domain/trigger.ts';
import type { Trigger } from '../domain/trigger.ts';
import type { Repository } from '../github/repository.ts';
import { readDelivery } from '../github/triggers.ts';
import type { ReadDelivery } from '../github/triggers.ts';
import { currentTrigger } from './current.ts';
import type { Current } from './current.ts';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';
import type { ClaimedDelivery, DeliveryContext } from '../store/contract.ts';
import { errorRecord, putOff, retryTime } from './failures.ts';
import type { EngineParts } from './parts.ts';
import { problemsComment, readRunConfig, toRunSnapshot } from './run-config.ts';
import type { ReadConfig } from './run-config.ts';
import type { Suspects } from './suspects.ts';
import { findUpdateBranch } from './update-issue.ts';
import type { OpenSpan } from './tracing.ts';

/** After this many tries a delivery goes where people see it. */
const MAX_ATTEMPTS = 10;
/** Decisions that were overtaken by a change are taken again, this often at most. */
const MAX_CONFLICTS = 8;

function numberOf(trigger: Trigger): number {
  return trigger.type === 'pull_request_closed' ? trigger.number : trigger.issue.number;
}

/** A comment is made once, under however many GUIDs it is told (by the App and by a hook of the repository, say). Its edits are compared with its text. */
function saidBy(trigger: Trigger): string | null {
  return trigger.type === 'comment' ? `comment:${trigger.comment.id}` : null;
}

async function askPermission(repository: Repository, trigger: Trigger): Promise<RepositoryPermission | null> {
  const login = actorToAsk(trigger);
  return login === null ? null : repository.issues.permission(login);
}

async function isMerged(repository: Repository, trigger: Trigger, context: DeliveryContext): Promise<boolean> {
  const number = context.snapshot?.code?.pr_number;
  if (trigger.type !== 'issue_closed' || !number) return false;
  return (await repository.pulls.get(number)).merged;
}

interface Facts {
  current: Current;
  config: ReadConfig;
  permission: RepositoryPermission | null;
  updateBranch: string | null;
}

function routingContext(delivery: ClaimedDelivery, context: DeliveryContext, facts: Facts & { pullMerged: boolean }): RoutingContext {
  const { config, permission, pullMerged, current, updateBranch } = facts;
  const { repository, workflow } = config;
  return {
    projectId: context.project.id,
    source: delivery.guid,
    snapshot: context.snapshot,
    permission,
    pullMerged,
    updateBranch,
    issueClosed: current.issueClosed,
    workflow,
    config: {
      enabled: repository.enabled,
      labels: repository.labels,
      budgetUsd: repository.budget.usd,
      warnAtUsd: repository.budget.warnAtUsd,
      fixCycles: repository.limits.fixCycles,
      maxMinutes: repository.limits.maxMinutes,
      snapshot: toRunSnapshot(config),
    },
  };
}

/** A broken configuration is told once for each state of the file, on the issue that met it. */
function configProblems(context: RoutingContext, config: ReadConfig, number: number, intents: Intent[]): Intent[] {
  if (config.problems.length === 0 || !intents.some((intent) => intent.type === 'start_run')) return [];
  return [say({ projectId: context.projectId, number }, `config/${config.digest}`, 'config', problemsComment(config.problems))];
}

export interface Inbox {
  /** Routes one delivery and applies the decision. Never throws: failures are stored with the delivery. */
  handle(worker: string, delivery: ClaimedDelivery): Promise<void>;
}

export function createInbox({ store, github, log, tracing, instance }: EngineParts, suspects: Suspects): Inbox {
  function open(worker: string, delivery: ClaimedDelivery, { common, trigger }: ReadDelivery): Promise<DeliveryContext> {
    const { repository, installation } = common;
    return store.openDelivery({
      guid: delivery.guid,
      worker,
      installationId: installation.id,
      account: repository.owner,
      repository: { id: repository.id, owner: repository.owner.login, name: repository.name, defaultBranch: repository.default_branch },
      number: numberOf(trigger),
    });
  }

  async function decideAndApply(worker: string, delivery: ClaimedDelivery, read: ReadDelivery): Promise<void> {
    let context = await open(worker, delivery, read);
    const repository = await github.repository(context.project);
    const [config, permission, current, updateBranch] = await Promise.all([
      readRunConfig(repository, instance),
      askPermission(repository, read.trigger),
      currentTrigger(repository, read.trigger, context.snapshot !== null),
      findUpdateBranch(repository, read.trigger, context.snapshot),
    ]);
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
      const pullMerged = await isMerged(repository, read.trigger, context);
      const routing = routingContext(delivery, context, { config, permission, pullMerged, current, updateBranch });
      const decision = current.outdated ? { reason: current.outdated, intents: [] } : decide(current.trigger, routing);
      const number = context.snapshot?.ticket.number ?? numberOf(read.trigger);
      const intents = [...decision.intents, ...configProblems(routing, config, number, decision.intents)];
      const ref = { project_id: context.project.id, number, expect_version: context.snapshot?.ticket.version ?? null, said: saidBy(read.trigger) };
      const { status } = await store.applyIntents(delivery.guid, worker, ref, intents);
      log.info({ delivery: delivery.guid, event: delivery.event, action: delivery.action, reason: decision.reason, status, issue: number }, 'delivery routed');
      if (status !== 'conflict') return;
      context = await open(worker, delivery, read);
    }
    throw new BanyanError('conflict', `the ticket changed ${MAX_CONFLICTS} times while a delivery was being decided`, { retry: 'transient' });
  }

  async function handle(worker: string, delivery: ClaimedDelivery, span: OpenSpan): Promise<void> {
    let leave: () => void = () => undefined;
    try {
      leave = await suspects.admit('delivery', delivery.guid, delivery.attempts);
      await tracing.span('route', {}, () => decideAndApply(worker, delivery, readDelivery(delivery.event, delivery.body)));
    } catch (thrown) {
      const error = toBanyanError(thrown);
      span.fail(error);
      const wait = putOff(error);
      if (wait) {
        const status = await store.putOffDelivery(delivery.guid, worker, errorRecord(error), wait);
        log.warn({ delivery: delivery.guid, event: delivery.event, code: error.code, status, seconds: wait.seconds }, `delivery put off: ${error.message}`);
        return;
      }
      const retryAt = retryTime(error, delivery.attempts, MAX_ATTEMPTS);
      log.error({ delivery: delivery.guid, event: delivery.event, code: error.code, again: retryAt !== null, err: error }, `delivery failed: ${error.message}`);
      await store.failDelivery(delivery.guid, worker, errorRecord(error), retryAt);
    } finally {
      leave();
    }
  }

  return {
    handle(worker, delivery) {
      const attributes = { 'banyan.event': delivery.event, 'banyan.action': delivery.action, 'banyan.attempts': delivery.attempts };
      return tracing.span('delivery', { delivery: delivery.guid, attributes }, (span) => handle(worker, delivery, span));
    },
  };
}
