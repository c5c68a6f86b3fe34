-- Readiness as data. Which tasks could start now stands in the tasks themselves, kept by triggers so that no writer can forget it:
--   blockers  tasks that this one comes after and that are not completed
--   held      its run is not open for work, or its ticket is paused
--   followed  other tasks come after it
-- A claim then reads one index and joins nothing, and 10,000 blocked or paused tasks at the head of a queue cost it nothing.

alter table public.tasks
  add column blockers integer not null default 0 check (blockers >= 0),
  add column held boolean not null default false,
  add column followed boolean not null default false,
  -- When the present lease began; what agents' hours are counted from.
  add column leased_at timestamptz;

update public.tasks t
set leased_at = case when t.state = 'running' then coalesce(t.started_at, now()) end,
  blockers = (
    select count(*) from public.task_dependencies d join public.tasks b on b.id = d.depends_on_task_id
    where d.task_id = t.id and b.state <> 'completed'
  ),
  held = r.state not in ('queued', 'running') or k.state = 'paused',
  followed = exists (select from public.task_dependencies d where d.depends_on_task_id = t.id)
from public.runs r, public.tickets k
where r.id = t.run_id and k.id = t.ticket_id and t.state in ('pending', 'running', 'waiting');

-- Within a priority the older run goes first (its id is older): an issue that was begun is brought to its end before the next one is
-- begun, and nobody starves, because a run's work is finite.
drop index public.tasks_due;
drop index public.tasks_running;
drop index public.tasks_dead;
-- At work (without the lease's end, so that a renewal touches no index), and given up. One index, because each is opened by every update.
create index tasks_counted on public.tasks (state, organization_id) where state in ('running', 'dead');
create index tasks_ready on public.tasks (organization_id, priority_rank, run_id, due_at, id) where state = 'pending' and blockers = 0 and not held;
-- Only what was put off (a pause of collecting, a back-off) is in the indexes of what falls due later: what is due at once costs them nothing.
create index tasks_delayed on public.tasks (due_at) where state = 'pending' and due_at > created_at;
create index deliveries_delayed on public.deliveries (due_at) where state = 'pending' and due_at > received_at;
create index effects_delayed on public.effects (due_at) where state in ('pending', 'begun') and due_at > created_at;

-- A task belongs to its run, and goes with it; a run belongs to its ticket, project and organization. The keys of a task to these three
-- said nothing more, and each of them locked its row for every task that was added.
alter table public.tasks
  drop constraint tasks_organization_id_fkey, drop constraint tasks_project_id_fkey, drop constraint tasks_ticket_id_fkey;

-- Written by hand where many rows are written; the trigger is for everybody else.
drop trigger touch on public.tasks;
create trigger touch before update on public.tasks
  for each row when (new.updated_at is not distinct from old.updated_at) execute function banyan.touch_updated_at();
drop trigger touch on public.tickets;
create trigger touch before update on public.tickets
  for each row when (new.updated_at is not distinct from old.updated_at) execute function banyan.touch_updated_at();

create function banyan.may_start(p_run_state text, p_ticket_state text) returns boolean
language sql immutable
set search_path = ''
as $$
  select p_run_state in ('queued', 'running') and p_ticket_state <> 'paused'
$$;

-- Locks by id, like everybody who locks more than one task.
create function banyan.hold_tasks(p_run_id uuid) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_held boolean := (
    select not banyan.may_start(r.state, k.state) from runs r join tickets k on k.id = r.ticket_id where r.id = p_run_id
  );
begin
  update tasks set held = v_held
  where id in (
    select id from tasks where run_id = p_run_id and state in ('pending', 'running', 'waiting') and held <> v_held
    order by id for no key update
  );
end
$$;

create function banyan.run_state_changed() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform banyan.hold_tasks(new.id);
  return null;
end
$$;
create trigger hold after update of state on public.runs
  for each row when ((old.state in ('queued', 'running')) <> (new.state in ('queued', 'running'))) execute function banyan.run_state_changed();

create function banyan.ticket_pause_changed() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform banyan.hold_tasks(r.id) from public.runs r where r.ticket_id = new.id and banyan.run_is_open(r.state);
  return null;
end
$$;
create trigger hold after update of state on public.tickets
  for each row when ((old.state = 'paused') <> (new.state = 'paused')) execute function banyan.ticket_pause_changed();

-- Tasks that come after one that ended without being completed will never start: they are cancelled with the reason, and what comes after them
-- too. A run is not left waiting for what cannot come, and its workflow may add other tasks instead.
create function banyan.cancel_after(p_task public.tasks, p_dependents uuid[]) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  with recursive after as (
    select unnest(p_dependents) as task_id
    union
    select d.task_id
    from after a join tasks t on t.id = a.task_id and t.state = 'pending' join task_dependencies d on d.depends_on_task_id = a.task_id
  ),
  cancelled as (
    update tasks
    set state = 'cancelled', finished_at = clock_timestamp(),
      error = jsonb_build_object('code', 'cancelled', 'message', format('it was to come after "%s", which is %s', p_task.key, p_task.state))
    where id in (select id from tasks where id in (select task_id from after) and state = 'pending' order by id for no key update)
    returning *
  )
  insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
  select organization_id, project_id, ticket_id, run_id, id, 'task.cancelled',
    jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'reason', error ->> 'message')
  from cancelled;
