import { HumanMessage, SystemMessage } from '@langchain/core/messages';
import type { AIMessage, BaseMessage, ToolMessage } from '@langchain/core/messages';
import type { ToolCall } from '@langchain/core/messages/tool';
import type { JsonObject } from '../domain/model.ts';
import { BanyanError } from '../kernel/errors.ts';
import { redactSecrets } from '../kernel/redact.ts';
import { untrustedBlock } from '../kernel/text.ts';
import type { RoleModel } from '../llm/types.ts';
import type { NewMessage, StepGate, Store } from '../store/contract.ts';
import type { ConversationLoop } from './loop.ts';
import type { RoleAgent } from './role.ts';
import type { ConversationState, TaskSession } from './session.ts';
import type { ToolRunner } from './tool-runner.ts';
import { adoptWrittenResult, concluded, danglingCalls, failedInARow, kindOf, normalizeAnswer, toContent } from './transcript.ts';
import type { Transcript } from './transcript.ts';

/*
 * A conversation in words.
 *
 * Its state is its transcript: rows in `messages`, each written before the next step begins, together with the workspace
 * as it then is. Whoever holds the task's lease reads them and goes on:
 *
 *   empty            -> brief (system + opening), stored
 *   dangling calls   -> run them (their effects are keyed by call id), store the answers
 *   people wrote     -> their words become human messages
 *   concluded        -> the result (or the wait for a person); the conversation ends for now
 *   otherwise        -> the model's turn, by `createAgent`, until one of the above holds between two steps
 *
 * Between two steps the gate is looked at: lease lost, task cancelled, run paused or stopped, budget spent, time nearly up.
 * Each ends the loop there and then; nothing is lost because everything is stored.
 */

export type Outcome =
  | { kind: 'result'; value: unknown }
  /** The role asked a person by `ask_human`. */
  | { kind: 'asked'; question: string }
  | { kind: 'out_of_time' }
  | { kind: 'budget'; gate: StepGate }
  | { kind: 'paused' }
  | { kind: 'gone'; reason: 'lost' | 'cancelled' };

export const ASK_HUMAN = 'ask_human';

/** A model that answers in prose three times in a row, or hands in what does not parse, will not get better. */
const MAX_NUDGES = 3;

export interface ConversationParts {
  store: Store;
  worker: string;
  agent: RoleAgent;
  session: TaskSession;
  roleModel: RoleModel;
  tools: ToolRunner;
  loop: ConversationLoop;
  /** Milliseconds since the epoch after which no further step is begun. */
  deadline: number;
  maxSteps: number;
  maxMinutes: number;
  /** The workspace's changes as they are now, to be kept with each step. */
  changes(): Promise<JsonObject[]>;
}

/** Raised inside the loop to end it between two steps; never leaves this module. */
class Interrupt extends Error {}

export interface Conversation {
  /** Goes on from what is stored until something ends it for now. */
  proceed(): Promise<Outcome>;
}

