-- A task under its lease: renew, apply, release, complete, suspend, fail.
-- The guard everywhere is `state = running and lease_owner = the caller`: a lease that ran out and that nobody took is still the caller's.

-- What a conversation must know between two steps.
create function banyan.step_gate(p_task_id uuid, p_worker text) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_gate jsonb;
begin
  select jsonb_build_object(
    'status', case
      when t.lease_owner is distinct from p_worker then 'lost'
      when t.state = 'running' then 'ok'
      when t.state = 'cancelled' then 'cancelled'
      else 'lost' end,
    'run_state', r.state, 'spent_usd', r.spent_usd, 'budget_usd', r.budget_usd, 'warned', r.warned_at is not null,
    'inputs', (select count(*) from task_inputs i where i.task_id = t.id and i.taken_at is null)
  ) into v_gate
  from tasks t join runs r on r.id = t.run_id
  where t.id = p_task_id;
  if v_gate is null then
    raise exception 'no such task' using errcode = 'PT404';
  end if;
  return v_gate;
end
$$;

create function public.renew(p_worker text, p_tasks jsonb, p_effects jsonb, p_deliveries jsonb, p_lease_seconds integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_until timestamptz := clock_timestamp() + make_interval(secs => p_lease_seconds);
begin
  update tasks set lease_expires_at = v_until
  where id in (
    select id from tasks
    where id in (select value::uuid from jsonb_array_elements_text(p_tasks)) and state = 'running' and lease_owner = p_worker
    order by id for no key update
  );
  update effects set lease_expires_at = v_until
  where key in (select value from jsonb_array_elements_text(p_effects)) and state = 'begun' and lease_owner = p_worker;
  update deliveries set lease_expires_at = v_until
  where guid in (select value from jsonb_array_elements_text(p_deliveries)) and state = 'pending' and lease_owner = p_worker;
  return jsonb_build_object('tasks', (
    select coalesce(jsonb_object_agg(t.id, banyan.step_gate(t.id, p_worker)), '{}'::jsonb)
    from tasks t where t.id in (select value::uuid from jsonb_array_elements_text(p_tasks))
  ));
end
$$;

-- Locks ticket, run and tasks in this order and returns the task as it then is.
create function banyan.lock_task(p_task_id uuid) returns public.tasks
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
begin
  select * into v_task from tasks where id = p_task_id;
  if not found then
    raise exception 'no such task' using errcode = 'PT404';
  end if;
  perform from tickets where id = v_task.ticket_id for no key update;
  perform banyan.lock_work(v_task.run_id);
  select * into strict v_task from tasks where id = p_task_id for no key update;
  return v_task;
end
$$;

create function banyan.has_inputs(p_task_id uuid) returns boolean
language sql stable
set search_path = public, pg_temp
as $$
  select exists (select from task_inputs where task_id = p_task_id and taken_at is null)
$$;

-- A task's end (or its suspension) changes what others decide about the ticket: its version rises. Then the intents.
create function banyan.apply_at_end(p_task public.tasks, p_intents jsonb) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
begin
  update tickets set version = version + 1 where id = p_task.ticket_id returning * into v_ticket;
  perform banyan.apply(v_ticket.project_id, v_ticket.id, p_task.id, v_ticket.number, p_intents);
end
$$;

create function public.apply_task_intents(p_task_id uuid, p_worker text, p_intents jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks := banyan.lock_task(p_task_id);
begin
  if v_task.lease_owner = p_worker and v_task.state = 'cancelled' then
    return jsonb_build_object('status', 'cancelled');
  elsif v_task.lease_owner is distinct from p_worker or v_task.state <> 'running' then
    return jsonb_build_object('status', 'lost');
  end if;
  perform banyan.apply(v_task.project_id, v_task.ticket_id, v_task.id, (select number from tickets where id = v_task.ticket_id), p_intents);
  return jsonb_build_object('status', 'applied');
end
$$;

create function public.release_task(p_task_id uuid, p_worker text, p_delay_seconds double precision) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
begin
  update tasks
  set state = 'pending', attempts = greatest(attempts - 1, 0), due_at = clock_timestamp() + make_interval(secs => p_delay_seconds),
    lease_owner = null, lease_expires_at = null
  where id = p_task_id and state = 'running' and lease_owner = p_worker
  returning * into v_task;
  if not found then
    return jsonb_build_object('released', false);
  end if;
  perform banyan.emit_task(v_task, 'task.released', jsonb_build_object('due_at', v_task.due_at));
  return jsonb_build_object('released', true);
end
$$;

create function public.complete_task(p_task_id uuid, p_worker text, p_output jsonb, p_expect_version integer, p_intents jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks := banyan.lock_task(p_task_id);
begin
  if v_task.lease_owner is distinct from p_worker or v_task.state <> 'running' then
    return jsonb_build_object('status', 'lost');
  elsif banyan.has_inputs(p_task_id) then
    return jsonb_build_object('status', 'inputs');
  elsif p_expect_version is not null and p_expect_version is distinct from (select version from tickets where id = v_task.ticket_id) then
    return jsonb_build_object('status', 'conflict');
  end if;
  update tasks
  set state = 'completed', output = p_output, error = null, finished_at = clock_timestamp(), lease_owner = null, lease_expires_at = null
  where id = p_task_id
  returning * into v_task;
  perform banyan.emit_task(v_task, 'task.completed', jsonb_build_object('cost_usd', v_task.cost_usd));
  perform banyan.apply_at_end(v_task, p_intents);
  return jsonb_build_object('status', 'completed');
end
$$;

-- The attempts start anew: what came to a question did not fail.
create function public.suspend_task(p_task_id uuid, p_worker text, p_waiting_for text, p_waiting_on text, p_intents jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks := banyan.lock_task(p_task_id);
begin
  if v_task.lease_owner is distinct from p_worker or v_task.state <> 'running' then
    return jsonb_build_object('status', 'lost');
  elsif banyan.has_inputs(p_task_id) then
    return jsonb_build_object('status', 'inputs');
  end if;
  update tasks
  set state = 'waiting', waiting_for = p_waiting_for, waiting_on = p_waiting_on, waiting_since = clock_timestamp(), attempts = 0, error = null,
    lease_owner = null, lease_expires_at = null
  where id = p_task_id
  returning * into v_task;
  perform banyan.emit_task(v_task, 'task.waiting', jsonb_build_object('waiting_for', p_waiting_for, 'waiting_on', p_waiting_on));
  perform banyan.apply_at_end(v_task, p_intents);
  return jsonb_build_object('status', 'waiting');
end
$$;

create function public.fail_task(
  p_task_id uuid, p_worker text, p_error jsonb, p_retry boolean, p_retry_at timestamptz, p_intents_at_end jsonb
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks := banyan.lock_task(p_task_id);
  v_end text := case when p_retry then 'dead' else 'failed' end;
begin
  if v_task.lease_owner is distinct from p_worker or v_task.state <> 'running' then
    return jsonb_build_object('status', 'lost');
  end if;
  if p_retry and v_task.attempts < v_task.max_attempts then
    update tasks
    set state = 'pending', error = p_error, due_at = coalesce(p_retry_at, clock_timestamp() + banyan.backoff(v_task.attempts)),
      lease_owner = null, lease_expires_at = null
    where id = p_task_id
    returning * into v_task;
    perform banyan.emit_task(v_task, 'task.retried', jsonb_build_object('error', p_error, 'due_at', v_task.due_at));
    return jsonb_build_object('status', 'retried');
  end if;
  update tasks
  set state = v_end, error = p_error, finished_at = clock_timestamp(), lease_owner = null, lease_expires_at = null
  where id = p_task_id
  returning * into v_task;
  perform banyan.emit_task(v_task, 'task.' || v_end, jsonb_build_object('error', p_error));
  perform banyan.apply_at_end(v_task, p_intents_at_end);
  return jsonb_build_object('status', v_end);
end
$$;

revoke execute on function
  public.renew, public.apply_task_intents, public.release_task, public.complete_task, public.suspend_task, public.fail_task,
  banyan.step_gate, banyan.lock_task, banyan.has_inputs, banyan.apply_at_end
  from public, anon, authenticated;
grant execute on function
  public.renew, public.apply_task_intents, public.release_task, public.complete_task, public.suspend_task, public.fail_task,
  banyan.step_gate, banyan.lock_task, banyan.has_inputs, banyan.apply_at_end
  to service_role;
