import type { TestDatabase } from '../postgres.ts';

/*
 * What is left where issues do not come to their end: what each unfinished piece of work waits for, as the database says it, and whom GitHub
 * holds. Pieces that wait for the same are told together, so that fifty of them are one line.
 */

type Row = Record<string, unknown>;

/** The rows of a table of which a column has the value. */
export type ReadRows = (table: string, column: string, value: string) => Promise<Row[]>;

/** Over the Data API, with the key that the functions use. */
export function readOverApi(url: string, key: string, call: typeof fetch): ReadRows {
  return async (table, column, value) => {
    const response = await call(`${url}/rest/v1/${table}?select=*&${column}=eq.${value}&limit=1000`, { headers: { apikey: key } });
    if (!response.ok) throw new Error(`${table}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Row[];
  };
}

/** Names of tables and columns are this file's own. */
export function readOverSql({ pool }: TestDatabase): ReadRows {
  return async (table, column, value) => (await pool.query<Row>(`select * from ${table} where ${column}::text = $1 limit 1000`, [value])).rows;
}

const EVIDENCE: readonly (readonly [table: string, state: string, kind: string])[] = [
  ['tasks', 'pending', 'role'],
  ['tasks', 'running', 'role'],
  ['tasks', 'waiting', 'role'],
  ['tasks', 'failed', 'role'],
  ['tasks', 'dead', 'role'],
  ['effects', 'pending', 'kind'],
  ['effects', 'begun', 'kind'],
  ['effects', 'failed', 'kind'],
  ['deliveries', 'pending', 'event'],
  ['deliveries', 'dead', 'event'],
];

const isDue = (row: Row, now: number) => {
  const due = new Date(String(row['due_at'])).getTime();
  return due <= now ? 'due' : `due in ${Math.ceil((due - now) / 60_000)} min`;
};

function wordsOf(row: Row, kind: string, now: number): string {
  const error = row['error'] as { code?: string; message?: string } | null | undefined;
  return [
    String(row[kind]),
    isDue(row, now),
    row['held'] === true ? 'held' : null,
    Number(row['blockers'] ?? 0) > 0 ? 'blocked' : null,
    row['waiting_for'] ? `waits for ${JSON.stringify(row['waiting_for'])}` : null,
    row['lease_owner'] ? 'at work' : null,
    error ? `${error.code}: ${error.message}` : null,
  ]
    .filter((word) => word !== null)
    .join(', ');
}

async function group([table, state, kind]: (typeof EVIDENCE)[number], read: ReadRows, now: number): Promise<string[]> {
  const rows = await read(table, 'state', state);
  const groups = Map.groupBy(rows, (row) => wordsOf(row, kind, now));
  return [...groups].map(([words, same]) => `${table} ${state}: ${same.length} x ${words}`);
}

/** One line for each kind of unfinished work; what cannot be read is said, because the evidence comes with an error of its own. */
export async function unfinished(read: ReadRows, now = Date.now()): Promise<string[]> {
  const lines = await Promise.all(EVIDENCE.map((entry) => group(entry, read, now).catch((error: unknown) => [`${entry[0]}: ${String(error)}`])));
  const found = lines.flat();
  return found.length > 0 ? found : ['the database knows of no unfinished work'];
}
