import type { Figure, Figures, Norm } from '../domain/anomaly.ts';

/** Calls about what runs take and what is wrong with them. */
export interface DiagnoseStore {
  /** Counts up to `limit` runs that ended since, and brings the norms of their kinds up to date. @returns how many it counted */
  learnNorms(limit: number): Promise<number>;
  /** What a run took so far, and what is usual for its kind: in its organization where that rests on `minRuns`, else everywhere. Null: no such run. */
  runFigures(runId: string, minRuns: number): Promise<{ figures: Figures; norms: Partial<Record<Figure, Norm>> } | null>;
}
