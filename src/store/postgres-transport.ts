import { BanyanError } from '../kernel/errors.ts';
import type { Transport } from './contract.ts';
import { refused, unavailable } from './database-errors.ts';

/** A pool or a connection, made and ended by the caller: `pg` and PGlite both fit. */
export interface Queryable {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
}

interface PostgresError {
  code: string;
  message: string;
  detail?: string;
}

/**
 * Calls go straight to Postgres. Each is one statement without a name and without session state, so a transaction pooler may stand between.
 * Objects and arrays are sent as JSON text: no function of ours takes a Postgres array.
 */
export function createPostgresTransport(pool: Queryable): Transport {
  return {
    async call(fn, args) {
      const names = Object.keys(args);
      for (const name of [fn, ...names]) requireIdentifier(name);
      const list = names.map((name, index) => `${name} => $${index + 1}`).join(', ');
      const values = names.map((name) => toParameter(args[name]));
      try {
        const { rows } = await pool.query(`select public.${fn}(${list}) as result`, values);
        return (rows[0] as { result: unknown } | undefined)?.result ?? null;
      } catch (error) {
        if (!isPostgresError(error)) throw unavailable(fn, error);
        throw refused({ fn, code: error.code, message: error.message, cause: error, detail: error.detail });
      }
    },
    close: () => Promise.resolve(),
  };
}

function toParameter(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  return typeof value === 'object' ? JSON.stringify(value) : value;
}

/** What the driver itself throws (a refused connection, say) has no SQLSTATE. */
function isPostgresError(error: unknown): error is PostgresError {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) && error.code !== 'EPIPE';
}

function requireIdentifier(name: string): void {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new BanyanError('internal', `not a name of a function or argument: ${name}`);
}
