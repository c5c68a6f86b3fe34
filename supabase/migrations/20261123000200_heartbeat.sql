-- Who works here, and what becomes of the work of those that fell silent.
--   banyan.workers        one row for each drain of a process that took on a task, named as in `lease_owner`. Written when it begins, now and then while it
--                         renews its leases, and when it ends; a claim writes nothing here.
--   public.agents         one row for each role at work in an organization (its key is the role), made up of what the running version can do.
--   banyan.worker_losses  a queue: leases whose holder ended, written wherever that is found (a claim, the heartbeat), folded into the agents by the
--                         heartbeat. Nobody who claims has to lock an agent's row for it.
-- `src/domain/liveness.ts` says what follows from silence and from losses.

create table banyan.workers (
  name text primary key,
  version text not null,
  host text not null,
  roles text[] not null,
  lease_seconds integer not null check (lease_seconds > 0),
  state text not null default 'active' check (state in ('active', 'degraded', 'failed', 'gone')),
  -- Leases that ran out in its hands.
  losses integer not null default 0,
  started_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp()
) with (fillfactor = 70);
-- Without the last sign of life, so that a sign of life touches no index.
create index workers_alive on banyan.workers (name) where state in ('active', 'degraded');
create index workers_over on banyan.workers (started_at) where state in ('failed', 'gone');

alter table public.agents drop constraint agents_state_check;
update public.agents set state = 'degraded' where state = 'silent';
alter table public.agents
  add constraint agents_state_check check (state in ('active', 'degraded', 'failed', 'stopped', 'retired')),
  add column version text,
  -- Leases that ran out in its hands.
  add column losses integer not null default 0,
  -- Workers that ended with leases of its in their hands, since its last success: one that held ten took all ten down.
  add column losses_in_a_row integer not null default 0,
  add column lost_at timestamptz,
  add column lost_by text,
  -- The newest event of the organization when it last lost one: a success is looked for after it.
  add column lost_event bigint not null default 0,
  -- What it would take up waits until then.
  add column held_until timestamptz;
create index agents_unwell on public.agents (id) where state in ('degraded', 'failed');

create table banyan.worker_losses (
  id bigint generated always as identity primary key,
  organization_id uuid not null references public.organizations on delete cascade,
  agent_key text not null,
  role text not null,
  worker text not null,
  lost_at timestamptz not null default clock_timestamp(),
  event bigint not null
);
create index worker_losses_agent on banyan.worker_losses (organization_id, agent_key);

alter table banyan.workers enable row level security;
alter table banyan.worker_losses enable row level security;
revoke all on table banyan.workers, banyan.worker_losses from public, anon, authenticated, service_role;
grant select, insert, update, delete on table banyan.workers, banyan.worker_losses to service_role;

