-- The queries of the jobs bear broken rows: a mark whose subject or memory makes no sense is itself looked at, and fails nobody else.
-- And what they find: agents of elsewhere are given the time of their task, and one run that cannot be looked at does not stand before the others.


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
  left join tickets t on t.id = banyan.uuid_or_null(substr(m.subject, 8))
  where m.job = 'blocked' and m.finding is not null and m.subject like 'ticket:%'
    and (t.id is null or t.waiting_for is not null or t.state not in ('analyzing', 'ready_for_dev', 'in_progress', 'in_qa', 'in_review', 'blocked'))
$$;

create or replace function banyan.unseen_effects()
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
      where t.id = banyan.uuid_or_null(substr(m.subject, 9)) and e.state in ('pending', 'begun', 'failed') and t.state not in ('done', 'cancelled'))
$$;

create or replace function banyan.guardian_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select 'task:' || t.id, t.organization_id, c.updated_at, jsonb_build_object('task_id', t.id)
  from tasks t
    join runs r on r.id = t.run_id
    join conversations c on c.task_id = t.id
    left join banyan.watch_marks m on m.job = 'guardian' and m.subject = 'task:' || t.id
  where t.state in ('pending', 'running') and t.started_at is not null and r.state = 'running' and c.model_calls > 0
    and c.last_seq > banyan.number_or_zero(m.memory -> 'read')
  union all
  select m.subject, m.organization_id, m.looked_at, '{"task_id": null}'
  from banyan.watch_marks m
  where m.job = 'guardian' and m.finding is not null
    and not exists (select from tasks t where t.id = banyan.uuid_or_null(substr(m.subject, 6)) and t.state in ('pending', 'running', 'waiting'))
$$;

create or replace function banyan.reconcile_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  with open as (select t.project_id, count(*) as tickets from tickets t where t.state not in ('done', 'cancelled') group by t.project_id)
  select 'ticket:' || t.id, t.organization_id, t.updated_at, jsonb_build_object(
    'ticket_id', t.id, 'number', t.number, 'version', t.version, 'open_tickets', o.tickets, 'project', banyan.project_json(p),
    'status_comment', (select e.result -> 'comment_id' from effects e where e.key = t.project_id || '#' || t.number || '/status'))
  from tickets t
  join open o on o.project_id = t.project_id
  join projects p on p.id = t.project_id
  where t.state not in ('done', 'cancelled')
    and not exists (select from deliveries d where d.state = 'pending' and d.subject = p.repository || '#' || t.number)
    and not exists (select from effects e where e.ticket_id = t.id and e.state in ('pending', 'begun') and e.task_id is null)
  union all
  select m.subject, m.organization_id, m.looked_at, '{"over": true}'
  from banyan.watch_marks m
  where m.job = 'reconcile' and m.finding is not null
    and not exists (select from tickets t where t.id = banyan.uuid_or_null(substr(m.subject, 8)) and t.state not in ('done', 'cancelled'))
$$;

-- As they were; and what was looked at by a clock that was ahead.
create or replace function banyan.anomaly_candidates() returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select 'run:' || r.id, r.organization_id, r.updated_at, jsonb_build_object('run_id', r.id, 'ticket_id', r.ticket_id)
  from runs r left join banyan.watch_marks m on m.job = 'anomaly' and m.subject = 'run:' || r.id
  where r.state = 'running'
    and (m.subject is null or r.updated_at > m.looked_at or m.looked_at < clock_timestamp() - interval '5 minutes'
      or m.looked_at > clock_timestamp() + interval '1 minute')
    and not exists (select from diagnoses d where d.run_id = r.id and d.kind = 'anomaly')
$$;

