import type { JsonObject } from '../domain/model.ts';
import type { BanyanError, Retry } from '../kernel/errors.ts';
import { backoffMs } from '../kernel/backoff.ts';
import { redactSecrets } from '../kernel/redact.ts';
import type { PutOff } from '../store/contract.ts';

/** The one table of what is done about a failure: by its type, never by its text. */
const TABLE: Record<Retry, { again: boolean; patienceHours?: number }> = {
  transient: { again: true },
  // Put off: no attempt is used up, for so many hours from the first of them in a row. Then it goes to a person.
  rate_limit: { again: true, patienceHours: 24 },
  permanent: { again: false },
  needs_human: { again: false },
  poisoned: { again: false },
};

export function mayRetry(error: BanyanError): boolean {
  return TABLE[error.retry].again;
}

/** When what failed is to be tried again: as the error says, else after a back-off; null where it is not. */
export function retryTime(error: BanyanError, attempts: number, maxAttempts: number): Date | null {
  if (!mayRetry(error) || attempts >= maxAttempts) return null;
  return error.retryAt ?? new Date(Date.now() + backoffMs(attempts, Math.random()));
}

/** How long to wait, where the failure only says that it is not the time; null where it counts as an attempt. */
export function putOff(error: BanyanError): PutOff | null {
  const { patienceHours } = TABLE[error.retry];
  if (patienceHours === undefined) return null;
  const seconds = error.retryAt ? Math.max(0, (error.retryAt.getTime() - Date.now()) / 1000) : null;
  return { seconds, patienceSeconds: patienceHours * 3600 };
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

/** The sentence for people about a task that ended in failure. */
export function failureNote(roleTitle: string, error: BanyanError, attempts: number): string {
  const tries = attempts > 1 ? ` after ${attempts} attempts` : '';
  const fix = error.fix ? ` ${error.fix}` : '';
  return redactSecrets(`${roleTitle} stopped${tries}: ${error.message.slice(0, 600)}.${fix}`).replaceAll('..', '.');
}

/** Facts of an error that are small enough to keep; what is larger is left out, not cut in the middle. */
function boundedData(data: Record<string, unknown>): JsonObject {
  const text = redactSecrets(JSON.stringify(data));
  return text.length <= 4000 ? (JSON.parse(text) as JsonObject) : { omitted: `${text.length} characters` };
}
