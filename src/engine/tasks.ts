import { refreshStatus } from '../domain/effects.ts';
import type { Intent } from '../domain/intents.ts';
import type { JsonObject } from '../domain/model.ts';
import { giveUp } from '../domain/phases.ts';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';
import { usd } from '../kernel/money.ts';
import type { RoleModel } from '../llm/types.ts';
import type { ClaimedTask, StepGate } from '../store/contract.ts';
import { toolsFor } from '../tools/index.ts';
import { askedByRole } from './asking.ts';
import { createConversation } from './conversation.ts';
import type { Conversation, Outcome } from './conversation.ts';
import { errorRecord, failureNote, mayRetry } from './failures.ts';
import type { EngineParts } from './parts.ts';
import type { RoleAgent } from './role.ts';
import { fromRunSnapshot } from './run-config.ts';
import type { ConversationState } from './session.ts';
import { openSession } from './task-session.ts';
import type { OwnedSession } from './task-session.ts';
import { createToolRunner } from './tool-runner.ts';
import { restore } from './transcript.ts';

/** Decisions about a finished task that were overtaken by a change of its ticket are taken again, this often at most. */
const MAX_CONFLICTS = 8;

export interface TaskOptions {
  worker: string;
  signal: AbortSignal;
  /** Milliseconds since the epoch after which no further step is begun. */
  deadline: number;
}

export interface TaskRunner {
  /** Works on one claimed task until it ends, waits, or time is up. Never throws: failures are stored with the task. */
  run(claimed: ClaimedTask, options: TaskOptions): Promise<void>;
}

interface Work {
  claimed: ClaimedTask;
  options: TaskOptions;
  agent: RoleAgent;
  owned: OwnedSession;
  conversation: Conversation;
}

function roleTitle(role: string): string {
  return role === 'qa' ? 'QA' : role.replaceAll(/(^|-)([a-z])/g, (_match, dash: string, letter: string) => `${dash ? ' ' : ''}${letter.toUpperCase()}`);
}

function readState(stored: JsonObject | null): ConversationState | null {
  return stored === null ? null : (stored as unknown as ConversationState);
}

