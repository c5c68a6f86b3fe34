import type { AgentStore, IdentityStore } from './agent-contract.ts';
import type { Intent } from '../domain/intents.ts';
import type { CriticalPath } from '../domain/graph.ts';
import type { ClaimedEffect, EffectStore } from './effect-contract.ts';
import type { MetricsReading } from '../domain/metrics.ts';
import type { JsonObject, Project, Run, RunState, Task, Ticket, TicketSnapshot } from '../domain/model.ts';
import type { BoardStore } from './board-contract.ts';
import type { DiagnoseStore } from './diagnose-contract.ts';
import type { Inspection } from './inspect-contract.ts';
import type { GuardianStore } from './guardian-contract.ts';
import type { RedeliveryStore } from './redelivery-contract.ts';
import type { WatchStore } from './watch-contract.ts';

export type { ListGap, MissedDelivery, RecordedAttempt, RedeliveryProgress } from './redelivery-contract.ts';

/** How calls reach Postgres. Two implementations, one contract suite: supabase-js `rpc()`, and a direct connection. */
export interface Transport {
  /**
   * Calls one SQL function with named arguments; every function of Banyan's returns one jsonb.
   * @throws BanyanError `database_unavailable` (transient) where no answer came; `database_error` (permanent, `data.sqlstate`) where Postgres refused; `conflict` for SQLSTATE PT409.
   */
  call(fn: string, args: Record<string, unknown>): Promise<unknown>;
  close(): Promise<void>;
}

export interface NewDelivery {
  guid: string;
  event: string;
  action: string | null;
  installationId: number | null;
  /** `owner/name`, lower case; null for events without a repository. */
  repository: string | null;
  /** Number of the issue or pull request the event is about; events of one subject are handled one at a time, in order of receipt. */
  number: number | null;
  /** Where the event names a branch of Banyan's (`feature/12-...`): the issue number in it. Orders a pull request's events with its issue's. */
  issueHint: number | null;
  /** The raw body as it came. */
  body: string;
}

export interface ClaimedDelivery {
  guid: string;
  event: string;
  action: string | null;
  body: string;
  attempts: number;
  received_at: string;
}

export interface ClaimedTask {
  task: Task;
  run: Run;
  ticket: Ticket;
  project: Project;
}

export interface Claims {
  deliveries: ClaimedDelivery[];
  effects: ClaimedEffect[];
  tasks: ClaimedTask[];
  /** Milliseconds until the next delivery, effect or task falls due that is only waiting for its time; null where there is none. */
  next_due_ms: number | null;
}

export interface DeliveryContext {
  project: Project;
  /** The ticket the delivery is about (a pull request's number finds its ticket), or null. */
  snapshot: TicketSnapshot | null;
}

export type MessageKind = 'system' | 'human' | 'ai' | 'tool';

/** One step of a conversation, appended and never changed. */
export interface NewMessage {
  kind: MessageKind;
  /** LangChain's stored-message JSON. */
  content: JsonObject;
  model?: string;
  tool_name?: string;
  tool_call_id?: string;
  tool_input?: JsonObject;
  tokens_in?: number;
  tokens_out?: number;
  cost_usd?: number;
  duration_ms?: number;
  is_error?: boolean;
}

/** A person's words that a conversation has not taken yet. */
export interface PendingInput {
  id: string;
  /** `comment:7`; `edit:<guid>` where the issue itself was edited; `guardian:...` and `waiting/...` where no person wrote. */
  source: string;
  author: string;
  body: string;
  created_at: string;
}

/** One file that a conversation changed against the repository; `change` null: it is there as in the repository again. */
export interface WorkspaceFile {
  path: string;
  change: JsonObject | null;
}

/** A range of steps that a conversation went back over: hidden from the model, kept for the audit. */
export interface Rollback {
  from_seq: number;
  to_seq: number;
  reason: string;
}

export interface StoredConversation {
  messages: StoredMessage[];
  workspace: JsonObject | null;
  /** The changes as they are with the newest step that is not rolled back. */
  files: JsonObject[];
  rollbacks: Rollback[];
  gate: StepGate;
}

export interface StoredMessage extends NewMessage {
  seq: number;
  created_at: string;
}

/** What a conversation must know between two steps. */
export interface StepGate {
  /** `lost`: the lease is another's, stop without a trace. `cancelled`: the task was. */
  status: 'ok' | 'lost' | 'cancelled';
  run_state: RunState;
  spent_usd: number;
  budget_usd: number;
  warned: boolean;
  /** Number of inputs of people that the conversation has not taken yet. */
  inputs: number;
}

/** `next`: the tasks that were asked for with the call, under leases of the same worker. */
export type Settled = { status: 'completed' | 'waiting'; next?: ClaimedTask[] } | { status: 'inputs' } | { status: 'lost' } | { status: 'conflict' };

