import { createClient } from '@supabase/supabase-js';
import type { Transport } from './contract.ts';
import { refused, unavailable } from './database-errors.ts';

export interface SupabaseOptions {
  url: string;
  /** A secret key (`sb_secret_...`): it acts as `service_role`. */
  secretKey: string;
  /** How long one call may take. Default 15 000 ms, well below the time limit of a function. */
  timeoutMs?: number;
  fetch?: typeof fetch;
}

const SQLSTATE = /^[0-9A-Z]{5}$/;

/** Calls go through Supabase's Data API: no connections to keep, nothing to pool. */
export function createSupabaseTransport(options: SupabaseOptions): Transport {
  const timeoutMs = options.timeoutMs ?? 15_000;
  const client = createClient(options.url, options.secretKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    ...(options.fetch === undefined ? {} : { global: { fetch: options.fetch } }),
  });

  return {
    async call(fn, args) {
      const { data, error, status } = await client.rpc(fn, args).abortSignal(AbortSignal.timeout(timeoutMs));
      if (error === null) return data as unknown;
      // A gateway's own answer has no code, whatever the type says.
      const code = (error as { code?: string }).code ?? '';
      const answered = SQLSTATE.test(code) || code.startsWith('PGRST');
      if (!answered && (status === 0 || status === 408 || status === 429 || status >= 500)) throw unavailable(fn, error);
      throw refused({ fn, code, message: error.message, cause: error, detail: error.details });
    },
    // No connection is kept. Telling the client that its channels go, of which there are none, leaves a timer of ten seconds behind.
    close: () => Promise.resolve(),
  };
}
