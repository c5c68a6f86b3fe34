import { Pool } from 'pg';
import { BanyanError } from '../../src/kernel/errors.ts';

/** The tables as they are, past every fault. */
export interface Rows {
  all<Row>(table: string, columns: string): Promise<Row[]>;
  /** The workers that ended over one piece of work; null for none. */
  deaths(kind: 'task' | 'delivery' | 'effect', key: string): Promise<{ in_a_row: number; last_at: string } | null>;
  close(): Promise<void>;
}

export function postgresRows(url: string): Rows {
  const pool = new Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
  return {
    all: async <Row>(table: string, columns: string) => (await pool.query(`select ${columns} from public.${table}`)).rows as Row[],
    deaths: async (kind, key) =>
      ((await pool.query('select public.read_deaths($1, $2) as deaths', [kind, key])).rows as { deaths: never }[])[0]?.deaths ?? null,
    close: () => pool.end(),
  };
}

const PAGE = 1000;

/** Through the Data API, which hands out a page at a time. */
export function supabaseRows(url: string, secretKey: string): Rows {
  async function read<Row>(table: string, query: string): Promise<Row[]> {
    const rows: Row[] = [];
    for (;;) {
      const response = await fetch(`${url}/rest/v1/${table}?${query}&limit=${PAGE}&offset=${rows.length}`, { headers: { apikey: secretKey } });
      if (!response.ok) throw new BanyanError('database_error', `the embedded Supabase answers ${response.status}: ${await response.text()}`);
      const page = (await response.json()) as Row[];
      rows.push(...page);
      if (page.length < PAGE) return rows;
    }
  }
  const select = (columns: string) => `select=${columns.replaceAll(' ', '')}`;
  return {
    all: (table, columns) => read(table, select(columns)),
    async deaths(kind, key) {
      const body = JSON.stringify({ p_kind: kind, p_key: key });
      const headers = { apikey: secretKey, 'content-type': 'application/json' };
      return (await (await fetch(`${url}/rest/v1/rpc/read_deaths`, { method: 'POST', headers, body })).json()) as never;
    },
    close: () => Promise.resolve(),
  };
}
