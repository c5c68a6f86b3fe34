import type { Intent } from '../domain/intents.ts';
import type { JsonObject, Task } from '../domain/model.ts';
import { failureSignature } from '../domain/signature.ts';
import type { BanyanError, ErrorCode, Retry } from '../kernel/errors.ts';
import { backoffMs } from '../kernel/backoff.ts';
import { redactSecrets, redactValues } from '../kernel/redact.ts';
import { clockTime, humanDuration } from '../kernel/time.ts';
import type { PutOff } from '../store/contract.ts';

/** What is done about a failure. */
interface Treatment {
  /** Tried again while attempts last: after a growing pause, or when the error says so. Otherwise it goes to a person. */
  again: boolean;
  /** Put off instead: no attempt is used up, for so many hours from the first of them in a row. Then it goes to a person. */
  patienceHours?: number;
}

/** The one table of what is done about a failure: by its type, never by its text. The same for tasks, deliveries, effects and steps. */
const TABLE: Record<Retry, Treatment> = {
  transient: { again: true },
  rate_limit: { again: true, patienceHours: 24 },
  permanent: { again: false },
  needs_human: { again: false },
  // What takes its worker down with it is set aside before it is begun: others must not wait for it.
  poisoned: { again: false },
};

/** Failures of others, which end by themselves: the same one again says nothing about the work. All others are a loop when they come twice. */
const OUTAGES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'github_unavailable',
  'github_rate_limited',
  'model_unavailable',
  'model_rate_limited',
  'database_unavailable',
  'sandbox_unavailable',
  'conflict',
  'lease_lost',
  'forbidden',
]);

/** Outages that end a task's try without a word about when they end: the task is put off, so that an hour of them costs no person's time. */
const WAITED_FOR: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['github_unavailable', 'model_unavailable', 'database_unavailable']);
const OUTAGE_PATIENCE_HOURS = 6;

/** Access to a repository is somebody's to give back, and then the work goes on: the job `blocked` holds it meanwhile. */
const ACCESS_PATIENCE_HOURS = 7 * 24;

function lacksAccess({ code, data }: BanyanError): boolean {
  return code === 'forbidden' || (code === 'github_rejected' && data['status'] === 401);
}

/** Earlier failures that are kept with a task's error. */
const KEPT_FAILURES = 4;

function mayRetry(error: BanyanError): boolean {
  return TABLE[error.retry].again;
}

/** When what failed is to be tried again: as the error says, else after a back-off; null where it is not. */
export function retryTime(error: BanyanError, attempts: number, maxAttempts: number): Date | null {
  if (!mayRetry(error) || attempts >= maxAttempts) return null;
  return error.retryAt ?? new Date(Date.now() + backoffMs(attempts, Math.random()));
}

/** A limit that ends this soon is waited for in the middle of a step, this often. */
const STEP_WAIT_MS = 20_000;
const STEP_TRIES = 3;
/** Of a function's time that must be left for the call itself. */
const STEP_MS = 30_000;

/** Milliseconds after which a call of the model is to be made again inside its step; null where that is the task's to decide. */
export function waitInStep(error: BanyanError, tries: number, msLeft: number): number | null {
  if (putOff(error) === null || !error.retryAt || tries > STEP_TRIES) return null;
  const ms = Math.max(0, error.retryAt.getTime() - Date.now());
  return ms <= STEP_WAIT_MS && ms + STEP_MS <= msLeft ? ms : null;
}

/** How long to wait, where the failure only says that it is not the time; null where it counts as an attempt. */
export function putOff(error: BanyanError): PutOff | null {
  return waitFor(error, lacksAccess(error) ? ACCESS_PATIENCE_HOURS : TABLE[error.retry].patienceHours);
}

/** The same for a task: it also waits for the end of an outage. Deliveries and effects have attempts for a quarter of an hour and somebody who repeats them. */
export function putOffTask(error: BanyanError): PutOff | null {
  const outage = error.retry === 'transient' && WAITED_FOR.has(error.code);
  return outage ? waitFor(error, OUTAGE_PATIENCE_HOURS) : putOff(error);
}