/** What a worker that ends a task takes on in its place, in the same call. Work of workers that are gone is left to `claim`. */
export interface NextTasks {
  tasks: number;
  leaseSeconds: number;
}

/** Points and creations of content, as GitHub's secondary limits count them. */
export interface GitHubAmount {
  points: number;
  creations: number;
}

/** What of a block is told back: what was used of it, and how many of its requests are still open. */
export interface GitHubReturn extends GitHubAmount {
  id: number;
  slots: number;
}

export type GitHubReservation =
  /** To be used within `seconds`. */
  | ({ status: 'granted'; id: number; slots: number; seconds: number } & GitHubAmount)
  /** GitHub has asked this installation to stop for so long. */
  | { status: 'held'; seconds: number }
  /**
   * The budget is used up. `seconds`: until the need fits; `later`: until it is worth coming back; `pace`: the seconds between two in a
   * queue; `creations`: only what creates content has to wait.
   */
  | { status: 'wait'; seconds: number; later: number; pace: number; creations: boolean };

/** Until when something waits for a limit to end (null: nobody said), and for how long it may do so in all. */
export interface PutOff {
  seconds: number | null;
  patienceSeconds: number;
}

/** What of a worker's leases was renewed: the tasks' gates say who lost one, of the rest only what is still its own is named. */
export interface Renewed {
  tasks: Record<string, StepGate>;
  effects: string[];
  deliveries: string[];
}

export type WorkKind = 'task' | 'delivery' | 'effect';

/** What took its workers down with it. */
export interface Deaths {
  /** Without anything in between that its worker lived to store. */
  in_a_row: number;
  first_at: string;
  last_at: string;
  /** Of a task: the newest step of its conversation, and the tools that it called. */
  step: { seq: number; kind: MessageKind; tools: string[] } | null;
}

export interface Health {
  schema_version: string;
  deliveries_due: number;
  deliveries_dead: number;
  tasks_due: number;
  /** Of these, what waits for a limit of its organization. */
  tasks_limited: number;
  tasks_running: number;
  tasks_dead: number;
  effects_due: number;
  effects_failed: number;
  oldest_due_task_seconds: number | null;
  oldest_due_delivery_seconds: number | null;
  deliveries_missing: number;
  deliveries_lost: number;
}

/** What one batch of retention moved out: rows of each kind. */
export interface Retained {
  deliveries: number;
  steps: number;
  effects: number;
  events: number;
  audit: number;
  /** True where a batch was full: there is more. */
  more: boolean;
}

/** Where a decision about a ticket is applied; `expect_version` null skips the guard (the ticket does not exist yet). */
export interface TicketRef {
  project_id: string;
  number: number;
  expect_version: number | null;
  /** GitHub's name for what the delivery says (`comment:7`), where it has one: said by another delivery before, it counts no more. */
  said?: string | null;
}

/** One typed gateway of calls to the database; each is one SQL function and one transaction. */
export interface Store extends EffectStore, RedeliveryStore, WatchStore, DiagnoseStore, GuardianStore, BoardStore, AgentStore, IdentityStore {
  receiveDelivery(delivery: NewDelivery): Promise<'accepted' | 'duplicate'>;
  /** Deliveries, effects and tasks that are due, under leases of this worker. One round trip. */
  claim(worker: string, want: { deliveries: number; effects: number; tasks: number; leaseSeconds: number }): Promise<Claims>;
  /** For an agent of elsewhere: a task of its role and organization that nobody began yet, under a lease of `agent-<id>`. */
  claimForAgent(id: string, leaseSeconds: number): Promise<ClaimedTask | null>;
  /** Makes sure the organization, installation and project exist and reads what routing needs. */
  openDelivery(input: {
    guid: string;
    worker: string;
    installationId: number;
    account: { id: number; login: string; type: string };
    repository: { id: number; owner: string; name: string; defaultBranch: string };
    number: number | null;
  }): Promise<DeliveryContext>;
  /**
   * Applies the decision and marks the delivery processed. `conflict`: the ticket changed meanwhile; read and decide again. `repeated`: the same was
   * said by another delivery, so nothing was applied.
   */
  applyIntents(guid: string, worker: string, ref: TicketRef | null, intents: Intent[]): Promise<{ status: 'applied' | 'repeated' | 'conflict' | 'lost' }>;
  /** `retryAt` null: dead letter. */
  failDelivery(guid: string, worker: string, error: JsonObject, retryAt: Date | null): Promise<void>;
  ticketSnapshot(ticketId: string): Promise<TicketSnapshot>;

