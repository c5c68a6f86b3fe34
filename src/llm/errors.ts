import { BanyanError } from '../kernel/errors.ts';

/** Limits on a provider's word: a day at most, a second at least. */
const MAX_RETRY_AFTER_MS = 86_400_000;
const DEFAULT_RETRY_AFTER_MS = 60_000;

/** Codes by which providers say that no waiting helps: the account is out of money. */
const OUT_OF_CREDIT = new Set(['insufficient_quota', 'billing_hard_limit_reached']);

interface Facts {
  name: string;
  status: number | undefined;
  code: string | undefined;
  headers: unknown;
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function factsOf(thrown: unknown): Facts {
  const status = field(thrown, 'status') ?? field(thrown, 'statusCode') ?? field(field(thrown, 'response'), 'status');
  const name = field(thrown, 'name');
  const code = field(thrown, 'code') ?? field(field(thrown, 'error'), 'code') ?? field(thrown, 'type');
  return {
    name: typeof name === 'string' ? name : '',
    status: typeof status === 'number' ? status : undefined,
    code: typeof code === 'string' ? code : undefined,
    headers: field(thrown, 'headers') ?? field(field(thrown, 'response'), 'headers'),
  };
}

function header(headers: unknown, name: string): string | undefined {
  const value = headers instanceof Headers ? headers.get(name) : field(headers, name);
  return typeof value === 'string' ? value : undefined;
}

/** `retry-after-ms`, else `retry-after` in seconds or as a date, else a minute. */
function retryAfterMs(headers: unknown, now: Date): number {
  const exact = Number(header(headers, 'retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(exact)) return clamp(exact);
  const value = header(headers, 'retry-after');
  if (value === undefined) return DEFAULT_RETRY_AFTER_MS;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return clamp(seconds * 1_000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? DEFAULT_RETRY_AFTER_MS : clamp(date - now.getTime());
}

function clamp(ms: number): number {
  return Math.min(MAX_RETRY_AFTER_MS, Math.max(1_000, ms));
}

/** The error's own words in one line, for the log; decisions are never taken from it. */
function sentence(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return (message.split('\n')[0] ?? '').slice(0, 300);
}

const REJECTED: Record<number, { what: string; fix: string }> = {
  401: { what: 'The model provider does not accept the key.', fix: 'Check the provider key (ANTHROPIC_API_KEY or OPENAI_API_KEY) and deploy again.' },
  402: { what: 'The account at the model provider is out of credit.', fix: 'Add credit at the provider, then comment `/banyan retry`.' },
  403: { what: 'The key may not use this model.', fix: 'Give the key access to the model, or choose another one with BANYAN_MODEL.' },
  404: { what: 'The provider does not know this model.', fix: 'Check the name in BANYAN_MODEL or in .github/banyan.yml, and the base URL.' },
};
const REJECTED_REQUEST = {
  what: 'The model provider refused the request.',
  fix: 'Choose another model (`models` in .github/banyan.yml, or BANYAN_MODEL), then comment `/banyan retry`.',
};

/** Statuses below 500 that say "later" and not "no". */
const LATER = new Set([408, 409, 425]);

/**
 * What a model call threw, as Banyan's error with what to do about it. Told apart by status, code and type only.
 * What none of them explains (a cut connection, an answer that is no JSON) counts as the provider being away.
 */
export function modelError(thrown: unknown, now: Date = new Date()): BanyanError {
  if (thrown instanceof BanyanError) return thrown;
  const { name, status, code, headers } = factsOf(thrown);
  const data = { ...(status === undefined ? {} : { status }), ...(code === undefined ? {} : { code: code.slice(0, 80) }), reason: sentence(thrown) };
  if (name === 'ContextOverflowError' || code === 'context_length_exceeded' || status === 413) {
    return new BanyanError('limit_reached', 'The conversation no longer fits into the model.', {
      retry: 'needs_human',
      fix: 'Split the issue into smaller ones, or choose a model with a larger context.',
      data,
      cause: thrown,
    });
  }
  if (code !== undefined && OUT_OF_CREDIT.has(code)) return rejected(402, data, thrown);
  if (status === 429) {
    const retryAt = new Date(now.getTime() + retryAfterMs(headers, now));
    return new BanyanError('model_rate_limited', 'The model provider asks to wait.', { retry: 'rate_limit', retryAt, data, cause: thrown });
  }
  if (status !== undefined && status >= 400 && status < 500 && !LATER.has(status)) return rejected(status, data, thrown);
  return new BanyanError('model_unavailable', 'The model provider could not be reached or did not answer properly.', {
    retry: 'transient',
    data,
    cause: thrown,
  });
}

function rejected(status: number, data: Record<string, unknown>, cause: unknown): BanyanError {
  const { what, fix } = REJECTED[status] ?? REJECTED_REQUEST;
  return new BanyanError('model_rejected', what, { retry: 'needs_human', fix, data, cause });
}
