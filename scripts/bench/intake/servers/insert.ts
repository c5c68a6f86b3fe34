import { Pool } from 'pg';

/** As many connections as Banyan's own transport takes. */
const MAX_CONNECTIONS = 5;

/** What most handlers of webhooks do first: one row with the payload as `jsonb`, once for each GUID. */
export function createInsert(): (guid: string, event: string, payload: unknown) => Promise<void> {
  const pool = new Pool({ connectionString: process.env['BENCH_DATABASE_URL'] ?? '', max: MAX_CONNECTIONS });
  return async (guid, event, payload) => {
    await pool.query('insert into webhook_rows (guid, event, payload) values ($1, $2, $3) on conflict (guid) do nothing', [guid, event, payload]);
  };
}

export const SECRET = process.env['BENCH_SECRET'] ?? '';
