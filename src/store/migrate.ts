import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';

/** One connection (not a pool): a migration is several statements of one transaction. */
export interface MigrationConnection {
  /** Runs statements without values; several in one text are allowed. */
  exec(sql: string): Promise<unknown>;
  query<Row>(text: string, values: unknown[]): Promise<{ rows: Row[] }>;
}

export interface Migration {
  /** The timestamp that the file's name begins with. */
  version: string;
  name: string;
  sql: string;
}

/** The same book that the Supabase CLI keeps, so that either may apply the next file. */
const BOOK = `
  create schema if not exists supabase_migrations;
  create table if not exists supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
`;

/** Any number will do, as long as everybody who migrates uses it. */
const LOCK = "pg_advisory_xact_lock(hashtextextended('banyan:migrate', 0))";

/** The migrations of a folder, oldest first. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{14}_\w+\.sql$/.test(file)).toSorted();
  return Promise.all(
    files.map(async (file) => ({
      version: file.slice(0, 14),
      name: file.slice(15, -'.sql'.length),
      sql: await readFile(join(folder, file), 'utf8'),
    })),
  );
}

/**
 * The migrations of several folders: the first one's before the second's, whatever their dates.
 * @throws BanyanError `config_invalid` where two have one version: the book would take the second for done
 */
export async function readAllMigrations(folders: readonly string[]): Promise<Migration[]> {
  const all: (Migration & { folder: string })[] = [];
  for (const folder of folders.filter((path) => existsSync(path))) {
    for (const migration of await readMigrations(folder)) {
      const twin = all.find(({ version }) => version === migration.version);
      if (twin) throw sameVersion(join(folder, fileName(migration)), join(twin.folder, fileName(twin)));
      all.push({ ...migration, folder });
    }
  }
  return all;
}

function fileName({ version, name }: Migration): string {
  return `${version}_${name}.sql`;
}

function sameVersion(file: string, taken: string): BanyanError {
  return new BanyanError('config_invalid', `${file} has the version of ${taken}: it would never be applied.`, {
    fix: 'Give it a timestamp of its own: the fourteen digits that its name begins with.',
  });
}

function notApplied(migration: Migration, cause: unknown): BanyanError {
  if (cause instanceof BanyanError && cause.code !== 'database_error') return cause;
  return new BanyanError('database_error', `${fileName(migration)} was not applied: ${toBanyanError(cause).message}`, {
    fix: 'Nothing of this file is in the database, and those before it stay applied. Correct what is said, and run it again.',
    cause,
  });
}

/**
 * Applies what is not applied yet, each file in a transaction of its own. Safe when raced: who comes second waits, sees it done and goes on.
 * @returns the versions that this call applied.
 * @throws BanyanError `database_error` naming the file
 */
export async function migrate(connection: MigrationConnection, migrations: Migration[]): Promise<string[]> {
  await inTransaction(connection, () => connection.exec(BOOK));
  const applied: string[] = [];
  for (const migration of migrations) {
    const done = await inTransaction(connection, () => applyOne(connection, migration)).catch((error: unknown) => {
      throw notApplied(migration, error);
    });
    if (done) applied.push(migration.version);
  }
  return applied;
}

/** The versions that `migrate` would apply. Changes nothing. */
export async function waiting(connection: MigrationConnection, migrations: Migration[]): Promise<string[]> {
  const book = await connection.query<{ there: boolean }>("select to_regclass('supabase_migrations.schema_migrations') is not null as there", []);
  if (!book.rows[0]?.there) return migrations.map(({ version }) => version);
  const { rows } = await connection.query<{ version: string }>('select version from supabase_migrations.schema_migrations', []);
  const done = new Set(rows.map(({ version }) => version));
  return migrations.map(({ version }) => version).filter((version) => !done.has(version));
}

async function applyOne(connection: MigrationConnection, migration: Migration): Promise<boolean> {
  const known = await connection.query('select 1 from supabase_migrations.schema_migrations where version = $1', [migration.version]);
  if (known.rows.length > 0) return false;
  await connection.exec(migration.sql);
  await connection.query('insert into supabase_migrations.schema_migrations (version, name, statements) values ($1, $2, array[$3])', [
    migration.version,
    migration.name,
    migration.sql,
  ]);
  return true;
}

async function inTransaction<T>(connection: MigrationConnection, work: () => Promise<T>): Promise<T> {
  await connection.exec('begin');
  try {
    await connection.exec(`select ${LOCK}`);
    const result = await work();
    await connection.exec('commit');
    return result;
  } catch (error) {
    // What went wrong is the error to tell, also where the connection has gone with it.
    await connection.exec('rollback').catch(() => undefined);
    throw error;
  }
}

/** Quotes a text whatever stands in it. */
function dollarQuoted(text: string): string {
  let tag = 'banyan';
  while (text.includes(`$${tag}$`)) tag += '_';
  return `$${tag}$${text}$${tag}$`;
}

/** One statement is one transaction, whoever runs it and however it is sent. */
function asStatement(body: string, declarations = ''): string {
  return `do ${dollarQuoted(`${declarations} begin perform ${LOCK}; ${body} end`)}`;
}

function applyStatement({ version, name, sql }: Migration): string {
  const body = `
    if exists (select from supabase_migrations.schema_migrations where version = '${version}') then return; end if;
    execute source;
    insert into supabase_migrations.schema_migrations (version, name, statements) values ('${version}', '${name}', array[source]);
  `;
  return asStatement(body, `declare source constant text := ${dollarQuoted(sql)};`);
}

/**
 * As `migrate`, where there is no connection but a service that runs one statement at a time: each file is one statement.
 * @returns the versions that were not applied before this call
 * @throws BanyanError naming the file, or what `run` throws as a BanyanError
 */
export async function migrateByStatements(run: (statement: string) => Promise<unknown[]>, migrations: Migration[]): Promise<string[]> {
  await run(asStatement(BOOK));
  const rows = (await run('select version from supabase_migrations.schema_migrations')) as { version: string }[];
  const done = new Set(rows.map(({ version }) => version));
  const missing = migrations.filter(({ version }) => !done.has(version));
  for (const migration of missing) {
    await run(applyStatement(migration)).catch((error: unknown) => {
      throw notApplied(migration, error);
    });
  }
  return missing.map(({ version }) => version);
}
