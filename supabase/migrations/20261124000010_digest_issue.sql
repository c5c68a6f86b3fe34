-- Where a repository wants the week told and names no issue for it, Banyan opens one and goes on there.

create or replace function banyan.digest_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  with newest as (
    select distinct on (r.project_id) r.project_id, r.ticket_id, r.config_snapshot #> '{repository,digest}' as digest
    from runs r where r.started_at > now() - interval '28 days' order by r.project_id, r.started_at desc, r.id desc
  ), week as (
    select to_char(now() at time zone 'UTC', 'IYYY-"W"IW') as name
  )
  select 'project:' || p.id, p.organization_id, p.created_at,
    jsonb_build_object('project_id', p.id, 'ticket_id', n.ticket_id, 'issue', n.digest -> 'issue', 'week', w.name, 'last_on', (
      -- By their keys: effects have no index for anything that is asked once a week.
      select e.result -> 'issue' from effects e
      where e.key = any(array(
        select p.id || '#0/digest/' || to_char((now() - ago * interval '1 week') at time zone 'UTC', 'IYYY-"W"IW')
        from generate_series(1, 26) as ago))
        and e.state = 'settled'
      order by e.created_at desc limit 1))
  from newest n
  cross join week w
  join projects p on p.id = n.project_id
  join installations i on i.id = p.installation_id
  where jsonb_typeof(n.digest) = 'object' and jsonb_typeof(n.digest -> 'issue') in ('number', 'null')
    and p.archived_at is null and i.deleted_at is null and i.suspended_at is null
    and not exists (
      select from effects e
      where e.key = p.id || '#' || coalesce(n.digest ->> 'issue', '0') || case when n.digest ->> 'issue' is null then '/digest/' else '/comment/digest/' end || w.name)
$$;
