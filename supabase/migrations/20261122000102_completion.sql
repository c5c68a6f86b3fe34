-- The end of a task, and the start of the next one in the same call: half the round trips of a worker that goes from task to task.
-- `p_next` tasks are claimed under the caller's name when the task has ended (not when it was lost, has inputs or conflicts).
-- What touches one task takes the locks of one task: ticket, the run where tasks are added, the task. Intents that may touch others lock all of
-- the run's first, as before.

-- Whether a list of intents may change other tasks than its own.
create function banyan.touches_tasks(p_intents jsonb) returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return p_intents @? '$[*] ? (!(@.type == "add_task" || @.type == "effect" || @.type == "event" || @.type == "validation" || @.type == "artifact"
    || @.type == "discovery" || @.type == "task_comment" || @.type == "ask" || @.type == "close_questions" || @.type == "set_code"
    || (@.type == "set_ticket" && !exists(@.priority) && (!exists(@.state) || @.state != "paused"))))';
end
$$;

-- Applies a list. `p_ticket_id` null: the ticket does not exist yet, an `open_ticket` in the list makes it. The caller holds the ticket's lock.
-- @returns whether the ticket's version is to rise.
create function banyan.apply_list(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_number integer, p_intents jsonb, out changed boolean, out ticket_id uuid)
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_intent jsonb;
begin
  changed := false;
  ticket_id := p_ticket_id;
  for v_intent in select value from jsonb_array_elements(p_intents) with ordinality as list (value, place) order by place loop
    if v_intent ->> 'type' = 'open_ticket' then
      ticket_id := banyan.intent_open_ticket(p_project_id, p_number, v_intent);
    else
      changed := banyan.apply_one(p_project_id, ticket_id, p_self, v_intent) or changed;
    end if;
  end loop;
end
$$;

create or replace function banyan.apply(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_number integer, p_intents jsonb) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_applied record;
begin
  if banyan.touches_tasks(p_intents) then
    perform banyan.lock_work(run_id) from tickets where id = p_ticket_id;
  end if;
  select * into v_applied from banyan.apply_list(p_project_id, p_ticket_id, p_self, p_number, p_intents);
  if v_applied.changed then
    update tickets set version = version + 1 where id = v_applied.ticket_id;
  end if;
end
$$;

-- Begins the end of a task: locks its ticket, raises the ticket's version (a task's end changes what others decide about it), and locks what the
-- intents need beside the task. All null, and nothing is changed, where the task is not the worker's, people's words wait for it, or the ticket
-- moved on; `banyan.why_not` says which.
create function banyan.begin_end(
  p_task_id uuid, p_worker text, p_expect_version integer, p_despite_inputs boolean, p_intents jsonb,
  out ticket_id uuid, out project_id uuid, out number integer, out in_place_of uuid
)
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run_id uuid;
  v_state text;
begin
  update tickets k
  set version = k.version + 1, updated_at = clock_timestamp()
  from tasks t
  where t.id = p_task_id and t.state = 'running' and t.lease_owner = p_worker and k.id = t.ticket_id
    and (p_expect_version is null or k.version = p_expect_version)
    and (p_despite_inputs or not exists (select from task_inputs i where i.task_id = p_task_id and i.taken_at is null))
  returning k.id, k.project_id, k.number, k.state, t.run_id,
    -- Nobody takes over a lease that has some seconds left, nor counts its place as free.
    case when t.lease_expires_at > clock_timestamp() + interval '5 seconds' then k.organization_id end
  into ticket_id, project_id, number, v_state, v_run_id, in_place_of;
  if not found or jsonb_array_length(p_intents) = 0 then
    return;
  end if;
  if v_state = 'paused' or banyan.touches_tasks(p_intents) then
    perform banyan.lock_work(v_run_id);
  elsif p_intents @> '[{"type": "add_task"}]' then
    perform from runs where id = v_run_id for no key update;
  end if;
end
$$;

-- Somebody took the task over between two statements: as if it had not begun. Nobody has seen the version.
create function banyan.undo_begin(p_ticket_id uuid) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  update tickets set version = version - 1 where id = p_ticket_id;
  return jsonb_build_object('status', 'lost');
end
$$;

create function banyan.why_not(p_task_id uuid, p_worker text) returns jsonb
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
  return jsonb_build_object('status', case
    when v_task.lease_owner is distinct from p_worker or v_task.state <> 'running' then 'lost'
    when banyan.has_inputs(p_task_id) then 'inputs'
    else 'conflict' end);
end
$$;

