-- Events of tasks with what is counted from them: how long a task waited to be started, and how long it took. Otherwise as before.


create or replace function banyan.claim_next(p_worker text, p_lease interval, p_in_place_of uuid, p_told public.events) returns json
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_claimed json;
begin
  with one as (
    select o.id
    from (
      select t.organization_id from tasks t where t.state = 'pending' and t.blockers = 0 and not t.held
      order by t.organization_id limit 1
    ) as first
    join (
      select t.organization_id from tasks t where t.state = 'pending' and t.blockers = 0 and not t.held
      order by t.organization_id desc limit 1
    ) as last on last.organization_id = first.organization_id
    join organizations o on o.id = first.organization_id
    where o.max_agent_runtime_hours is null
      -- In the place of one that just ended, unless there are still too many.
      and (o.max_concurrent_agents is null or (o.id = p_in_place_of and banyan.at_work(o.id) < o.max_concurrent_agents))
  ),
  picked as (
    select t.id, r.state as run_state
    from tasks t join runs r on r.id = t.run_id
    where t.organization_id = (select id from one) and t.state = 'pending' and t.blockers = 0 and not t.held and t.due_at <= v_now
    order by t.priority_rank, t.run_id, t.due_at, t.id
    limit 1
    for no key update of t skip locked
  ),
  started as (
    update tasks t
    set state = 'running', lease_owner = p_worker, lease_expires_at = v_now + p_lease, leased_at = v_now, attempts = t.attempts + 1,
      collecting = false, started_at = coalesce(t.started_at, v_now), updated_at = v_now
    from picked
    where t.id = picked.id and picked.run_state = 'running'
    returning t.id, t.organization_id, t.project_id, t.ticket_id, t.run_id, t.parent_task_id, t.key, t.role, t.phase, t.title, t.input, t.output,
      t.state, t.priority, t.attempts, t.max_attempts, t.due_at, t.timeout_seconds, t.waiting_for, t.waiting_on, t.waiting_since, t.error,
      t.created_at, t.started_at, t.finished_at, t.directive, t.delivery
  ),
  told as (
    insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
    select p_told.organization_id, p_told.project_id, p_told.ticket_id, p_told.run_id, p_told.task_id, p_told.type, p_told.data
    where p_told.type is not null
    union all
    select organization_id, project_id, ticket_id, run_id, id, 'task.started',
      jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'worker', p_worker,
        'wait_seconds', extract(epoch from v_now - due_at))
    from started
  )
  select json_build_array(json_build_object(
    'task', row_to_json(s),
    'run', json_build_object(
      'id', r.id, 'ticket_id', r.ticket_id, 'state', r.state, 'workflow', r.workflow, 'config_snapshot', r.config_snapshot,
      'budget_usd', r.budget_usd, 'warn_at_usd', r.warn_at_usd, 'spent_usd', r.spent_usd, 'warned_at', r.warned_at,
      'stop_reason', r.stop_reason, 'started_at', r.started_at, 'finished_at', r.finished_at, 'steps_removed_at', r.steps_removed_at,
      'recovery', r.recovery),
    'ticket', row_to_json(k),
    'project', json_build_object(
      'id', p.id, 'organization_id', p.organization_id, 'installation_id', p.installation_id, 'github_id', p.github_id,
      'owner', p.owner, 'name', p.name, 'default_branch', p.default_branch)))
  into v_claimed
  from started s join runs r on r.id = s.run_id join tickets k on k.id = r.ticket_id join projects p on p.id = r.project_id;
  return v_claimed;
end
$$;

-- A task that is taken over waited once, before it was begun.
create or replace function banyan.start_task(p_organization_id uuid, p_lost uuid, p_worker text, p_lease interval) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_run runs;
  v_task_id uuid;
  v_run_id uuid;
  v_run_state text;
  v_owner text;
  v_attempts integer;
  v_claimed jsonb;
