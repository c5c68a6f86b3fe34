import { refreshStatus } from '../domain/effects.ts';
import type { EffectScope } from '../domain/effects.ts';
import type { Intent } from '../domain/intents.ts';
import type { Task } from '../domain/model.ts';
import { giveUp } from '../domain/phases.ts';
import { roleTitle } from '../domain/roles.ts';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';
import { usd } from '../kernel/money.ts';
import type { RoleModel } from '../llm/types.ts';
import type { ClaimedTask, NextTasks, StepGate } from '../store/contract.ts';
import { toolsFor } from '../tools/index.ts';
import { askedByRole } from './asking.ts';
import { Conversation, mayWork } from './conversation.ts';
import type { Outcome } from './conversation.ts';
import { currentText } from './current.ts';
import { errorRecord, failureEvidence, failureNote, judgeTask, putOffTask } from './failures.ts';
import type { EngineParts } from './parts.ts';
import type { RoleAgent } from './role.ts';
import { fromRunSnapshot } from './run-config.ts';
import type { ConversationState } from './session.ts';
import type { Suspects } from './suspects.ts';
import { openSession } from './task-session.ts';
import type { OwnedSession } from './task-session.ts';
import type { OpenSpan } from './tracing.ts';
import { createToolRunner } from './tool-runner.ts';
import { restore } from './transcript.ts';

/** Decisions about a finished task that were overtaken by a change of its ticket are taken again, this often at most. */
const MAX_CONFLICTS = 8;

export interface TaskOptions {
  worker: string;
  /** Ends everything under way. */
  stop: AbortSignal;
  /** Ends what can be begun again at no cost: commands. Aborted whenever `stop` is. */
  signal: AbortSignal;
  /** What the worker saw of the task in the middle of a step and that ends it for now. */
  halted: () => StepGate | null;
  /** Milliseconds since the epoch after which no further step is begun. */
  deadline: number;
  /** Called when the task has wanted something of the outbox: what people see must not wait for the task's end. */
  wake(): void;
  /** What the worker can take on in the place of this task: asked for in the call that ends it, and begun by the worker. */
  next: { want(): NextTasks; begin(claimed: readonly ClaimedTask[]): void };
}

interface Work {
  claimed: ClaimedTask;
  options: TaskOptions;
  agent: RoleAgent;
  owned: OwnedSession;
  conversation: Conversation;
}

/** After this long people have read that the task's turn is to come. */
const LONG_WAIT_MS = 10_000;

/** The status comment says who is at work where it said for a while who would be. Not at every start: what begins at once needs no second edit. */
function afterWait({ started_at: started, due_at: due }: Task, at: EffectScope): Intent[] {
  return started !== null && Date.parse(started) - Date.parse(due) > LONG_WAIT_MS ? [refreshStatus(at)] : [];
}

const NEW_STATE: ConversationState = { revision: '', changes: [], evidence: {}, sentBack: 0 };

/** Works on claimed tasks. */
export class TaskRunner {
  readonly #parts: EngineParts;
  readonly #suspects: Suspects;

  constructor(parts: EngineParts, suspects: Suspects) {
    this.#parts = parts;
    this.#suspects = suspects;
  }

