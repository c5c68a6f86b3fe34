-- The weekly digest of a repository, where the configuration of its newest run names an issue for it.

-- What is told once a week: the effect's key has the week. A repository without a run for four weeks has nothing to tell.
create function banyan.digest_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  with newest as (
    select distinct on (r.project_id) r.project_id, r.ticket_id, r.config_snapshot #> '{repository,digest,issue}' as issue
    from runs r where r.started_at > now() - interval '28 days' order by r.project_id, r.started_at desc, r.id desc
  )
  select 'project:' || p.id, p.organization_id, p.created_at,
    jsonb_build_object('project_id', p.id, 'ticket_id', n.ticket_id, 'issue', n.issue, 'week', to_char(now() at time zone 'UTC', 'IYYY-"W"IW'))
  from newest n
  join projects p on p.id = n.project_id
  join installations i on i.id = p.installation_id
  where jsonb_typeof(n.issue) = 'number' and p.archived_at is null and i.deleted_at is null and i.suspended_at is null
    and not exists (
      select from effects e
      where e.key = p.id || '#' || (n.issue #>> '{}') || '/comment/digest/' || to_char(now() at time zone 'UTC', 'IYYY-"W"IW'))
$$;

-- The figures of the last seven days. Lists are cut; the counts beside them are whole.
create function public.digest_figures(p_project_id uuid, p_shown integer) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  with mine as (select * from tickets where project_id = p_project_id),
  states as (select state, count(*) as tickets from mine where state not in ('done', 'cancelled') group by state),
  done as (
    select t.number, t.title from mine t join runs r on r.id = t.run_id
    where t.state = 'done' and r.finished_at > now() - interval '7 days' order by r.finished_at desc
  ),
  waiting as (
    select number, title, coalesce(waiting_for, 'person') as waiting_for, coalesce(waiting_since, updated_at) as since
    from mine where state not in ('done', 'cancelled') and (waiting_for is not null or state = 'failed') order by coalesce(waiting_since, updated_at)
  ),
  found as (
    select t.number, m.finding from banyan.watch_marks m join mine t on m.subject = 'ticket:' || t.id
    where m.job = 'conductor' and m.finding is not null and t.state not in ('done', 'cancelled') order by t.number
  )
  select jsonb_build_object(
    'states', (select coalesce(jsonb_object_agg(state, tickets), '{}') from states),
    'done', (select coalesce(jsonb_agg(d), '[]') from (select * from done limit p_shown) as d),
    'done_count', (select count(*) from done),
    'cost_usd', (select coalesce(sum(spent_usd), 0) from runs where project_id = p_project_id and started_at > now() - interval '7 days'),
    'runs', (select count(*) from runs where project_id = p_project_id and started_at > now() - interval '7 days'),
    'waiting', (select coalesce(jsonb_agg(w), '[]') from (select * from waiting limit p_shown) as w),
    'waiting_count', (select count(*) from waiting),
    'found', (select coalesce(jsonb_agg(f), '[]') from (select * from found limit p_shown) as f),
    'unusual', (select count(*) from diagnoses d join mine t on t.id = d.ticket_id
      where d.kind = 'anomaly' and d.created_at > now() - interval '7 days'))
$$;

revoke execute on function public.digest_figures, banyan.digest_candidates from public, anon, authenticated;
grant execute on function public.digest_figures, banyan.digest_candidates to service_role;
