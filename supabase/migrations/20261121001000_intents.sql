-- Intents: what a decision wants changed, applied in order, all or none (`src/domain/intents.ts` says what each means).
-- One function for each type, `banyan.intent_<type>`; true where the ticket's version is to rise.
-- Whoever calls holds the ticket's row lock. Rows are locked in the order ticket, run, tasks by id everywhere, so that nobody waits in a circle.

-- The ticket's run and then its open tasks. Whoever may touch more than one task calls this first: a worker renewing its leases locks
-- several by id as well.
create function banyan.lock_work(p_run_id uuid) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  perform from runs where id = p_run_id for no key update;
  perform from tasks where run_id = p_run_id and state in ('pending', 'running', 'waiting') order by id for no key update;
end
$$;

-- The ticket's run, locked; an error where there is none.
create function banyan.locked_run(p_ticket_id uuid) returns public.runs
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run runs;
begin
  select r.* into v_run from runs r join tickets t on t.run_id = r.id where t.id = p_ticket_id for no key update of r;
  if not found then
    raise exception 'the ticket has no run' using errcode = 'PT404';
  end if;
  return v_run;
end
$$;

create function banyan.intent_open_ticket(p_project_id uuid, p_number integer, p_intent jsonb) returns uuid
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
begin
  if (p_intent ->> 'number')::integer is distinct from p_number then
    raise exception 'the intent names another ticket than the call' using errcode = 'PT400';
  end if;
  insert into tickets (organization_id, project_id, number, title, body, author, url, kind, state)
  select p.organization_id, p.id, p_number, p_intent ->> 'title', p_intent ->> 'body', p_intent ->> 'author', p_intent ->> 'url',
    p_intent ->> 'kind', p_intent ->> 'state'
  from projects p where p.id = p_project_id
  on conflict (project_id, number) do nothing
  returning * into v_ticket;
  if found then
    perform banyan.emit(v_ticket, null, 'ticket.opened', jsonb_build_object('state', v_ticket.state));
    return v_ticket.id;
  end if;

  update tickets
  set title = p_intent ->> 'title', body = p_intent ->> 'body', author = p_intent ->> 'author', url = p_intent ->> 'url', version = version + 1
  where project_id = p_project_id and number = p_number
    and (title, body, author, url) is distinct from (p_intent ->> 'title', p_intent ->> 'body', p_intent ->> 'author', p_intent ->> 'url')
  returning * into v_ticket;
  if found then
    perform banyan.emit(v_ticket, null, 'ticket.updated', '{}');
    return v_ticket.id;
  end if;
  return (select id from tickets where project_id = p_project_id and number = p_number);
end
$$;

