/** The words of the business: states, roles, and the shapes that the store hands out and takes. */

export const TICKET_STATES = [
  'analyzing',
  'needs_clarification',
  'ready_for_dev',
  'in_progress',
  'in_qa',
  'in_review',
  'done',
  'awaiting_approval',
  'blocked',
  'paused',
  'failed',
  'cancelled',
] as const;
export type TicketState = (typeof TICKET_STATES)[number];

export const RUN_STATES = ['queued', 'running', 'paused', 'completed', 'failed', 'stopped_budget', 'stopped_gate', 'stopped_user'] as const;
export type RunState = (typeof RUN_STATES)[number];

export const TASK_STATES = ['pending', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'dead'] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** What may be done about a run that does not go on, or goes astray. */
export const RECOVERY_ACTIONS = ['retry', 'roll_back', 'split', 're_plan', 'change_model', 'ask_person', 'stop'] as const;
export type RecoveryAction = (typeof RECOVERY_ACTIONS)[number];

/** What a conversation does before it goes on. */
export interface Directive {
  type: 'roll_back';
  /** The first step that is undone: a turn of the model. */
  from_seq: number;
  /** The newest step when it was decided: a rollback that reaches it was this one, or made it needless. */
  at_seq: number;
  reason: string;
}

export const PRIORITIES = ['critical', 'high', 'medium', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Roles that come with Banyan; a child may register more, so a role is a string everywhere it is stored. */
export const ROLES = ['product-owner', 'developer', 'qa', 'reviewer'] as const;
export type Role = (typeof ROLES)[number];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Project {
  id: string;
  organization_id: string;
  /** GitHub's installation id of the App. */
  installation_id: number;
  github_id: number;
  owner: string;
  name: string;
  default_branch: string;
}

export interface Ticket {
  id: string;
  organization_id: string;
  project_id: string;
  /** The number on GitHub. */
  number: number;
  title: string;
  /** The text as it stood when the work was triggered. */
  body: string;
  author: string;
  url: string;
  kind: 'feature' | 'bug';
  state: TicketState;
  priority: Priority;
  refined_description: string | null;
  acceptance_criteria: string[];
  /** The branch of an update that the work belongs into, verified at GitHub; null: the default branch. */
  base_branch: string | null;
  /** What it waits for (`answers`, `approval`, `merge`, `retry`, ...) and who must act; null while Banyan works. */
  waiting_for: string | null;
  waiting_on: string | null;
  waiting_since: string | null;
  /** One sentence for people about why it is where it is: what failed, what was tried. */
  note: string | null;
  run_id: string | null;
  /** Rises with every change; the guard for decisions taken outside the database. */
  version: number;
  created_at: string;
  updated_at: string;
}

export interface Run {
  id: string;
  ticket_id: string;
  state: RunState;
  workflow: string;
  config_snapshot: JsonObject;
  budget_usd: number;
  warn_at_usd: number;
  spent_usd: number;
  warned_at: string | null;
  stop_reason: string | null;
  /** What was changed for the rest of the run: models by role. */
  recovery?: { models?: Record<string, string> };
  started_at: string;
  finished_at: string | null;
}

export interface Task {
  id: string;
  organization_id: string;
  project_id: string;
  ticket_id: string;
  run_id: string;
  parent_task_id: string | null;
  /** Unique in its run: `analyze`, `develop:1`, `qa:1`. Adding the same key twice is one task. */
  key: string;
  role: string;
  phase: string;
  title: string;
  input: JsonObject;
  output: JsonObject | null;
  state: TaskState;
  priority: Priority;
  attempts: number;
  max_attempts: number;
  due_at: string;
  timeout_seconds: number;
  waiting_for: string | null;
  waiting_on: string | null;
  waiting_since: string | null;
  error: JsonObject | null;
  directive?: Directive | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  /** The delivery that caused it, or the one that brought what it waited for. */
  delivery: string | null;
}

export interface Question {
  id: string;
  task_id: string;
  /** 1, 2, 3 ... over the whole ticket; what people refer to. */
  number: number;
  round: number;
  body: string;
  /** What is taken if nobody answers. */
  assumption: string | null;
  state: 'asked' | 'answered' | 'assumed' | 'withdrawn';
  answered_by: string | null;
  answer: string | null;
}

/** A pull request of Banyan's: one for each ticket. */
export interface CodeGeneration {
  id: string;
  ticket_id: string;
  branch: string;
  base_branch: string;
  base_sha: string | null;
  head_sha: string | null;
  pr_number: number | null;
  pr_url: string | null;
  pr_node_id: string | null;
  status: 'open' | 'ready' | 'merged' | 'closed';
  files_changed: string[];
  tests_generated: string[];
}

/** What one role used on one ticket, for the status comment and the report. */
export interface RoleSpend {
  role: string;
  model_calls: number;
  tool_calls: number;
  tokens_in: number;
  tokens_out: number;
  cost_usd: number;
  /** Milliseconds inside model and tool calls. */
  duration_ms: number;
  models: string[];
}

/** Everything that a decision about one ticket is taken from, read in one call. */
export interface TicketSnapshot {
  ticket: Ticket;
  run: Run | null;
  /** Tasks of the current run, oldest first. */
  tasks: Task[];
  questions: Question[];
  code: CodeGeneration | null;
  /** Over all runs of the ticket. */
  spend: RoleSpend[];
  /** When the first of its runs began; null before. */
  first_run_at: string | null;
  discoveries: { kind: string; title: string; description: string }[];
}
