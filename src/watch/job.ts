import type { EngineParts } from '../engine/parts.ts';
import type { JsonObject } from '../domain/model.ts';
import { errorRecord } from '../engine/failures.ts';
import { toBanyanError } from '../kernel/errors.ts';
import type { WatchItem, WatchOutcome, WatchReport } from '../store/watch-contract.ts';

/*
 * A job of the cron: bounded in rows and time, safe to be run twice at once, to be killed and to be missed. What it looks at stands in the
 * database under marks, so that one row that fails never starves the others, and what was told once is not told again.
 */

/** What jobs work with. */
export interface WatchParts extends EngineParts {
  retention: { deliveryDays: number; historyDays: number };
}

export interface WatchJob {
  /** As in `/api/cron/<name>`. */
  name: string;
  /**
   * @param until milliseconds since the epoch after which nothing further is begun
   * @throws BanyanError where the run as a whole could not go on
   */
  run(parts: WatchParts, until: number): Promise<WatchReport>;
}

/** What a look at one subject comes to. */
export interface Look {
  /** In a word that stays the same while nothing changes; null where all is well. */
  finding: string | null;
  /** Seconds until the mark lets anybody look again; absent: at once, the candidates alone say whether there is anything to look at. */
  nextLookSeconds?: number | undefined;
  /** Kept for the next look; nothing is kept where absent. */
  memory?: JsonObject;
  act?: WatchOutcome['act'];
  /** What was done, in a word each; counted in the report where it came to be. */
  did?: readonly string[];
}

export interface LookingJob<Data> {
  name: string;
  /** Its rows come from the SQL function `banyan.<name>_candidates()`, each with `data`. */
  look: (item: WatchItem<Data>, parts: WatchParts) => Promise<Look> | Look;
  /** Subjects of one run at most. */
  rows?: number;
  /** Subjects that are taken at once. More where a look is quick and its candidates are many. */
  batch?: number;
  /** Looks at each subject once a run, however soon it is due again. */
  oncePerRun?: boolean;
  /** How long one look may take; another run passes the subject by for so long. */
  leaseSeconds?: number;
}

const ROWS = 200;
const BATCH = 20;
const LEASE_SECONDS = 120;

export function emptyReport(): WatchReport {
  return { looked: 0, acted: 0, failed: 0, more: false, did: {}, error: null };
}

/** A job that looks at one row after another. What one row does to it is that row's affair. */
export function lookingJob<Data>({ name, look, rows = ROWS, batch = BATCH, oncePerRun = false, leaseSeconds = LEASE_SECONDS }: LookingJob<Data>): WatchJob {
  async function lookAt(item: WatchItem<Data>, parts: WatchParts, report: WatchReport): Promise<void> {
    report.looked += 1;
    try {
      const { finding, nextLookSeconds = 0, memory = {}, act = null, did = [] } = await look(item, parts);
      const status = await parts.store.watchSettle(name, item, { finding, nextLookSeconds, memory, act });
      if (status !== 'settled') return;
      if (act) report.acted += 1;
      for (const deed of did) report.did[deed] = (report.did[deed] ?? 0) + 1;
      if (finding !== null && finding !== item.finding) parts.log.info({ job: name, subject: item.subject, finding, did }, 'something was found');
    } catch (thrown) {
      const error = toBanyanError(thrown);
      report.failed += 1;
      const failures = await parts.store.watchFail(name, item, errorRecord(error));
      parts.log.warn({ job: name, subject: item.subject, code: error.code, failures, err: error }, `a look failed: ${error.message}`);
    }
  }

  return {
    name,
    async run(parts, until) {
      const report = emptyReport();
      const startedAt = oncePerRun ? new Date() : undefined;
      while (report.looked < rows) {
        if (Date.now() >= until) return { ...report, more: true };
        const items = (await parts.store.watchClaim(name, Math.min(batch, rows - report.looked), leaseSeconds, startedAt)) as WatchItem<Data>[];
        if (items.length === 0) return report;
        for (const [index, item] of items.entries()) {
          if (Date.now() >= until) {
            await parts.store.watchGiveBack(name, items.slice(index));
            return { ...report, more: true };
          }
          await lookAt(item, parts, report);
        }
      }
      return { ...report, more: true };
    },
  };
}

/** Runs a job and keeps one row about it. Never throws: what fails is in the row and in the log, and the next run is the retry. */
export async function runJob(job: WatchJob, parts: WatchParts, until: number): Promise<WatchReport> {
  const startedAt = new Date();
  const report = await job.run(parts, until).catch((thrown: unknown): WatchReport => {
    const error = toBanyanError(thrown);
    parts.log.error({ job: job.name, code: error.code, err: error }, `the job "${job.name}" failed: ${error.message}`);
    return { ...emptyReport(), more: true, error: errorRecord(error) };
  });
  try {
    await parts.store.watchReport(job.name, startedAt, report);
  } catch (thrown) {
    parts.log.warn({ job: job.name, code: toBanyanError(thrown).code }, 'a run of a job could not be recorded');
  }
  return report;
}
