import { readEnvelope } from '../domain/intake.ts';
import type { Log } from '../engine/log.ts';
import type { HookAttempt, HookDeliveries } from '../github/hook-deliveries.ts';
import { toBanyanError } from '../kernel/errors.ts';

/*
 * GitHub tries once to hand an event over. What it could not (the function was down, the database away) is asked for again
 * here. GitHub's own list is the memory: nothing is stored, so a run that is killed or doubled harms nothing. The inbox
 * knows the GUID of what came twice.
 */

/** Older events are left to people: the work has moved on, and the list of a busy App is long. */
const WINDOW_MS = 60 * 60_000;
const MAX_PAGES = 5;
const MAX_ATTEMPTS = 6;
const MAX_A_RUN = 20;
/** Doubles with each attempt: 5 s after the first, 80 s after the fifth. */
const BACKOFF_MS = 5_000;

function isDue(original: HookAttempt, attempts: readonly HookAttempt[], now: number): boolean {
  if (attempts.length >= MAX_ATTEMPTS || now - original.deliveredAt.getTime() >= WINDOW_MS) return false;
  if (attempts.some(({ statusCode }) => statusCode >= 200 && statusCode < 300)) return false;
  if (readEnvelope(original.event, { action: original.action }).ignored !== null) return false;
  const newest = Math.max(...attempts.map(({ deliveredAt }) => deliveredAt.getTime()));
  return now - newest > BACKOFF_MS * 2 ** (attempts.length - 1);
}

/**
 * The first attempts of the events that GitHub should be asked for again now, oldest first.
 *
 * An event counts only while its first attempt is in the list: without it, later attempts could be missing as well, and
 * one that was given up would start anew once its attempts leave the window.
 * @param now milliseconds since the epoch
 */
export function chooseRedeliveries(attempts: readonly HookAttempt[], now: number): HookAttempt[] {
  const byGuid = Map.groupBy(attempts, ({ guid }) => guid);
  return attempts
    .filter((attempt) => !attempt.redelivery && isDue(attempt, byGuid.get(attempt.guid) ?? [], now))
    .toSorted((a, b) => a.deliveredAt.getTime() - b.deliveredAt.getTime())
    .slice(0, MAX_A_RUN);
}

async function listRecent(hooks: HookDeliveries, now: number): Promise<HookAttempt[]> {
  const found: HookAttempt[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { attempts, next } = await hooks.list(cursor);
    found.push(...attempts);
    const oldest = attempts.at(-1);
    if (next === null || !oldest || now - oldest.deliveredAt.getTime() >= WINDOW_MS) break;
    cursor = next;
  }
  return found;
}

export interface RedeliverParts {
  hooks: HookDeliveries;
  log: Log;
}

/** @returns false where nothing more should be asked of GitHub in this run */
async function ask({ hooks, log }: RedeliverParts, attempt: HookAttempt): Promise<boolean> {
  const fields = { delivery: attempt.guid, event: attempt.event, action: attempt.action, status: attempt.statusCode };
  try {
    await hooks.redeliver(attempt.id);
    log.info(fields, 'GitHub was asked to deliver again');
    return true;
  } catch (thrown) {
    const error = toBanyanError(thrown);
    log.warn({ ...fields, code: error.code }, 'GitHub could not be asked to deliver again');
    return error.retry === 'permanent';
  }
}

/**
 * Asks GitHub again for what it could not hand over. Never throws: what fails is logged, and the next run is the retry.
 * @param now milliseconds since the epoch
 */
export async function redeliverFailed(parts: RedeliverParts, now: number): Promise<void> {
  try {
    for (const attempt of chooseRedeliveries(await listRecent(parts.hooks, now), now)) {
      if (!(await ask(parts, attempt))) return;
    }
  } catch (thrown) {
    const error = toBanyanError(thrown);
    parts.log.warn({ code: error.code, reason: error.message }, 'the deliveries of the App could not be listed');
  }
}