begin
  if p_lost is not null then
    select t.id, t.run_id, r.state, t.lease_owner, t.attempts into v_task_id, v_run_id, v_run_state, v_owner, v_attempts
    from tasks t join runs r on r.id = t.run_id
    where t.id = p_lost and t.state = 'running' and t.lease_expires_at <= v_now and not t.held
    for no key update of t skip locked;
  else
    select t.id, t.run_id, r.state, t.attempts into v_task_id, v_run_id, v_run_state, v_attempts
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
  v_attempts := case when v_owner <> p_worker then banyan.note_task_death(v_task_id) else v_attempts + 1 end;

  with started as (
    update tasks
    set state = 'running', lease_owner = p_worker, lease_expires_at = v_now + p_lease, leased_at = v_now, attempts = v_attempts,
      collecting = false, started_at = coalesce(started_at, v_now), updated_at = v_now
    where id = v_task_id
    returning *
  ),
  told as (
    insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
    select organization_id, project_id, ticket_id, run_id, id, 'task.started',
      jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'worker', p_worker,
        'wait_seconds', case when p_lost is null then extract(epoch from v_now - due_at) end)
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

create or replace function public.claim_for_agent(p_agent_id uuid, p_lease_seconds integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_worker text := 'agent-' || p_agent_id;
  v_agent record;
  v_picked record;
  v_run runs;
  v_claimed jsonb;
begin
  select a.organization_id, a.role, o.max_concurrent_agents, o.max_agent_runtime_hours into v_agent
  from agents a join organizations o on o.id = a.organization_id
  where a.id = p_agent_id and a.public_key is not null and a.state in ('active', 'degraded', 'failed')
    and (a.held_until is null or a.held_until <= v_now);
  if not found or not exists (
    select from tasks t
    where t.organization_id = v_agent.organization_id and t.role = v_agent.role and t.state = 'pending' and t.blockers = 0 and not t.held
      and t.due_at <= v_now and not exists (select from conversations c where c.task_id = t.id)) then
    return null;
  end if;
  if (v_agent.max_agent_runtime_hours is not null and not banyan.has_hours_left(v_agent.organization_id))
    or (v_agent.max_concurrent_agents is not null and not banyan.may_add_one(v_agent.organization_id, v_agent.max_concurrent_agents, true)) then
    return null;
  end if;
  select t.id, t.run_id, r.state as run_state into v_picked
  from tasks t join runs r on r.id = t.run_id
  where t.organization_id = v_agent.organization_id and t.role = v_agent.role and t.state = 'pending' and t.blockers = 0 and not t.held
    and t.due_at <= v_now and r.state in ('queued', 'running') and not exists (select from conversations c where c.task_id = t.id)
  order by t.priority_rank, t.run_id, t.due_at, t.id
  limit 1
  for no key update of t skip locked;
  if not found then
    return null;
  end if;
  if v_picked.run_state = 'queued' then
    select * into v_run from runs where id = v_picked.run_id for no key update skip locked;
    if not found or v_run.state not in ('queued', 'running') then
      return null;
    end if;
    if v_run.state = 'queued' then
      perform banyan.set_run_state(v_run, 'running', null, null);
    end if;
  end if;
  with started as (
    update tasks
    set state = 'running', lease_owner = v_worker, lease_expires_at = v_now + make_interval(secs => p_lease_seconds), leased_at = v_now,
      attempts = attempts + 1, collecting = false, started_at = coalesce(started_at, v_now), updated_at = v_now
    where id = v_picked.id
    returning *
  ),
  told as (
    insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
    select organization_id, project_id, ticket_id, run_id, id, 'task.started',
      jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'worker', v_worker,
        'wait_seconds', extract(epoch from v_now - due_at))
    from started
  )
  select jsonb_build_object('task', banyan.task_json(s), 'run', banyan.run_json(r), 'ticket', to_jsonb(k), 'project', banyan.project_json(p))
  into v_claimed
  from started s join runs r on r.id = s.run_id join tickets k on k.id = r.ticket_id join projects p on p.id = r.project_id;
  return v_claimed;
end
$$;

create or replace function public.complete_task(
  p_task_id uuid, p_worker text, p_output jsonb, p_expect_version integer, p_intents jsonb, p_next integer default 0, p_lease_seconds integer default 0
) returns json
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket record;
  v_told events;
  v_next json;
