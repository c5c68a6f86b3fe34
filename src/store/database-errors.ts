import { BanyanError } from '../kernel/errors.ts';

export interface Refusal {
  fn: string;
  /** SQLSTATE or a code of the Data API's (`PGRST...`); empty where there was no answer. */
  code: string;
  message: string;
  cause: unknown;
  detail?: string | null | undefined;
}

/**
 * SQLSTATEs that say "not now" rather than "no": lost connections (08), rolled back by a deadlock (40), out of resources (53),
 * a lock that was not there in time (55P03), shut down, starting or out of time (57).
 */
const NOT_NOW = /^(08|40|53|57)|^55P03$/;

/** The Data API could not reach its database, or has no answer in time. */
const GATEWAY_NOT_NOW = new Set(['PGRST000', 'PGRST001', 'PGRST002', 'PGRST003']);

/** Postgres (or the Data API before it) said no. */
export function refused(refusal: Refusal): BanyanError {
  const { fn, code, message, cause, detail } = refusal;
  if (NOT_NOW.test(code) || GATEWAY_NOT_NOW.has(code)) return unavailable(fn, cause, code);
  const data = { fn, sqlstate: code, ...(detail ? { detail: detail.slice(0, 300) } : {}) };
  if (code === 'PT409') return new BanyanError('conflict', message, { data: { ...data, ...facts(detail) }, cause });
  if (code === '42883' || code === 'PGRST202') {
    return new BanyanError('database_error', `the database has no function ${fn}`, {
      data,
      cause,
      fix: 'Apply the migrations in supabase/migrations.',
    });
  }
  return new BanyanError('database_error', `${fn}: ${message}`, { data, cause });
}

/** No answer came: it may have been done or not. */
export function unavailable(fn: string, cause: unknown, code = ''): BanyanError {
  return new BanyanError('database_unavailable', `the database gave no answer to ${fn}`, {
    retry: 'transient',
    data: code === '' ? { fn } : { fn, sqlstate: code },
    cause,
  });
}

/** What our own functions say about a conflict (the path of a circle) is JSON; other details are text. */
function facts(detail: string | null | undefined): Record<string, unknown> {
  if (!detail?.startsWith('{')) return {};
  try {
    return JSON.parse(detail) as Record<string, unknown>;
  } catch {
    return {};
  }
}
