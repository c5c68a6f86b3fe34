-- An issue whose repository the App has lost: its task waits with GitHub's refusal, and GitHub alone can say when that is over. So it comes to the job
-- again and again while it is blocked, at the pace that the job's marks set.

-- Issues at work for which something is found, those that are blocked and for which it is another thing or nothing now, and findings whose issue is
-- over. What waits for people, is paused, failed, or waits for its turn is none of them.
create or replace function banyan.blocked_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  with at_work as (
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
  where m.job = 'blocked' and m.finding is not null
    and not exists (
      select from tickets t
      where t.id = substr(m.subject, 8)::uuid and t.waiting_for is null
        and t.state in ('analyzing', 'ready_for_dev', 'in_progress', 'in_qa', 'in_review', 'blocked'))
$$;
