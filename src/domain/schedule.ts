/** A job that is called at `/api/cron/<job>`. */
export interface ScheduledJob {
  job: string;
  /** Five fields, UTC; null: each tick runs it too, after the work that is due was begun. */
  schedule: string | null;
  /** What it is for, in a line. */
  purpose: string;
}

/**
 * Every job, in one place and in the order in which a tick runs them; `vercel.json` is generated from it.
 * A job must bear being called twice at once, and being missed.
 */
export const SCHEDULE: readonly ScheduledJob[] = [
  { job: 'tick', schedule: '* * * * *', purpose: 'works on what is due, then runs every job that has no time of its own' },
  { job: 'redeliver', schedule: null, purpose: 'asks GitHub again for deliveries that nobody took' },
  { job: 'heartbeat', schedule: null, purpose: 'gives back what silent workers held, and judges who loses work' },
  { job: 'approvals', schedule: null, purpose: 'reminds people who are waited for, escalates, and ends waits' },
  { job: 'blocked', schedule: null, purpose: 'mends or tells what cannot go on, and lets it go on' },
  { job: 'anomaly', schedule: null, purpose: 'compares runs at work with the history of their kind' },
  { job: 'diagnose', schedule: null, purpose: 'mends runs that stand still or go astray, or calls a person' },
  { job: 'guardian', schedule: null, purpose: 'reads conversations along: steers those that go astray, or pauses them for a person' },
  { job: 'conductor', schedule: '*/5 * * * *', purpose: 'tells issues that ask for the same and pull requests that change the same lines' },
  { job: 'digest', schedule: '41 5 * * *', purpose: 'tells the week once, where a repository wants it' },
  { job: 'reconcile', schedule: '23 3 * * *', purpose: 'compares open tickets with GitHub and puts right what was missed' },
  { job: 'sweep', schedule: '17 4 * * *', purpose: 'moves out what no work needs any more' },
];

export interface TimedJob {
  job: string;
  schedule: string;
}

/** Those that the platform calls by the clock. */
export function timedJobs(): TimedJob[] {
  return SCHEDULE.flatMap(({ job, schedule }) => (schedule === null ? [] : [{ job, schedule }]));
}

/** Where what runs oftener than a plan allows goes: once, early in the day. */
const ONCE_A_DAY = '0 5 * * *';

/** The same for a plan that allows one run a day: what is due more often comes once, and somebody else calls the tick each minute. */
export function dailyJobs(): TimedJob[] {
  return timedJobs().map(({ job, schedule }) => ({ job, schedule: /^\d+ \d+ /.test(schedule) ? schedule : ONCE_A_DAY }));
}

/** Those that each tick runs. */
export function tickJobs(): string[] {
  return SCHEDULE.filter(({ schedule }) => schedule === null).map(({ job }) => job);
}
