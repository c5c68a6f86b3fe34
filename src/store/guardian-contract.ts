import type { Deeds } from '../domain/guardian.ts';
import type { JsonObject, Run, Task, Ticket } from '../domain/model.ts';
import type { TrajectoryStep } from '../domain/trajectory.ts';

/** What one conversation did after a step, and what it is to do. */
export interface GuardianFacts {
  task: Pick<Task, 'id' | 'role' | 'title'>;
  run: Pick<Run, 'id' | 'spent_usd' | 'budget_usd'>;
  ticket: Pick<Ticket, 'id' | 'project_id' | 'number' | 'version' | 'title' | 'body' | 'refined_description' | 'acceptance_criteria'>;
  /** `owner/name` */
  repository: string;
  config_snapshot: JsonObject;
  /** Oldest first, a thousand at most. */
  steps: TrajectoryStep[];
  /** Steps with which files changed. */
  changed: number[];
  /** A diagnosis has it begun anew, and nothing came after that yet. */
  recovered: boolean;
  /** What differs from the repository now. */
  files: { path: string; chars: number }[];
  /** What the guardian did about it so far. */
  deeds: Deeds;
}

/** One call of a model, as it is paid for. */
export interface ModelSpend {
  model: string;
  output: string;
  tokens_in: number;
  tokens_out: number;
  cost_usd: number;
  duration_ms: number;
}

export interface GuardianStore {
  /** Null where the task is not at work. */
  guardianFacts(taskId: string, afterSeq: number): Promise<GuardianFacts | null>;
  /** Counts a call of a model beside the task's own conversation against the run's budget, under the name of who made it. */
  spendBeside(taskId: string, agent: string, spend: ModelSpend): Promise<void>;
}
