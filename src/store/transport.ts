import type { Transport } from './contract.ts';

export interface TransportOptions {
  supabase: { url: string; secretKey: string };
  /** `postgres://...`: calls go straight to Postgres (or to a transaction pooler before it) in the place of the Data API. */
  databaseUrl: string | undefined;
}

/** Connections of one process: its leases, its claims and a few steps at once need no more. */
const MAX_CONNECTIONS = 5;
/** A function that is frozen between requests must not keep what others wait for. */
const IDLE_MS = 5_000;
const CALL_TIMEOUT_MS = 15_000;

async function connect(connectionString: string): Promise<Transport> {
  const [{ Pool }, { createPostgresTransport }] = await Promise.all([import('pg'), import('./postgres-transport.ts')]);
  const pool = new Pool({
    connectionString,
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: IDLE_MS,
    connectionTimeoutMillis: CALL_TIMEOUT_MS,
    query_timeout: CALL_TIMEOUT_MS,
  });
  // A connection that breaks while nobody uses it is replaced by the next call.
  pool.on('error', () => undefined);
  return { ...createPostgresTransport(pool), close: () => pool.end() };
}

async function openDataApi(options: TransportOptions['supabase']): Promise<Transport> {
  const { createSupabaseTransport } = await import('./supabase-transport.ts');
  return createSupabaseTransport(options);
}

/** The way to the database that the environment names. Its client is loaded with the first call, so that no function loads one that it does not use. */
export function createTransport({ supabase, databaseUrl }: TransportOptions): Transport {
  let opened: Promise<Transport> | undefined;
  const open = () => (opened ??= databaseUrl === undefined ? openDataApi(supabase) : connect(databaseUrl));
  return {
    call: async (fn, args) => (await open()).call(fn, args),
    close: async () => (await opened)?.close(),
  };
}
