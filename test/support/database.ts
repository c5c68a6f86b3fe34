import { createHash, randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { MIGRATIONS } from '../../scripts/bench/postgres.ts';
import { migrate as applyMigrations, readMigrations } from '../../src/store/migrate.ts';

export { migrate, MIGRATIONS, startPostgres, withConnection, type TestDatabase, type TestPostgres } from '../../scripts/bench/postgres.ts';

/** A migrated database in this process. Migrating takes seconds and loading a dump does not, so the first one is kept in the system's temporary folder. */
export async function createPglite(): Promise<PGlite> {
  return PGlite.create({ loadDataDir: await migratedDump() });
}

async function migratedDump(): Promise<Blob> {
  const migrations = await readMigrations(MIGRATIONS);
  const digest = createHash('sha256').update(JSON.stringify(migrations)).digest('hex').slice(0, 16);
  const file = join(tmpdir(), `banyan-pglite-${userInfo().uid}-${digest}.tar`);
  const kept = await readFile(file).catch(() => null);
  if (kept !== null) return new Blob([kept]);

  const database = await PGlite.create();
  await applyMigrations(database, migrations);
  const dump = await database.dumpDataDir('none');
  await database.close();
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, Buffer.from(await dump.arrayBuffer()));
  await rename(draft, file);
  return dump;
}
