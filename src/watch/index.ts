import { approvalsJob } from './approvals.ts';
import { anomalyJob } from './anomaly.ts';
import { blockedJob } from './blocked.ts';
import { conductorJob } from './conductor.ts';
import { digestJob } from './digest.ts';
import { diagnoseJob } from './diagnose.ts';
import { heartbeatJob } from './heartbeat.ts';
import { guardianJob } from './guardian.ts';
import type { WatchJob } from './job.ts';
import { redeliverJob } from './redeliver.ts';
import { reconcileJob } from './reconcile.ts';
import { sweepJob } from './sweep.ts';

/** Every job of the cron but the tick itself; `domain/schedule.ts` says when each runs. */
export const WATCH_JOBS: readonly WatchJob[] = [
  redeliverJob,
  heartbeatJob,
  approvalsJob,
  blockedJob,
  anomalyJob,
  diagnoseJob,
  guardianJob,
  conductorJob,
  digestJob,
  reconcileJob,
  sweepJob,
];
