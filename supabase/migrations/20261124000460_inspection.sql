-- What the doctor and a scrape see of rights, of the jobs of the cron, and of long queues.

-- As it was, and: roles that a browser's key may become, attributes by which it is bound to nothing, policies that are not those of the migrations, and
-- views of other schemas over tables of these, for which the rights of their owner count.
create or replace function banyan.open_rights() returns table (role text, kind text, name text, rights text)
language sql stable
set search_path = ''
as $$
  with recursive roles as (
    select p.oid, p.rolname::text as role, p.rolsuper or p.rolbypassrls as unbound from pg_catalog.pg_roles p where p.rolname in ('anon', 'authenticated')
  ),
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
  ),
  -- Also where it does not inherit: `set role` is enough.
  of_members as (
    select r.role, 'role', m.rolname::text, 'become' from roles r join pg_catalog.pg_roles m on m.oid <> r.oid
    where not r.unbound and pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER')
    union all
    select r.role, 'role', r.role, 'pass row level security as' from roles r where r.unbound
  ),
  -- Each policy of a migration is called `read` and asks what whoever is signed in is permitted; three tables open something beside that.
  of_policies as (
    select r.role, 'policy', p.polname || ' on ' || t.name, 'select by'
    from roles r, pg_catalog.pg_policy p join relations t on t.oid = p.polrelid, lateral (select pg_catalog.pg_get_expr(p.polqual, p.polrelid) as condition) as q
    where p.polpermissive and p.polcmd in ('r', '*') and t.relrowsecurity and pg_catalog.has_any_column_privilege(r.role, t.oid, 'SELECT')
      and exists (select from unnest(p.polroles) as granted where granted = 0 or pg_catalog.pg_has_role(r.oid, granted, 'MEMBER'))
      and not coalesce(p.polname = 'read' and p.polcmd = 'r' and q.condition ~ '\m(permitted_organizations|current_profile_id)\('
        and (q.condition !~* '\mor\M' or t.name in ('public.profiles', 'public.memberships', 'public.roles')), false)
  ),
  over as (
    select t.oid, t.name as of from relations t
    union
    select w.ev_class, o.of from over o
    join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = o.oid and d.classid = 'pg_catalog.pg_rewrite'::regclass
    join pg_catalog.pg_rewrite w on w.oid = d.objid
  ),
  of_views as (
    select r.role, 'view', n.nspname || '.' || c.relname, 'select'
    from roles r, pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm') and c.oid in (select oid from over) and n.nspname not in ('public', 'banyan')
      and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1'], false)
      and pg_catalog.has_schema_privilege(r.role, n.oid, 'USAGE') and pg_catalog.has_any_column_privilege(r.role, c.oid, 'SELECT')
  )
  select * from of_tables union all select * from of_sequences union all select * from of_functions
  union all select * from of_members union all select * from of_policies union all select * from of_views
$$;

-- The last run of each job, by one step of the index for each.
create function banyan.last_reports() returns table (job text, finished_at timestamptz, error jsonb)
language sql stable
set search_path = banyan, pg_temp
as $$
  with recursive last as (
    (select w.job, w.finished_at, w.error from watch_reports w order by w.job, w.id desc limit 1)
    union all
    select r.job, r.finished_at, r.error
    from last, lateral (select * from watch_reports w where w.job > last.job order by w.job, w.id desc limit 1) as r
  )
  select * from last
$$;

-- As it was, with the last run of each job: which of them a tick runs, the code knows.
create or replace function public.inspect() returns jsonb
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
    'reports', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'job', r.job, 'age_seconds', round(extract(epoch from clock_timestamp() - r.finished_at)), 'failed', r.error is not null) order by r.finished_at desc), '[]')
      from banyan.last_reports() r
    ),
    'held', (
      select coalesce(jsonb_agg(jsonb_build_object('account', i.account_login, 'seconds', round(extract(epoch from i.held_until - now())))), '[]')
      from public.installations i where i.held_until > now()
    )
  )
