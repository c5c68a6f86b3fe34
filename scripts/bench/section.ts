import type { TestPostgres } from './postgres.ts';

export interface BenchTable {
  title: string;
  columns: string[];
  rows: (string | number)[][];
}

export interface BenchGoal {
  goal: string;
  /** What was measured, in words. */
  value: string;
  reached: boolean;
}

/** What one part of the benchmark found out: printed, written into `docs/benchmarks.md`, kept as JSON. */
export interface BenchSection {
  /** As `--only` takes it. */
  name: string;
  title: string;
  tables: BenchTable[];
  goals: BenchGoal[];
  /** What bounds the figures, and where they come from; a sentence or two each. */
  notes?: string[];
  /** Every figure that was taken. */
  data: unknown;
}

export interface BenchOptions {
  /** Measured rounds of each contender; contenders take turns within a round. */
  rounds: number;
  /** Small sizes: the figures say less, and come in a few minutes. */
  quick: boolean;
  /** One server for all contenders, whose commits reach the disk. */
  postgres: TestPostgres;
  /** Tells whoever waits how far it is. */
  say: (line: string) => void;
}

export type RunSection = (options: BenchOptions) => Promise<BenchSection>;
