import { createPostgresTransport } from '../../src/store/postgres-transport.ts';
import { createStore } from '../../src/store/store.ts';
import { createSupabaseTransport } from '../../src/store/supabase-transport.ts';
import { onPglite } from '../../src/testing/database.ts';
import type { Harness } from '../../src/testing/database.ts';
import { migrate, startPostgres, type TestDatabase, type TestPostgres } from '../support/database.ts';

export { pgliteHarness } from '../../src/testing/database.ts';
export type { Harness } from '../../src/testing/database.ts';

/** Everything that tests leave behind hangs on an organization, but for deliveries and missed ones; events stay, as they must. */
export async function emptyOut(harness: Harness): Promise<void> {
  await harness.sql('delete from public.organizations');
  await harness.sql('delete from public.deliveries');
  await harness.sql('delete from public.missed_deliveries');
  await harness.sql('delete from banyan.watch_reports');
  await harness.sql('delete from banyan.workers');
  await harness.sql(`delete from banyan.watch_marks`);
  await harness.sql(`update banyan.redelivery_progress set seen_until = null, gaps = '[]'`);
}

export interface PostgresHarness extends Harness {
  database: TestDatabase;
}

export async function postgresHarness(): Promise<PostgresHarness> {
  const server: TestPostgres = await startPostgres();
  const database = await server.createDatabase();
  return {
    database,
    store: createStore(createPostgresTransport(database.pool)),
    sql: async <Row>(text: string, values: unknown[] = []) => (await database.pool.query(text, values)).rows as Row[],
    async close() {
      await database.close();
      await server.stop();
    },
  };
}

const SECRET_KEY = 'sb_secret_test_0123456789';

/** supabase-js against the embedded Supabase, which answers in this process as the Data API would. */
export async function supabaseHarness(): Promise<Harness> {
  const { App } = await import('@supabase/lite');
  const { createPgliteConnection } = await import('@supabase/lite/pglite');
  const connection = await createPgliteConnection({});
  await migrate(connection.driver);
  const app = new App({
    connection,
    auth: { enabled: false, publishable_key: 'sb_publishable_test_0123456789', secret_key: SECRET_KEY },
    options: { server: { admin: false } },
  } as unknown as ConstructorParameters<typeof App>[0]);
  const transport = createSupabaseTransport({
    url: 'http://127.0.0.1:54321',
    secretKey: SECRET_KEY,
    fetch: (input, init) => app.fetch(new Request(input, init)),
  });
  return { ...onPglite(connection.driver), store: createStore(transport) };
}
