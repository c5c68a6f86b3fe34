-- Claims of tasks over what stands ready. The order: the organization with the fewest at work first; within one by priority, then the older run,
-- then what is due longest. Never more of an organization at work than its limit.
-- These functions run for every task, so they are plpgsql: it keeps the plans of its statements, while a function in SQL with a pinned path is
-- planned anew by each statement that calls it (up to Postgres 17).

create or replace function banyan.emit_task(p_task public.tasks, p_type text, p_data jsonb) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
  values (p_task.organization_id, p_task.project_id, p_task.ticket_id, p_task.run_id, p_task.id, p_type,
    jsonb_build_object('key', p_task.key, 'role', p_task.role, 'attempts', p_task.attempts) || p_data);
end
$$;

create or replace function banyan.task_json(p_row public.tasks) returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
  return to_jsonb(p_row)
    - '{priority_rank,collecting,lease_owner,lease_expires_at,leased_at,blockers,followed,held,tokens_in,tokens_out,cost_usd,updated_at}'::text[];
end
$$;

create or replace function banyan.run_json(p_row public.runs) returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
  return to_jsonb(p_row) - '{organization_id,project_id,report,created_at,updated_at}'::text[];
end
$$;

create or replace function banyan.project_json(p_row public.projects) returns jsonb
language plpgsql immutable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'id', p_row.id, 'organization_id', p_row.organization_id, 'installation_id', p_row.installation_id, 'github_id', p_row.github_id,
    'owner', p_row.owner, 'name', p_row.name, 'default_branch', p_row.default_branch
  );
end
$$;

drop function banyan.claim_tasks(text, integer, interval);
drop function banyan.task_candidates(integer, uuid[]);
drop function banyan.claim_task(uuid, text, interval);

-- How many of an organization are at work. A lease that had run out when this transaction began frees its place.
create function banyan.at_work(p_organization_id uuid) returns bigint
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  return (select count(*) from tasks where organization_id = p_organization_id and state = 'running' and lease_expires_at >= now());
end
$$;

-- Whose turn it is: the organization with the fewest at work of those that have something to start, of these the one with the most urgent.
-- Found by steps through the index from one organization's first to the next one's, so that organizations with nothing ready, and the length
-- of a queue, cost nothing. `p_lost`: tasks whose worker is gone; `p_passed`: organizations that are not to be looked at.
create function banyan.next_turn(p_lost uuid[], p_passed uuid[], out organization_id uuid, out lost_task_id uuid, out agents integer, out timed boolean)
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_lost integer := 0;
  v_last uuid := '00000000-0000-0000-0000-000000000000';
  v_task record;
  v_agents integer;
  v_timed boolean;
  v_at_work bigint;
  -- Of the best so far. Null: not counted yet, because one that is alone and has no limit needs no counting.
  v_best_at_work bigint;
  v_best_rank smallint;
  v_best_due timestamptz;
begin
  loop
    if v_lost < cardinality(p_lost) then
      v_lost := v_lost + 1;
      select t.organization_id, t.priority_rank, t.due_at, t.id into v_task from tasks t where t.id = p_lost[v_lost];
    else
      select t.organization_id, t.priority_rank, t.due_at, null::uuid as id into v_task
      from tasks t
      where t.state = 'pending' and t.blockers = 0 and not t.held and t.due_at <= clock_timestamp() and t.organization_id > v_last
      order by t.organization_id, t.priority_rank, t.run_id, t.due_at, t.id
      limit 1;
      exit when not found;
      v_last := v_task.organization_id;
    end if;
    continue when v_task.organization_id = any (p_passed);

    select o.max_concurrent_agents, o.max_agent_runtime_hours is not null into v_agents, v_timed
    from organizations o where o.id = v_task.organization_id;
    v_at_work := null;
    if v_agents is not null or organization_id is not null then
      v_at_work := banyan.at_work(v_task.organization_id);
      continue when v_at_work >= v_agents;
    end if;
    if organization_id is not null and v_best_at_work is null then
      v_best_at_work := banyan.at_work(organization_id);
    end if;
    if organization_id is null
      or (v_at_work, v_task.priority_rank, v_task.id is null, v_task.due_at) < (v_best_at_work, v_best_rank, lost_task_id is null, v_best_due) then
      organization_id := v_task.organization_id;
      lost_task_id := v_task.id;
      agents := v_agents;
      timed := v_timed;
      v_best_at_work := v_at_work;
      v_best_rank := v_task.priority_rank;
      v_best_due := v_task.due_at;
    end if;
  end loop;
