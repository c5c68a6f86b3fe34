import type { TestDatabase } from '../support/database.ts';

/** What the catalogue of a migrated database says; the tests of access are generated from it. */
export interface Table {
  name: string;
  rls: boolean;
  policies: number;
  columns: Column[];
}

export interface Column {
  name: string;
  /** As Postgres writes it: `uuid`, `text[]`, `numeric(14,6)`. */
  type: string;
  required: boolean;
  /** Values that a check allows, where it lists some. */
  allowed: string[] | null;
  references: string | null;
}

export interface Fn {
  signature: string;
  schema: string;
  /** The pinned `search_path`, null where it is the caller's. */
  searchPath: string | null;
  definer: boolean;
  executors: string[];
}

export interface ForeignKey {
  table: string;
  columns: string[];
  indexed: boolean;
}

const TABLES = `
  select c.relname as name, c.relrowsecurity as rls,
    (select count(*)::int from pg_policy p where p.polrelid = c.oid) as policies,
    (
      select json_agg(json_build_object(
        'name', a.attname, 'type', format_type(coalesce(nullif(t.typbasetype, 0), t.oid), a.atttypmod),
        'required', a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = '',
        'allowed', (
          select array_agg(m[1]) from pg_constraint k, regexp_matches(pg_get_constraintdef(k.oid), '''([^'']+)''::text', 'g') as m
          where k.contype = 'c' and ((k.conrelid = c.oid and k.conkey = array[a.attnum]) or k.contypid = a.atttypid)
            and pg_get_constraintdef(k.oid) like '%ANY (ARRAY[%'
        ),
        'references', (
          select f.relname from pg_constraint k join pg_class f on f.oid = k.confrelid
          where k.conrelid = c.oid and k.contype = 'f' and k.conkey = array[a.attnum]
        )
      ) order by a.attnum)
      from pg_attribute a join pg_type t on t.oid = a.atttypid where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns
  from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
  order by c.relname`;

const FUNCTIONS = `
  select p.oid::regprocedure::text as signature, n.nspname as schema, p.prosecdef as definer,
    (select substring(setting from 'search_path=(.*)') from unnest(p.proconfig) as setting where setting like 'search_path=%') as "searchPath",
    (
      select coalesce(array_agg(role order by role), '{}')
      from unnest(array['anon', 'authenticated', 'service_role']) as role where has_function_privilege(role, p.oid, 'execute')
    ) || case when exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g where g.grantee = 0) then array['public'] else '{}' end
      as executors
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('public', 'banyan')
  order by 1`;

const FOREIGN_KEYS = `
  select c.relname as "table",
    (
      select array_agg(a.attname::text order by k.place)
      from unnest(f.conkey) with ordinality as k (number, place) join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
    ) as columns,
    exists (
      select from pg_index i
      where i.indrelid = c.oid and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(f.conkey)] @> f.conkey
        and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$')
    ) as indexed
  from pg_constraint f join pg_class c on c.oid = f.conrelid
  where f.contype = 'f' and c.relnamespace = 'public'::regnamespace
  order by 1, 2`;

export async function readTables(database: TestDatabase): Promise<Table[]> {
  return (await database.pool.query<Table>(TABLES)).rows;
}

export async function readFunctions(database: TestDatabase): Promise<Fn[]> {
  return (await database.pool.query<Fn>(FUNCTIONS)).rows;
}

export async function readForeignKeys(database: TestDatabase): Promise<ForeignKey[]> {
  return (await database.pool.query<ForeignKey>(FOREIGN_KEYS)).rows;
}
