import { setTimeout } from 'node:timers/promises';
import { AIMessage, HumanMessage, SystemMessage } from '@langchain/core/messages';
import type { ToolMessage } from '@langchain/core/messages';
import type { ToolCall } from '@langchain/core/messages/tool';
import type { JsonObject } from '../domain/model.ts';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';
import { redactSecrets, redactValues } from '../kernel/redact.ts';
import { truncateMiddle, untrustedBlock } from '../kernel/text.ts';
import type { RoleModel } from '../llm/types.ts';
import type { PendingInput, StepGate, Store, WorkspaceFile } from '../store/contract.ts';
import { waitInStep } from './failures.ts';
import type { ConversationLoop } from './loop.ts';
import { tracedModelCall, tracedToolCall, usageOf } from './model-call.ts';
import type { RoleAgent } from './role.ts';
import type { TaskSession } from './session.ts';
import { Interrupt, StepLog, toRow } from './step-log.ts';
import type { Step } from './step-log.ts';
import type { ToolRunner } from './tool-runner.ts';
import type { Tracing } from './tracing.ts';
import { describeTrouble, directedRollback, findTrouble, keepSeq, rollbackMessage } from './rollback.ts';
import type { Trouble } from './rollback.ts';
import { adoptWrittenResult, concluded, danglingCalls, extend, failedInARow, normalizeAnswer, restore } from './transcript.ts';
import type { Transcript } from './transcript.ts';

/*
 * A conversation in words.
 *
 * Its state is its transcript: rows in `messages`, each written before the next step begins (but for what only was read: `step-log.ts`),
 * together with the workspace as it then is. Whoever holds the task's lease reads them and goes on:
 *
 *   empty            -> brief (system + opening), stored
 *   dangling calls   -> run them (their effects are keyed by call id), store the answers
 *   people wrote     -> their words become human messages
 *   astray           -> a word to the model, a rollback to the last good steps, or a person
 *   concluded        -> the result (or the wait for a person); the conversation ends for now
 *   otherwise        -> the model's turn, by `createAgent`, until one of the above holds between two steps
 *
 * Between two steps the gate is looked at: lease lost, task cancelled, run paused or stopped, budget spent, time nearly up.
 * Each ends the loop there and then; nothing is lost because everything is stored.
 */

export type Outcome =
  | { kind: 'result'; value: unknown }
  /** The role asked a person by `ask_human`. */
  | { kind: 'asked'; questions: string[] }
  | { kind: 'out_of_time' }
  | { kind: 'budget'; gate: StepGate }
  | { kind: 'paused' }
  | { kind: 'gone'; reason: 'lost' | 'cancelled' };

const ASK_HUMAN = 'ask_human';

/** A model that answers in prose this often in a row, or hands in what cannot be accepted, will not get better. */
const MAX_NUDGES = 3;
const MAX_REFUSALS = 5;
/** Characters of one argument that are kept with the record of a call. */
const ARGUMENT_CHARS = 4_000;

export interface ConversationParts {
  store: Store;
  worker: string;
  agent: RoleAgent;
  session: TaskSession;
  roleModel: RoleModel;
  tools: ToolRunner;
  loop: ConversationLoop;
  tracing: Tracing;
  /** Milliseconds since the epoch after which no further step is begun. */
  deadline: number;
  maxSteps: number;
  /** Of work in model and tool calls; waiting for people does not count. */
  maxMinutes: number;
  /** What of the workspace changed since it was last asked, to be kept with each step. */
  changed: () => Promise<WorkspaceFile[]>;
  /** The workspace as it was stored: what a rollback undid is gone. */
  reset: (files: JsonObject[]) => Promise<void>;
  /** Ends a model call too; the session's signal ends only what can be begun again at no cost. */
  stop: AbortSignal;
  /** What the worker saw in the middle of a step and that ends the conversation for now. */
  halted: () => StepGate | null;
  /** Called when a step was stored: the task makes progress. */
  stored: () => void;
}

/** Whether the next step may be begun. */
export function mayWork({ status, run_state: run }: StepGate): boolean {
  return status === 'ok' && (run === 'running' || run === 'queued');
}

/** One task's conversation, under this worker's lease. */
export class Conversation {
  readonly #parts: ConversationParts;
  readonly #log: StepLog;
  #transcript: Transcript;
  /** What ended the loop, kept because the agent wraps what is thrown through it. */
  #failure: unknown;
  #toolQueue: Promise<unknown> = Promise.resolve();