  renew(worker: string, leases: { tasks: string[]; effects: string[]; deliveries: string[] }, leaseSeconds: number): Promise<Renewed>;
  /** How this worker's tasks stand, without renewing anything. */
  look(worker: string, tasks: string[]): Promise<Record<string, StepGate>>;
  /** Applies intents in the middle of a task (its start, a recorded pull request); the lease is the guard. */
  applyTaskIntents(taskId: string, worker: string, intents: Intent[]): Promise<{ status: 'applied' | 'lost' | 'cancelled' }>;
  /** Back to pending without counting the attempt: out of time, not out of luck. */
  releaseTask(taskId: string, worker: string, delaySeconds: number): Promise<void>;
  /** `inputs`: people wrote meanwhile and nothing was stored; take the inputs and go on. `conflict`: `expectVersion` did not hold. */
  completeTask(
    taskId: string,
    worker: string,
    output: JsonObject,
    decision: { expectVersion: number | null; intents: Intent[]; next?: NextTasks },
  ): Promise<Settled>;
  suspendTask(taskId: string, worker: string, wait: { waitingFor: string; waitingOn: string; next?: NextTasks }, intents: Intent[]): Promise<Settled>;
  /**
   * With `retry` and attempts left: pending again after exponential back-off with jitter (or at `retryAt`). Otherwise `failed` (permanent) or `dead`
   * (attempts used up) and `intentsAtEnd` are applied.
   */
  failTask(
    taskId: string,
    worker: string,
    failure: { error: JsonObject; retry: boolean; retryAt: Date | null; intentsAtEnd: Intent[]; next?: NextTasks },
  ): Promise<{ status: 'retried' | 'failed' | 'dead' | 'lost'; next?: ClaimedTask[] }>;

  loadConversation(taskId: string, worker: string): Promise<StoredConversation>;
  /**
   * Appends steps in one transaction, with what of the workspace they changed, adds up cost, and says what to know before the next.
   * Older versions of the changed files go, but for what a rollback to `keepSeq` needs.
   */
  appendMessages(
    taskId: string,
    worker: string,
    messages: NewMessage[],
    kept?: { workspace?: JsonObject; changed?: WorkspaceFile[]; keepSeq?: number },
  ): Promise<StepGate>;
  /** Hides the newest steps, takes back what they changed and says so, in one transaction. `conflict` where there are newer ones. */
  rollBack(taskId: string, worker: string, rollback: Rollback & { comment: string; data: JsonObject }, messages: NewMessage[]): Promise<StepGate>;
  /** Inputs of people that the conversation has not taken yet, oldest first; taken only by `appendInputs`. */
  pendingInputs(taskId: string, worker: string): Promise<PendingInput[]>;
  /** Marks inputs taken together with the messages they became. */
  appendInputs(taskId: string, worker: string, inputIds: string[], messages: NewMessage[]): Promise<StepGate>;

  /** Null where no worker ended over it (in the last month). */
  readDeaths(kind: WorkKind, key: string): Promise<Deaths | null>;
  /** Says before it is begun that nothing else under suspicion is: after two deaths, only one that comes then is counted. */
  tryAlone(kind: WorkKind, key: string): Promise<void>;

  /** Not failed, only not now: waits without using up an attempt; `failed` for good where the patience is at its end. */
  putOffEffect(key: string, worker: string, error: JsonObject, wait: PutOff): Promise<'put_off' | 'failed' | 'lost'>;
  putOffDelivery(guid: string, worker: string, error: JsonObject, wait: PutOff): Promise<'put_off' | 'failed' | 'lost'>;
  putOffTask(taskId: string, worker: string, error: JsonObject, wait: PutOff & { intentsAtEnd: Intent[] }): Promise<'put_off' | 'failed' | 'lost'>;

  /** Reserves requests to GitHub for one process: at least `need`, up to `want`; tells back what it did not use of its earlier blocks. */
  reserveGitHub(reservation: {
    installationId: number;
    holder: string;
    need: GitHubAmount;
    want: GitHubAmount & { slots: number };
    returns: GitHubReturn[];
  }): Promise<GitHubReservation>;
  returnGitHub(holder: string, returns: GitHubReturn[]): Promise<void>;
  /** GitHub has said that it is too much; null where it named no time. The seconds for which nobody asks it for this installation. */
  holdGitHub(installationId: number, seconds: number | null): Promise<number>;

  /** The chain of a run's tasks that takes longest: measured time where a task has ended, its time limit before that. */
  criticalPath(runId: string): Promise<CriticalPath>;
  /** What of a run could start now, in the order of claiming. */
  readyTasks(runId: string): Promise<{ id: string; key: string }[]>;

  /** Moves out one batch of what no work needs any more, `limit` rows of each kind at most. */
  retain(batch: { limit: number; deliveryDays: number; historyDays: number }): Promise<Retained>;
  /** What monitoring reads; takes milliseconds however much history there is. */
  metrics(): Promise<MetricsReading>;
  health(): Promise<Health>;
  /** Who may do what in this database, and whether its jobs run. */
  inspect(): Promise<Inspection>;
  close(): Promise<void>;
}
