-- Words that people change after they were written: an edited comment, a deleted one.

-- Of a ticket's comment that became an input. Not taken yet: the new text counts, and the wait begins anew. Taken: where the decision says that
-- somebody listens, the new text comes as another input, once for each revision; `woken` is applied where that wakes a task that waited.
create function banyan.intent_edit_input(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_input task_inputs;
  v_body text := p_intent ->> 'body';
  v_waiting boolean;
  v_changed boolean;
  v_intent jsonb;
begin
  select * into v_input from task_inputs where ticket_id = p_ticket_id and source = p_intent ->> 'source' for no key update;
  if not found or v_input.body = v_body then
    return false;
  end if;
  update task_inputs set body = v_body where id = v_input.id;
  update questions set answer = left(v_body, 4000)
  where ticket_id = p_ticket_id and state = 'answered' and answered_by = v_input.author and answer = left(v_input.body, 4000);
  if v_input.taken_at is null then
    update tasks set due_at = now() + make_interval(secs => (p_intent ->> 'debounce_seconds')::double precision)
    where id = v_input.task_id and state = 'pending' and collecting;
    return false;
  elsif not (p_intent ->> 'heard')::boolean then
    return false;
  end if;

  v_waiting := exists (
    select from tasks k join tickets t on t.run_id = k.run_id where t.id = p_ticket_id and k.state = 'waiting'
  );
  v_changed := banyan.intent_add_input(p_ticket_id, p_intent || jsonb_build_object(
    'source', v_input.source || '@' || (p_intent ->> 'revision'), 'body', 'This comment was edited. It now reads:' || E'\n\n' || v_body));
  if v_waiting then
    for v_intent in select value from jsonb_array_elements(p_intent -> 'woken') with ordinality as list (value, place) order by place loop
      v_changed := banyan.apply_one(p_project_id, p_ticket_id, p_self, v_intent) or v_changed;
    end loop;
  end if;
  return v_changed;
end
$$;

-- Of a comment that became an input and was not taken yet. Where it was all that woke a task, the task waits again and its questions are open
-- again; `unheard` is applied then. A task that has started meanwhile is told.
create function banyan.intent_drop_input(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_input task_inputs;
  v_other task_inputs;
  v_task tasks;
  v_intent jsonb;
begin
  select * into v_input from task_inputs where ticket_id = p_ticket_id and source = p_intent ->> 'source' and taken_at is null for no key update;
  if not found then
    return false;
  end if;
  select * into v_other from task_inputs where task_id = v_input.task_id and taken_at is null and id <> v_input.id order by id desc limit 1;
  if found then
    delete from task_inputs where id = v_input.id;
    update questions set answered_by = v_other.author, answer = left(v_other.body, 4000)
    where task_id = v_input.task_id and state = 'answered' and answered_by = v_input.author and answer = left(v_input.body, 4000);
    return false;
  end if;

  update tasks
  set state = 'waiting', collecting = false, waiting_for = p_intent ->> 'waiting_for', waiting_on = p_intent ->> 'waiting_on',
    waiting_since = clock_timestamp()
  where id = v_input.task_id and state = 'pending' and collecting
  returning * into v_task;
  if not found then
    update task_inputs set body = '(This comment was deleted.)' where id = v_input.id;
    return false;
  end if;
  delete from task_inputs where id = v_input.id;
  update questions set state = 'asked', answered_by = null, answer = null, closed_at = null
  where task_id = v_input.task_id and state = 'answered' and answered_by = v_input.author and answer = left(v_input.body, 4000);
  perform banyan.emit_task(v_task, 'task.waiting', jsonb_build_object('waiting_for', v_task.waiting_for, 'waiting_on', v_task.waiting_on));
  for v_intent in select value from jsonb_array_elements(p_intent -> 'unheard') with ordinality as list (value, place) order by place loop
    perform banyan.apply_one(p_project_id, p_ticket_id, p_self, v_intent);
  end loop;
  return true;
end
$$;

-- The two beside the others.
alter function banyan.apply_one(uuid, uuid, uuid, jsonb) rename to apply_plain;
create function banyan.apply_one(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = ''
as $$
begin
  if p_ticket_id is not null then
    case p_intent ->> 'type'
      when 'edit_input' then return banyan.intent_edit_input(p_project_id, p_ticket_id, p_self, p_intent);
      when 'drop_input' then return banyan.intent_drop_input(p_project_id, p_ticket_id, p_self, p_intent);
      else null;
    end case;
  end if;
  return banyan.apply_plain(p_project_id, p_ticket_id, p_self, p_intent);
end
$$;

-- In the order in which they were written, whatever the order in which they were heard of: GitHub's ids of comments rise.
create or replace function public.pending_inputs(p_task_id uuid, p_worker text) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select coalesce(
    jsonb_agg(jsonb_build_object('id', i.id, 'source', i.source, 'author', i.author, 'body', i.body, 'created_at', i.created_at)
      order by substring(i.source from '^comment:(\d{1,18})$')::bigint nulls last, i.id),
    '[]'::jsonb)
  from task_inputs i join tasks t on t.id = i.task_id
  where i.task_id = p_task_id and i.taken_at is null and t.lease_owner = p_worker and t.state = 'running'
$$;

revoke execute on function banyan.intent_edit_input, banyan.intent_drop_input, banyan.apply_one from public, anon, authenticated;
grant execute on function banyan.intent_edit_input, banyan.intent_drop_input, banyan.apply_one to service_role;
