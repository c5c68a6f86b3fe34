import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startService } from '../../src/local/stack/service.ts';
import { writePrivate } from '../../src/local/stack/secrets.ts';
import { passThrough } from '../../src/local/stack/settings.ts';
import { startPostgres } from '../bench/postgres.ts';
import { postgresRows, supabaseRows } from './rows.ts';
import type { Rows } from './rows.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import type { TcpProxy } from './tcp-proxy.ts';

export type DatabaseKind = 'postgres' | 'supabase';

/** The database of one run: workers reach it over a line that can be cut, the run itself past it. */
export interface ChaosDatabase {
  /** Variables by which the functions find it. */
  env: Record<string, string>;
  line: TcpProxy;
  rows: Rows;
  stop(): Promise<void>;
}

export interface DatabaseOptions {
  dataDir: string;
  keys: { publishable: string; secret: string };
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const STOP_MS = 2_000;

async function openPostgres({ keys }: DatabaseOptions): Promise<ChaosDatabase> {
  const server = await startPostgres();
  const database = await server.createDatabase();
  const url = new URL(database.url);
  const line = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  url.hostname = '127.0.0.1';
  url.port = String(line.port);
  const rows = postgresRows(database.url);
  return {
    // Nobody listens there: all calls go to Postgres.
    env: { BANYAN_DATABASE_URL: url.href, SUPABASE_URL: 'http://127.0.0.1:9', SUPABASE_SECRET_KEY: keys.secret, SUPABASE_PUBLISHABLE_KEY: keys.publishable },
    line,
    rows,
    async stop() {
      await rows.close();
      await line.close();
      await database.close();
      await server.stop();
    },
  };
}

async function openSupabase({ dataDir, keys }: DatabaseOptions): Promise<ChaosDatabase> {
  const folder = join(dataDir, 'supabase');
  mkdirSync(folder);
  const settings = join(dataDir, 'supabase.json');
  writePrivate(settings, { port: 0, dataDir: folder, migrations: [join(ROOT, 'supabase/migrations')], keys });
  const service = await startService(
    {
      name: 'supabase',
      entry: join(ROOT, 'src/local/supabase/main.ts'),
      args: [settings],
      env: { ...passThrough(process.env), DO_NOT_TRACK: '1' },
      cwd: ROOT,
      logFile: join(dataDir, 'supabase.log'),
      showStderr: false,
    },
    { onProcess: () => undefined, onNote: (note) => console.error(note) },
  );
  const line = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(service.url).port) });
  return {
    env: {
      BANYAN_DATABASE_URL: '',
      SUPABASE_URL: `http://127.0.0.1:${line.port}`,
      SUPABASE_SECRET_KEY: keys.secret,
      SUPABASE_PUBLISHABLE_KEY: keys.publishable,
    },
    line,
    rows: supabaseRows(service.url, keys.secret),
    async stop() {
      await line.close();
      await service.stop(STOP_MS);
    },
  };
}

export function openDatabase(kind: DatabaseKind, options: DatabaseOptions): Promise<ChaosDatabase> {
  return kind === 'postgres' ? openPostgres(options) : openSupabase(options);
}