end
$$;

-- Dependents are younger than what they come after (but for those made so later), so that locks are taken by id here as well.
create function banyan.task_ended() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
declare
  v_dependents uuid[];
begin
  select array_agg(task_id) into v_dependents from task_dependencies where depends_on_task_id = new.id;
  if new.state = 'completed' then
    update tasks set blockers = blockers - 1
    where id in (select id from tasks where id = any (v_dependents) order by id for no key update);
  else
    perform banyan.cancel_after(new, v_dependents);
  end if;
  return null;
end
$$;
create trigger ended after update of state on public.tasks
  for each row when (new.followed and old.state <> new.state and new.state in ('completed', 'failed', 'dead', 'cancelled')) execute function banyan.task_ended();

-- A dependency of a task that is there already. A cycle is refused where it is made, with the path. New tasks come after older ones: as long
-- as no edge points from an older task to a younger one there can be no cycle, and nothing is searched.
create index task_dependencies_upward on public.task_dependencies (organization_id) where depends_on_task_id > task_id;

create function banyan.dependency_added() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
declare
  v_before tasks;
  v_keys text[];
begin
  if (new.depends_on_task_id > new.task_id
      or exists (select from task_dependencies where organization_id = new.organization_id and depends_on_task_id > task_id))
    and banyan.comes_after(new.depends_on_task_id, new.task_id) then
    select array_agg(t.key order by p.place) into v_keys
    from unnest(new.task_id || banyan.dependency_path(new.depends_on_task_id, new.task_id)) with ordinality as p (id, place)
    join tasks t on t.id = p.id;
    raise exception 'tasks cannot come after each other in a circle: %', array_to_string(v_keys, ' after ')
      using errcode = 'PT409', detail = jsonb_build_object('path', to_jsonb(v_keys))::text;
  end if;
  -- Its end, should it come at this moment, is waited for or waits.
  select * into v_before from tasks where id = new.depends_on_task_id for no key update;
  if not v_before.followed then
    update tasks set followed = true where id = v_before.id;
  end if;
  if v_before.state <> 'completed' then
    update tasks set blockers = blockers + 1 where id = new.task_id;
  end if;
  if v_before.state in ('failed', 'dead', 'cancelled') then
    perform banyan.cancel_after(v_before, array[new.task_id]);
  end if;
  return null;
end
$$;

-- Whether a task comes after another, directly or through others. Each task is visited once.
create function banyan.comes_after(p_task_id uuid, p_other uuid) returns boolean
language sql stable
set search_path = public, pg_temp
as $$
  with recursive below (id) as (
    values (p_task_id)
    union
    select d.depends_on_task_id from below b join task_dependencies d on d.task_id = b.id
  )
  select exists (select from below where id = p_other)
$$;

-- The shortest way from a task down to one that it comes after, both ends included. Only asked where there is one.
create function banyan.dependency_path(p_from uuid, p_to uuid) returns uuid[]
language plpgsql stable
set search_path = public, pg_temp
as $$
declare
  v_came_from jsonb := jsonb_build_object(p_from, null);
  v_frontier uuid[] := array[p_from];
  v_step uuid := p_to;
  v_path uuid[] := '{}';
  v_found jsonb;
begin
  while not v_came_from ? p_to::text loop
    select jsonb_object_agg(next, by), array_agg(next) into v_found, v_frontier
    from (
      select distinct on (d.depends_on_task_id) d.depends_on_task_id as next, d.task_id as by
      from unnest(v_frontier) as f (id) join task_dependencies d on d.task_id = f.id
      where not v_came_from ? d.depends_on_task_id::text
    ) as reached;
    v_came_from := v_came_from || v_found;
  end loop;
  while v_step is not null loop
    v_path := v_step || v_path;
    v_step := (v_came_from ->> v_step::text)::uuid;
  end loop;
  return v_path;
end
$$;
create trigger added after insert on public.task_dependencies for each row execute function banyan.dependency_added();

create function banyan.dependency_removed() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  update tasks set blockers = blockers - 1
  where id = old.task_id and blockers > 0 and exists (select from tasks b where b.id = old.depends_on_task_id and b.state <> 'completed');
  return null;
end
$$;
create trigger removed after delete on public.task_dependencies for each row execute function banyan.dependency_removed();

create or replace function banyan.task_json(p_row public.tasks) returns jsonb
language sql stable
set search_path = ''
as $$
  select to_jsonb(p_row)
    - '{priority_rank,collecting,lease_owner,lease_expires_at,leased_at,blockers,followed,held,tokens_in,tokens_out,cost_usd,updated_at}'::text[]
$$;

revoke execute on function
  banyan.may_start, banyan.hold_tasks, banyan.run_state_changed, banyan.ticket_pause_changed, banyan.cancel_after, banyan.task_ended, banyan.dependency_added,
  banyan.comes_after, banyan.dependency_path, banyan.dependency_removed
  from public, anon, authenticated;
grant execute on function
  banyan.may_start, banyan.hold_tasks, banyan.run_state_changed, banyan.ticket_pause_changed, banyan.cancel_after, banyan.task_ended, banyan.dependency_added,
  banyan.comes_after, banyan.dependency_path, banyan.dependency_removed
  to service_role;
