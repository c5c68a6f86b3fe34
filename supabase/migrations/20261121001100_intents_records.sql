-- The other intents (people's words, questions, effects, records), and the function that applies a list of them.

create function banyan.require_task(p_ticket_id uuid, p_task_id uuid) returns void
language plpgsql stable
set search_path = public, pg_temp
as $$
begin
  if not exists (select from tasks where id = p_task_id and ticket_id = p_ticket_id) then
    raise exception 'the task is not one of this ticket' using errcode = 'PT404';
  end if;
end
$$;

-- To the task that waits, else to one that was woken and still collects, else to the newest open one.
create function banyan.intent_add_input(p_ticket_id uuid, p_intent jsonb) returns boolean
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
    set state = 'pending', due_at = v_due, collecting = true, waiting_for = null, waiting_on = null, waiting_since = null
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

create function banyan.intent_ask(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  perform banyan.require_task(p_ticket_id, (p_intent ->> 'task_id')::uuid);
  insert into questions (organization_id, ticket_id, task_id, number, round, body, assumption)
  select t.organization_id, t.id, (p_intent ->> 'task_id')::uuid,
    coalesce((select max(number) from questions where ticket_id = t.id), 0) + q.place, (p_intent ->> 'round')::integer,
    q.question ->> 'body', q.question ->> 'assumption'
  from tickets t, jsonb_array_elements(p_intent -> 'questions') with ordinality as q (question, place)
  where t.id = p_ticket_id;
  return found;
end
$$;

create function banyan.intent_close_questions(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  update questions
  set state = p_intent ->> 'state', answered_by = p_intent ->> 'answered_by', answer = p_intent ->> 'answer', closed_at = clock_timestamp()
  where ticket_id = p_ticket_id and state = 'asked';
  return found;
end
$$;

-- An effect that was begun and not settled keeps its lease when it is wanted anew: its worker's settling then makes it pending once more.
-- One that waits keeps its place, and its time of retry (what is asked of GitHub again must not be asked sooner for that).
create function banyan.intent_effect(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  insert into effects as e (key, organization_id, project_id, ticket_id, task_id, kind, lane, payload)
  select p_intent ->> 'key', p.organization_id, p.id, p_ticket_id, p_self, p_intent ->> 'kind', p_intent ->> 'lane', p_intent -> 'payload'
  from projects p where p.id = p_project_id
  on conflict (key) do update
    set generation = e.generation + 1, payload = excluded.payload,
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

create function banyan.intent_set_code(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_code code_generations;
begin
  insert into code_generations (organization_id, project_id, ticket_id, branch, base_branch)
  select t.organization_id, t.project_id, t.id, p_intent ->> 'branch', coalesce(p_intent ->> 'base_branch', p.default_branch)
  from tickets t join projects p on p.id = t.project_id
  where t.id = p_ticket_id and not exists (select from code_generations where ticket_id = p_ticket_id);

  select * into strict v_code from code_generations where ticket_id = p_ticket_id;
  -- Absent fields come from the row, present ones (null too) from the intent.
  v_code := jsonb_populate_record(v_code, p_intent - '{id,organization_id,project_id,ticket_id,created_at,updated_at}'::text[]);
  update code_generations
  set branch = v_code.branch, base_branch = v_code.base_branch, base_sha = v_code.base_sha, head_sha = v_code.head_sha,
    pr_number = v_code.pr_number, pr_url = v_code.pr_url, pr_node_id = v_code.pr_node_id, status = v_code.status,
    files_changed = v_code.files_changed, tests_generated = v_code.tests_generated
  where id = v_code.id;
  return true;
end
$$;

-- The records that only add a row: validation, artifact, discovery, task_comment.
create function banyan.intent_record(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
  v_task_id uuid := (p_intent ->> 'task_id')::uuid;
begin
  select * into strict v_ticket from tickets where id = p_ticket_id;
  if v_task_id is not null then
    perform banyan.require_task(p_ticket_id, v_task_id);
  end if;
  case p_intent ->> 'type'
    when 'validation' then
      insert into validations (organization_id, ticket_id, task_id, kind, passed, summary, data)
      values (v_ticket.organization_id, p_ticket_id, v_task_id, p_intent ->> 'kind', (p_intent ->> 'passed')::boolean, p_intent ->> 'summary',
        p_intent -> 'data');
    when 'artifact' then
      insert into artifacts (organization_id, ticket_id, run_id, task_id, kind, name, content)
      values (v_ticket.organization_id, p_ticket_id, v_ticket.run_id, v_task_id, p_intent ->> 'kind', p_intent ->> 'name', p_intent -> 'content');
    when 'discovery' then
      insert into discoveries (organization_id, ticket_id, task_id, key, kind, title, description)
      values (v_ticket.organization_id, p_ticket_id, v_task_id, p_intent ->> 'key', p_intent ->> 'kind', p_intent ->> 'title',
        p_intent ->> 'description')
      on conflict (task_id, key) do nothing;
    when 'task_comment' then
      insert into task_comments (organization_id, task_id, kind, author, body, data)
      select v_ticket.organization_id, v_task_id, p_intent ->> 'kind', t.role, p_intent ->> 'body', p_intent -> 'data'
      from tasks t where t.id = v_task_id;
  end case;
  return false;
end
$$;

create function banyan.intent_event(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language sql volatile
set search_path = public, pg_temp
as $$
  insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
  select p.organization_id, p.id, p_ticket_id, t.run_id, p_self, p_intent ->> 'event', p_intent -> 'data'
  from projects p left join tickets t on t.id = p_ticket_id
  where p.id = p_project_id
  returning false
$$;

create function banyan.apply_one(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
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

-- Applies a list. `p_ticket_id` null: the ticket does not exist yet, an `open_ticket` in the list makes it.
create function banyan.apply(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_number integer, p_intents jsonb) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_intent jsonb;
  v_ticket_id uuid := p_ticket_id;
  v_changed boolean := false;
begin
  perform banyan.lock_work(run_id) from tickets where id = p_ticket_id;
  for v_intent in select value from jsonb_array_elements(p_intents) with ordinality as list (value, place) order by place loop
    if v_intent ->> 'type' = 'open_ticket' then
      v_ticket_id := banyan.intent_open_ticket(p_project_id, p_number, v_intent);
    else
      v_changed := banyan.apply_one(p_project_id, v_ticket_id, p_self, v_intent) or v_changed;
    end if;
  end loop;
  if v_changed then
    update tickets set version = version + 1 where id = v_ticket_id;
  end if;
end
$$;

revoke execute on function
  banyan.require_task, banyan.intent_add_input, banyan.intent_ask, banyan.intent_close_questions, banyan.intent_effect, banyan.intent_set_code,
  banyan.intent_record, banyan.intent_event, banyan.apply_one, banyan.apply
  from public, anon, authenticated;
grant execute on function
  banyan.require_task, banyan.intent_add_input, banyan.intent_ask, banyan.intent_close_questions, banyan.intent_effect, banyan.intent_set_code,
  banyan.intent_record, banyan.intent_event, banyan.apply_one, banyan.apply
  to service_role;