-- What a call that ended a task answers, with the next tasks where some were asked for.
create function banyan.ended(p_status text, p_worker text, p_next integer, p_lease_seconds integer, p_in_place_of uuid) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_next record;
begin
  if p_next <= 0 then
    return jsonb_build_object('status', p_status);
  end if;
  v_next := banyan.claim_tasks(p_worker, p_next, make_interval(secs => p_lease_seconds), false, p_in_place_of);
  return jsonb_build_object('status', p_status, 'next', v_next.claimed);
end
$$;

drop function banyan.apply_at_end(public.tasks, jsonb);
drop function public.complete_task(uuid, text, jsonb, integer, jsonb);
drop function public.suspend_task(uuid, text, text, text, jsonb);
drop function public.fail_task(uuid, text, jsonb, boolean, timestamptz, jsonb);

create function public.complete_task(
  p_task_id uuid, p_worker text, p_output jsonb, p_expect_version integer, p_intents jsonb, p_next integer default 0, p_lease_seconds integer default 0
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_end record;
begin
  v_end := banyan.begin_end(p_task_id, p_worker, p_expect_version, false, p_intents);
  if v_end.ticket_id is null then
    return banyan.why_not(p_task_id, p_worker);
  end if;
  with done as (
    update tasks
    set state = 'completed', output = p_output, error = null, finished_at = clock_timestamp(), lease_owner = null, lease_expires_at = null,
      updated_at = clock_timestamp()
    where id = p_task_id and state = 'running' and lease_owner = p_worker
    returning *
  )
  insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
  select organization_id, project_id, ticket_id, run_id, id, 'task.completed',
    jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'cost_usd', cost_usd)
  from done;
  if not found then
    return banyan.undo_begin(v_end.ticket_id);
  end if;
  if p_intents <> '[]' then
    perform banyan.apply_list(v_end.project_id, v_end.ticket_id, p_task_id, v_end.number, p_intents);
  end if;
  return banyan.ended('completed', p_worker, p_next, p_lease_seconds, v_end.in_place_of);
end
$$;

