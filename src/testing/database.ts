import { createHash, randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { migrationFolders } from '../local/project.ts';
import type { Store } from '../store/contract.ts';
import { migrate, readAllMigrations } from '../store/migrate.ts';
import type { MigrationConnection } from '../store/migrate.ts';
import { createPostgresTransport, type Queryable } from '../store/postgres-transport.ts';
import { createStore } from '../store/store.ts';

/** A store, and a side door to the database for what a test must see or bend. */
export interface Harness {
  store: Store;
  /** Runs one statement as the owner of the tables. */
  sql: <Row = Record<string, unknown>>(text: string, values?: unknown[]) => Promise<Row[]>;
  close(): Promise<void>;
}

/** The embedded Supabase brings a PGlite of its own, whose type is another. */
type Pglite = Queryable & MigrationConnection & { close(): Promise<void> };

/**
 * A database in this process with the migrations of the package and those of `project`. Migrating takes seconds and loading a dump does not, so the
 * first one is kept in the system's temporary folder.
 */
export async function createPglite(project: string = process.cwd()): Promise<PGlite> {
  // Loaded when used: it is an optional peer.
  const { PGlite } = await import('@electric-sql/pglite');
  const migrations = await readAllMigrations(migrationFolders(project));
  const digest = createHash('sha256').update(JSON.stringify(migrations)).digest('hex').slice(0, 16);
  const file = join(tmpdir(), `banyan-pglite-${userInfo().uid}-${digest}.tar`);
  const kept = await readFile(file).catch(() => null);
  if (kept !== null) return PGlite.create({ loadDataDir: new Blob([kept]) });

  const database = await PGlite.create();
  await migrate(database, migrations);
  const dump = await database.dumpDataDir('none');
  await database.close();
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, Buffer.from(await dump.arrayBuffer()));
  await rename(draft, file);
  return PGlite.create({ loadDataDir: dump });
}

export async function pgliteHarness(project?: string): Promise<Harness> {
  return onPglite(await createPglite(project));
}

export function onPglite(database: Pglite): Harness {
  return {
    store: createStore(createPostgresTransport(database)),
    sql: async <Row>(text: string, values: unknown[] = []) => (await database.query(text, values)).rows as Row[],
    close: () => database.close(),
  };
}
