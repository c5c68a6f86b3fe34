/** A job that the platform's cron calls at `/api/cron/<job>`. */
export interface ScheduledJob {
  job: string;
  /** Five fields, UTC. */
  schedule: string;
}

/** Every job, in one place; `vercel.json` is generated from it. A job must bear being called twice, and being missed once. */
export const SCHEDULE: readonly ScheduledJob[] = [
  { job: 'tick', schedule: '* * * * *' },
  { job: 'sweep', schedule: '17 4 * * *' },
];