end
$$;

-- Starts the first of an organization's queue that nobody else is taking (or the given task, whose worker is gone). Null: there is none, or its
-- run is being changed at this moment. Waits for no row: a queued run's lock comes after its task's here.
create function banyan.start_task(p_organization_id uuid, p_lost uuid, p_worker text, p_lease interval) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_run runs;
  v_task_id uuid;
  v_run_id uuid;
  v_run_state text;
  v_claimed jsonb;
begin
  if p_lost is not null then
    select t.id, t.run_id, r.state into v_task_id, v_run_id, v_run_state
    from tasks t join runs r on r.id = t.run_id
    where t.id = p_lost and t.state = 'running' and t.lease_expires_at <= v_now and not t.held
    for no key update of t skip locked;
  else
    select t.id, t.run_id, r.state into v_task_id, v_run_id, v_run_state
    from tasks t join runs r on r.id = t.run_id
    where t.organization_id = p_organization_id and t.state = 'pending' and t.blockers = 0 and not t.held and t.due_at <= v_now
    order by t.priority_rank, t.run_id, t.due_at, t.id
    limit 1
    for no key update of t skip locked;
  end if;
  if not found then
    return null;
  end if;
  if v_run_state = 'queued' then
    select * into v_run from runs where id = v_run_id for no key update skip locked;
    if not found or v_run.state not in ('queued', 'running') then
      return null;
    end if;
    if v_run.state = 'queued' then
      perform banyan.set_run_state(v_run, 'running', null, null);
    end if;
  end if;

  with started as (
    update tasks
    set state = 'running', lease_owner = p_worker, lease_expires_at = v_now + p_lease, leased_at = v_now, attempts = attempts + 1,
      collecting = false, started_at = coalesce(started_at, v_now), updated_at = v_now
    where id = v_task_id
    returning *
  ),
  told as (
    insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
    select organization_id, project_id, ticket_id, run_id, id, 'task.started',
      jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'worker', p_worker)
    from started
  )
  select jsonb_build_object(
    'task', to_jsonb(s)
      - '{priority_rank,collecting,lease_owner,lease_expires_at,leased_at,blockers,followed,held,tokens_in,tokens_out,cost_usd,updated_at}'::text[],
    'run', to_jsonb(r) - '{organization_id,project_id,report,created_at,updated_at}'::text[],
    'ticket', to_jsonb(k),
    'project', banyan.project_json(p))
  into v_claimed
  from started s join runs r on r.id = s.run_id join tickets k on k.id = r.ticket_id join projects p on p.id = r.project_id;
  return v_claimed;
end
$$;

-- One after the other, because each that is started changes whose turn is next.
-- `p_in_place_of`: the organization of a task that this transaction ended under a live lease. Its next one takes the place of that, the number at
-- work stays what it is, and nobody else has to be kept from counting.
-- `again`: others were claiming at this moment and something may be left.
create function banyan.claim_tasks(
  p_worker text, p_limit integer, p_lease interval, p_take_over boolean, p_in_place_of uuid, out claimed jsonb, out again boolean
)
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_lost uuid[] := '{}';
  v_passed uuid[] := '{}';
  v_count integer := 0;
  v_locks boolean := false;
  v_room boolean;
  v_turn record;
  v_in_place_of uuid := p_in_place_of;
  v_claimed jsonb;
