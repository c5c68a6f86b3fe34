import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setInEnvFile } from '../../src/spawn/services/env-file.ts';
import { supabase } from '../../src/spawn/services/supabase.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../support/database.ts';
import { servicePlace, type ServicePlace } from './services-support.ts';

let server: TestPostgres;
let database: TestDatabase;
let place: ServicePlace;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(() => server.stop());

const VERSION = "create or replace function banyan.schema_version() returns text language sql as $$ select '20260101000900' $$;";

beforeEach(async () => {
  place = servicePlace();
  database = await server.createEmptyDatabase();
  place.write('package.json', '{"name":"my-shop"}');
  place.write('node_modules/banyan/package.json', '{"name":"banyan"}');
  place.write('node_modules/banyan/supabase/migrations/20260101000000_foundation.sql', 'create schema banyan; create table public.organizations (login text);');
  place.write('node_modules/banyan/supabase/migrations/20260101000900_version.sql', VERSION);
  place.write('supabase/migrations/20260102000000_shoes.sql', 'create table public.shoes (id int);');
});

afterEach(async () => {
  await place.close();
  await database.close();
});

const sql = (text: string) => database.pool.query(text);
const BOOK = 'create schema if not exists supabase_migrations; create table supabase_migrations.schema_migrations (version text primary key, name text);';
const tables = async () =>
  (
    await database.pool.query<{ name: string }>("select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1")
  ).rows.map(({ name }) => name);
const OURS = ['organizations', 'shoes'];

/** A child in a shell that has the address of the database. */
function child(name = 'my-shop') {
  const made = place.child({ DATABASE_URL: database.url });
  return { ...made, answers: { ...made.answers, name } };
}
const run = async (name?: string) => (await supabase.run(child(name))).join('\n');
const refused = (message: string) => ({
  code: 'conflict',
  message: expect.stringContaining(message) as string,
  fix: expect.stringContaining('.env.local') as string,
});

describe('a database that only the shell names', () => {
  it.each([
    ['tables in another schema', 'create schema app; create table app.customers (id int);'],
    ['a view', 'create view public.report as select 1 as one;'],
    ['a materialized view', 'create schema app; create materialized view app.report as select 1 as one;'],
    ['migrations of something else', `${BOOK} insert into supabase_migrations.schema_migrations values ('20250101000000', 'theirs');`],
    [
      'a migration of the same version, too',
      `create table public.customers (id int); ${BOOK} insert into supabase_migrations.schema_migrations values ('20260102000000', 'theirs');`,
    ],
    [
      'a migration of the same version and name as the first',
      `create table public.customers (id int); ${BOOK} insert into supabase_migrations.schema_migrations values ('20260101000000', 'foundation');`,
    ],
    ['a schema of that name', 'create schema banyan; create table banyan.trees (id int);'],
  ])('is left alone where it has %s', async (_what, text) => {
    await sql(text);
    const before = await tables();
    await expect(supabase.run(child())).rejects.toMatchObject(refused('has tables or migrations of something else'));
    expect(await tables()).toEqual(before);
  });

  it("is taken where it has no more than Postgres' and Supabase's own", async () => {
    await sql('create schema auth; create table auth.users (id int); create schema storage; create table storage.objects (id int); create schema extensions;');
    expect(await run()).toMatch(/3 of 3 migrations applied/);
    expect(await tables()).toEqual(OURS);
    expect(await run()).toMatch(/Up to date/);
  });

  it("is not migrated where it is another child's, which is named; with its address in .env.local it is, and that is said", async () => {
    await run();
    place.write('supabase/migrations/20260103000000_drop.sql', 'drop table public.shoes;');
    await expect(supabase.run(child('another'))).rejects.toMatchObject(refused('is of the child acme/my-shop'));
    expect(await tables()).toEqual(OURS);
    await setInEnvFile(place.folder, { DATABASE_URL: database.url });
    expect(await run('another')).toMatch(/1 of 4 migrations applied[^]*It was of the child acme\/my-shop until now/);
    expect(await run('another')).not.toContain('until now');
  });

  it('is taken without a mark where its book has a migration of this child, and else only by its word', async () => {
    await run();
    const unmark = () => sql('comment on schema supabase_migrations is null');
    await unmark();
    expect(await run()).toMatch(/Up to date/);
    await unmark();
    await sql("delete from supabase_migrations.schema_migrations where version = '20260102000000'; insert into public.organizations values ('bolt'), ('acme')");
    await expect(supabase.run(child())).rejects.toMatchObject(refused('has a Banyan, and nothing says that it is of acme/my-shop: it works for acme, bolt'));
  });

  it('goes on where a run was cut off, with the first file or before any', async () => {
    place.write('node_modules/banyan/supabase/migrations/20260101000000_foundation.sql', 'select 1 / 0;');
    await expect(supabase.run(child())).rejects.toThrowError(/20260101000000_foundation\.sql was not applied/);
    await expect(supabase.run(child('another'))).rejects.toMatchObject(refused('is of the child acme/my-shop'));
    place.write(
      'node_modules/banyan/supabase/migrations/20260101000000_foundation.sql',
      'create schema banyan; create table public.organizations (login text);',
    );
    place.write('node_modules/banyan/supabase/migrations/20260101000900_version.sql', 'select 1 / 0;');
    await expect(supabase.run(child())).rejects.toThrowError(/20260101000900_version\.sql was not applied/);
    place.write('node_modules/banyan/supabase/migrations/20260101000900_version.sql', VERSION);
    expect(await run()).toMatch(/2 of 3 migrations applied/);
  });
});

describe('a database of this child', () => {
  it('is said to be newer than the package, and to have what nobody here has', async () => {
    await run();
    await sql("insert into supabase_migrations.schema_migrations (version, name) values ('20991231000000', 'from_the_future')");
    expect(await run()).toMatch(/Up to date[^]*neither the package nor supabase\/migrations here has: 20991231000000_from_the_future/);
    await sql(VERSION.replace('20260101000900', '20991231000000'));
    expect(await run()).toMatch(/Up to date[^]*newer than the package here \(20991231000000, the package 20260101000900\)[^]*npx banyan update/);
  });

  it('is said to have another migration under the version of one here, which counts as applied', async () => {
    await run();
    place.write('supabase/migrations/20260103000000_ours.sql', 'create table public.ours (id int);');
    await sql("insert into supabase_migrations.schema_migrations (version, name) values ('20260103000000', 'theirs')");
    expect(await run()).toMatch(/20260103000000_ours\.sql was not applied: the database has 20260103000000_theirs under its version/);
  });
});
