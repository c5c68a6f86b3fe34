import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStore } from '../../src/store/store.ts';
import { createTransport } from '../../src/store/transport.ts';
import type { TestDatabase, TestPostgres } from '../support/database.ts';
import { startPostgres } from '../support/database.ts';

const supabase = { url: 'http://127.0.0.1:9', secretKey: 'sb_secret_nobody' };
let server: TestPostgres;
let database: TestDatabase;

beforeAll(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
}, 60_000);
afterAll(async () => {
  await database.close();
  await server.stop();
});

it('goes straight to Postgres where an address is given, and goes on after its connections were cut', async () => {
  const store = createStore(createTransport({ supabase, databaseUrl: database.url }));
  expect(await store.health()).toMatchObject({ deliveries_due: 0 });
  await database.pool.query('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()');
  await expect.poll(() => store.health().catch((error: unknown) => error)).toMatchObject({ deliveries_due: 0 });
  await store.close();
});

it('says that the database cannot be reached, and asks the Data API where no address is given', async () => {
  const nowhere = createStore(createTransport({ supabase, databaseUrl: 'postgres://postgres@127.0.0.1:9/postgres' }));
  await expect(nowhere.health()).rejects.toMatchObject({ code: 'database_unavailable', retry: 'transient' });
  await nowhere.close();
  const api = createStore(createTransport({ supabase, databaseUrl: undefined }));
  await expect(api.health()).rejects.toMatchObject({ code: 'database_unavailable', retry: 'transient' });
  await api.close();
});
