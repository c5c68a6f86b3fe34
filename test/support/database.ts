import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { migrate, readMigrations } from '../../src/store/migrate.ts';

export const MIGRATIONS = fileURLToPath(new URL('../../supabase/migrations', import.meta.url));

/** A migrated in-process database. */
export async function createPglite(): Promise<PGlite> {
  const database = await PGlite.create();
  await migrate(database, await readMigrations(MIGRATIONS));
  return database;
}
