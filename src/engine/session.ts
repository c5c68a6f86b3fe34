import type { InstanceContext } from '../config/instance.ts';
import type { RepositoryConfig } from '../config/repository.ts';
import type { FileChange } from '../context/overlay.ts';
import type { RepositorySnapshot } from '../context/snapshot.ts';
import type { Workspace } from '../context/workspace.ts';
import type { EffectScope } from '../domain/effects.ts';
import type { Intent } from '../domain/intents.ts';
import type { JsonObject, Project, Run, Task, Ticket, TicketSnapshot } from '../domain/model.ts';
import type { PhaseContext } from '../domain/phases.ts';
import type { Phase, Workflow } from '../domain/workflow.ts';
import type { PullRequest } from '../github/pulls.ts';
import type { Repository } from '../github/repository.ts';
import type { Ledger } from './ledger.ts';

/** What is kept with a conversation beside its messages: enough to have the same files again after a crash. */
export interface ConversationState {
  revision: string;
  changes: JsonObject[];
  /** What code found out for this conversation (results of suites, say); the role's own form. */
  evidence: JsonObject;
  /** How often `check` sent the result back. */
  sentBack: number;
}

/** Everything a role may use while it works on one task. */
export interface TaskSession {
  readonly task: Task;
  readonly run: Run;
  readonly ticket: Ticket;
  readonly project: Project;
  /** The branch that the work is made for: begun from it, compared with it, merged into it. The default one, or that of an update. */
  readonly base: string;
  readonly config: RepositoryConfig;
  readonly workflow: Workflow;
  readonly phase: Phase;
  /** Of the instance: its domain and skills. */
  readonly instance: InstanceContext;
  readonly at: EffectScope;
  readonly repository: Repository;
  /** `https://github.com/acme/shop`. */
  readonly repositoryUrl: string;
  /** The App's own login. */
  readonly login: string;
  readonly ledger: Ledger;
  /** A sentence that every comment must carry, or null. */
  readonly disclosure: string | null;
  readonly state: ConversationState;
  readonly signal: AbortSignal;
  /** The ticket as it is now. */
  snapshot(): Promise<TicketSnapshot>;
  /** Where people's words came from (`comment:7`) that the conversation has not taken yet. */
  unheard(): Promise<string[]>;
  /** The files at `state.revision` with the conversation's changes; fetched when first asked for. */
  workspace(): Promise<Workspace>;
  /** The tree at `state.revision`, without changes. */
  tree(): Promise<RepositorySnapshot>;
  /** The files of another commit with changes over them, disposed of with the session. */
  workspaceAt(revision: string, changes?: FileChange[]): Promise<Workspace>;
  /** A pull request as it was when this session first asked for it: what opens a conversation is about one state of it, and asks once. */
  pullRequest(number: number): Promise<PullRequest>;
  /** Applies intents at once, under the task's lease. */
  record(intents: Intent[]): Promise<void>;
  phaseContext(snapshot: TicketSnapshot): PhaseContext;
}
