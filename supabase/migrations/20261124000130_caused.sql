-- Which delivery caused a task or an effect, said by the statement that makes it instead of a trigger at every row: the one that is being applied, else
-- that of the task whose worker wants it, else (a job of the cron) where the run was at work last. Otherwise as before.

drop trigger caused on public.tasks;
drop trigger caused_anew on public.tasks;
drop trigger caused on public.effects;
drop trigger caused_anew on public.effects;
drop function banyan.task_caused, banyan.effect_caused, banyan.intent_add_task(uuid, jsonb);


create function banyan.intent_add_task(p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
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
      timeout_seconds, due_at, held, delivery)
    select p.organization_id, p.project_id, p_ticket_id, p.run_id, v_parent, p_intent ->> 'key', p_intent ->> 'role', p_intent ->> 'phase',
      p_intent ->> 'title', p_intent -> 'input', p.priority, (p_intent ->> 'max_attempts')::integer, (p_intent ->> 'timeout_seconds')::integer,
      now() + make_interval(secs => coalesce((p_intent ->> 'delay_seconds')::double precision, 0)), not banyan.may_start(p.run_state, p.state),
      coalesce(nullif(current_setting('banyan.delivery', true), ''), (select t.delivery from tasks t where t.id = p_self),
        case when p_self is null then banyan.cause_of_run(p.run_id) end)
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
      changed := banyan.intent_add_task(ticket_id, p_self, v_intent) or changed;
    else
      changed := banyan.apply_one(p_project_id, ticket_id, p_self, v_intent) or changed;
    end if;
  end loop;
end
$$;

create or replace function banyan.apply_but_leases(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
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
    when 'add_task' then return banyan.intent_add_task(p_ticket_id, p_self, p_intent);
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

create or replace function banyan.intent_add_input(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
  v_task tasks;
  v_due timestamptz := now() + make_interval(secs => (p_intent ->> 'debounce_seconds')::double precision);
begin
  select * into strict v_ticket from tickets where id = p_ticket_id;
  select * into v_task from tasks
  where run_id = v_ticket.run_id and state in ('waiting', 'pending', 'running')
  order by state = 'waiting' desc, collecting desc, id desc
  limit 1;
  if not found then
    perform banyan.emit(v_ticket, null, 'input.dropped',
      jsonb_build_object('source', p_intent ->> 'source', 'author', p_intent ->> 'author'));
    return false;
  end if;

  insert into task_inputs (organization_id, ticket_id, task_id, source, author, body)
  values (v_ticket.organization_id, p_ticket_id, v_task.id, p_intent ->> 'source', p_intent ->> 'author', p_intent ->> 'body')
  on conflict (ticket_id, source) do nothing;
  if not found then
    return false;
  end if;

  if v_task.state = 'waiting' then
    update tasks
    set state = 'pending', due_at = v_due, collecting = true, waiting_for = null, waiting_on = null, waiting_since = null,
      delivery = coalesce(banyan.cause(), v_task.delivery, banyan.cause_of_run(v_task.run_id))
    where id = v_task.id;
    perform banyan.emit_task(v_task, 'task.woken', jsonb_build_object('source', p_intent ->> 'source', 'author', p_intent ->> 'author'));
    return true;
  end if;
  if v_task.collecting then
    update tasks set due_at = v_due where id = v_task.id;
  end if;
  return false;
end
$$;

create or replace function banyan.intent_effect(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  insert into effects as e (key, organization_id, project_id, ticket_id, task_id, kind, lane, payload, delivery)
  select p_intent ->> 'key', p.organization_id, p.id, p_ticket_id, p_self, p_intent ->> 'kind', p_intent ->> 'lane', p_intent -> 'payload',
    coalesce(banyan.cause(), (select t.delivery from tasks t where t.id = p_self),
      banyan.cause_of_run((select k.run_id from tickets k where k.id = p_ticket_id)))
  from projects p where p.id = p_project_id
  on conflict (key) do update
    set generation = e.generation + 1, payload = excluded.payload, delivery = coalesce(excluded.delivery, e.delivery),
      state = case when e.state in ('settled', 'failed') then 'pending' else e.state end,
      position = case when e.state in ('settled', 'failed') then nextval('effects_position') else e.position end,
      due_at = case when e.state in ('settled', 'failed') then now() else e.due_at end,
      attempts = case when e.state in ('settled', 'failed') then 0 else e.attempts end,
      error = case when e.state = 'failed' then null else e.error end,
      settled_at = null
    where (p_intent ->> 'rearm')::boolean;
  return false;
end
$$;

create or replace function public.begin_effect(
  p_key text, p_kind text, p_ticket_id uuid, p_task_id uuid, p_payload jsonb, p_worker text, p_lease_seconds integer
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_effect effects;
begin
  -- A lane of its own: it is performed now, before whatever else is wanted.
  insert into effects (key, organization_id, project_id, ticket_id, task_id, kind, lane, payload, by_task, delivery)
  select p_key, t.organization_id, t.project_id, t.id, p_task_id, p_kind, p_key, p_payload, true,
    coalesce((select k.delivery from tasks k where k.id = p_task_id), banyan.cause_of_run(t.run_id))
  from tickets t where t.id = p_ticket_id
  on conflict (key) do nothing;
  select * into v_effect from effects where key = p_key for no key update;
  if not found then
    raise exception 'no such ticket' using errcode = 'PT404';
  end if;

  if v_effect.state = 'settled' then
    return jsonb_build_object('status', 'settled', 'result', v_effect.result);
  end if;
  -- Of its own that is still begun the worker knows nothing more than another would: it looks first.
  if v_effect.lease_owner <> p_worker and v_effect.lease_expires_at > clock_timestamp() then
    return jsonb_build_object('status', 'busy');
  end if;
  return (
    select jsonb_build_object('status', 'perform', 'generation', t.generation, 'begun_before', v_effect.begun, 'attempts', t.attempts)
    from banyan.take_effect(p_key, p_worker, make_interval(secs => p_lease_seconds)) as t
  );
end
$$;

create or replace function banyan.want_check_ended(p_task public.tasks) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  insert into effects (key, organization_id, project_id, ticket_id, task_id, kind, lane, payload, delivery)
  select begun.key || '/end', p_task.organization_id, p_task.project_id, p_task.ticket_id, p_task.id, 'check_end', 'check_end/' || p_task.id,
    begun.payload || jsonb_build_object('number', k.number, 'external_id', p_task.id, 'certain', begun.state = 'settled'),
    coalesce(banyan.cause(), p_task.delivery, begun.delivery)
  from effects begun join tickets k on k.id = p_task.ticket_id
  where begun.task_id = p_task.id and begun.kind = 'check_run'
    and not exists (select from effects ended where ended.task_id = p_task.id and ended.kind = 'check_run_completed' and ended.state = 'settled')
  on conflict (key) do nothing;
end
$$;

revoke execute on function banyan.intent_add_task from public, anon, authenticated;
grant execute on function banyan.intent_add_task to service_role;
