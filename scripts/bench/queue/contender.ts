import type { TestDatabase } from '../postgres.ts';

/** As many callers as everybody gets, each with a connection of its own. */
export const CALLERS = 16;

/** Whether what is completed adds what follows it, within the completion. */
export type Shape = 'plain' | 'successor';

/** One queue in one database. */
export interface Contender {
  /** One at a time by each caller, each a transaction. */
  enqueue(count: number): Promise<void>;
  /** Makes tasks that are due, at once and unmeasured. */
  fill(count: number): Promise<void>;
  /** Claims, runs (a function that does nothing) and completes, one at a time by each caller; returns when `count` are completed. */
  drain(count: number, shape: Shape): Promise<void>;
  /** Milliseconds from the moment at which one is due (its transaction is committed) until it is started, while the queue is idle. */
  latencies(samples: number): Promise<number[]>;
  close(): Promise<void>;
}

export interface ContenderKind {
  name: string;
  /** Makes rows of finished work; null where a queue keeps none. */
  addHistory: ((database: TestDatabase, rows: number) => Promise<void>) | null;
  open(database: TestDatabase): Promise<Contender>;
}

/** The work of each caller, side by side. */
export async function callers(work: (caller: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => work(caller)));
}

/** Hands out `count` pieces to whoever asks. */
export function portions(count: number): () => boolean {
  let left = count;
  return () => left-- > 0;
}

/** Pieces that are still to be completed, by whomever. */
export function countdown(count: number): { left: () => boolean; done: () => void } {
  let left = count;
  return {
    left: () => left > 0,
    done() {
      left -= 1;
    },
  };
}
