import type { Facts } from '../domain/diagnosis.ts';
import type { Figure, Figures, Norm } from '../domain/anomaly.ts';

/** What a run took so far, and what is usual for its kind. */
export interface RunFigures {
  figures: Figures;
  norms: Partial<Record<Figure, Norm>>;
}

/** Calls about what runs take and what is wrong with them. */
export interface DiagnoseStore {
  /** Counts up to `limit` runs that ended since, and brings the norms of their kinds up to date. @returns how many it counted */
  learnNorms(limit: number): Promise<number>;
  /** What a run took so far, and what is usual for its kind: in its organization where that rests on `minRuns`, else everywhere. Null: no such run. */
  runFigures(runId: string, minRuns: number): Promise<RunFigures | null>;
  /** All that is known about a run that may need help. Null: it is no longer its ticket's. */
  diagnosisFacts(runId: string, taskId: string | null, diagnosisId: string | null): Promise<Facts | null>;
  /** Says of up to `limit` recoveries what came of them. @returns how many it closed */
  settleDiagnoses(limit: number): Promise<number>;
  /** Counts a model's share in a diagnosis against the run's budget. */
  spendOnDiagnosis(
    taskId: string,
    call: { model: string; output: string; tokens_in: number; tokens_out: number; cost_usd: number; duration_ms: number },
  ): Promise<void>;
}
