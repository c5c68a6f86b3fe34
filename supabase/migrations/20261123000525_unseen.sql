-- What people were to see of an issue and GitHub refused, because something must be permitted first: a question that nobody can read is never
-- answered. It is a subject of its own of the job `blocked`; the issue itself is not touched by it.

alter function banyan.blocked_candidates() rename to blocked_issues;

-- Issues at work for which something is found, those that are blocked and for which it is another thing or nothing now, and findings whose issue is
-- over. What waits for people, is paused, failed, or waits for its turn is none of them.
create or replace function banyan.blocked_issues()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  with at_work as materialized (
    select t.id, t.organization_id, t.version, t.state, t.updated_at, 'ticket:' || t.id as subject, p.owner || '/' || p.name as repository, banyan.project_json(p) as project,
      case
        when exists (select from tasks k where k.run_id = t.run_id and k.state in ('running', 'waiting')) then null
        when i.deleted_at is not null then '{"cause": "installation:deleted"}'::jsonb
        when i.suspended_at is not null then '{"cause": "installation:suspended"}'
        when p.archived_at is not null then '{"cause": "repository:archived"}'
        when r.id is null or r.state not in ('queued', 'running') then null
        when exists (select from tasks k where k.run_id = r.id and k.state = 'pending' and k.error ->> 'code' = 'forbidden') then (
          select jsonb_build_object('cause', 'access:' || coalesce(k.error #>> '{data,status}', '422'))
          from tasks k where k.run_id = r.id and k.state = 'pending' and k.error ->> 'code' = 'forbidden' order by k.id limit 1)
        when exists (
          select from tasks k
          where k.run_id = t.run_id and k.state = 'pending' and k.blockers = 0 and (not k.held or t.state = 'blocked')) then null
        else banyan.hindrance(r.id)
      end as hindrance
    from tickets t
    join projects p on p.id = t.project_id
    join installations i on i.id = p.installation_id
    left join runs r on r.id = t.run_id
    where t.waiting_for is null and t.state in ('analyzing', 'ready_for_dev', 'in_progress', 'in_qa', 'in_review', 'blocked')
      and (r.state in ('queued', 'running') or (t.state = 'blocked' and r.state is distinct from 'paused'))
  ),
  judged as (
    select w.*, m.subject is not null as marked, m.finding,
      -- Somebody else has blocked it, and knows why.
      coalesce(w.hindrance, case when w.state = 'blocked' and m.memory ->> 'was' is null then '{"cause": "other"}'::jsonb end) as found
    from at_work w left join banyan.watch_marks m on m.job = 'blocked' and m.subject = w.subject
  )
  select j.subject, j.organization_id, j.updated_at,
    jsonb_build_object('ticket_id', j.id, 'version', j.version, 'repository', j.repository, 'project', j.project, 'hindrance', j.found)
  from judged j
  where case
    when j.state = 'blocked' then j.found ->> 'cause' is distinct from j.finding or j.found ->> 'cause' like 'access:%'
    else j.found is not null or j.finding is not null
  end
  union all
  select m.subject, m.organization_id, m.looked_at, '{"ticket_id": null}'
  from banyan.watch_marks m
  left join tickets t on t.id = case when m.subject like 'ticket:%' then substr(m.subject, 8)::uuid end
  where m.job = 'blocked' and m.finding is not null and m.subject like 'ticket:%'
    and (t.id is null or t.waiting_for is not null or t.state not in ('analyzing', 'ready_for_dev', 'in_progress', 'in_qa', 'in_review', 'blocked'))
$$;

create function banyan.unseen_effects()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select 'effects:' || t.id, t.organization_id, min(e.updated_at),
    jsonb_build_object('ticket_id', t.id, 'version', t.version, 'unseen',
      jsonb_agg(jsonb_build_object('key', e.key, 'kind', e.kind, 'lane', e.lane, 'payload', e.payload) order by e.position))
  from effects e
  join tickets t on t.id = e.ticket_id
  where e.state = 'failed' and e.kind in ('comment', 'status_comment', 'label', 'pull_request_ready')
    and e.error ->> 'retry' = 'needs_human' and t.state not in ('done', 'cancelled')
  group by t.id
  union all
  select m.subject, m.organization_id, m.looked_at, '{"ticket_id": null}'
  from banyan.watch_marks m
  where m.job = 'blocked' and m.finding is not null and m.subject like 'effects:%'
    and not exists (
      select from effects e join tickets t on t.id = e.ticket_id
      where t.id = case when m.subject like 'effects:%' then substr(m.subject, 9)::uuid end and e.state in ('pending', 'begun', 'failed') and t.state not in ('done', 'cancelled'))
$$;

create function banyan.blocked_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select * from banyan.blocked_issues()
  union all
  select * from banyan.unseen_effects()
$$;

revoke execute on function banyan.blocked_issues, banyan.unseen_effects, banyan.blocked_candidates from public, anon, authenticated;
grant execute on function banyan.blocked_issues, banyan.unseen_effects, banyan.blocked_candidates to service_role;
