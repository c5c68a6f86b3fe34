import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate as apply, readMigrations } from '../../src/store/migrate.ts';
import { migrate, MIGRATIONS, startPostgres, withConnection, type TestDatabase, type TestPostgres } from '../support/database.ts';

describe('migrations', () => {
  let server: TestPostgres;
  let database: TestDatabase;
  beforeAll(async () => {
    server = await startPostgres();
    database = await server.createEmptyDatabase();
  });
  afterAll(async () => {
    await database.close();
    await server.stop();
  });

  it('apply once where several start them at the same moment, and not again', async () => {
    const versions = (await readMigrations(MIGRATIONS)).map((migration) => migration.version);
    const applied = await Promise.all([1, 2, 3].map(() => withConnection(database.pool, migrate)));
    expect(applied.flat().toSorted()).toEqual(versions);
    expect(await withConnection(database.pool, migrate)).toEqual([]);
    const { rows } = await database.pool.query<{ version: string }>('select version from supabase_migrations.schema_migrations order by 1');
    expect(rows.map((row) => row.version)).toEqual(versions);
  });

  it('say the newest version in health', async () => {
    const newest = (await readMigrations(MIGRATIONS)).at(-1)?.version;
    const { rows } = await database.pool.query('select banyan.schema_version() as version');
    expect(rows).toEqual([{ version: newest }]);
  });

  it('leave nothing of a file that fails', async () => {
    await withConnection(database.pool, async (connection, client) => {
      const broken = { version: '29990101000000', name: 'broken', sql: 'create table public.half (id int); select 1 / 0;' };
      await expect(apply(connection, [broken])).rejects.toMatchObject({
        code: 'database_error',
        message: expect.stringMatching(/^29990101000000_broken\.sql was not applied: division by zero/) as string,
        cause: { code: '22012' },
      });
      expect((await client.query("select to_regclass('public.half') as made")).rows).toEqual([{ made: null }]);
    });
  });

  it('make keys that keep their order and are UUIDs of version 7', async () => {
    const { rows } = await database.pool.query<{ id: string }>('select banyan.uuid7()::text as id from generate_series(1, 2000)');
    const ids = rows.map((row) => row.id);
    expect([...ids].toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(2000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Math.abs(parseInt((ids[0] ?? '').replaceAll('-', '').slice(0, 12), 16) - Date.now())).toBeLessThan(60_000);
  });

  it('know the presets, each inheriting the one before', async () => {
    const { rows } = await database.pool.query(
      `select r.key, p.key as inherits from public.roles r left join public.roles p on p.id = r.inherits_role_id where r.organization_id is null order by r.id`,
    );
    expect(rows.map((row: { key: string; inherits: string | null }) => [row.key, row.inherits])).toEqual([
      ['reader', null],
      ['contributor', 'reader'],
      ['planner', 'contributor'],
      ['executor', 'planner'],
      ['admin', 'executor'],
      ['owner', 'admin'],
    ]);
  });
});
