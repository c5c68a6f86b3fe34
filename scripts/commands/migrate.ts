import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { BanyanError, toBanyanError } from '../../src/kernel/errors.ts';
import { migrationFolders, projectRoot } from '../../src/local/project.ts';
import { migrate as apply, readAllMigrations, waiting } from '../../src/store/migrate.ts';
import type { Migration, MigrationConnection } from '../../src/store/migrate.ts';

const FIX = "Set it to the database's connection string (Supabase: Connect > Session pooler), e.g. DATABASE_URL=postgres://... npx banyan migrate";

function readOptions(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: { check: { type: 'boolean' }, json: { type: 'boolean' } } }).values;
  } catch (cause) {
    throw new BanyanError('config_invalid', toBanyanError(cause).message, { fix: 'See `npx banyan --help`.', cause });
  }
}

async function connect(url: string | undefined): Promise<{ connection: MigrationConnection; end: () => Promise<void> }> {
  if (!url) throw new BanyanError('config_invalid', 'DATABASE_URL is not set.', { fix: FIX });
  if (!/^postgres(ql)?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new BanyanError('config_invalid', 'DATABASE_URL is not a URL that begins with postgres://.', { fix: FIX });
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
  try {
    await client.connect();
  } catch (cause) {
    throw new BanyanError('database_unavailable', `The database of DATABASE_URL cannot be reached: ${toBanyanError(cause).message}`, { fix: FIX, cause });
  }
  const query = async <Row>(text: string, values: unknown[]) => ({ rows: (await client.query(text, values)).rows as Row[] });
  return { connection: { exec: (sql) => client.query(sql), query }, end: () => client.end() };
}

function fileName({ version, name }: Migration): string {
  return `${version}_${name}.sql`;
}

/** Brings a database up to date, in the book that the Supabase CLI keeps too; each file in a transaction of its own. */
export async function migrate(env: Record<string, string | undefined>, args: readonly string[]): Promise<void> {
  const { check, json } = readOptions(args);
  const migrations = await readAllMigrations(migrationFolders(projectRoot()));
  const { connection, end } = await connect(env['DATABASE_URL']);
  try {
    const versions = check ? await waiting(connection, migrations) : await apply(connection, migrations);
    const files = migrations.filter(({ version }) => versions.includes(version)).map(fileName);
    if (json) console.log(JSON.stringify({ [check ? 'waiting' : 'applied']: files, known: migrations.length }));
    else {
      for (const file of files) console.log(`${check ? 'waits  ' : 'applied'} ${file}`);
      console.log(files.length === 0 ? `The database is up to date (${migrations.length} migrations).` : `${files.length} of ${migrations.length} migrations.`);
    }
    if (check && files.length > 0) process.exitCode = 1;
  } finally {
    await end();
  }
}