export function createTaskRunner(parts: EngineParts): TaskRunner {
  const { store, log } = parts;

  function agentOf(claimed: ClaimedTask): RoleAgent {
    const agent = parts.roles.get(claimed.task.role);
    if (agent) return agent;
    throw new BanyanError('config_invalid', `no agent is registered for the role "${claimed.task.role}"`, { retry: 'needs_human' });
  }

  async function modelFor(claimed: ClaimedTask): Promise<RoleModel> {
    const { models } = fromRunSnapshot(claimed.run.config_snapshot).repository;
    const { role, id } = claimed.task;
    const override = models.byRole[role] ?? models.default ?? undefined;
    return parts.models(models.prices).forRole(role, { taskId: id, runId: claimed.run.id, override });
  }

  async function open(claimed: ClaimedTask, options: TaskOptions): Promise<Work> {
    const agent = agentOf(claimed);
    const [roleModel, loaded] = await Promise.all([modelFor(claimed), store.loadConversation(claimed.task.id, options.worker)]);
    const state = readState(loaded.workspace) ?? { revision: '', changes: [], evidence: {}, sentBack: 0 };
    const owned = await openSession({ parts, worker: options.worker, claimed, state, disclosure: roleModel.disclosure, signal: options.signal });
    const { session } = owned;
    const discoveries: Intent[] = [];
    const tools = toolsFor(agent.permissions);
    const runner = createToolRunner({
      agent,
      session,
      tools,
      context: async (callId) => ({
        callId,
        workspace: await session.workspace(),
        signal: options.signal,
        limits: { maxOutputBytes: 60_000, commandTimeoutSeconds: session.config.limits.commandTimeoutSeconds },
        recordDiscovery: (found) => discoveries.push({ type: 'discovery', key: `${claimed.task.id}/${callId}`, task_id: claimed.task.id, ...found }),
        askHuman: () => undefined,
      }),
    });
    // LangChain takes a quarter of a second to load: only a process that runs a task pays for it.
    const { createLoop } = await import('./loop.ts');
    const conversation = createConversation(
      {
        store,
        worker: options.worker,
        agent,
        session,
        roleModel,
        loop: createLoop({ agent, roleModel, tools }),
        tools: {
          async run(call) {
            const answer = await runner.run(call);
            if (discoveries.length > 0) await session.record(discoveries.splice(0));
            return answer;
          },
        },
        deadline: options.deadline,
        maxSteps: Math.min(agent.limits.maxSteps, session.config.limits.maxSteps),
        maxMinutes: session.config.limits.maxMinutes ?? agent.limits.maxMinutes,
        changes: owned.changes,
      },
      { transcript: restore(loaded.messages), gate: loaded.gate },
    );
    return { claimed, options, agent, owned, conversation };
  }

  /** Performs and stores what the result means; decides again where the ticket changed meanwhile. False: people wrote, go on talking. */
  async function finish({ claimed, options, agent, owned }: Work, outcome: Outcome & { kind: 'result' | 'asked' }): Promise<boolean> {
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
      const { version } = (await owned.session.snapshot()).ticket;
      const end = outcome.kind === 'asked' ? await askedByRole(owned.session, outcome.question) : await agent.finish(owned.session, outcome.value);
      const { id } = claimed.task;
      const settled =
        end.kind === 'wait'
          ? await store.suspendTask(id, options.worker, { waitingFor: end.waitingFor, waitingOn: end.waitingOn }, end.intents)
          : await store.completeTask(id, options.worker, end.output, { expectVersion: version, intents: end.intents });
      log.info({ task: id, role: agent.role, status: settled.status, issue: claimed.ticket.number }, 'task settled');
      if (settled.status === 'inputs') return false;
      if (settled.status !== 'conflict') return true;
    }
    throw new BanyanError('conflict', 'the ticket kept changing while a task was being finished', { retry: 'transient' });
  }

  async function stopForBudget({ claimed, options, agent, owned }: Work, gate: StepGate): Promise<void> {
    const kept = await agent.salvage(owned.session);
    const note = [
      `The budget of ${usd(gate.budget_usd)} for this issue is spent (${usd(gate.spent_usd)}), so work stopped in the middle of "${claimed.task.title}".`,
      kept,
      'Raise `budget` in `.github/banyan.yml`, or comment `/banyan retry` to grant the same amount once more.',
    ];
    const at = owned.session.at;
    const intents = giveUp({ at, source: claimed.task.id }, 'budget', note.filter(Boolean).join(' ')).map((intent): Intent => (intent.type === 'set_run' ? { ...intent, state: 'stopped_budget' } : intent));
    const error = new BanyanError('limit_reached', 'the budget is spent', { retry: 'needs_human' });
    await store.failTask(claimed.task.id, options.worker, { error: errorRecord(error), retry: false, retryAt: null, intentsAtEnd: intents });
  }

  async function converse(work: Work): Promise<void> {
    for (;;) {
      const outcome = await work.conversation.proceed();
      const { claimed, options } = work;
      log.debug({ task: claimed.task.id, role: work.agent.role, outcome: outcome.kind }, 'conversation paused');
      switch (outcome.kind) {
        case 'result':
        case 'asked':
          if (await finish(work, outcome)) return;
          break;
        case 'budget':
          return stopForBudget(work, outcome.gate);
        case 'out_of_time':
        case 'paused':
          return store.releaseTask(claimed.task.id, options.worker, 0);
        case 'gone':
          return;
      }
    }
  }

  async function work(claimed: ClaimedTask, options: TaskOptions): Promise<void> {
    if (claimed.task.attempts > claimed.task.max_attempts) {
      throw new BanyanError('limit_reached', 'it was begun again and again and never came to an end', { retry: 'permanent' });
    }
    const opened = await open(claimed, options);
    const { agent, owned } = opened;
    try {
      owned.session.state.revision ||= await agent.revision(owned.session);
      const intents = await agent.start(owned.session);
      if (intents.length > 0) await owned.session.record(intents);
      await converse(opened);
    } finally {
      await owned.dispose();
    }
  }

  async function fail(claimed: ClaimedTask, options: TaskOptions, error: BanyanError): Promise<void> {
    if (error.code === 'lease_lost') return;
    const { task, ticket, project } = claimed;
    const at = { projectId: project.id, number: ticket.number };
    const note = failureNote(roleTitle(task.role), error, task.attempts);
    const failure = { error: errorRecord(error), retry: mayRetry(error), retryAt: error.retryAt ?? null, intentsAtEnd: [...giveUp({ at, source: task.id }, error.code, note), refreshStatus(at)] };
    const { status } = await store.failTask(task.id, options.worker, failure);
    log.error({ task: task.id, role: task.role, issue: ticket.number, code: error.code, status, err: error }, `task failed: ${error.message}`);
  }

  return {
    async run(claimed, options) {
      try {
        await work(claimed, options);
      } catch (thrown) {
        await fail(claimed, options, toBanyanError(thrown));
      }
    },
  };
}
