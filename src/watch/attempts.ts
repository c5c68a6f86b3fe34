import { readEnvelope } from '../domain/intake.ts';
import type { HookAttempt, HookDeliveries } from '../github/hook-deliveries.ts';
import { toBanyanError } from '../kernel/errors.ts';
import type { ListGap, RecordedAttempt, Store } from '../store/contract.ts';

/*
 * Reading GitHub's list of attempts, newest first, a bounded number of pages a run. How far it is read stands in the database
 * with each page: a stretch that a run had no pages left for is a gap that later runs go on with, after what is new. Runs
 * side by side or killed read something twice and miss nothing.
 */

/** Of a hundred attempts each: together with a tick a minute, a thousand a minute. */
const MAX_PAGES = 10;
/** An attempt is listed when it is over, so newer ones may be there before it: a time-out takes ten seconds, and lists have replicas. */
const OVERLAP_MS = 2 * 60_000;
/** More gaps than this become one that spans them: some of the list is read twice then. */
const MAX_GAPS = 20;

const FROM_THE_TOP = '';

export type AttemptStore = Pick<Store, 'redeliveryProgress' | 'recordAttempts'>;

/** Whether Banyan would take the event, as far as the list tells. */
function isHandled({ event, action }: HookAttempt): boolean {
  return readEnvelope(event, { action }).ignored === null;
}

function toRecord(attempt: HookAttempt): RecordedAttempt {
  const { id, guid, deliveredAt, statusCode, event, action, installationId } = attempt;
  const succeeded = statusCode >= 200 && statusCode < 300;
  return { id, guid, delivered_at: deliveredAt, succeeded, status_code: statusCode, event, action, installation_id: installationId };
}

/** Newest first, as they are read. */
export function boundGaps(gaps: readonly ListGap[]): ListGap[] {
  const last = gaps.at(-1);
  const kept = gaps.slice(0, MAX_GAPS);
  const end = kept.at(-1);
  return last && end && gaps.length > MAX_GAPS ? [...kept.slice(0, -1), { cursor: end.cursor, until: last.until }] : kept;
}

function later(a: string | null, b: Date | undefined): string | null {
  if (!b) return a;
  return a !== null && Date.parse(a) >= b.getTime() ? a : b.toISOString();
}

/** One page of a stretch: its attempts, and what is left of the stretch. */
async function readPage(hooks: HookDeliveries, { cursor, until }: ListGap): Promise<{ attempts: HookAttempt[]; left: ListGap[] }> {
  try {
    const { attempts, next } = await hooks.list(cursor === FROM_THE_TOP ? undefined : cursor);
    const oldest = attempts.at(-1);
    const done = next === null || !oldest || oldest.deliveredAt.getTime() <= Date.parse(until);
    return { attempts, left: done ? [] : [{ cursor: next, until }] };
  } catch (thrown) {
    // A cursor that GitHub no longer takes: the stretch is read from the top again rather than never.
    if (cursor === FROM_THE_TOP || toBanyanError(thrown).retry !== 'permanent') throw thrown;
    return { attempts: [], left: [{ cursor: FROM_THE_TOP, until }] };
  }
}

/**
 * Reads what is new in the list, then what earlier runs left, and keeps what it learns.
 * @param until milliseconds since the epoch after which no further page is asked for
 * @throws BanyanError where GitHub or the database does not answer
 */
export async function readAttempts(hooks: HookDeliveries, store: AttemptStore, until: number): Promise<void> {
  const { version, seen_until: seen, gaps, horizon } = await store.redeliveryProgress();
  const known = seen === null ? Date.parse(horizon) : Math.max(Date.parse(seen) - OVERLAP_MS, Date.parse(horizon));
  let progress = { version, seen_until: seen, gaps: boundGaps([{ cursor: FROM_THE_TOP, until: new Date(known).toISOString() }, ...gaps]) };
  for (let pages = 0; pages < MAX_PAGES && Date.now() < until; pages += 1) {
    const [stretch, ...rest] = progress.gaps;
    if (!stretch) return;
    const { attempts, left } = await readPage(hooks, stretch);
    const next = { seen_until: later(progress.seen_until, attempts[0]?.deliveredAt), gaps: [...left, ...rest] };
    const answer = await store.recordAttempts(attempts.filter(isHandled).map(toRecord), { ...next, version: progress.version });
    if (answer.status === 'overtaken') return;
    progress = { ...next, version: answer.version };
  }
}
