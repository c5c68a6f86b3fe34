import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inspection } from '../../src/store/inspect-contract.ts';
import { migrate, readMigrations } from '../../src/store/migrate.ts';
import { MIGRATIONS, startPostgres, withConnection, type TestDatabase, type TestPostgres } from '../support/database.ts';
import { readForeignKeys, readFunctions, readTables, type Table } from './catalogue.ts';
import { insertStatement, makeTenant, type Tenant } from './tenants.ts';

const APPEND_ONLY = ['audit_log', 'events'];
/** Called by policies, so by whoever reads. Nobody else but `service_role` may execute anything. */
const OPEN_FUNCTIONS = ['banyan.current_profile_id()', 'banyan.permitted_organizations(text)'];
const DENIED = '42501';

/** What a Supabase project of before October 2026 grants on everything new, and migrations must take back. */
const OPEN_BY_DEFAULT = ['tables', 'functions', 'sequences']
  .map((kind) => `alter default privileges in schema public grant all on ${kind} to anon, authenticated, service_role;`)
  .join('\n');

type Actor = { role: 'anon' | 'authenticated' | 'service_role'; sub?: string };

describe('access, generated from the catalogue', () => {
  let server: TestPostgres;
  let database: TestDatabase;
  let tables: Table[];
  let a: Tenant;
  let b: Tenant;

  beforeAll(async () => {
    server = await startPostgres();
    database = await server.createEmptyDatabase();
    await withConnection(database.pool, async (connection) => {
      const [roles, ...others] = await readMigrations(MIGRATIONS);
      await migrate(connection, roles === undefined ? [] : [roles]);
      await connection.exec(OPEN_BY_DEFAULT);
      await migrate(connection, others);
    });
    tables = await readTables(database);
    const owner = await presetId('owner');
    a = await makeTenant(database, tables, owner);
    b = await makeTenant(database, tables, owner);
  });
  afterAll(async () => {
    await database.close();
    await server.stop();
  });

  async function presetId(key: string): Promise<string> {
    const { rows } = await database.pool.query<{ id: string }>('select id from public.roles where organization_id is null and key = $1', [key]);
    return rows[0]?.id ?? '';
  }

  /** Runs one statement as the Data API would run it for the actor, and undoes it. The number of rows, or the SQLSTATE of the refusal. */
  async function as(actor: Actor, text: string, values: unknown[] = []): Promise<number | string> {
    const client = await database.pool.connect();
    try {
      await client.query('begin');
      await client.query(`select set_config('request.jwt.claims', $1, true)`, [
        JSON.stringify({ role: actor.role, ...(actor.sub === undefined ? {} : { sub: actor.sub }) }),
      ]);
      await client.query(`set local role ${actor.role}`);
      return (await client.query(text, values)).rowCount ?? 0;
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      await client.query('rollback');
      client.release();
    }
  }

  function select(actor: Actor, table: Table, tenant: Tenant): Promise<number | string> {
    const { column, value } = tenant.owner(table.name);
    return as(actor, `select ${column} from public.${table.name} where ${column} = $1`, [value]);
  }
  function insert(actor: Actor, table: Table, tenant: Tenant): Promise<number | string> {
    const { text, values } = insertStatement(table.name, tenant.row(table));
    return as(actor, text, values);
  }
  function update(actor: Actor, table: Table, tenant: Tenant): Promise<number | string> {
    const { column, value } = tenant.owner(table.name);
    return as(actor, `update public.${table.name} set ${column} = ${column} where ${column} = $1`, [value]);
  }
  function remove(actor: Actor, table: Table, tenant: Tenant): Promise<number | string> {
    const { column, value } = tenant.owner(table.name);
    return as(actor, `delete from public.${table.name} where ${column} = $1`, [value]);
  }
  async function writes(actor: Actor, table: Table, tenant: Tenant): Promise<unknown[]> {
    return [await insert(actor, table, tenant), await update(actor, table, tenant), await remove(actor, table, tenant)];
  }

  it('every table has row level security and a policy', () => {
    expect(tables.length).toBeGreaterThan(25);
    expect(tables.filter((table) => !table.rls || table.policies === 0).map((table) => table.name)).toEqual([]);
  });

  it('anon reads and writes no table', async () => {
    for (const table of tables) {
      const answers = [await select({ role: 'anon' }, table, a), ...(await writes({ role: 'anon' }, table, a))];
      expect([table.name, ...answers]).toEqual([table.name, DENIED, DENIED, DENIED, DENIED]);
    }
  });

  it("a member reads the rows of the own organization, none of another's, and writes nothing", async () => {
    for (const [own, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const member: Actor = { role: 'authenticated', sub: own.profileId };
      for (const table of tables) {
        expect([table.name, await select(member, table, own)]).toEqual([table.name, table.name === 'tasks' ? 2 : 1]);
        expect([table.name, await select(member, table, other)]).toEqual([table.name, 0]);
        expect([table.name, ...(await writes(member, table, own))]).toEqual([table.name, DENIED, DENIED, DENIED]);
      }
    }
  });

  it('whoever is signed in and belongs nowhere reads nothing', async () => {
    for (const sub of ['00000000-0000-4000-8000-000000000000', undefined]) {
      const stranger: Actor = { role: 'authenticated', ...(sub === undefined ? {} : { sub }) };
      for (const table of tables) expect([table.name, await select(stranger, table, a)]).toEqual([table.name, 0]);
    }
  });

  it('service_role does everything but change what is append-only', async () => {
    const service: Actor = { role: 'service_role' };
    for (const table of tables) {
      expect([table.name, await select(service, table, b)]).toEqual([table.name, table.name === 'tasks' ? 2 : 1]);
      const [inserted, updated, deleted] = await writes(service, table, b);
      // A second membership of one profile, or pull request of one ticket, is refused by its unique key, not by a grant.
      expect([1, '23505']).toContain(inserted);
      const changed = APPEND_ONLY.includes(table.name) ? DENIED : table.name === 'tasks' ? 2 : 1;
      expect([table.name, updated, deleted]).toEqual([table.name, changed, changed]);
    }
  });

  it('nobody but service_role draws from a sequence', async () => {
    const { rows } = await database.pool.query<{ name: string; role: string }>(
      `select c.oid::regclass::text as name, role from pg_class c, unnest(array['anon', 'authenticated']) as role
       where c.relkind = 'S' and c.relnamespace in ('public'::regnamespace, 'banyan'::regnamespace)
         and has_sequence_privilege(role, c.oid, 'usage, select, update')`,
    );
    expect(rows).toEqual([]);
  });

  it('is what the doctor finds in order, and what stands open it names', async () => {
    const inspect = async () => (await database.pool.query<{ result: Inspection }>('select public.inspect() as result')).rows[0]?.result;
    expect(await inspect()).toMatchObject({ open: [], unguarded: [], tables: tables.map(({ name }) => name) });
    const opened = [
      'grant insert, select on public.tickets to anon',
      'grant update on public.runs to authenticated',
      'grant execute on function public.health to anon',
    ];
    const closed = [
      'revoke all on public.tickets from anon',
      'revoke update on public.runs from authenticated',
      'revoke execute on function public.health from anon',
    ];
    try {
      await database.pool.query([...opened, 'create table public.scratch (id int)'].join(';'));
      const found = await inspect();
      expect(found?.unguarded).toEqual(['public.scratch']);
      expect(found?.open.filter(({ name }) => name !== 'public.scratch')).toEqual([
        { role: 'anon', kind: 'function', name: 'public.health', rights: 'execute' },
        { role: 'anon', kind: 'table', name: 'public.tickets', rights: 'insert, select' },
        { role: 'authenticated', kind: 'table', name: 'public.runs', rights: 'update' },
      ]);
    } finally {
      await database.pool.query([...closed, 'drop table public.scratch'].join(';'));
    }
  });

  it.each([
    [
      'create policy open_all on public.messages for select to authenticated using (true)',
      'drop policy open_all on public.messages',
      'authenticated may select by policy open_all on public.messages',
    ],
    [
      'create policy mine on public.runs to public using (true or organization_id in (select banyan.permitted_organizations(null)))',
      'drop policy mine on public.runs',
      'authenticated may select by policy mine on public.runs',
    ],
    [
      `alter policy read on public.tickets using (true or organization_id in (select banyan.permitted_organizations('tickets:read')))`,
      `alter policy read on public.tickets using (organization_id in (select banyan.permitted_organizations('tickets:read')))`,
      'authenticated may select by policy read on public.tickets',
    ],
    ['grant service_role to anon', 'revoke service_role from anon', 'anon may become role service_role'],
    ['alter role anon bypassrls', 'alter role anon nobypassrls', 'anon may pass row level security as role anon'],
    [
      'create schema api; create schema within; create view within.v as select * from public.messages; create view api.w as select * from within.v; grant usage on schema api to anon; grant select on api.w to anon',
      'drop schema api cascade; drop schema within cascade',
      'anon may select view api.w',
    ],
  ])('the doctor names what stands open by %s', async (open, close, said) => {
    const found = async () => {
      const { rows } = await database.pool.query<{ result: Inspection }>('select public.inspect() as result');
      return rows[0]?.result.open.map(({ role, kind, name, rights }) => `${role} may ${rights} ${kind} ${name}`);
    };
    await database.pool.query(open);
    try {
      expect(await found()).toEqual([said]);
    } finally {
      await database.pool.query(close);
    }
    expect(await found()).toEqual([]);
  });

  it("an API key's hash is for nobody who signs in", async () => {
    expect(await as({ role: 'authenticated', sub: a.profileId }, 'select hash from public.api_keys')).toBe(DENIED);
  });

  it('a role opens what it names, with wildcards and what it inherits, in its own organization', async () => {
    const reader: Actor = { role: 'authenticated', sub: b.profileId };
    const visible = async (role: string): Promise<string[]> => {
      await database.pool.query('update public.memberships set role_id = $1 where organization_id = $2', [role, b.organizationId]);
      const counts = await Promise.all(tables.map(async (table) => [table.name, await select(reader, table, b)] as const));
      return counts.filter(([, count]) => count !== 0).map(([name]) => name);
    };
    const custom = async (permissions: string[], inherits: string | null): Promise<string> => {
      const { rows } = await database.pool.query<{ id: string }>(
        'insert into public.roles (organization_id, key, name, permissions, inherits_role_id) values ($1, $2, $2, $3, $4) returning id',
        [b.organizationId, `r${Math.floor(Math.random() * 1e9)}`, permissions, inherits],
      );
      return rows[0]?.id ?? '';
    };
    const own = ['memberships', 'profiles'];
    expect(await visible(await custom([], null))).toEqual(own);
    expect(await visible(await custom(['audit:*'], null))).toEqual(['audit_log', ...own]);
    expect(await visible(await custom(['tickets:write', 'runs:reader'], null))).toEqual(own);
    expect(await visible(await custom(['*:read'], null))).toHaveLength(tables.length);
    expect(await visible(await custom([], await custom(['agents:read'], null)))).toEqual(['agents', ...own]);
    const hidden = tables
      .map((table) => table.name)
      .filter(
        (name) =>
          ![
            'agent_actions',
            'api_keys',
            'audit_log',
            'conversations',
            'deliveries',
            'effects',
            'messages',
            'missed_deliveries',
            'rollbacks',
            'workspace_files',
          ].includes(name),
      );
    expect(await visible(await presetId('reader'))).toEqual(hidden);
    expect(await visible(await presetId('contributor'))).toEqual(
      [...hidden, 'agent_actions', 'conversations', 'messages', 'rollbacks', 'workspace_files'].toSorted(),
    );
    expect(await visible(await presetId('admin'))).toHaveLength(tables.length);
  });

  it('every function has a pinned search_path, and is for service_role alone but for the helpers of policies', async () => {
    const functions = await readFunctions(database);
    expect(functions.length).toBeGreaterThan(50);
    expect(functions.filter((fn) => fn.searchPath === null).map((fn) => fn.signature)).toEqual([]);
    for (const fn of functions) {
      const executors = OPEN_FUNCTIONS.includes(fn.signature) ? ['authenticated', 'service_role'] : ['service_role'];
      expect([fn.signature, ...fn.executors]).toEqual([fn.signature, ...executors]);
    }
    // Who runs with the owner's rights must name every schema.
    expect(functions.filter((fn) => fn.definer).map((fn) => [fn.signature, fn.searchPath])).toEqual([
      ['banyan.applied_migrations()', '""'],
      ['banyan.permitted_organizations(text)', '""'],
      ['banyan.retain_logs(integer,integer)', '""'],
    ]);
  });

  it('every foreign key has an index, but for the two parents that are not deleted while anybody works', async () => {
    const bare = (await readForeignKeys(database)).filter((key) => !key.indexed);
    expect(bare.filter((key) => !['organization_id', 'project_id'].includes(key.columns.join()))).toEqual([]);
  });
});