-- The attempts start anew: what came to a question did not fail.
create function public.suspend_task(
  p_task_id uuid, p_worker text, p_waiting_for text, p_waiting_on text, p_intents jsonb, p_next integer default 0, p_lease_seconds integer default 0
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_end record;
  v_task tasks;
begin
  v_end := banyan.begin_end(p_task_id, p_worker, null, false, p_intents);
  if v_end.ticket_id is null then
    return banyan.why_not(p_task_id, p_worker);
  end if;
  update tasks
  set state = 'waiting', waiting_for = p_waiting_for, waiting_on = p_waiting_on, waiting_since = clock_timestamp(), attempts = 0, error = null,
    lease_owner = null, lease_expires_at = null, updated_at = clock_timestamp()
  where id = p_task_id and state = 'running' and lease_owner = p_worker
  returning * into v_task;
  if not found then
    return banyan.undo_begin(v_end.ticket_id);
  end if;
  perform banyan.emit_task(v_task, 'task.waiting', jsonb_build_object('waiting_for', p_waiting_for, 'waiting_on', p_waiting_on));
  if p_intents <> '[]' then
    perform banyan.apply_list(v_end.project_id, v_end.ticket_id, p_task_id, v_end.number, p_intents);
  end if;
  return banyan.ended('waiting', p_worker, p_next, p_lease_seconds, v_end.in_place_of);
end
$$;

create function public.fail_task(
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
  perform banyan.emit_task(v_task, 'task.' || v_state, jsonb_build_object('error', p_error));
  perform banyan.apply_list(v_end.project_id, v_end.ticket_id, p_task_id, v_end.number, p_intents_at_end);
  return banyan.ended(v_state, p_worker, p_next, p_lease_seconds, v_end.in_place_of);
end
$$;

create or replace function banyan.intent_add_task(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run runs := banyan.locked_run(p_ticket_id);
  v_after jsonb := coalesce(p_intent -> 'after', '[]'::jsonb);
  v_parent uuid := (p_intent ->> 'parent_task_id')::uuid;
  v_task tasks;
begin
  if v_parent is not null and not exists (select from tasks where id = v_parent and ticket_id = p_ticket_id) then
    raise exception 'the parent task is not one of this ticket' using errcode = 'PT404';
  end if;
  insert into tasks (organization_id, project_id, ticket_id, run_id, parent_task_id, key, role, phase, title, input, priority, max_attempts,
    timeout_seconds, due_at, held)
  select t.organization_id, t.project_id, t.id, v_run.id, v_parent, p_intent ->> 'key', p_intent ->> 'role', p_intent ->> 'phase',
    p_intent ->> 'title', p_intent -> 'input', t.priority, (p_intent ->> 'max_attempts')::integer, (p_intent ->> 'timeout_seconds')::integer,
    now() + make_interval(secs => coalesce((p_intent ->> 'delay_seconds')::double precision, 0)), not banyan.may_start(v_run.state, t.state)
  from tickets t where t.id = p_ticket_id
  on conflict (run_id, key) do nothing
  returning * into v_task;
  if not found then
    return false;
  end if;
  if jsonb_array_length(v_after) > 0 then
    perform banyan.add_dependencies(v_task, v_after);
  end if;
  perform banyan.emit_task(v_task, 'task.added', jsonb_build_object('phase', v_task.phase, 'after', v_after));
  return true;
end
$$;

create function banyan.add_dependencies(p_task public.tasks, p_after jsonb) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_linked integer;
begin
  select count(*) into v_linked
  from tasks where run_id = p_task.run_id and key in (select value from jsonb_array_elements_text(p_after));
  if v_linked <> (select count(distinct value) from jsonb_array_elements_text(p_after)) then
    raise exception 'a task to come after is not in the run' using errcode = 'PT404', detail = p_after::text;
  end if;
  insert into task_dependencies (task_id, depends_on_task_id, organization_id)
  select p_task.id, id, p_task.organization_id
  from tasks where run_id = p_task.run_id and key in (select value from jsonb_array_elements_text(p_after))
  on conflict do nothing;
end
$$;

-- A task that is there already is to come after others too; refused once it was begun, and where they would come after each other in a circle.
create function banyan.intent_add_dependencies(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run runs := banyan.locked_run(p_ticket_id);
  v_task tasks;
begin
  select * into v_task from tasks where run_id = v_run.id and key = p_intent ->> 'key' for no key update;
  if not found then
    raise exception 'no such task in the run' using errcode = 'PT404', detail = p_intent ->> 'key';
  elsif v_task.state <> 'pending' then
    raise exception 'the task was begun already' using errcode = 'PT409', detail = p_intent ->> 'key';
  end if;
  perform banyan.add_dependencies(v_task, p_intent -> 'after');
  return true;
end
$$;

create or replace function banyan.apply_one(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = ''
as $$
begin
  -- These two may concern a project alone.
  case p_intent ->> 'type'
    when 'effect' then return banyan.intent_effect(p_project_id, p_ticket_id, p_self, p_intent);
    when 'event' then return banyan.intent_event(p_project_id, p_ticket_id, p_self, p_intent);
    else null;
  end case;
  if p_ticket_id is null then
    raise exception 'no such ticket' using errcode = 'PT404', detail = p_intent ->> 'type';
  end if;
  case p_intent ->> 'type'
    when 'set_ticket' then return banyan.intent_set_ticket(p_ticket_id, p_intent);
    when 'start_run' then return banyan.intent_start_run(p_ticket_id, p_self, p_intent);
    when 'set_run' then return banyan.intent_set_run(p_ticket_id, p_intent);
    when 'add_task' then return banyan.intent_add_task(p_ticket_id, p_intent);
    when 'add_dependencies' then return banyan.intent_add_dependencies(p_ticket_id, p_intent);
    when 'cancel_tasks' then return banyan.intent_cancel_tasks(p_ticket_id, p_self, p_intent);
    when 'add_input' then return banyan.intent_add_input(p_ticket_id, p_intent);
    when 'ask' then return banyan.intent_ask(p_ticket_id, p_intent);
    when 'close_questions' then return banyan.intent_close_questions(p_ticket_id, p_intent);
    when 'set_code' then return banyan.intent_set_code(p_ticket_id, p_intent);
    when 'validation', 'artifact', 'discovery', 'task_comment' then return banyan.intent_record(p_ticket_id, p_intent);
    else raise exception 'unknown intent %', coalesce(p_intent ->> 'type', 'without a type') using errcode = 'PT400';
  end case;
end
$$;

revoke execute on function
  banyan.touches_tasks, banyan.apply_list, banyan.begin_end, banyan.undo_begin, banyan.why_not, banyan.ended, banyan.add_dependencies,
  banyan.intent_add_dependencies, public.complete_task, public.suspend_task, public.fail_task
  from public, anon, authenticated;
grant execute on function
  banyan.touches_tasks, banyan.apply_list, banyan.begin_end, banyan.undo_begin, banyan.why_not, banyan.ended, banyan.add_dependencies,
  banyan.intent_add_dependencies, public.complete_task, public.suspend_task, public.fail_task
  to service_role;