  constructor(parts: ConversationParts, loaded: { transcript: Transcript; gate: StepGate }) {
    this.#parts = parts;
    this.#transcript = loaded.transcript;
    this.#log = new StepLog(parts, loaded.gate);
  }

  /** Messages that are stored. */
  get steps(): number {
    return this.#transcript.everything.length - this.#log.waiting;
  }

  get #gate(): StepGate {
    return this.#log.gate;
  }

  /** Goes on from what is stored until something ends it for now. */
  async proceed(): Promise<Outcome> {
    try {
      return await this.#untilItEnds();
    } finally {
      // What ended it counts more than an answer that the next worker reads again.
      await this.#log.flush(keepSeq(this.#transcript)).catch(() => undefined);
    }
  }

  async #untilItEnds(): Promise<Outcome> {
    for (;;) {
      try {
        const outcome = await this.#advance();
        if (outcome) return outcome;
      } catch (thrown) {
        if (!(thrown instanceof Interrupt)) throw thrown;
      }
      const stop = this.#pause();
      if (stop) return stop;
    }
  }

  /** People wrote since the last step: the next one looks. */
  expectInputs(): void {
    this.#log.gate = { ...this.#gate, inputs: Math.max(1, this.#gate.inputs) };
  }

  async #advance(): Promise<Outcome | null> {
    if (this.#transcript.messages.length === 0) await this.#begin();
    const stop = this.#pause();
    if (stop) return stop;
    const directed = directedRollback(this.#transcript, this.#parts.session.task.directive);
    if (directed) await this.#rollBack(directed);
    for (const call of danglingCalls(this.#transcript.messages)) {
      if (this.#pause()) return null;
      await this.#runTool(call);
    }
    // Inputs come first: a person's word that arrived with the result makes the result old.
    if (await this.#takeInputs()) return null;
    const end = this.#conclusion();
    if (end) return end;
    if (await this.#recover()) return null;
    if (this.#gate.spent_usd >= this.#gate.budget_usd) return { kind: 'budget', gate: this.#gate };
    await this.#turn();
    await this.#answerProse();
    return null;
  }

  /** What ends the conversation for now, or null to go on. Also asked between two steps of the loop. */
  #pause(): Outcome | null {
    const { status, run_state: run } = this.#parts.halted() ?? this.#gate;
    if (status !== 'ok') return { kind: 'gone', reason: status };
    if (run === 'paused') return { kind: 'paused' };
    if (run !== 'running' && run !== 'queued') return { kind: 'gone', reason: 'cancelled' };
    if (this.#parts.session.signal.aborted || Date.now() >= this.#parts.deadline) return { kind: 'out_of_time' };
    return null;
  }

  #conclusion(): Outcome | null {
    const { agent } = this.#parts;
    const end = concluded(this.#transcript.messages, [ASK_HUMAN, agent.resultName]);
    if (!end) return null;
    if (end.name === ASK_HUMAN) return { kind: 'asked', questions: end.calls.map((call) => String(call.args['question'] ?? '')) };
    return { kind: 'result', value: agent.resultSchema.parse(end.calls.at(-1)?.args) };
  }

  #enforceLimits(): void {
    const { agent, maxSteps, maxMinutes } = this.#parts;
    const { everything, modelCalls, workedMs } = this.#transcript;
    if (failedInARow(everything, agent.resultName) > MAX_REFUSALS) {
      throw new BanyanError('model_output_invalid', `${agent.role} handed in ${MAX_REFUSALS + 1} results that could not be accepted`, { retry: 'needs_human' });
    }
    if (modelCalls >= maxSteps) {
      throw new BanyanError('limit_reached', `${agent.role} used all ${maxSteps} steps without a result`, {
        retry: 'needs_human',
        fix: 'Split the issue, or raise limits.max_steps in .github/banyan.yml.',
      });
    }
    if (workedMs >= maxMinutes * 60_000) {
      throw new BanyanError('limit_reached', `${agent.role} worked for ${maxMinutes} minutes without a result`, {
        retry: 'needs_human',
        fix: 'Split the issue, or raise limits.max_minutes in .github/banyan.yml.',
      });
    }
  }

  /** Stores steps, then goes by what the gate says. */
  async #append(steps: Step[], inputIds?: string[]): Promise<void> {
    if (inputIds) await this.#log.appendInputs(inputIds, steps);
    else await this.#log.append(steps, keepSeq(this.#transcript));
    for (const step of steps) this.#extend(step);
  }

  #extend({ message, row }: Step): void {
    extend(this.#transcript, message);
    this.#transcript.workedMs += row?.duration_ms ?? 0;
  }

  /** True where the newest steps went astray and something was done about it. */
  async #recover(): Promise<boolean> {
    const trouble = findTrouble(this.#transcript);
    if (trouble === null) return false;
    const { agent } = this.#parts;
    if (trouble.action === 'nudge') await this.#append([{ message: trouble.message }]);
    else if (trouble.action === 'rollback') await this.#rollBack(trouble);
    else
      throw new BanyanError('model_output_invalid', describeTrouble(agent.role, trouble), {
        retry: 'needs_human',
        data: { loop: trouble.reason, ...trouble.evidence },
      });
    return true;
  }

  /** Stored at once; what is in memory is then read anew, as whoever comes after a kill would. */
  async #rollBack(trouble: Extract<Trouble, { action: 'rollback' }>): Promise<void> {
    const { store, worker, session, agent, reset } = this.#parts;
    const { seqs, everything } = this.#transcript;
    const { reason, evidence, cut, steps } = trouble;
    const rollback = { from_seq: seqs[cut] ?? 0, to_seq: everything.length, reason, data: { ...evidence, steps } };
    await this.#log.flush(keepSeq(this.#transcript));
    const comment = `Went back ${steps} steps: ${describeTrouble(agent.role, trouble)}.`;
    this.#log.gate = await store.rollBack(session.task.id, worker, { ...rollback, comment }, [toRow(rollbackMessage(trouble))]);
    if (this.#gate.status !== 'ok') throw new Interrupt(this.#gate.status);
    const loaded = await store.loadConversation(session.task.id, worker);
    this.#log.gate = loaded.gate;
    if (this.#gate.status !== 'ok') throw new Interrupt(this.#gate.status);
    this.#transcript = restore(loaded.messages, loaded.rollbacks);
    await reset(loaded.files);
  }

  /** What it begins with, stored where nothing is yet: for whoever works on it elsewhere. */
  async brief(): Promise<string[]> {
    if (this.#transcript.messages.length === 0) await this.#begin();
    return this.#transcript.messages.slice(0, 2).map(({ text }) => text);
  }

  async #begin(): Promise<void> {
    const { agent, session } = this.#parts;
    const brief = await agent.brief(session);
    await this.#append([{ message: new SystemMessage(redactSecrets(brief.system)) }, { message: new HumanMessage(redactSecrets(brief.opening)) }]);
  }

  async #takeInputs(): Promise<boolean> {
    if (this.#gate.inputs === 0) return false;
    const { store, worker, session } = this.#parts;
    const inputs = await store.pendingInputs(session.task.id, worker);
    if (inputs.length === 0) return false;
    const ids = inputs.map((input) => input.id);
    // A word about the way comes too late for a result that is handed in: it must not make it old, as a person's word does.
    const words = this.#conclusion() ? inputs.filter((input) => !isSteering(input)) : inputs;
    await this.#append(
      words.map((input) => ({ message: toMessage(input) })),
      ids,
    );
    return words.length > 0;
  }

  async #runTool(call: ToolCall): Promise<ToolMessage> {
    const { tools, agent, tracing } = this.#parts;
    const started = Date.now();
    const message = await tracedToolCall({ agent, tracing }, call.name, () => tools.run(call));
    const row = {
      tool_name: call.name,
      tool_call_id: call.id ?? '',
      tool_input: redactedArgs(call.args),
      duration_ms: Date.now() - started,
      is_error: message.status === 'error',
    };
    const step = { message, row };
    if (!tools.readsOnly(call)) await this.#append([step]);
    else {
      this.#log.defer(step);
      this.#extend(step);
    }
    return message;
  }

  /** Tools of one turn run one after another: they share one workspace, and the model listed them in an order. */
  #queueTool(call: ToolCall): Promise<ToolMessage> {
    const next = this.#toolQueue.then(() => {
      if (this.#pause()) throw new Interrupt('before a tool');
      return this.#runTool(call);
    });
    this.#toolQueue = next.catch(() => undefined);
    return next;
  }

  /** A short limit is waited for inside the step; a longer one, and what does not pass, is the task's. */
  async #patiently(call: () => Promise<AIMessage>): Promise<AIMessage> {
    const { session, deadline } = this.#parts;
    for (let tries = 1; ; tries += 1) {
      try {
        return await call();
      } catch (thrown) {
        const ms = waitInStep(toBanyanError(thrown), tries, deadline - Date.now());
        if (ms === null) throw thrown;
        await setTimeout(ms, undefined, { signal: session.signal });
      }
    }
  }

  async #modelStep(call: () => Promise<AIMessage>): Promise<AIMessage> {
    const { agent, roleModel } = this.#parts;
    const waiting = this.#gate.inputs > 0 || this.#gate.spent_usd >= this.#gate.budget_usd;
    if (waiting || this.#pause() || this.#conclusion() || findTrouble(this.#transcript)) throw new Interrupt('between steps');
    this.#enforceLimits();
    const started = Date.now();
    const raw = adoptWrittenResult(
      await tracedModelCall(this.#parts, () => this.#patiently(call)),
      agent.resultName,
      (value) => agent.resultSchema.safeParse(value).success,
    );
    const usage = usageOf(raw);
    const message = normalizeAnswer(raw, this.#transcript.everything);
    this.#transcript.modelCalls += 1;
    const row = {
      model: roleModel.id,
      tokens_in: usage.input_tokens,
      tokens_out: usage.output_tokens,
      cost_usd: roleModel.cost(usage).usd,
      duration_ms: Date.now() - started,
    };
    await this.#append([{ message, row }]);
    return message;
  }

  /** Runs the agent loop until it ends or a step interrupts it. Its own state is thrown away: the transcript is the state. */
  async #turn(): Promise<void> {
    const { loop, session, stop } = this.#parts;
    this.#failure = undefined;
    const keep = <T>(work: Promise<T>): Promise<T> =>
      work.catch((error: unknown) => {
        this.#failure ??= error;
        throw error;
      });
    try {
      await loop.run(this.#transcript.messages, {
        model: (call) => keep(this.#modelStep(call)),
        tool: (call) => keep(this.#queueTool(call)),
        signal: stop,
      });
    } catch (thrown) {
      await this.#toolQueue;
      if (session.signal.aborted) return;
      const cause = this.#failure ?? thrown;
      if (!(cause instanceof Interrupt)) throw cause;
    }
  }

  /** The model spoke and called nothing: it is told how to hand in its result. */
  async #answerProse(): Promise<void> {
    const { messages } = this.#transcript;
    const { agent } = this.#parts;
    const last = messages.at(-1);
    if (!(last instanceof AIMessage) || last.tool_calls?.length) return;
    const nudges = messages.slice(-2 * MAX_NUDGES).filter((message) => message.additional_kwargs['banyan_nudge'] === true).length;
    if (nudges >= MAX_NUDGES) {
      throw new BanyanError('model_output_invalid', `${agent.role} answered ${MAX_NUDGES + 1} times without handing in a result`, { retry: 'needs_human' });
    }
    const content = `That handed in nothing. Go on with the task, or call \`${agent.resultName}\` with your result.`;
    await this.#append([{ message: new HumanMessage({ content, additional_kwargs: { banyan_nudge: true } }) }]);
  }
}

/** A word of the guardian, who watches conversations from outside. */
function isSteering({ source }: PendingInput): boolean {
  return source.startsWith('guardian:');
}

/** Our own word marks what is others' in it by itself, and is marked as no person's. */
function toMessage(input: PendingInput): HumanMessage {
  if (isSteering(input)) return new HumanMessage({ content: redactSecrets(input.body), additional_kwargs: { banyan_nudge: 'guardian' } });
  return new HumanMessage(redactSecrets(untrustedBlock(describeInput(input), input.body)));
}

function describeInput({ source, author }: PendingInput): string {
  if (source.startsWith('waiting/')) return 'word of Banyan itself';
  return source.startsWith('edit:') ? `the issue as ${author} edited it` : `comment by ${author}, who has write access`;
}

/** Arguments for the audit, long texts cut: the call itself stands in the model's message as it was. */
function redactedArgs(args: unknown): JsonObject {
  return redactValues(args ?? {}, (text) => truncateMiddle(redactSecrets(text), ARGUMENT_CHARS)) as JsonObject;
}