create function banyan.intent_set_ticket(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_old tickets;
  v_new tickets;
begin
  select * into strict v_old from tickets where id = p_ticket_id;
  update tickets
  set state = coalesce(p_intent ->> 'state', state),
    priority = coalesce(p_intent ->> 'priority', priority),
    refined_description = case when p_intent ? 'refined_description' then p_intent ->> 'refined_description' else refined_description end,
    acceptance_criteria = case
      when p_intent ? 'acceptance_criteria' then array(select jsonb_array_elements_text(p_intent -> 'acceptance_criteria'))
      else acceptance_criteria end,
    waiting_for = case when p_intent ? 'waiting_for' then p_intent ->> 'waiting_for' else waiting_for end,
    waiting_on = case when p_intent ? 'waiting_on' then p_intent ->> 'waiting_on' else waiting_on end,
    waiting_since = case
      when not p_intent ? 'waiting_for' or waiting_for is not distinct from p_intent ->> 'waiting_for' then waiting_since
      when p_intent ->> 'waiting_for' is null then null
      else clock_timestamp() end,
    note = case when p_intent ? 'note' then p_intent ->> 'note' else note end
  where id = p_ticket_id
  returning * into v_new;

  if v_new.priority <> v_old.priority then
    update tasks set priority = v_new.priority where run_id = v_new.run_id and state in ('pending', 'running', 'waiting');
  end if;
  if v_new.state <> v_old.state then
    perform banyan.emit(v_new, null, 'ticket.state_changed',
      jsonb_build_object('from', v_old.state, 'to', v_new.state, 'waiting_for', v_new.waiting_for, 'waiting_on', v_new.waiting_on));
  else
    perform banyan.emit(v_new, null, 'ticket.updated', jsonb_build_object('fields', (
      select coalesce(jsonb_agg(field), '[]'::jsonb) from jsonb_object_keys(p_intent - 'type') as field)));
  end if;
  return true;
end
$$;

create function banyan.set_run_state(p_run public.runs, p_state text, p_stop_reason text, p_report jsonb) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  update runs
  set state = p_state, stop_reason = p_stop_reason, report = coalesce(p_report, report),
    finished_at = case when banyan.run_is_open(p_state) then null else coalesce(finished_at, clock_timestamp()) end
  where id = p_run.id;
  if p_run.state <> p_state then
    insert into events (organization_id, project_id, ticket_id, run_id, type, data)
    values (p_run.organization_id, p_run.project_id, p_run.ticket_id, p_run.id, 'run.state_changed',
      jsonb_build_object('from', p_run.state, 'to', p_state, 'stop_reason', p_stop_reason));
  end if;
end
$$;

-- Cancels a run's open tasks but the one that asks for it. A running one keeps its lease's owner: so its worker learns of it.
create function banyan.cancel_open_tasks(p_run_id uuid, p_self uuid, p_reason text) returns integer
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
  v_count integer := 0;
begin
  for v_task in
    update tasks
    set state = 'cancelled', finished_at = clock_timestamp(), waiting_for = null, waiting_on = null, waiting_since = null,
      error = jsonb_build_object('code', 'cancelled', 'message', p_reason)
    where run_id = p_run_id and state in ('pending', 'running', 'waiting') and id is distinct from p_self
    returning *
  loop
    v_count := v_count + 1;
    perform banyan.emit_task(v_task, 'task.cancelled', jsonb_build_object('reason', p_reason));
  end loop;
  return v_count;
end
$$;

create function banyan.intent_start_run(p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
  v_earlier runs;
begin
  select r.* into v_earlier from runs r join tickets t on t.run_id = r.id where t.id = p_ticket_id for no key update of r;
  if found and banyan.run_is_open(v_earlier.state) then
    perform banyan.cancel_open_tasks(v_earlier.id, p_self, 'a new run was started');
    perform banyan.set_run_state(v_earlier, 'stopped_user', 'a new run was started', null);
  end if;

  with run as (
    insert into runs (organization_id, project_id, ticket_id, workflow, config_snapshot, budget_usd, warn_at_usd)
    select organization_id, project_id, id, p_intent ->> 'workflow', p_intent -> 'config_snapshot',
      (p_intent ->> 'budget_usd')::numeric, (p_intent ->> 'warn_at_usd')::numeric
    from tickets where id = p_ticket_id
    returning id
  )
  update tickets set run_id = run.id from run where tickets.id = p_ticket_id returning tickets.* into v_ticket;
  perform banyan.emit(v_ticket, null, 'run.started',
    jsonb_build_object('workflow', p_intent ->> 'workflow', 'budget_usd', p_intent -> 'budget_usd'));
  return true;
end
$$;

create function banyan.intent_set_run(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run runs := banyan.locked_run(p_ticket_id);
begin
  perform banyan.set_run_state(
    v_run, p_intent ->> 'state',
    case when p_intent ? 'stop_reason' then p_intent ->> 'stop_reason' else v_run.stop_reason end,
    case when jsonb_typeof(p_intent -> 'report') = 'object' then p_intent -> 'report' end
  );
  return true;
end
$$;

create function banyan.intent_cancel_tasks(p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run_id uuid := (select run_id from tickets where id = p_ticket_id);
begin
  return banyan.cancel_open_tasks(v_run_id, p_self, p_intent ->> 'reason') > 0;
end
$$;

create function banyan.intent_add_task(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run runs := banyan.locked_run(p_ticket_id);
  v_after jsonb := coalesce(p_intent -> 'after', '[]'::jsonb);
  v_parent uuid := (p_intent ->> 'parent_task_id')::uuid;
  v_task tasks;
  v_linked integer;
begin
  if v_parent is not null and not exists (select from tasks where id = v_parent and ticket_id = p_ticket_id) then
    raise exception 'the parent task is not one of this ticket' using errcode = 'PT404';
  end if;
  insert into tasks (organization_id, project_id, ticket_id, run_id, parent_task_id, key, role, phase, title, input, priority, max_attempts,
    timeout_seconds, due_at)
  select t.organization_id, t.project_id, t.id, v_run.id, v_parent, p_intent ->> 'key', p_intent ->> 'role', p_intent ->> 'phase',
    p_intent ->> 'title', p_intent -> 'input', t.priority, (p_intent ->> 'max_attempts')::integer, (p_intent ->> 'timeout_seconds')::integer,
    now() + make_interval(secs => coalesce((p_intent ->> 'delay_seconds')::double precision, 0))
  from tickets t where t.id = p_ticket_id
  on conflict (run_id, key) do nothing
  returning * into v_task;
  if not found then
    return false;
  end if;

  insert into task_dependencies (task_id, depends_on_task_id, organization_id)
  select distinct v_task.id, k.id, v_task.organization_id
  from jsonb_array_elements_text(v_after) as after_key
  join tasks k on k.run_id = v_run.id and k.key = after_key;
  get diagnostics v_linked = row_count;
  if v_linked <> (select count(distinct after_key) from jsonb_array_elements_text(v_after) as after_key) then
    raise exception 'a task to come after is not in the run' using errcode = 'PT404', detail = v_after::text;
  end if;
  perform banyan.emit_task(v_task, 'task.added', jsonb_build_object('phase', v_task.phase, 'after', v_after));
  return true;
end
$$;

revoke execute on function
  banyan.lock_work, banyan.locked_run, banyan.intent_open_ticket, banyan.intent_set_ticket, banyan.set_run_state, banyan.cancel_open_tasks,
  banyan.intent_start_run, banyan.intent_set_run, banyan.intent_cancel_tasks, banyan.intent_add_task
  from public, anon, authenticated;
grant execute on function
  banyan.lock_work, banyan.locked_run, banyan.intent_open_ticket, banyan.intent_set_ticket, banyan.set_run_state, banyan.cancel_open_tasks,
  banyan.intent_start_run, banyan.intent_set_run, banyan.intent_cancel_tasks, banyan.intent_add_task
  to service_role;
