-- Issues that cannot go on. What stands in the way is found here, so that only what is found, or is found no more, comes to the job.

-- What is blocked is held as what is paused is: nobody begins it, and nobody waits behind it.
create or replace function banyan.may_start(p_run_state text, p_ticket_state text) returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return p_run_state in ('queued', 'running') and p_ticket_state not in ('paused', 'blocked');
end
$$;

create or replace function banyan.ticket_changed() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  if (old.state in ('paused', 'blocked')) <> (new.state in ('paused', 'blocked')) then
    perform banyan.hold_tasks(r.id) from runs r where r.ticket_id = new.id and banyan.run_is_open(r.state);
  end if;
  if new.updated_at is not distinct from old.updated_at then
    update tickets set updated_at = clock_timestamp() where id = new.id;
  end if;
  return null;
end
$$;

create or replace function banyan.touches_tasks(p_intents jsonb) returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return p_intents @? '$[*] ? (!(@.type == "add_task" || @.type == "effect" || @.type == "event" || @.type == "validation" || @.type == "artifact"
    || @.type == "discovery" || @.type == "task_comment" || @.type == "ask" || @.type == "close_questions" || @.type == "set_code"
    || (@.type == "set_ticket" && !exists(@.priority) && (!exists(@.state) || (@.state != "paused" && @.state != "blocked")))))';
end
$$;

create index tickets_at_work on public.tickets (run_id)
  where waiting_for is null and state in ('analyzing', 'ready_for_dev', 'in_progress', 'in_qa', 'in_review', 'blocked');

-- Why a run of which no task can begin does not go on. Null: it waits for a task of elsewhere that can still be completed.
--   dependency  a task comes after one that has ended without being completed, or whose run has ended
--   lost        there is no task, or one that nothing stands in front of and that is marked otherwise
create function banyan.hindrance(p_run_id uuid) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  with newest as (
    select k.* from tasks k where k.run_id = p_run_id order by k.id desc limit 1
  ),
  stuck as (
    select k.id, k.key, k.title from tasks k where k.run_id = p_run_id and k.state = 'pending'
    union all
    select n.id, n.key, n.title from newest n where n.state = 'cancelled'
  ),
  before as (
    select s.key, s.title, b.id, b.key as before_key, b.state, b.title as before_title, t.number, p.owner || '/' || p.name as repository,
      b.state in ('failed', 'dead', 'cancelled') or not banyan.run_is_open(r.state) as hopeless
    from stuck s
    join task_dependencies d on d.task_id = s.id
    join tasks b on b.id = d.depends_on_task_id
    join runs r on r.id = b.run_id
    join tickets t on t.id = b.ticket_id
    join projects p on p.id = t.project_id
    where b.state <> 'completed'
  )
  select coalesce(
    (select jsonb_build_object('cause', 'dependency:' || id, 'task', title, 'before', before_title, 'before_state', state, 'before_number', number,
      'before_repository', repository) from before where hopeless order by id limit 1),
    case when not exists (select from before) then '{"cause": "lost"}'::jsonb end)
$$;

-- Issues at work for which something is found, those that are blocked and for which it is another thing or nothing now, and findings whose issue is
-- over. What waits for people, is paused, failed, or waits for its turn is none of them.
create function banyan.blocked_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  with at_work as (
    select t.id, t.organization_id, t.version, t.state, t.updated_at, 'ticket:' || t.id as subject, p.owner || '/' || p.name as repository,
      case
        when exists (select from tasks k where k.run_id = t.run_id and k.state in ('running', 'waiting')) then null
        when i.deleted_at is not null then '{"cause": "installation:deleted"}'::jsonb
        when i.suspended_at is not null then '{"cause": "installation:suspended"}'
        when p.archived_at is not null then '{"cause": "repository:archived"}'
        when r.id is null or r.state not in ('queued', 'running') then null
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
    jsonb_build_object('ticket_id', j.id, 'version', j.version, 'repository', j.repository, 'hindrance', j.found)
  from judged j
  where case when j.state = 'blocked' then j.found ->> 'cause' is distinct from j.finding else j.found is not null or j.finding is not null end
  union all
  select m.subject, m.organization_id, m.looked_at, '{"ticket_id": null}'
  from banyan.watch_marks m
  where m.job = 'blocked' and m.finding is not null
    and not exists (
      select from tickets t
      where t.id = substr(m.subject, 8)::uuid and t.waiting_for is null
        and t.state in ('analyzing', 'ready_for_dev', 'in_progress', 'in_qa', 'in_review', 'blocked'))
$$;

revoke execute on function banyan.hindrance, banyan.blocked_candidates from public, anon, authenticated;
grant execute on function banyan.hindrance, banyan.blocked_candidates to service_role;
