import { cronMatches } from './cron.ts';

export interface CronJob {
  path: string;
  schedule: string;
}

export interface TimerOptions {
  appUrl: string;
  cronSecret: string;
  jobs: CronJob[];
  /** `tick` is called this often, so that nobody waits a minute on their own machine. */
  tickSeconds: number;
  onNote(line: string): void;
}

const TICK_PATH = '/api/cron/tick';
/** A tick may work for minutes. Two under way are enough: one works, the other finds what the first has not claimed. */
const MAX_UNDER_WAY = 2;
const MINUTE_MS = 60_000;

/** Calls the cron routes as the platform does: GET with the bearer, whatever became of the call before. @returns ends it. */
export function startTimer(options: TimerOptions): () => void {
  const stopped = new AbortController();
  const underWay = new Map<string, number>();

  async function call(path: string): Promise<void> {
    const running = underWay.get(path) ?? 0;
    if (running >= MAX_UNDER_WAY) return;
    underWay.set(path, running + 1);
    try {
      const response = await fetch(`${options.appUrl}${path}`, { headers: { authorization: `Bearer ${options.cronSecret}` }, signal: stopped.signal });
      const text = await response.text();
      if (response.status >= 400) options.onNote(`cron ${path} answered ${response.status}: ${text.slice(0, 200)}`);
    } catch (error) {
      // The functions are down for a moment after each restart, which the supervisor reports itself.
      if (!stopped.signal.aborted && !(error instanceof TypeError)) options.onNote(`cron ${path} failed: ${String(error)}`);
    } finally {
      underWay.set(path, (underWay.get(path) ?? 1) - 1);
    }
  }

  const others = options.jobs.filter((job) => job.path !== TICK_PATH);
  const tick = setInterval(() => void call(TICK_PATH), options.tickSeconds * 1000);
  const minute = setInterval(() => {
    const now = new Date();
    for (const job of others) if (cronMatches(job.schedule, now)) void call(job.path);
  }, MINUTE_MS);
  return () => {
    clearInterval(tick);
    clearInterval(minute);
    stopped.abort();
  };
}