-- Tasks whose worker is gone or silent, and those that nobody takes. Longer than anything that is healthy takes:
--   lost     the lease ended five minutes ago and no worker took the task over (one that looks does so within seconds)
--   silent   the lease is renewed and nothing was stored for 45 minutes (no call may take longer than 30); an agent of elsewhere, which hands in
--            everything at its end, is given the time of its task
--   starved  due and ready for an hour, while nobody works for the organization and no limit keeps it back. The first in the row stands for all;
--            where looking at its run failed, the next one
create or replace function banyan.stalled_tasks() returns table (task_id uuid, run_id uuid, stall text, since timestamptz)
language sql stable
set search_path = public, pg_temp
as $$
  with limited as materialized (select o.id from organizations o where banyan.is_limited(o.id))
  select t.id, t.run_id, 'lost', t.lease_expires_at
  from tasks t
  where t.state = 'running' and not t.held and t.lease_expires_at < clock_timestamp() - interval '5 minutes'
    and not exists (select from limited l where l.id = t.organization_id)
  union all
  select t.id, t.run_id, 'silent', last.at
  from tasks t
    cross join lateral (
      select greatest(t.leased_at, (
        select m.created_at from conversations c join messages m on m.conversation_id = c.id and m.seq = c.last_seq where c.task_id = t.id)) as at
    ) as last
  where t.state = 'running' and not t.held and t.lease_expires_at >= clock_timestamp() - interval '5 minutes'
    and t.leased_at < clock_timestamp() - interval '45 minutes' and last.at < clock_timestamp() - interval '45 minutes'
    and (t.leased_at < clock_timestamp() - make_interval(secs => t.timeout_seconds)
      or not exists (select from agents a where a.organization_id = t.organization_id and 'agent-' || a.id = t.lease_owner))
  union all
  select t.id, t.run_id, 'starved', t.due_at
  from organizations o
    cross join lateral (
      select p.* from tasks p
      where p.organization_id = o.id and p.state = 'pending' and p.blockers = 0 and not p.held and p.due_at < clock_timestamp() - interval '1 hour'
        and not exists (
          select from banyan.watch_marks m
          where m.job = 'diagnose' and m.subject = 'run:' || p.run_id and m.failures > 0 and m.next_look_at > clock_timestamp())
      order by p.priority_rank, p.run_id, p.due_at, p.id
      limit 1
    ) as t
  where not exists (select from limited l where l.id = o.id)
    and not exists (select from tasks r where r.state = 'running' and r.organization_id = o.id and r.lease_expires_at >= clock_timestamp())
$$;

-- As it was; what is open and not over has no outcome yet, and stands in nobody's way.
create or replace function public.settle_diagnoses(p_limit integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_row record;
  v_outcome text;
  v_over boolean;
  v_settled integer := 0;
begin
  for v_row in
    select d.id, d.kind, d.state, d.action, d.acted_at, d.run_id, r.state as run_state, k.state as ticket_state, k.run_id as current_run
    from diagnoses d join runs r on r.id = d.run_id join tickets k on k.id = r.ticket_id
    where d.state = 'recovering'
      or (d.state = 'open' and (not banyan.run_is_open(r.state) or k.run_id is distinct from d.run_id))
    order by d.updated_at
    limit p_limit
    for update of d skip locked
  loop
    v_over := not banyan.run_is_open(v_row.run_state) or v_row.current_run is distinct from v_row.run_id;
    v_outcome := case
      when v_row.state = 'open' then null
      when v_row.run_state = 'completed' then 'helped'
      when v_row.run_state in ('failed', 'stopped_gate', 'stopped_budget') then 'failed'
      when exists (
        select from tasks t where t.run_id = v_row.run_id and t.state = 'completed' and t.finished_at > v_row.acted_at) then 'helped'
      when v_row.kind <> 'anomaly' and v_row.action in ('retry', 'roll_back', 'change_model') and exists (
        select from tasks t join conversations c on c.task_id = t.id join messages m on m.conversation_id = c.id and m.seq = c.last_seq
        where t.run_id = v_row.run_id and m.created_at > v_row.acted_at) then 'helped'
      end;
    if v_outcome is null and not v_over then
      -- The next in line is looked at first the next time.
      update diagnoses set updated_at = clock_timestamp() where id = v_row.id;
      continue;
    end if;
    update diagnoses
    set state = case v_outcome when 'helped' then 'resolved' else 'dismissed' end, outcome = v_outcome,
      outcome_at = case when v_outcome is not null then clock_timestamp() end
    where id = v_row.id;
    v_settled := v_settled + 1;
  end loop;
  return jsonb_build_object('settled', v_settled);
end
$$;

-- As it was, with what the guardian did about the conversation so far: its own words in the task say so, whatever became of its memory.
alter function public.guardian_facts(uuid, integer) rename to guardian_reading;
alter function public.guardian_reading(uuid, integer) set schema banyan;
create function public.guardian_facts(p_task_id uuid, p_after integer) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select banyan.guardian_reading(p_task_id, p_after) || jsonb_build_object('deeds', jsonb_build_object(
    'steered', coalesce(jsonb_agg(c.data ->> 'rule' order by c.id) filter (where c.data ->> 'deed' = 'steered'), '[]'::jsonb),
    'pauses', count(*) filter (where c.data ->> 'deed' = 'paused')))
  from task_comments c where c.task_id = p_task_id and c.kind = 'guardian'
$$;

revoke execute on function public.guardian_facts, banyan.guardian_reading from public, anon, authenticated;
grant execute on function public.guardian_facts, banyan.guardian_reading to service_role;