begin
  -- As in banyan.begin_end.
  update tickets k
  set version = k.version + 1, updated_at = clock_timestamp()
  from tasks t
  where t.id = p_task_id and t.state = 'running' and t.lease_owner = p_worker and k.id = t.ticket_id
    and (p_expect_version is null or k.version = p_expect_version)
    and not exists (select from task_inputs i where i.task_id = p_task_id and i.taken_at is null)
  returning k.id, k.project_id, k.number, k.state, t.run_id,
    case when t.lease_expires_at > clock_timestamp() + interval '5 seconds' then k.organization_id end as in_place_of
  into v_ticket;
  if not found then
    return banyan.why_not(p_task_id, p_worker);
  end if;
  if p_intents <> '[]' then
    if v_ticket.state = 'paused' or banyan.touches_tasks(p_intents) then
      perform banyan.lock_work(v_ticket.run_id);
    elsif p_intents @> '[{"type": "add_task"}]' then
      perform from runs where id = v_ticket.run_id for no key update;
    end if;
  end if;
  update tasks
  set state = 'completed', output = p_output, error = null, finished_at = clock_timestamp(), lease_owner = null, lease_expires_at = null,
    updated_at = clock_timestamp()
  where id = p_task_id and state = 'running' and lease_owner = p_worker
    -- Once more: whoever held the ticket before may have been bringing words, which the statement above did not see.
    and not exists (select from task_inputs i where i.task_id = p_task_id and i.taken_at is null)
  returning organization_id, project_id, ticket_id, run_id, id, 'task.completed',
    jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'cost_usd', cost_usd,
      'seconds', extract(epoch from finished_at - started_at))
  into v_told.organization_id, v_told.project_id, v_told.ticket_id, v_told.run_id, v_told.task_id, v_told.type, v_told.data;
  if not found then
    perform banyan.undo_begin(v_ticket.id);
    return banyan.why_not(p_task_id, p_worker);
  end if;
  if p_intents = '[]' and p_next = 1 then
    -- Nothing is told in between.
    v_next := banyan.claim_next(p_worker, make_interval(secs => p_lease_seconds), v_ticket.in_place_of, v_told);
  else
    insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
    values (v_told.organization_id, v_told.project_id, v_told.ticket_id, v_told.run_id, v_told.task_id, v_told.type, v_told.data);
    if p_intents <> '[]' then
      perform banyan.apply_list(v_ticket.project_id, v_ticket.id, p_task_id, v_ticket.number, p_intents);
    end if;
    if p_next = 0 then
      return '{"status": "completed"}';
    elsif p_next = 1 then
      v_next := banyan.claim_next(p_worker, make_interval(secs => p_lease_seconds), v_ticket.in_place_of, null);
    end if;
  end if;
  if v_next is null then
    v_next := (banyan.claim_tasks(p_worker, p_next, make_interval(secs => p_lease_seconds), false, v_ticket.in_place_of)).claimed;
  end if;
  return json_build_object('status', 'completed', 'next', v_next);
end
$$;

create or replace function public.fail_task(
  p_task_id uuid, p_worker text, p_error jsonb, p_retry boolean, p_retry_at timestamptz, p_intents_at_end jsonb, p_next integer default 0, p_lease_seconds integer default 0
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_state text := case when p_retry then 'dead' else 'failed' end;
  v_end record;
  v_task tasks;
begin
  if p_retry then
    -- One row of its own: nothing else is locked.
    update tasks
    set state = 'pending', error = p_error, due_at = coalesce(p_retry_at, clock_timestamp() + banyan.backoff(attempts)),
      lease_owner = null, lease_expires_at = null, updated_at = clock_timestamp()
    where id = p_task_id and state = 'running' and lease_owner = p_worker and attempts < max_attempts
    returning * into v_task;
    if found then
      perform banyan.emit_task(v_task, 'task.retried', jsonb_build_object('error', p_error, 'due_at', v_task.due_at));
      return banyan.ended('retried', p_worker, p_next, p_lease_seconds, null);
    end if;
  end if;

  v_end := banyan.begin_end(p_task_id, p_worker, null, true, p_intents_at_end);
  if v_end.ticket_id is null then
    return banyan.why_not(p_task_id, p_worker);
  end if;
  update tasks
  set state = v_state, error = p_error, finished_at = clock_timestamp(), lease_owner = null, lease_expires_at = null, updated_at = clock_timestamp()
  where id = p_task_id and state = 'running' and lease_owner = p_worker
  returning * into v_task;
  if not found then
    return banyan.undo_begin(v_end.ticket_id);
  end if;
  perform banyan.emit_task(v_task, 'task.' || v_state, jsonb_build_object('error', p_error,
    'seconds', extract(epoch from v_task.finished_at - v_task.started_at)));
  perform banyan.apply_list(v_end.project_id, v_end.ticket_id, p_task_id, v_end.number, p_intents_at_end);
  return banyan.ended(v_state, p_worker, p_next, p_lease_seconds, v_end.in_place_of);
end
$$;
