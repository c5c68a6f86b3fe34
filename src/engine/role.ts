import type { z } from 'zod';
import type { Intent } from '../domain/intents.ts';
import type { JsonObject, TicketSnapshot } from '../domain/model.ts';
import type { ToolPermission } from '../tools/tool.ts';
import type { TaskSession } from './session.ts';

export interface RoleLimits {
  /** Model calls in one conversation, over all its rounds. */
  maxSteps: number;
}

/** What the conversation begins with. Both texts are stored as its first messages and never rebuilt. */
export interface Brief {
  system: string;
  opening: string;
}

/** What is to happen when a role has given its answer: applied with the task's end in one transaction. */
export type Finish = { kind: 'complete'; output: JsonObject; intents: Intent[] } | { kind: 'wait'; waitingFor: string; waitingOn: string; intents: Intent[] };

/** Work that was kept: the sentence for people, and what the ticket is to remember. */
export interface Salvage {
  note: string;
  intents: Intent[];
}

/**
 * What the engine asks of a role. It never sees more than this.
 * `Result` is the structured answer, parsed by `resultSchema`; what does not parse goes back to the model with the error.
 */
export interface RoleAgent<Result = unknown> {
  readonly role: string;
  /** Name of the tool by which the model hands in its result. */
  readonly resultName: string;
  readonly resultSchema: z.ZodType<Result>;
  readonly permissions: readonly ToolPermission[];
  readonly limits: RoleLimits;
  /** The commit whose files the conversation works on; asked once, then kept with the conversation. */
  revision(session: TaskSession): Promise<string>;
  /** Applied when the task starts (again): idempotent. */
  start(session: TaskSession): Promise<Intent[]>;
  brief(session: TaskSession): Promise<Brief>;
  /** A gate in code before the result is taken: a sentence for the model sends it back to work, null accepts. Called at most `attempt` 0, 1, 2. */
  check(session: TaskSession, result: Result, attempt: number): Promise<string | null>;
  /** Performs what the result means on GitHub (through the ledger) and says what follows from the ticket as `snapshot` shows it. Repeatable; changes the ticket by its intents only. */
  finish(session: TaskSession, result: Result, snapshot: TicketSnapshot): Promise<Finish>;
  /** When the budget ran out in the middle: keeps what there is on GitHub. Repeatable; null where there is nothing. */
  salvage(session: TaskSession): Promise<Salvage | null>;
  /** When the task ends without a result: leaves nothing on GitHub that looks as if it were still under way. Repeatable. */
  abandon(session: TaskSession, reason: string): Promise<void>;
}