-- A worker took on a task. `p_agents`: the roles that this process works in for the first time, each for one organization; their rows are written where
-- they say something else, or nothing was heard of them for ten minutes.
create function public.register_worker(p_worker text, p_profile jsonb, p_agents jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  -- Those that are over go when a new one comes.
  delete from banyan.workers where name in (
    select name from banyan.workers where state in ('failed', 'gone') and started_at < clock_timestamp() - interval '2 days'
    order by started_at limit 50 for update skip locked);
  insert into banyan.workers as w (name, version, host, roles, lease_seconds)
  values (p_worker, p_profile ->> 'version', p_profile ->> 'host',
    array(select jsonb_array_elements_text(p_profile -> 'roles')), (p_profile ->> 'lease_seconds')::integer)
  on conflict (name) do update set last_seen_at = excluded.last_seen_at;
  -- In one order, so that two that register do not wait for each other in a circle.
  insert into agents as a (organization_id, key, role, name, capabilities, version, last_seen_at)
  select o.id, x.role, x.role, x.name, array(select jsonb_array_elements_text(x.capabilities)), p_profile ->> 'version', clock_timestamp()
  from jsonb_to_recordset(p_agents) as x (organization_id uuid, role text, name text, capabilities jsonb) join organizations o on o.id = x.organization_id
  order by o.id, x.role
  on conflict (organization_id, key) do update
    set name = excluded.name, capabilities = excluded.capabilities, version = excluded.version, last_seen_at = excluded.last_seen_at
    where (a.name, a.capabilities, a.version) is distinct from (excluded.name, excluded.capabilities, excluded.version)
      or a.last_seen_at is null or a.last_seen_at < clock_timestamp() - interval '10 minutes';
  return '{}';
end
$$;

-- A worker ends of itself, with nothing in its hands.
create function public.leave_worker(p_worker text) returns jsonb
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
begin
  update workers set state = 'gone', last_seen_at = clock_timestamp() where name = p_worker;
  return jsonb_build_object('left', found);
end
$$;

-- As it was, and a sign of life: at most one write in ten seconds. Who was thought silent and is not, is well again.
create or replace function public.renew(p_worker text, p_tasks jsonb, p_effects jsonb, p_deliveries jsonb, p_lease_seconds integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_until timestamptz := clock_timestamp() + make_interval(secs => p_lease_seconds);
  v_effects jsonb := '[]';
  v_deliveries jsonb := '[]';
begin
  update banyan.workers set last_seen_at = clock_timestamp(), state = 'active'
  where name = p_worker and (last_seen_at < clock_timestamp() - interval '10 seconds' or state in ('degraded', 'failed'));
  update tasks set lease_expires_at = v_until
  where id in (
    select id from tasks
    where id in (select value::uuid from jsonb_array_elements_text(p_tasks)) and state = 'running' and lease_owner = p_worker
    order by id for no key update
  );
  if p_effects <> '[]' then
    with renewed as (
      update effects set lease_expires_at = v_until
      where key in (select value from jsonb_array_elements_text(p_effects)) and state = 'begun' and lease_owner = p_worker
      returning key
    )
    select coalesce(jsonb_agg(key), '[]') into v_effects from renewed;
  end if;
  if p_deliveries <> '[]' then
    with renewed as (
      update deliveries set lease_expires_at = v_until
      where guid in (select value from jsonb_array_elements_text(p_deliveries)) and state = 'pending' and lease_owner = p_worker
      returning guid
    )
    select coalesce(jsonb_agg(guid), '[]') into v_deliveries from renewed;
  end if;
  return jsonb_build_object('effects', v_effects, 'deliveries', v_deliveries, 'tasks', (
    select coalesce(jsonb_object_agg(t.id, banyan.step_gate(t.id, p_worker)), '{}'::jsonb)
    from tasks t where t.id in (select value::uuid from jsonb_array_elements_text(p_tasks))
  ));
end
$$;

-- As it was, and the loss is put down to the agent that held the lease: one of elsewhere holds it in its own name, `agent-<id>`.
create or replace function banyan.note_task_death(p_task_id uuid) returns integer
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
  v_reached integer := coalesce((select last_seq from conversations where task_id = p_task_id), 0);
  v_death banyan.deaths := banyan.note_death('task', p_task_id::text, v_reached, v_reached);
begin
  select * into v_task from tasks where id = p_task_id;
  v_task.attempts := case when v_death.in_a_row = 1 then v_task.attempts else greatest(v_task.attempts, 2) end;
  perform banyan.emit_task(v_task, 'task.worker_lost', jsonb_build_object('worker', v_task.lease_owner, 'in_a_row', v_death.in_a_row));
  insert into banyan.worker_losses (organization_id, agent_key, role, worker, event)
  select v_task.organization_id,
    coalesce((select key from agents where organization_id = v_task.organization_id and 'agent-' || id = v_task.lease_owner), v_task.role), v_task.role,
    v_task.lease_owner,
    coalesce((select max(id) from events where organization_id = v_task.organization_id), 0);
  return v_task.attempts;
end
$$;

alter function banyan.apply_plain(uuid, uuid, uuid, jsonb) rename to apply_but_leases;

-- Gives a task back whose holder let its lease run out. The next claim counts one attempt, as it would have by taking the task over.
create function banyan.intent_release_lost(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task_id uuid;
  v_attempts integer;
begin
  select id into v_task_id from tasks
  where id = (p_intent ->> 'task_id')::uuid and ticket_id = p_ticket_id and state = 'running' and lease_owner = p_intent ->> 'worker'
    and lease_expires_at <= clock_timestamp();
  if v_task_id is not null then
    v_attempts := banyan.note_task_death(v_task_id);
    update banyan.workers set losses = losses + 1, state = case when state = 'active' then 'degraded' else state end where name = p_intent ->> 'worker';
    update tasks
    set state = 'pending', attempts = greatest(v_attempts - 1, 0), lease_owner = null, lease_expires_at = null, updated_at = clock_timestamp()
    where id = v_task_id;
  end if;
  return false;
end
$$;

create function banyan.apply_plain(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = ''
as $$
begin
  if p_ticket_id is not null and p_intent ->> 'type' = 'release_lost' then
    return banyan.intent_release_lost(p_ticket_id, p_intent);
  end if;
  return banyan.apply_but_leases(p_project_id, p_ticket_id, p_self, p_intent);
end
$$;

-- What of an organization a role could begin before the given time.
create function banyan.ready_of_role(p_organization_id uuid, p_role text, p_until timestamptz) returns setof uuid
language sql stable
set search_path = public, pg_temp
as $$
  select id from tasks
  where organization_id = p_organization_id and role = p_role and state = 'pending' and blockers = 0 and not held and due_at < p_until
$$;

-- Whether a task of a role ended well after one event of its organization and (where given) up to another one.
create function banyan.succeeded(p_organization_id uuid, p_role text, p_after bigint, p_up_to bigint) returns boolean
language sql stable
set search_path = public, pg_temp
as $$
  select exists (
    select from events e
    where e.organization_id = p_organization_id and e.id > p_after and (p_up_to is null or e.id <= p_up_to)
      and e.type = 'task.completed' and e.data ->> 'role' = p_role)
$$;

-- Leases that ran out; workers that said nothing for two leases; agents that lost something, did something since, or whose work is to be held.
create function banyan.heartbeat_candidates() returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select 'task:' || t.id, t.organization_id, t.lease_expires_at, jsonb_build_object(
    'kind', 'lease', 'ticket_id', t.ticket_id, 'task_id', t.id, 'worker', t.lease_owner)
  from tasks t
  where t.state = 'running' and t.lease_expires_at <= clock_timestamp()
  union all
  select 'worker:' || w.name, null, w.last_seen_at, jsonb_build_object(
    'kind', 'worker', 'name', w.name, 'state', w.state, 'lease_seconds', w.lease_seconds, 'seen_at', w.last_seen_at,
    'silent_seconds', extract(epoch from clock_timestamp() - w.last_seen_at))
  from banyan.workers w
  where w.state in ('active', 'degraded')
    and w.last_seen_at < clock_timestamp() - make_interval(secs => w.lease_seconds * case w.state when 'active' then 2 else 4 end)
  union all
  select 'agent:' || f.organization_id || ':' || f.key, f.organization_id, f.progress_at, jsonb_build_object(
    'kind', 'agent', 'organization_id', f.organization_id, 'key', f.key, 'role', f.role, 'state', f.state,
    'losses_in_a_row', f.losses_in_a_row, 'new_losses', f.new_losses, 'newest_loss', f.newest_loss, 'succeeded_before', f.succeeded_before,
    'succeeded_since', f.succeeded_since, 'lost_at', f.lost_at, 'held_until', f.held_until)
  from (
    select l.organization_id, l.agent_key as key, l.role, coalesce(a.state, 'active') as state,
      coalesce(a.losses_in_a_row, 0) as losses_in_a_row,
      l.new_losses, l.newest_loss,
      coalesce(a.losses_in_a_row > 0 and banyan.succeeded(l.organization_id, l.agent_key, a.lost_event, l.oldest_event), false) as succeeded_before,
      banyan.succeeded(l.organization_id, l.agent_key, l.newest_event, null) as succeeded_since, l.lost_at, a.held_until, l.lost_at as progress_at
    from (
      select n.organization_id, n.agent_key, max(n.role) as role, max(n.id) as newest_loss, min(n.event) as oldest_event,
        max(n.event) as newest_event, max(n.lost_at) as lost_at,
        count(distinct n.worker) filter (where n.worker is distinct from b.lost_by) as new_losses
      from banyan.worker_losses n left join agents b on b.organization_id = n.organization_id and b.key = n.agent_key
      group by n.organization_id, n.agent_key
    ) as l
    left join agents a on a.organization_id = l.organization_id and a.key = l.agent_key
    union all
    select u.* from (
      select a.organization_id, a.key, a.role, a.state, a.losses_in_a_row, 0, 0, false,
        banyan.succeeded(a.organization_id, a.key, a.lost_event, null) as succeeded_since, a.lost_at, a.held_until, a.updated_at
      from agents a
      where a.state in ('degraded', 'failed')
        and not exists (select from banyan.worker_losses l where l.organization_id = a.organization_id and l.agent_key = a.key)
    ) as u
    where u.succeeded_since or u.lost_at is null or u.lost_at < clock_timestamp() - interval '1 hour'
      or (u.key = u.role and u.held_until > clock_timestamp() and exists (select banyan.ready_of_role(u.organization_id, u.role, u.held_until)))
  ) as f
$$;

-- The judgement about a worker that was last seen then. Seen since: it was wrong.
create function public.judge_worker(p_name text, p_seen_at timestamptz, p_state text) returns jsonb
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
begin
  update workers set state = p_state where name = p_name and last_seen_at = p_seen_at and state in ('active', 'degraded');
  return jsonb_build_object('judged', found);
end
$$;

-- Folds losses up to `p_newest_loss` into their agent, with the judgement about it, once. A change of its state is an event and a line of the audit.
-- `p_hold_seconds`: what the role could begin waits for so long; well again, it need not wait any longer.
create function public.judge_agent(
  p_organization_id uuid, p_key text, p_role text, p_newest_loss bigint, p_from text, p_state text, p_in_a_row integer, p_hold_seconds double precision
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_agent agents;
  v_losses record;
  v_held integer := 0;
  v_data jsonb;
begin
  if not exists (select from organizations where id = p_organization_id) then
    return '{"judged": false, "held": 0}';
  end if;
  insert into agents (organization_id, key, role, name) values (p_organization_id, p_key, p_role, p_role) on conflict (organization_id, key) do nothing;
  select * into strict v_agent from agents where organization_id = p_organization_id and key = p_key for no key update;
  if v_agent.state <> p_from then
    return '{"judged": false, "held": 0}';
  end if;
  with folded as (
    delete from banyan.worker_losses where organization_id = p_organization_id and agent_key = p_key and id <= p_newest_loss
    returning lost_at, event, worker
  )
  select count(*) as number, max(lost_at) as lost_at, max(event) as event,
    (array_agg(worker order by event desc))[1] as worker
  into v_losses from folded;
  if v_losses.number = 0 and p_newest_loss > 0 then
    -- Another heartbeat was quicker.
    return '{"judged": false, "held": 0}';
  end if;
  update agents
  set state = p_state, losses = losses + v_losses.number, losses_in_a_row = p_in_a_row, lost_at = coalesce(v_losses.lost_at, lost_at),
    lost_event = coalesce(v_losses.event, lost_event), lost_by = coalesce(v_losses.worker, lost_by),
    held_until = case when p_state <> 'failed' then null when p_hold_seconds is null then held_until else v_now + make_interval(secs => p_hold_seconds) end
  where id = v_agent.id;

  if p_key = p_role then
    -- A thousand at a time: the rest comes with the next look.
    with chosen as (
      select t.id, case when p_state = 'failed' then a.held_until else v_now end as due_at
      from agents a join tasks t on t.organization_id = a.organization_id and t.role = a.role and t.state = 'pending' and t.blockers = 0 and not t.held
      where a.id = v_agent.id
        and case when p_state = 'failed' then a.held_until > v_now and t.due_at < a.held_until else t.due_at = v_agent.held_until end
      order by t.id limit 1000
      for no key update of t skip locked
    )
    update tasks t set due_at = c.due_at, updated_at = v_now from chosen c where t.id = c.id;
    get diagnostics v_held = row_count;
  end if;

  if p_state <> v_agent.state then
    v_data := jsonb_build_object('agent', p_key, 'role', p_role, 'from', v_agent.state, 'to', p_state, 'losses_in_a_row', p_in_a_row,
      'hold_seconds', case when p_state = 'failed' then p_hold_seconds end);
    insert into events (organization_id, type, data) values (p_organization_id, 'agent.' || p_state, v_data);
    insert into audit_log (organization_id, actor_kind, actor, action, target_kind, target, data)
    values (p_organization_id, 'system', 'heartbeat', 'agent.' || p_state, 'agent', v_agent.id::text, v_data);
  end if;
  return jsonb_build_object('judged', true, 'held', v_held);
end
$$;

revoke execute on function
  public.register_worker, public.leave_worker, public.judge_worker, public.judge_agent, banyan.intent_release_lost, banyan.apply_plain,
  banyan.ready_of_role, banyan.heartbeat_candidates, banyan.succeeded
  from public, anon, authenticated;
grant execute on function
  public.register_worker, public.leave_worker, public.judge_worker, public.judge_agent, banyan.intent_release_lost, banyan.apply_plain,
  banyan.ready_of_role, banyan.heartbeat_candidates, banyan.succeeded
  to service_role;
