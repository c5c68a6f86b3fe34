import { Client } from 'pg';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';
import type { MigrationConnection } from './migrate.ts';

const FIX = "Set it to the database's connection string (Supabase: Connect > Session pooler), e.g. DATABASE_URL=postgres://... npx banyan migrate";

export interface OpenMigrationConnection {
  connection: MigrationConnection;
  /** Ends it, whatever is under way. */
  end(this: void): Promise<void>;
}

/**
 * One connection to the database of `DATABASE_URL`.
 * @throws BanyanError `config_invalid`, `database_unavailable`; the address is in no message, because it holds the password
 */
export async function connectToMigrate(url: string | undefined): Promise<OpenMigrationConnection> {
  if (!url) throw new BanyanError('config_invalid', 'DATABASE_URL is not set.', { fix: FIX, data: { field: 'DATABASE_URL' } });
  if (!/^postgres(ql)?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new BanyanError('config_invalid', 'DATABASE_URL is not a URL that begins with postgres://.', { fix: FIX, data: { field: 'DATABASE_URL' } });
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
  // A connection that breaks while nothing is asked is told by the next question.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    // Of several addresses that all failed Node says nothing but a code.
    const why = toBanyanError(cause).message || String((cause as { code?: unknown }).code);
    throw new BanyanError('database_unavailable', `The database of DATABASE_URL cannot be reached: ${why}`, { fix: FIX, cause });
  }
  const query = async <Row>(text: string, values: unknown[]) => ({ rows: (await client.query(text, values)).rows as Row[] });
  return { connection: { exec: (sql) => client.query(sql), query }, end: () => client.end() };
}