$$;

-- As it was; but the age is that of the oldest, however long the queue is. What came first to an inbox or a lane and was never put off is the oldest of its
-- kind, and what was put off has an index by its time. Tasks are ready in an order of their own: their index is read to its end, without the table.
create or replace function banyan.queue_gauges() returns setof jsonb
language sql stable
set search_path = public, pg_temp
as $$
  with due as (
    (select 'deliveries' as queue, due_at from deliveries
      where state = 'pending' and not behind and due_at <= now() and (lease_expires_at is null or lease_expires_at <= now())
      order by seq limit banyan.metric_count_limit())
    union all
    (select 'effects', due_at from effects
      where state in ('pending', 'begun') and not behind and due_at <= now() and (lease_expires_at is null or lease_expires_at <= now())
      order by position limit banyan.metric_count_limit())
    union all
    (select 'tasks', due_at from tasks where state = 'pending' and blockers = 0 and not held and due_at <= now() limit banyan.metric_count_limit())
  ), oldest as (
    (select 'deliveries' as queue, due_at from deliveries
      where state = 'pending' and due_at > received_at and not behind and due_at <= now() and (lease_expires_at is null or lease_expires_at <= now())
      order by due_at limit 1)
    union all
    (select 'effects', due_at from effects
      where state in ('pending', 'begun') and due_at > created_at and not behind and due_at <= now() and (lease_expires_at is null or lease_expires_at <= now())
      order by due_at limit 1)
    union all
    select 'tasks', min(due_at) from tasks where state = 'pending' and blockers = 0 and not held and due_at <= now()
    union all
    select queue, min(due_at) from due where queue <> 'tasks' group by queue
  ), queues as (
    select q.queue, (select count(*) from due d where d.queue = q.queue) as length,
      coalesce(banyan.seconds_between((select min(o.due_at) from oldest o where o.queue = q.queue), now()), 0) as age
    from unnest(array['deliveries', 'effects', 'tasks']) as q (queue)
  )
  select banyan.gauge(metric, jsonb_build_object('queue', queue), value)
  from queues, lateral (values ('banyan_queue_due', length::numeric), ('banyan_queue_oldest_due_seconds', age)) as told (metric, value)
  union all
  select banyan.gauge('banyan_given_up', jsonb_build_object('work', work), open)
  from (values
    ('delivery', (select count(*) from (select from deliveries where state = 'dead' limit banyan.metric_count_limit()) as d)),
    ('missed_delivery', (select count(*) from (select from missed_deliveries where state = 'lost' limit banyan.metric_count_limit()) as d)),
    ('effect', (select count(*) from (select from effects where state = 'failed' limit banyan.metric_count_limit()) as d)),
    ('task', (select count(*) from (select from tasks where state = 'dead' limit banyan.metric_count_limit()) as d))
  ) as given_up (work, open)
$$;

-- As it was, by the function above.
create or replace function banyan.watch_gauges() returns setof jsonb
language sql stable
set search_path = banyan, pg_temp
as $$
  select banyan.gauge(metric, jsonb_build_object('job', job), value)
  from last_reports() as last, lateral (values
    ('banyan_watch_last_run_timestamp_seconds', extract(epoch from finished_at)::numeric),
    ('banyan_watch_last_run_age_seconds', banyan.seconds_between(finished_at, now())),
    ('banyan_watch_last_run_ok', case when error is null then 1 else 0 end::numeric)
  ) as told (metric, value)
  union all
  select banyan.gauge('banyan_watch_marks_failing', jsonb_build_object('job', job), count(*))
  from (select job from watch_marks where failures > 0 limit banyan.metric_count_limit()) as m group by job
  union all
  select banyan.gauge('banyan_watch_findings', jsonb_build_object('job', job), count(*))
  from (select job from watch_marks where finding is not null limit banyan.metric_count_limit()) as m group by job
$$;

revoke execute on function banyan.last_reports from public, anon, authenticated;
grant execute on function banyan.last_reports to service_role;
