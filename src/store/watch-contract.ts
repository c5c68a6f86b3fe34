import type { Intent } from '../domain/intents.ts';
import type { JsonObject } from '../domain/model.ts';

/** One subject that a job is to look at, under a mark that is this run's. */
export interface WatchItem<Data = JsonObject> {
  /** `ticket:<id>`, `task:<id>`, ... */
  subject: string;
  organization_id: string | null;
  /** Which look this is, from 1: what is settled, is settled under this number. */
  looks: number;
  /** Looks in a row that failed. */
  failures: number;
  /** What the look before this one found; null where nothing. */
  finding: string | null;
  /** Since when it is found. */
  found_at: string | null;
  /** What the job kept of its last look. */
  memory: JsonObject;
  /** When it was looked at before; null where never. */
  looked_before: string | null;
  /** What the job's candidates bring along. */
  data: Data;
}

/** What came of a look. */
export interface WatchOutcome {
  /** In a word that stays the same while nothing changes; null where all is well. */
  finding: string | null;
  /** Seconds until it is worth looking again. */
  nextLookSeconds: number;
  memory: JsonObject;
  /**
   * What is to be done about it, on one ticket. `expectVersion` null: whatever happened since. `unlessUnread`: not where somebody has written
   * what was not read yet.
   */
  act: { ticketId: string; expectVersion: number | null; intents: Intent[]; unlessUnread?: boolean } | null;
}

export interface WatchReport {
  looked: number;
  acted: number;
  failed: number;
  /** True where not all that was due was looked at. */
  more: boolean;
  /** What was done, by kind. */
  did: Record<string, number>;
  error: JsonObject | null;
}

/** Calls of the jobs that the cron starts. */
export interface WatchStore {
  /**
   * Subjects of a job that are due, those that nobody looked at for longest first. Another run passes them by for `leaseSeconds`.
   * With `lookedBefore`, only what nobody has looked at since.
   */
  watchClaim(job: string, limit: number, leaseSeconds: number, lookedBefore?: Date): Promise<WatchItem[]>;
  /** Keeps what was found and does what is to be done, in one transaction. `lost`: another run took it over; `conflict`: the ticket changed or is about to, look again. */
  watchSettle(job: string, item: Pick<WatchItem, 'subject' | 'looks'>, outcome: WatchOutcome): Promise<'settled' | 'lost' | 'conflict'>;
  /** Gives back what was taken and not looked at: it is due as it was before. @returns how many were still this run's */
  watchGiveBack(job: string, items: readonly Pick<WatchItem, 'subject' | 'looks' | 'looked_before'>[]): Promise<number>;
  /** Looking failed: it is looked at again after a growing pause. @returns failures in a row; null where another run took it over */
  watchFail(job: string, item: Pick<WatchItem, 'subject' | 'looks'>, error: JsonObject): Promise<number | null>;
  /** One row about a run. */
  watchReport(job: string, startedAt: Date, report: WatchReport): Promise<void>;
  /** Removes reports of so many days ago, and marks of then whose issue is over, `limit` of each at most. */
  watchForget(batch: { limit: number; days: number }): Promise<{ marks: number; reports: number; more: boolean }>;
}
