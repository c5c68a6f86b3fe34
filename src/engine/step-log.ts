import type { BaseMessage } from '@langchain/core/messages';
import { ToolMessage } from '@langchain/core/messages';
import { refreshStatus } from '../domain/effects.ts';
import type { JsonObject } from '../domain/model.ts';
import type { NewMessage, StepGate, Store, WorkspaceFile } from '../store/contract.ts';
import type { ConversationState, TaskSession } from './session.ts';
import { kindOf, toContent } from './transcript.ts';

/*
 * How steps get into the database. Each is stored before the next begins, with one exception: what a tool answered that only reads waits
 * for the next step and is stored with it, in one call. A crash before that loses nothing but the reading, which the next worker does again
 * over the same files. What cost money, and what changed something, never waits.
 */

/** Raised inside the loop to end it between two steps; caught by the conversation. */
export class Interrupt extends Error {}

export interface Step {
  message: BaseMessage;
  row?: Partial<NewMessage>;
}

export interface StepLogParts {
  store: Store;
  worker: string;
  session: TaskSession;
  /** What of the workspace changed since it was last asked, to be kept with each step. */
  changed: () => Promise<WorkspaceFile[]>;
  /** Called when a step was stored: the task makes progress. */
  stored: () => void;
}

/** The steps of one conversation on their way into the database, and what it said last. */
export class StepLog {
  gate: StepGate;
  readonly #parts: StepLogParts;
  /** Not stored yet, in order. */
  #waiting: Step[] = [];
  /** The state as it was last stored: what did not change is not stored again. */
  #state = '';
  /** Whether people were told that the budget is nearly spent. */
  #warned: boolean;

  constructor(parts: StepLogParts, gate: StepGate) {
    this.#parts = parts;
    this.gate = gate;
    this.#warned = gate.warned;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Keeps what a tool answered that only reads until the next step is stored. */
  defer(step: Step): void {
    this.#waiting.push(step);
  }

  /** Stores what waits and then these, with what of the workspace they changed. Afterwards the gate says how the task stands. */
  async append(steps: readonly Step[], keepSeq: number): Promise<void> {
    const { store, worker, session, changed } = this.#parts;
    const state = stateOf(session.state);
    const text = JSON.stringify(state);
    // Only tools change files, and those that only read do not.
    const files = steps.some(({ message }) => message instanceof ToolMessage) ? await changed() : [];
    const kept = { ...(text === this.#state ? {} : { workspace: state }), changed: files, keepSeq };
    await this.#go(await store.appendMessages(session.task.id, worker, this.#take(steps), kept));
    this.#state = text;
  }

  /** Marks inputs of people as taken, together with what they became. */
  async appendInputs(inputIds: string[], steps: readonly Step[]): Promise<void> {
    const { store, worker, session } = this.#parts;
    await this.#go(await store.appendInputs(session.task.id, worker, inputIds, this.#take(steps)));
  }

  /** Stores what waits, if anything does. */
  async flush(keepSeq: number): Promise<void> {
    if (this.#waiting.length > 0) await this.append([], keepSeq);
  }

  /** Sent once: whether a call that failed was stored is not known here, only to who reads the conversation anew. */
  #take(steps: readonly Step[]): NewMessage[] {
    return [...this.#waiting.splice(0), ...steps].map(({ message, row }) => toRow(message, row));
  }

  async #go(gate: StepGate): Promise<void> {
    this.gate = gate;
    if (gate.status !== 'ok') throw new Interrupt(gate.status);
    const { session, stored } = this.#parts;
    stored();
    if (gate.warned && !this.#warned) await session.record([refreshStatus(session.at)]);
    this.#warned = gate.warned;
  }
}

export function toRow(message: BaseMessage, row?: Partial<NewMessage>): NewMessage {
  return { kind: kindOf(message), content: toContent(message), ...row };
}

function stateOf(state: ConversationState): JsonObject {
  return { revision: state.revision, evidence: state.evidence, sentBack: state.sentBack };
}
