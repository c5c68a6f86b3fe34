import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type TestDatabase, type TestPostgres } from '../support/database.ts';
import { readTables } from './catalogue.ts';
import { makeTenant } from './tenants.ts';

describe('what tasks and tickets may hold, whoever writes', () => {
  let server: TestPostgres;
  let database: TestDatabase;
  beforeAll(async () => {
    server = await startPostgres();
    database = await server.createDatabase();
    const { rows } = await database.pool.query<{ id: string }>('select id from public.roles limit 1');
    await makeTenant(database, await readTables(database), rows[0]?.id ?? '');
  });
  afterAll(async () => {
    await database.close();
    await server.stop();
  });

  it.each([
    ['tasks', 'state', "'asleep'"],
    ['tasks', 'state', "'running'"],
    ['tasks', 'state', "'waiting'"],
    ['tasks', 'priority', "'urgent'"],
    ['tasks', 'blockers', '-1'],
    ['tasks', 'max_attempts', '0'],
    ['tasks', 'timeout_seconds', '0'],
    ['tickets', 'state', "'asleep'"],
    ['tickets', 'kind', "'chore'"],
    ['tickets', 'priority', "'urgent'"],
  ])('%s.%s is never %s as it stands', async (table, column, value) => {
    await expect(database.pool.query(`update public.${table} set ${column} = ${value}`)).rejects.toMatchObject({ code: '23514' });
  });

  it.each(['tasks', 'tickets'])('%s say when they were changed, also where the writer does not', async (table) => {
    await database.pool.query(`update public.${table} set updated_at = '2020-01-01'`);
    await database.pool.query(`update public.${table} set title = 'Another'`);
    const { rows } = await database.pool.query(`select bool_and(updated_at > '2026-01-01') as touched from public.${table}`);
    expect(rows).toEqual([{ touched: true }]);
  });

  it('the rank of a task follows its priority', async () => {
    await database.pool.query("update public.tasks set priority = 'critical'");
    expect((await database.pool.query('select distinct priority_rank from public.tasks')).rows).toEqual([{ priority_rank: 0 }]);
  });
});