begin
  claimed := '[]';
  again := false;
  if p_limit <= 0 then
    return;
  end if;
  if p_take_over then
    select coalesce(array_agg(id), '{}') into v_lost
    from (
      select t.id from tasks t
      where t.state = 'running' and t.lease_expires_at <= clock_timestamp() and not t.held
      order by t.lease_expires_at
      limit p_limit * 4
    ) as lost;
  end if;

  while v_count < p_limit loop
    v_turn := banyan.next_turn(v_lost, v_passed);
    exit when v_turn.organization_id is null;
    if v_turn.timed and not banyan.has_hours_left(v_turn.organization_id) then
      v_passed := v_passed || v_turn.organization_id;
      continue;
    end if;
    if v_turn.agents is not null and v_turn.organization_id is distinct from v_in_place_of then
      v_room := banyan.may_add_one(v_turn.organization_id, v_turn.agents, not v_locks);
      v_locks := true;
      if not v_room then
        -- Held by another that claims for it, or filled by the one before us.
        again := true;
        v_passed := v_passed || v_turn.organization_id;
        continue;
      end if;
    end if;
    v_claimed := banyan.start_task(v_turn.organization_id, v_turn.lost_task_id, p_worker, p_lease);
    v_lost := array_remove(v_lost, v_turn.lost_task_id);
    if v_claimed is not null then
      claimed := claimed || v_claimed;
      v_count := v_count + 1;
      v_in_place_of := null;
    elsif v_turn.lost_task_id is null then
      again := true;
      v_passed := v_passed || v_turn.organization_id;
    end if;
  end loop;
end
$$;

-- Whether one more of a limited organization may be put to work, counted with nobody counting beside. Its lock is waited for by who holds no
-- other one only, so that nobody waits in a circle; it ends with the transaction, as a transaction pooler allows.
create function banyan.may_add_one(p_organization_id uuid, p_agents integer, p_wait boolean) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_lock bigint := banyan.lock_name('organization', p_organization_id::text);
begin
  if not pg_try_advisory_xact_lock(v_lock) then
    if not p_wait then
      return false;
    end if;
    perform pg_advisory_xact_lock(v_lock);
  end if;
  return banyan.at_work(p_organization_id) < p_agents;
end
$$;

create or replace function banyan.next_due_ms() returns integer
language plpgsql stable
set search_path = public, pg_temp
as $$
begin
  return (
    select ceil(extract(epoch from min(due_at) - clock_timestamp()) * 1000)::integer
    from (
      (
        select due_at from deliveries
        where state = 'pending' and due_at > received_at and due_at > now() and lease_expires_at is null
        order by due_at limit 1
      )
      union all
      (
        select due_at from effects
        where state in ('pending', 'begun') and due_at > created_at and due_at > now() and lease_expires_at is null
        order by due_at limit 1
      )
      union all
      (
        select due_at from tasks
        where state = 'pending' and due_at > created_at and due_at > now() and blockers = 0 and not held
        order by due_at limit 1
      )
    ) as waiting
    where due_at < now() + interval '1 day'
  );
end
$$;

create or replace function public.claim(p_worker text, p_deliveries integer, p_effects integer, p_tasks integer, p_lease_seconds integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_lease interval := make_interval(secs => p_lease_seconds);
  v_deliveries jsonb := '[]';
  v_effects jsonb := '[]';
  v_tasks record;
begin
  if p_deliveries > 0 then
    v_deliveries := banyan.claim_deliveries(p_worker, p_deliveries, v_lease);
  end if;
  if p_effects > 0 then
    v_effects := banyan.claim_effects(p_worker, p_effects, v_lease);
  end if;
  -- Tasks come last: their locks are the ones that others wait for.
  v_tasks := banyan.claim_tasks(p_worker, p_tasks, v_lease, true, null);
  return jsonb_build_object(
    'deliveries', v_deliveries,
    'effects', v_effects,
    'tasks', v_tasks.claimed,
    'next_due_ms', case when v_tasks.again and jsonb_array_length(v_tasks.claimed) < p_tasks then 0 else banyan.next_due_ms() end);
end
$$;

revoke execute on function
  banyan.at_work, banyan.next_turn, banyan.start_task, banyan.claim_tasks, banyan.may_add_one
  from public, anon, authenticated;
grant execute on function
  banyan.at_work, banyan.next_turn, banyan.start_task, banyan.claim_tasks, banyan.may_add_one
  to service_role;
