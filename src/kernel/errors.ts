/** How a failure is to be treated by whoever retries. The table in `engine/failures.ts` maps each to an action. */
export type Retry = 'transient' | 'rate_limit' | 'permanent' | 'needs_human' | 'poisoned';

/** Codes are stable: they are stored, shown and tested. Add, never rename. */
export type ErrorCode =
  | 'config_invalid'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'payload_invalid'
  | 'payload_too_large'
  | 'media_type_unsupported'
  | 'database_unavailable'
  | 'database_error'
  | 'github_unavailable'
  | 'github_rate_limited'
  | 'github_rejected'
  | 'model_unavailable'
  | 'model_rate_limited'
  | 'model_rejected'
  | 'model_output_invalid'
  | 'sandbox_unavailable'
  | 'sandbox_failed'
  | 'sandbox_timeout'
  | 'repository_too_large'
  | 'path_protected'
  | 'path_invalid'
  | 'secret_found'
  | 'limit_reached'
  | 'lease_lost'
  | 'worker_lost'
  | 'nothing_changed'
  | 'internal';

export interface BanyanErrorOptions {
  retry?: Retry;
  /** What a person can do about it, in one sentence. */
  fix?: string;
  /** Machine-readable facts; never a secret, never untrusted text longer than a line. */
  data?: Record<string, unknown>;
  /** For `rate_limit`: when to try again. */
  retryAt?: Date;
  cause?: unknown;
}

/**
 * The one error class that is thrown inside Banyan. `code` and `retry` decide what happens next;
 * nobody branches on `message`.
 */
export class BanyanError extends Error {
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly fix: string | undefined;
  readonly data: Record<string, unknown>;
  readonly retryAt: Date | undefined;

  constructor(code: ErrorCode, message: string, options: BanyanErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BanyanError';
    this.code = code;
    this.retry = options.retry ?? 'permanent';
    this.fix = options.fix;
    this.data = options.data ?? {};
    this.retryAt = options.retryAt;
  }
}

/** Any thrown value as a BanyanError; a stranger becomes `internal` with its cause kept, retried as transient. */
export function toBanyanError(thrown: unknown): BanyanError {
  if (thrown instanceof BanyanError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new BanyanError('internal', message, { retry: 'transient', cause: thrown, data: placeOf(thrown) });
}

/** What tells one unforeseen error from another without its words: its class, and the function and file that threw it. */
function placeOf(thrown: unknown): Record<string, unknown> {
  if (!(thrown instanceof Error)) return { thrown: typeof thrown };
  const frame = /^\s+at (?:(\S+) \()?(?:.*[/\\])?([^/\\\s():]+):\d+:\d+\)?$/m.exec(thrown.stack ?? '');
  return { name: thrown.name, ...(frame ? { at: [frame[1], frame[2]].filter(Boolean).join(' in ') } : {}) };
}