  /** Works on one task until it ends, waits, or time is up. Failures are stored with the task. */
  run(claimed: ClaimedTask, options: TaskOptions): Promise<void> {
    const { task, run, ticket } = claimed;
    const attributes = {
      'banyan.role': task.role,
      'banyan.task': task.id,
      'banyan.run': run.id,
      'banyan.issue': ticket.number,
      'banyan.attempts': task.attempts,
    };
    return this.#parts.tracing.span('task', { delivery: task.delivery ?? null, due: new Date(task.due_at), attributes }, (span) =>
      this.#run(claimed, options, span),
    );
  }

  async #run(claimed: ClaimedTask, options: TaskOptions, span: OpenSpan): Promise<void> {
    let work: Work | undefined;
    let leave: () => void = () => undefined;
    try {
      leave = await this.#admit(claimed);
      work = await this.#open(claimed, options, leave);
      await this.#start(work);
      await this.#converse(work);
    } catch (thrown) {
      span.fail(thrown);
      await this.#fail({ claimed, options, work }, toBanyanError(thrown));
    } finally {
      leave();
      await work?.owned.dispose();
    }
  }

  /** Begins a task that is worked on elsewhere, under the lease of whoever does: its conversation has its brief then, and nothing else. */
  async prepare(claimed: ClaimedTask, worker: string): Promise<{ revision: string; brief: string[] }> {
    const { signal } = new AbortController();
    const next = { want: () => ({ tasks: 0, leaseSeconds: 0 }), begin: () => undefined };
    const options = { worker, stop: signal, signal, halted: () => null, deadline: Infinity, wake: () => undefined, next };
    const work = await this.#open(claimed, options, () => undefined);
    try {
      await this.#start(work);
      return { revision: work.owned.session.state.revision, brief: await work.conversation.brief() };
    } finally {
      await work.owned.dispose();
    }
  }

  async #start({ claimed, agent, owned: { session } }: Work): Promise<void> {
    session.state.revision ||= await agent.revision(session);
    const intents = [...(await agent.start(session)), ...afterWait(claimed.task, session.at)];
    if (intents.length > 0) await session.record(intents);
  }

  /** What took its workers down with it, or is taken up again and again, ends here, before anything of it is read. */
  #admit({ task }: ClaimedTask): Promise<() => void> {
    if (task.attempts > task.max_attempts) {
      throw new BanyanError('limit_reached', 'it was begun again and again and never came to an end', { retry: 'permanent' });
    }
    return this.#suspects.admit('task', task.id, task.attempts);
  }

  async #open(claimed: ClaimedTask, options: TaskOptions, stored: () => void): Promise<Work> {
    const { store } = this.#parts;
    const agent = this.#agentOf(claimed);
    const [roleModel, loaded] = await Promise.all([this.#modelFor(claimed), store.loadConversation(claimed.task.id, options.worker)]);
    const fresh = loaded.messages.length === 0 ? await this.#readAgain(claimed, options) : claimed;
    const kept = loaded.workspace as Partial<ConversationState> | null;
    const state: ConversationState = { ...NEW_STATE, ...kept, changes: loaded.files };
    const owned = await openSession({ parts: this.#parts, options, claimed: fresh, state, disclosure: roleModel.disclosure });
    const { session } = owned;
    const tools = toolsFor(agent.permissions);
    // LangChain takes a quarter of a second to load: only a process that runs a task pays for it.
    const { createLoop } = await import('./loop.ts');
    const conversation = new Conversation(
      {
        store,
        worker: options.worker,
        agent,
        session,
        roleModel,
        loop: createLoop({ agent, roleModel, tools }),
        tracing: this.#parts.tracing,
        tools: createToolRunner({ agent, session, tools }),
        deadline: options.deadline,
        maxSteps: Math.min(agent.limits.maxSteps, session.config.limits.maxSteps),
        maxMinutes: claimed.task.timeout_seconds / 60,
        changed: owned.changed,
        reset: owned.reset,
        stop: options.stop,
        halted: options.halted,
        stored,
      },
      { transcript: restore(loaded.messages, loaded.rollbacks), gate: loaded.gate },
    );
    return { claimed, options, agent, owned, conversation };
  }

  /**
   * The ticket with the issue's text as it is when the conversation begins. An analysis puts it on the ticket as well. What
   * follows one keeps the ticket as it was planned for: the edit's own delivery says what becomes of the plan.
   */
  async #readAgain(claimed: ClaimedTask, options: TaskOptions): Promise<ClaimedTask> {
    const { project, ticket, task } = claimed;
    const text = await currentText(await this.#parts.github.repository(project), ticket, task.role);
    if (!text) return claimed;
    if (task.role !== 'product-owner') return { ...claimed, ticket: { ...ticket, body: text.body } };
    const { number, author, url, kind, state } = ticket;
    await this.#parts.store.applyTaskIntents(task.id, options.worker, [{ type: 'open_ticket', number, author, url, kind, state, ...text }]);
    return { ...claimed, ticket: { ...ticket, ...text } };
  }

  #agentOf(claimed: ClaimedTask): RoleAgent {
    const agent = this.#parts.roles.get(claimed.task.role);
    if (agent) return agent;
    throw new BanyanError('config_invalid', `no agent is registered for the role "${claimed.task.role}"`, { retry: 'needs_human' });
  }

  #modelFor({ task, run }: ClaimedTask): Promise<RoleModel> {
    const { models } = fromRunSnapshot(run.config_snapshot).repository;
    const override = run.recovery?.models?.[task.role] ?? models.byRole[task.role] ?? models.default ?? undefined;
    return this.#parts.models.forRole(task.role, { taskId: task.id, runId: run.id, override, prices: models.prices });
  }

  async #converse(work: Work): Promise<void> {
    const { claimed, options } = work;
    for (;;) {
      const outcome = await work.conversation.proceed();
      switch (outcome.kind) {
        case 'result':
        case 'asked':
          if (await this.#finish(work, outcome)) return;
          work.conversation.expectInputs();
          break;
        case 'budget':
          return this.#stopForBudget(work, outcome.gate);
        case 'out_of_time':
        case 'paused':
          return this.#parts.store.releaseTask(claimed.task.id, options.worker, 0);
        case 'gone':
          if (outcome.reason === 'cancelled') await this.#stopped(work);
          return;
      }
    }
  }

  /** Performs and stores what the result means; decides again where the ticket changed meanwhile. False: people wrote, go on talking. */
  async #finish({ claimed, options, agent, owned }: Work, outcome: Outcome & { kind: 'result' | 'asked' }): Promise<boolean> {
    const { store, log } = this.#parts;
    const { id } = claimed.task;
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
      const snapshot = await owned.session.snapshot();
      const { version } = snapshot.ticket;
      const end =
        outcome.kind === 'asked' ? askedByRole(owned.session, snapshot, outcome.questions) : await agent.finish(owned.session, outcome.value, snapshot);
      const next = options.next.want();
      const settled =
        end.kind === 'wait'
          ? await store.suspendTask(id, options.worker, { waitingFor: end.waitingFor, waitingOn: end.waitingOn, next }, end.intents)
          : await store.completeTask(id, options.worker, end.output, { expectVersion: version, intents: end.intents, next });
      if ('next' in settled) options.next.begin(settled.next ?? []);
      log.info({ task: id, role: agent.role, status: settled.status, issue: claimed.ticket.number }, 'task settled');
      if (settled.status === 'inputs') return false;
      if (settled.status !== 'conflict') return true;
    }
    throw new BanyanError('conflict', 'the ticket kept changing while a task was being finished', { retry: 'transient' });
  }

  async #stopForBudget({ claimed, options, agent, owned }: Work, gate: StepGate): Promise<void> {
    const kept = await agent.salvage(owned.session);
    await agent.abandon(owned.session, 'The budget is spent.');
    const note = [
      `The budget of ${usd(gate.budget_usd)} for this issue is spent (${usd(gate.spent_usd)}), so work stopped in the middle of "${claimed.task.title}".`,
      kept?.note,
      'Comment `/banyan budget` with a higher amount and I go on where I stopped, or `/banyan retry` to begin anew with the same amount once more.',
    ];
    const error = new BanyanError('limit_reached', 'the budget is spent', { retry: 'needs_human', data: { limit: 'budget' } });
    const end = { at: owned.session.at, source: claimed.task.id, runState: 'stopped_budget' as const };
    const intentsAtEnd = [...(kept?.intents ?? []), ...giveUp(end, 'budget', note.filter(Boolean).join(' '))];
    await this.#parts.store.failTask(claimed.task.id, options.worker, { error: errorRecord(error), retry: false, retryAt: null, intentsAtEnd });
  }

  /** Cancelled, or its run has ended without it: then it is given back, so that it does not look as if it were at work. */
  async #stopped(work: Work): Promise<void> {
    await this.#abandon(work, 'The work was stopped.');
    await this.#parts.store.releaseTask(work.claimed.task.id, work.options.worker, 0);
  }

  /** What was broken off in the middle has not failed. */
  async #brokenOff({ task }: ClaimedTask, options: TaskOptions, work: Work | undefined): Promise<void> {
    const gate = options.halted();
    if (work && gate && !mayWork(gate) && gate.status !== 'lost' && gate.run_state !== 'paused') return this.#stopped(work);
    return this.#parts.store.releaseTask(task.id, options.worker, 0);
  }

  /** Tidying up must not hide why the task ended. */
  async #abandon({ agent, owned, claimed }: Work, reason: string): Promise<void> {
    try {
      if (owned.session.state.revision) await agent.abandon(owned.session, reason);
    } catch (thrown) {
      this.#parts.log.warn({ task: claimed.task.id, err: toBanyanError(thrown) }, 'what a task left on GitHub could not be ended');
    }
  }

  async #fail({ claimed, options, work }: { claimed: ClaimedTask; options: TaskOptions; work: Work | undefined }, error: BanyanError): Promise<void> {
    if (error.code === 'lease_lost') return;
    if (options.signal.aborted) return this.#brokenOff(claimed, options, work);
    const { task, ticket, project } = claimed;
    const now = new Date();
    const verdict = judgeTask(error, task, work?.conversation.steps ?? 0, now);
    const wait = putOffTask(error);
    if (work && !wait && (!verdict.again || task.attempts >= task.max_attempts)) await this.#abandon(work, error.message);
    const { repeated } = verdict;
    const note = failureNote(roleTitle(task.role), error, { attempts: task.attempts, repeated: repeated && { failure: repeated, now }, wait });
    const at = { projectId: project.id, number: ticket.number };
    const intentsAtEnd = [...failureEvidence(task, error, verdict), ...giveUp({ at, source: task.id }, repeated ? 'loop' : error.code, note)];
    const fields = { task: task.id, role: task.role, issue: ticket.number, code: error.code, loop: repeated !== null };
    if (wait) {
      const status = await this.#parts.store.putOffTask(task.id, options.worker, verdict.record, { ...wait, intentsAtEnd });
      this.#parts.log.warn({ ...fields, status, seconds: wait.seconds }, `task put off: ${error.message}`);
      return;
    }
    const failure = { error: verdict.record, retry: verdict.again, retryAt: error.retryAt ?? null, intentsAtEnd };
    const { status } = await this.#parts.store.failTask(task.id, options.worker, failure);
    this.#parts.log.error({ ...fields, status, err: error }, `task failed: ${error.message}`);
  }
}
