-- The usual transitions with less around their statements: what a call answers is written once, as text (`json`) and column by column, instead of
-- being built as jsonb, cut down and copied; a task that is added costs three statements and no detour; functions of one expression are
-- plpgsql, which keeps their plan for the session (a function of SQL with a pinned path is planned anew in every statement).

create or replace function banyan.uuid7() returns uuid
language plpgsql volatile parallel unsafe
set search_path = ''
as $$
declare
  v_us bigint := floor(extract(epoch from clock_timestamp()) * 1000000)::bigint;
begin
  return encode(
    substring(int8send(v_us / 1000) from 3)
      || int2send((28672 + (v_us % 1000) * 4096 / 1000)::int2)
      || '\x80'::bytea
      || int4send(nextval('banyan.uuid7_counter')::int4)
      || substring(uuid_send(gen_random_uuid()) from 14),
    'hex'
  )::uuid;
end
$$;

create or replace function banyan.may_start(p_run_state text, p_ticket_state text) returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return p_run_state in ('queued', 'running') and p_ticket_state <> 'paused';
end
$$;

-- The caller holds the ticket's lock.
create or replace function banyan.intent_add_task(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run runs;
  v_after jsonb := coalesce(p_intent -> 'after', '[]'::jsonb);
  v_parent uuid := (p_intent ->> 'parent_task_id')::uuid;
  v_task tasks;
begin
  if v_parent is not null and not exists (select from tasks where id = v_parent and ticket_id = p_ticket_id) then
    raise exception 'the parent task is not one of this ticket' using errcode = 'PT404';
  end if;
  with place as (
    select r.id as run_id, r.state as run_state, k.organization_id, k.project_id, k.priority, k.state
    from tickets k join runs r on r.id = k.run_id
    where k.id = p_ticket_id
    for no key update of r
  ),
  added as (
    insert into tasks (organization_id, project_id, ticket_id, run_id, parent_task_id, key, role, phase, title, input, priority, max_attempts,
      timeout_seconds, due_at, held)
    select p.organization_id, p.project_id, p_ticket_id, p.run_id, v_parent, p_intent ->> 'key', p_intent ->> 'role', p_intent ->> 'phase',
      p_intent ->> 'title', p_intent -> 'input', p.priority, (p_intent ->> 'max_attempts')::integer, (p_intent ->> 'timeout_seconds')::integer,
      now() + make_interval(secs => coalesce((p_intent ->> 'delay_seconds')::double precision, 0)), not banyan.may_start(p.run_state, p.state)
    from place p
    on conflict (run_id, key) do nothing
    returning id, organization_id, project_id, run_id, key, role, phase, attempts
  )
  insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
  select organization_id, project_id, p_ticket_id, run_id, id, 'task.added',
    jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'phase', phase, 'after', v_after)
  from added
  returning task_id into v_task.id;
  if not found then
    -- Added before, or there is no run to add it to, which this refuses.
    v_run := banyan.locked_run(p_ticket_id);
    return false;
  end if;
  if jsonb_array_length(v_after) > 0 then
    select * into v_task from tasks where id = v_task.id;
    perform banyan.add_dependencies(v_task, v_after);
  end if;
  return true;
end
$$;

create or replace function banyan.apply_list(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_number integer, p_intents jsonb, out changed boolean, out ticket_id uuid)
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_intent jsonb;
  v_type text;
begin
  changed := false;
  ticket_id := p_ticket_id;
  for v_intent in select value from jsonb_array_elements(p_intents) with ordinality as list (value, place) order by place loop
    v_type := v_intent ->> 'type';
    if v_type = 'open_ticket' then
      ticket_id := banyan.intent_open_ticket(p_project_id, p_number, v_intent);
    elsif v_type = 'add_task' and ticket_id is not null then
      changed := banyan.intent_add_task(ticket_id, v_intent) or changed;
    else
      changed := banyan.apply_one(p_project_id, ticket_id, p_self, v_intent) or changed;
    end if;
  end loop;
end
$$;

drop function banyan.claim_next(text, interval, uuid);
create function banyan.claim_next(p_worker text, p_lease interval, p_in_place_of uuid) returns json
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_organization_id uuid;
  v_claimed json;
