-- While an issue is paused, or the App is out of reach, nobody can be waited for: the time of a wait stands still. And what was held is due again
-- from when it may begin, so that nobody takes the pause for a wait for workers.

-- Since when a run is paused.
create table banyan.pauses (
  run_id uuid primary key references public.runs on delete cascade,
  paused_at timestamptz not null default clock_timestamp()
);
alter table banyan.pauses enable row level security;
revoke all on table banyan.pauses from public, anon, authenticated, service_role;
grant select, insert, update, delete on table banyan.pauses to service_role;
insert into banyan.pauses (run_id, paused_at) select id, updated_at from public.runs where state = 'paused';

-- When a wait would have begun that stood still for a time. What another hold covers from `p_other` on is counted when that one ends.
create function banyan.wait_moved_on(p_since timestamptz, p_from timestamptz, p_until timestamptz, p_other timestamptz) returns timestamptz
language sql immutable
set search_path = ''
as $$
  select p_since + greatest(least(p_until, p_other) - greatest(p_from, p_since), interval '0')
$$;

create function banyan.run_paused_or_not() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
declare
  v_paused_at timestamptz;
begin
  if new.state = 'paused' then
    insert into banyan.pauses (run_id) values (new.id) on conflict do nothing;
    return null;
  end if;
  delete from banyan.pauses where run_id = new.id returning paused_at into v_paused_at;
  update tickets t
  set waiting_since = banyan.wait_moved_on(t.waiting_since, v_paused_at, clock_timestamp(), least(p.archived_at, i.suspended_at, i.deleted_at))
  from projects p join installations i on i.id = p.installation_id
  where v_paused_at is not null and t.id = new.ticket_id and t.run_id = new.id and t.waiting_for in ('answers', 'approval', 'merge')
    and p.id = t.project_id;
  return null;
end
$$;
create trigger pause after update of state on public.runs
  for each row when ((old.state = 'paused') <> (new.state = 'paused')) execute function banyan.run_paused_or_not();

create function banyan.installation_back() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  update tickets t
  set waiting_since = banyan.wait_moved_on(t.waiting_since, least(old.suspended_at, old.deleted_at),
    coalesce(least(new.suspended_at, new.deleted_at), clock_timestamp()), least(p.archived_at, r.paused_at))
  from projects p, (
    select k.id, h.paused_at
    from tickets k join projects q on q.id = k.project_id left join banyan.pauses h on h.run_id = k.run_id
    where q.installation_id = new.id and k.waiting_for in ('answers', 'approval', 'merge')
    order by k.id for no key update of k
  ) as r
  where t.id = r.id and p.id = t.project_id;
  return null;
end
$$;
create trigger wait_on after update of suspended_at, deleted_at on public.installations
  for each row when (least(old.suspended_at, old.deleted_at) < coalesce(least(new.suspended_at, new.deleted_at), 'infinity'))
  execute function banyan.installation_back();

create function banyan.repository_back() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  update tickets t
  set waiting_since = banyan.wait_moved_on(t.waiting_since, old.archived_at, coalesce(new.archived_at, clock_timestamp()),
    least(i.suspended_at, i.deleted_at, r.paused_at))
  from installations i, (
    select k.id, h.paused_at
    from tickets k left join banyan.pauses h on h.run_id = k.run_id
    where k.project_id = new.id and k.waiting_for in ('answers', 'approval', 'merge')
    order by k.id for no key update of k
  ) as r
  where t.id = r.id and i.id = new.installation_id;
  return null;
end
$$;
create trigger wait_on after update of archived_at on public.projects
  for each row when (old.archived_at < coalesce(new.archived_at, 'infinity')) execute function banyan.repository_back();

create or replace function banyan.hold_tasks(p_run_id uuid) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_held boolean := (
    select not banyan.may_start(r.state, k.state) from runs r join tickets k on k.id = r.ticket_id where r.id = p_run_id
  );
begin
  update tasks set held = v_held, due_at = case when v_held then due_at else greatest(due_at, v_now) end
  where id in (
    select id from tasks where run_id = p_run_id and state in ('pending', 'running', 'waiting') and held <> v_held
    order by id for no key update
  );
