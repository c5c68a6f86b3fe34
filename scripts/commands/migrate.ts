import { parseArgs } from 'node:util';
import { BanyanError, toBanyanError } from '../../src/kernel/errors.ts';
import { migrationFolders, projectRoot } from '../../src/local/project.ts';
import { migrate as apply, readAllMigrations, waiting } from '../../src/store/migrate.ts';
import type { Migration } from '../../src/store/migrate.ts';
import { connectToMigrate } from '../../src/store/migration-connection.ts';

function readOptions(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: { check: { type: 'boolean' }, json: { type: 'boolean' } } }).values;
  } catch (cause) {
    throw new BanyanError('config_invalid', toBanyanError(cause).message, { fix: 'See `npx banyan migrate --help`.', cause });
  }
}

function fileName({ version, name }: Migration): string {
  return `${version}_${name}.sql`;
}

/** Brings a database up to date, in the book that the Supabase CLI keeps too; each file in a transaction of its own. */
export async function migrate(env: Record<string, string | undefined>, args: readonly string[]): Promise<void> {
  const { check, json } = readOptions(args);
  const migrations = await readAllMigrations(migrationFolders(projectRoot()));
  const { connection, end } = await connectToMigrate(env['DATABASE_URL']);
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
