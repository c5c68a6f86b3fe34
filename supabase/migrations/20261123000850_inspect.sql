-- What `npx banyan doctor` asks of the database: which migrations are applied, who may do what, and whether the jobs of the cron run.

-- The book of migrations belongs to whoever migrates, so it is read with that one's rights. Null where there is none, or it may not be read.
create function banyan.applied_migrations() returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  v_versions jsonb;
begin
  execute 'select jsonb_agg(version order by version) from supabase_migrations.schema_migrations' into v_versions;
  return v_versions;
exception when undefined_table or invalid_schema_name or undefined_column or insufficient_privilege then
  return null;
end
$$;

-- What stands open to the keys that browsers hold, though Banyan opens only reading in `public`, behind policies, to those who are signed in,
-- and the two functions that policies ask. What an extension brought is the extension's.
create function banyan.open_rights() returns table (role text, kind text, name text, rights text)
language sql stable
set search_path = ''
as $$
  with roles as (select r as role from unnest(array['anon', 'authenticated']) as r where exists (select from pg_catalog.pg_roles p where p.rolname = r)),
  relations as (
    select c.oid, c.relkind, n.nspname || '.' || c.relname as name, n.nspname, c.relrowsecurity
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'banyan') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.classid = 'pg_catalog.pg_class'::regclass and d.deptype = 'e')
  ),
  of_tables as (
    select r.role, 'table' as kind, t.name, string_agg(lower(p), ', ' order by p) as rights
    from roles r, relations t, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) as p
    where t.relkind <> 'S'
      and case when p in ('DELETE', 'TRUNCATE') then pg_catalog.has_table_privilege(r.role, t.oid, p) else pg_catalog.has_any_column_privilege(r.role, t.oid, p) end
      and not (p = 'SELECT' and r.role = 'authenticated' and t.nspname = 'public' and t.relkind in ('r', 'p') and t.relrowsecurity)
    group by r.role, t.name
  ),
  of_sequences as (
    select r.role, 'sequence', t.name, 'usage' from roles r, relations t
    where t.relkind = 'S' and pg_catalog.has_sequence_privilege(r.role, t.oid, 'USAGE, SELECT, UPDATE')
  ),
  of_functions as (
    select r.role, 'function', n.nspname || '.' || f.proname, 'execute'
    from roles r, pg_catalog.pg_proc f join pg_catalog.pg_namespace n on n.oid = f.pronamespace
    where n.nspname in ('public', 'banyan') and pg_catalog.has_function_privilege(r.role, f.oid, 'EXECUTE')
      and not (r.role = 'authenticated' and n.nspname = 'banyan' and f.proname in ('current_profile_id', 'permitted_organizations'))
      and not exists (select from pg_catalog.pg_depend d where d.objid = f.oid and d.classid = 'pg_catalog.pg_proc'::regclass and d.deptype = 'e')
  )
  select * from of_tables union all select * from of_sequences union all select * from of_functions
$$;

create function public.inspect() returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'schema_version', banyan.schema_version(),
    'migrations', banyan.applied_migrations(),
    'now', clock_timestamp(),
    'role', current_user,
    'tables', (
      select coalesce(jsonb_agg(c.relname order by c.relname), '[]') from pg_catalog.pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    ),
    'unguarded', (
      select coalesce(jsonb_agg(c.oid::regclass::text order by 1), '[]') from pg_catalog.pg_class c
      where c.relnamespace in ('public'::regnamespace, 'banyan'::regnamespace) and c.relkind in ('r', 'p') and not c.relrowsecurity
        and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.classid = 'pg_catalog.pg_class'::regclass and d.deptype = 'e')
    ),
    'open', (select coalesce(jsonb_agg(to_jsonb(o) order by o.role, o.kind, o.name), '[]') from banyan.open_rights() o),
    'last_report', (
      select jsonb_build_object('job', r.job, 'age_seconds', round(extract(epoch from clock_timestamp() - r.finished_at)), 'failed', r.error is not null)
      from banyan.watch_reports r order by r.id desc limit 1
    ),
    'held', (
      select coalesce(jsonb_agg(jsonb_build_object('account', i.account_login, 'seconds', round(extract(epoch from i.held_until - now())))), '[]')
      from public.installations i where i.held_until > now()
    )
  )
$$;

revoke execute on function banyan.applied_migrations, banyan.open_rights, public.inspect from public, anon, authenticated;
grant execute on function banyan.applied_migrations, banyan.open_rights, public.inspect to service_role;