function waitFor(error: BanyanError, patienceHours: number | undefined): PutOff | null {
  if (patienceHours === undefined) return null;
  const seconds = error.retryAt ? Math.max(0, (error.retryAt.getTime() - Date.now()) / 1000) : null;
  return { seconds, patienceSeconds: patienceHours * 3600 };
}

/** One failure of a task, as it is kept with those after it. */
export interface KnownFailure {
  code: string;
  signature: string;
  at: string;
  /** Steps of the conversation that were stored when it came. */
  steps: number;
  message: string;
}

export interface Verdict {
  again: boolean;
  /** The same failure came before, with no step stored since. */
  repeated: KnownFailure | null;
  /** What is stored with the task. */
  record: JsonObject;
}

/** What is to be done about a failed task. `task.error` holds what failed before. */
export function judgeTask(error: BanyanError, task: Pick<Task, 'role' | 'phase' | 'error'>, steps: number, now: Date): Verdict {
  const signature = failureSignature({ code: error.code, role: task.role, phase: task.phase, facts: error.data });
  const earlier = knownFailures(task.error);
  const repeated = OUTAGES.has(error.code) ? null : (earlier.findLast((known) => known.signature === signature && known.steps === steps) ?? null);
  const again = mayRetry(error) && repeated === null;
  const record = { ...errorRecord(error), signature, at: now.toISOString(), steps, earlier: earlier as unknown as JsonObject[] };
  return { again, repeated: again ? null : repeated, record };
}

/** Those of a stored error: itself, and what it remembers. Outages are left out: there may be many, and they say nothing. An older version stored no signatures. */
function knownFailures(stored: JsonObject | null): KnownFailure[] {
  if (stored === null || typeof stored['signature'] !== 'string') return [];
  const { code, signature, at, steps, message, earlier } = stored as unknown as KnownFailure & { earlier?: KnownFailure[] };
  const all = [...(earlier ?? []), { code, signature, at, steps, message: message.slice(0, 300) }];
  return all.filter((known) => !OUTAGES.has(known.code as ErrorCode)).slice(-KEPT_FAILURES);
}

/** An error as it is stored: redacted, bounded, without a stack (stacks go to the log). */
export function errorRecord(error: BanyanError): JsonObject {
  return {
    code: error.code,
    retry: error.retry,
    message: redactSecrets(error.message).slice(0, 2000),
    ...(error.fix ? { fix: error.fix } : {}),
    data: boundedData(error.data),
  };
}

/** How a task came to its end: the tries that count, the loop that it was in, or how long it was put off. */
interface FailureEnd {
  attempts: number;
  repeated: { failure: KnownFailure; now: Date } | null;
  wait: PutOff | null;
}

/** The sentence for people about a task that ended in failure. */
export function failureNote(roleTitle: string, error: BanyanError, { attempts, repeated, wait }: FailureEnd): string {
  const tries = attempts > 1 && repeated === null && wait === null ? ` after ${attempts} attempts` : '';
  const waited = wait ? ` I tried again and again for ${humanDuration(wait.patienceSeconds * 1000)}.` : '';
  const loop = repeated
    ? ` The same failure came twice at the same place (${clockTime(repeated.failure.at)} and ${clockTime(repeated.now)} UTC, step ${repeated.failure.steps}), so I did not try again.`
    : '';
  const fix = error.fix ? ` ${error.fix}` : '';
  return redactSecrets(`${roleTitle} stopped${tries}: ${error.message.slice(0, 600)}.${waited}${loop}${fix}`).replaceAll('..', '.');
}

/** The evidence of a loop or of poisoned work, in the task's own thread. */
export function failureEvidence(task: Task, error: BanyanError, { record, repeated }: Verdict): Intent[] {
  if (repeated === null && error.retry !== 'poisoned') return [];
  const body = `${repeated ? 'The same failure twice' : 'Set aside'}: ${redactSecrets(error.message).slice(0, 600)}`;
  return [{ type: 'task_comment', task_id: task.id, kind: 'blocker', body, data: record }];
}

/** Facts of an error that are small enough to keep; what is larger is left out, not cut in the middle. */
function boundedData(data: Record<string, unknown>): JsonObject {
  const clean = redactValues(JSON.parse(JSON.stringify(data))) as JsonObject;
  const text = JSON.stringify(clean);
  return text.length <= 4000 ? clean : { omitted: `${text.length} characters` };
}