end
$$;

-- As it was, in numbers of any size.
create or replace function banyan.waiting_hours(p_config jsonb, p_field text, p_default double precision) returns interval
language sql immutable
set search_path = ''
as $$
  select make_interval(secs => 3600 * least(greatest(
    case when jsonb_typeof(p_config #> array['repository', 'waiting', p_field]) = 'number'
      then (p_config #>> array['repository', 'waiting', p_field])::numeric else p_default::numeric end, 1), 100000)::double precision)
$$;

-- As they were; what a pull request's people said counts as read by nobody too, and neither a time nor a memory that makes no sense fails the others.
create or replace function banyan.approvals_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  with waiting as (
    select t.id, t.organization_id, t.version, t.waits, t.waiting_for, t.waiting_since, 'ticket:' || t.id as subject,
      coalesce(r.config_snapshot #>> '{repository,waiting,atEnd}', 'stop') as at_end,
      coalesce(r.config_snapshot #>> '{repository,waiting,remindMerge}', 'true') as remind_merge,
      t.waiting_since <= clock_timestamp() - banyan.waiting_hours(r.config_snapshot, 'remindAfterHours', 48) as reminds,
      t.waiting_since <= clock_timestamp() - banyan.waiting_hours(r.config_snapshot, 'escalateAfterHours', 120) as escalates,
      coalesce(
        case when t.waiting_for = 'approval'
          then (select min(a.deadline_at) from approvals a where a.ticket_id = t.id and a.state = 'requested') <= clock_timestamp() end,
        t.waiting_since <= clock_timestamp() - banyan.waiting_hours(r.config_snapshot, 'endAfterHours', 336)) as ends
    from tickets t
    join projects p on p.id = t.project_id
    join installations i on i.id = p.installation_id
    left join runs r on r.id = t.run_id
    where t.waiting_for in ('answers', 'approval', 'merge') and t.state in ('needs_clarification', 'awaiting_approval', 'in_review')
      and (r.id is null or r.state in ('queued', 'running'))
      and p.archived_at is null and i.deleted_at is null and i.suspended_at is null
      -- Somebody has answered, perhaps.
      and not exists (select from deliveries d where d.state = 'pending' and d.subject = p.repository || '#' || t.number)
      and not exists (
        select from code_generations c join deliveries d on d.state = 'pending' and d.subject = p.repository || '#' || c.pr_number
        where c.ticket_id = t.id)
      -- The least that can be configured; a deadline of its own may come sooner.
      and (t.waiting_since < clock_timestamp() - interval '1 hour' or t.waiting_for = 'approval')
  ),
  reached as (
    select w.*,
      case
        when w.waiting_for <> 'merge' and w.at_end <> 'keep' and w.ends then 3
        when w.waiting_for <> 'merge' and w.escalates then 2
        when (w.waiting_for <> 'merge' or w.remind_merge = 'true') and w.reminds then 1
        else 0
      end as stage
    from waiting w
  )
  select c.subject, c.organization_id, c.waiting_since,
    jsonb_build_object('ticket_id', c.id, 'version', c.version, 'waits', c.waits, 'stage', c.stage)
  from reached c
  left join banyan.watch_marks m on m.job = 'approvals' and m.subject = c.subject
  where c.stage > case when m.memory ->> 'waits' = c.waits::text then banyan.number_or_zero(m.memory -> 'stage') else 0 end
  union all
  select m.subject, m.organization_id, m.looked_at, '{"stage": 0}'
  from banyan.watch_marks m
  where m.job = 'approvals' and m.finding is not null
    and not exists (
      select from tickets t
      where t.id = banyan.uuid_or_null(substr(m.subject, 8)) and t.waiting_for is not null and m.memory ->> 'waits' = t.waits::text)
$$;

revoke execute on function banyan.wait_moved_on, banyan.run_paused_or_not, banyan.installation_back, banyan.repository_back from public, anon, authenticated;
grant execute on function banyan.wait_moved_on, banyan.run_paused_or_not, banyan.installation_back, banyan.repository_back to service_role;
