import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BanyanError } from '../../kernel/errors.ts';
import { migrate, migrateByStatements, readAllMigrations, type Migration } from '../../store/migrate.ts';
import { cancelled } from '../command.ts';
import type { ChildMigrations } from './database-owner.ts';
import type { Api } from './http.ts';
import type { Child } from './step.ts';
import { runSql } from './supabase-api.ts';

/** Those of the version that the child depends on, which may be another than the one that runs, and then its own. */
export async function migrationsOf({ folder }: Child): Promise<ChildMigrations> {
  const installed = (() => {
    try {
      return dirname(createRequire(join(folder, 'package.json')).resolve('banyan/package.json'));
    } catch (cause) {
      throw new BanyanError('not_found', '--supabase: the package banyan, which has the migrations, is not installed in the child.', {
        fix: 'npm install in its folder, then run the step again.',
        cause,
      });
    }
  })();
  const ofPackage = await readAllMigrations([join(installed, 'supabase/migrations')]);
  const all = await readAllMigrations([join(installed, 'supabase/migrations'), join(folder, 'supabase/migrations')]);
  return { ofPackage, own: all.slice(ofPackage.length) };
}

/** A database, whichever way it is reached. */
export interface Target {
  /** For the person: never with a password. */
  name: string;
  /** Runs one statement. */
  run(this: void, statement: string): Promise<unknown[]>;
  migrate(this: void, migrations: Migration[]): Promise<string[]>;
  end(this: void): Promise<void>;
}

export function byApi(api: Api, ref: string): Target {
  const run = (statement: string) => runSql(api, ref, statement);
  return { name: `the database of ${ref}`, run, migrate: (migrations) => migrateByStatements(run, migrations), end: () => Promise.resolve() };
}

/** A stop ends the connection, and Postgres undoes the file that was under way. */
export async function byConnection(url: string, { signal }: Child): Promise<Target> {
  // Loaded when used: the other steps of a spawn need no client.
  const { connectToMigrate } = await import('../../store/migration-connection.ts');
  const { connection, end } = await connectToMigrate(url);
  const stop = () => void end().catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  const orStopped = (error: unknown) => {
    throw signal.aborted ? cancelled() : error;
  };
  const { hostname, pathname } = new URL(url);
  return {
    name: `the database ${pathname.slice(1) || 'of DATABASE_URL'} at ${hostname}`,
    run: async (statement) => (await connection.query<unknown>(statement, []).catch(orStopped)).rows,
    migrate: (migrations) => migrate(connection, migrations).catch(orStopped),
    end: async () => {
      signal.removeEventListener('abort', stop);
      await end();
    },
  };
}