begin
  select o.id into v_organization_id
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
    and (o.max_concurrent_agents is null or (o.id = p_in_place_of and banyan.at_work(o.id) < o.max_concurrent_agents));
  if not found then
    return null;
  end if;

  with picked as (
    select t.id, r.state as run_state
    from tasks t join runs r on r.id = t.run_id
    where t.organization_id = v_organization_id and t.state = 'pending' and t.blockers = 0 and not t.held and t.due_at <= v_now
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
      t.created_at, t.started_at, t.finished_at
  ),
  told as (
    insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
    select organization_id, project_id, ticket_id, run_id, id, 'task.started',
      jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'worker', p_worker)
    from started
  )
  select json_build_array(json_build_object(
    'task', row_to_json(s),
    'run', json_build_object(
      'id', r.id, 'ticket_id', r.ticket_id, 'state', r.state, 'workflow', r.workflow, 'config_snapshot', r.config_snapshot,
      'budget_usd', r.budget_usd, 'warn_at_usd', r.warn_at_usd, 'spent_usd', r.spent_usd, 'warned_at', r.warned_at,
      'stop_reason', r.stop_reason, 'started_at', r.started_at, 'finished_at', r.finished_at, 'steps_removed_at', r.steps_removed_at),
    'ticket', row_to_json(k),
    'project', json_build_object(
      'id', p.id, 'organization_id', p.organization_id, 'installation_id', p.installation_id, 'github_id', p.github_id,
      'owner', p.owner, 'name', p.name, 'default_branch', p.default_branch)))
  into v_claimed
  from started s join runs r on r.id = s.run_id join tickets k on k.id = r.ticket_id join projects p on p.id = r.project_id;
  return v_claimed;
end
$$;

drop function banyan.ended(text, text, integer, integer, uuid);
create function banyan.ended(p_status text, p_worker text, p_next integer, p_lease_seconds integer, p_in_place_of uuid) returns json
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_lease interval := make_interval(secs => p_lease_seconds);
  v_next json;
begin
  if p_next <= 0 then
    return json_build_object('status', p_status);
  end if;
  if p_next = 1 then
    v_next := banyan.claim_next(p_worker, v_lease, p_in_place_of);
  end if;
  if v_next is null then
    v_next := (banyan.claim_tasks(p_worker, p_next, v_lease, false, p_in_place_of)).claimed;
  end if;
  return json_build_object('status', p_status, 'next', v_next);
end
$$;

drop function public.complete_task(uuid, text, jsonb, integer, jsonb, integer, integer);
create function public.complete_task(
  p_task_id uuid, p_worker text, p_output jsonb, p_expect_version integer, p_intents jsonb, p_next integer default 0, p_lease_seconds integer default 0
) returns json
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket record;
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
  with done as (
    update tasks
    set state = 'completed', output = p_output, error = null, finished_at = clock_timestamp(), lease_owner = null, lease_expires_at = null,
      updated_at = clock_timestamp()
    where id = p_task_id and state = 'running' and lease_owner = p_worker
      -- Once more: whoever held the ticket before may have been bringing words, which the statement above did not see.
      and not exists (select from task_inputs i where i.task_id = p_task_id and i.taken_at is null)
    returning organization_id, project_id, ticket_id, run_id, id, key, role, attempts, cost_usd
  )
  insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
  select organization_id, project_id, ticket_id, run_id, id, 'task.completed',
    jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'cost_usd', cost_usd)
  from done;
  if not found then
    perform banyan.undo_begin(v_ticket.id);
    return banyan.why_not(p_task_id, p_worker);
  end if;
  if p_intents <> '[]' then
    perform banyan.apply_list(v_ticket.project_id, v_ticket.id, p_task_id, v_ticket.number, p_intents);
  end if;
  if p_next = 0 then
    return '{"status": "completed"}';
  end if;
  return banyan.ended('completed', p_worker, p_next, p_lease_seconds, v_ticket.in_place_of);
end
$$;

revoke execute on function banyan.claim_next, banyan.ended, public.complete_task from public, anon, authenticated;
grant execute on function banyan.claim_next, banyan.ended, public.complete_task to service_role;
