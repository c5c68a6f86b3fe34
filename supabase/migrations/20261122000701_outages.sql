-- A task waits for the end of an outage as it does for that of a limit: `put_off_task` as it was, but that a task which came further meanwhile
-- has its whole patience again. What it remembers as `steps` is the furthest that it came, so that there is an end to that.

create or replace function public.put_off_task(
  p_task_id uuid, p_worker text, p_error jsonb, p_seconds double precision, p_patience_seconds integer, p_intents_at_end jsonb
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
  v_since timestamptz;
  v_steps integer := coalesce((p_error ->> 'steps')::integer, 0);
  v_known integer;
  v_error jsonb;
begin
  select * into v_task from tasks where id = p_task_id and state = 'running' and lease_owner = p_worker;
  if not found then
    return jsonb_build_object('status', 'lost');
  end if;
  v_known := coalesce((v_task.error ->> 'steps')::integer, 0);
  v_since := case when v_steps > v_known then clock_timestamp() else banyan.put_off_since(v_task.error) end;
  if v_since + make_interval(secs => p_patience_seconds) < clock_timestamp() then
    return fail_task(p_task_id, p_worker, p_error, false, null, p_intents_at_end);
  end if;
  if not (release_task(p_task_id, p_worker, banyan.put_off_for(v_since, p_seconds)) ->> 'released')::boolean then
    return jsonb_build_object('status', 'lost');
  end if;
  -- What failed before is still known: a limit or an outage says nothing about the work.
  v_error := coalesce(v_task.error, '{}'::jsonb) || p_error
    || jsonb_build_object('put_off_since', v_since, 'steps', greatest(v_steps, v_known));
  -- Still this transaction's: what was released is locked until its end.
  update tasks set error = v_error where id = p_task_id returning * into v_task;
  perform banyan.emit_task(v_task, 'task.put_off', jsonb_build_object('error', v_error, 'due_at', v_task.due_at));
  return jsonb_build_object('status', 'put_off');
end
$$;