export function createConversation(parts: ConversationParts, loaded: { transcript: Transcript; gate: StepGate }): Conversation {
  const { store, worker, agent, session, roleModel } = parts;
  const { transcript } = loaded;
  let { gate } = loaded;
  let failure: unknown;
  let toolQueue: Promise<unknown> = Promise.resolve();

  async function append(messages: { message: BaseMessage; row?: Partial<NewMessage> }[], inputIds?: string[]): Promise<void> {
    session.state.changes = await parts.changes();
    const rows = messages.map(({ message, row }): NewMessage => ({ kind: kindOf(message), content: toContent(message), ...row }));
    gate = inputIds ? await store.appendInputs(session.task.id, worker, inputIds, rows) : await store.appendMessages(session.task.id, worker, rows, stateOf(session.state));
    if (gate.status !== 'ok') throw new Interrupt(gate.status);
    transcript.messages.push(...messages.map(({ message }) => message));
    for (const { row } of messages) transcript.workedMs += row?.duration_ms ?? 0;
  }

  /** What ends the conversation for now, or null to go on. Also asked between two steps of the loop. */
  function pause(): Outcome | null {
    if (gate.status !== 'ok') return { kind: 'gone', reason: gate.status };
    if (gate.run_state === 'paused') return { kind: 'paused' };
    if (gate.run_state !== 'running' && gate.run_state !== 'queued') return { kind: 'gone', reason: 'cancelled' };
    if (session.signal.aborted || Date.now() >= parts.deadline) return { kind: 'out_of_time' };
    return null;
  }

  function conclusion(): Outcome | null {
    const end = concluded(transcript.messages, [agent.resultName, ASK_HUMAN]);
    if (!end) return null;
    if (end.name === ASK_HUMAN) return { kind: 'asked', question: String(end.call.args['question'] ?? '') };
    return { kind: 'result', value: agent.resultSchema.parse(end.call.args) };
  }

  function enforceLimits(): void {
    if (failedInARow(transcript.messages, agent.resultName) > MAX_NUDGES + 2) {
      throw new BanyanError('model_output_invalid', `${agent.role} handed in a result ${MAX_NUDGES + 3} times that could not be accepted`, { retry: 'needs_human' });
    }
    if (transcript.modelCalls >= parts.maxSteps) {
      throw new BanyanError('limit_reached', `${agent.role} used all ${parts.maxSteps} steps without a result`, { retry: 'needs_human', fix: 'Split the issue, or raise limits.max_steps in .github/banyan.yml.' });
    }
    if (transcript.workedMs >= parts.maxMinutes * 60_000) {
      throw new BanyanError('limit_reached', `${agent.role} worked for ${parts.maxMinutes} minutes without a result`, { retry: 'needs_human', fix: 'Split the issue, or raise limits.max_minutes in .github/banyan.yml.' });
    }
  }

  async function begin(): Promise<void> {
    const brief = await agent.brief(session);
    await append([{ message: new SystemMessage(brief.system) }, { message: new HumanMessage(redactSecrets(brief.opening)) }]);
  }

  async function takeInputs(): Promise<boolean> {
    const inputs = await store.pendingInputs(session.task.id, worker);
    if (inputs.length === 0) return false;
    const messages = inputs.map((input) => ({ message: new HumanMessage(redactSecrets(untrustedBlock(`comment by ${input.author}, who has write access`, input.body))) }));
    await append(
      messages,
      inputs.map((input) => input.id),
    );
    return true;
  }

  async function runTool(call: ToolCall): Promise<ToolMessage> {
    const started = Date.now();
    const message = await parts.tools.run(call);
    const row = { tool_name: call.name, tool_call_id: call.id ?? '', tool_input: call.args as JsonObject, duration_ms: Date.now() - started, is_error: message.status === 'error' };
    await append([{ message, row }]);
    return message;
  }

  /** Tools of one turn run one after another: they share one workspace, and the model listed them in an order. */
  function queueTool(call: ToolCall): Promise<ToolMessage> {
    const next = toolQueue.then(() => runTool(call));
    toolQueue = next.catch(() => undefined);
    return next;
  }

  async function modelStep(call: () => Promise<AIMessage>): Promise<AIMessage> {
    if (pause() ?? conclusion()) throw new Interrupt('between steps');
    if (gate.inputs > 0 || gate.spent_usd >= gate.budget_usd) throw new Interrupt('between steps');
    enforceLimits();
    const started = Date.now();
    const raw = adoptWrittenResult(await call(), agent.resultName, (value) => agent.resultSchema.safeParse(value).success);
    const usage = { input_tokens: raw.usage_metadata?.input_tokens ?? 0, output_tokens: raw.usage_metadata?.output_tokens ?? 0, ...cacheOf(raw) };
    const message = normalizeAnswer(raw, transcript.messages);
    transcript.modelCalls += 1;
    await append([
      {
        message,
        row: { model: roleModel.id, tokens_in: usage.input_tokens, tokens_out: usage.output_tokens, cost_usd: roleModel.cost(usage).usd, duration_ms: Date.now() - started },
      },
    ]);
    return message;
  }

  /** Runs the agent loop until it ends or a step interrupts it. Its own state is thrown away: the transcript is the state. */
  async function turn(): Promise<void> {
    failure = undefined;
    const keep = <T>(work: Promise<T>): Promise<T> =>
      work.catch((error: unknown) => {
        failure ??= error;
        throw error;
      });
    try {
      await parts.loop.run(transcript.messages, { model: (call) => keep(modelStep(call)), tool: (call) => keep(queueTool(call)), signal: session.signal });
    } catch (thrown) {
      await toolQueue;
      if (session.signal.aborted) return;
      const cause = failure ?? thrown;
      if (!(cause instanceof Interrupt)) throw cause;
    }
  }

  /** The model spoke and called nothing: it is told how to hand in its result. */
  async function answerProse(): Promise<void> {
    const last = transcript.messages.at(-1);
    if (last?.getType() !== 'ai' || (last as AIMessage).tool_calls?.length) return;
    const nudges = transcript.messages.slice(-2 * MAX_NUDGES).filter((message) => message.additional_kwargs['banyan_nudge'] === true).length;
    if (nudges >= MAX_NUDGES) {
      throw new BanyanError('model_output_invalid', `${agent.role} answered without handing in a result ${MAX_NUDGES + 1} times`, { retry: 'needs_human' });
    }
    const content = `That handed in nothing. Go on with the task, or call \`${agent.resultName}\` with your result.`;
    await append([{ message: new HumanMessage({ content, additional_kwargs: { banyan_nudge: true } }) }]);
  }

  async function advance(): Promise<Outcome | null> {
    if (transcript.messages.length === 0) await begin();
    const stop = pause();
    if (stop) return stop;
    for (const call of danglingCalls(transcript.messages)) await runTool(call);
    // Inputs come first: a person's word that arrived with the result makes the result old.
    if (await takeInputs()) return null;
    const end = conclusion();
    if (end) return end;
    if (gate.spent_usd >= gate.budget_usd) return { kind: 'budget', gate };
    await turn();
    await answerProse();
    return null;
  }

  return {
    async proceed() {
      for (;;) {
        try {
          const outcome = await advance();
          if (outcome) return outcome;
        } catch (thrown) {
          if (!(thrown instanceof Interrupt)) throw thrown;
        }
        const stop = pause();
        if (stop) return stop;
      }
    },
  };
}

function cacheOf(message: AIMessage): { cache_read?: number; cache_creation?: number } {
  const details = message.usage_metadata?.input_token_details;
  return {
    ...(details?.cache_read ? { cache_read: details.cache_read } : {}),
    ...(details?.cache_creation ? { cache_creation: details.cache_creation } : {}),
  };
}

export function stateOf(state: ConversationState): JsonObject {
  return { revision: state.revision, changes: state.changes, evidence: state.evidence, sentBack: state.sentBack };
}
