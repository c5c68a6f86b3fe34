-- Put off is not failed: what meets a rate limit waits for its end without using up an attempt. How long in all is bounded by
-- `p_patience_seconds`, counted from the first of the limits in a row; after that it fails for good. `error` remembers since when.

create function banyan.put_off_since(p_error jsonb) returns timestamptz
language sql stable
set search_path = ''
as $$
  select coalesce((p_error ->> 'put_off_since')::timestamptz, clock_timestamp())
$$;

-- Null `p_seconds`: nobody said when. Half as long again as it has been waiting, between ten seconds and a quarter of an hour.
create function banyan.put_off_for(p_since timestamptz, p_seconds double precision) returns double precision
language sql volatile
set search_path = ''
as $$
  select greatest(coalesce(p_seconds, least(greatest(extract(epoch from clock_timestamp() - p_since) / 2, 10), 900) * (1 + random() * 0.25)), 0)
$$;

create function public.put_off_effect(p_key text, p_worker text, p_error jsonb, p_seconds double precision, p_patience_seconds integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_since timestamptz;
begin
  select banyan.put_off_since(error) into v_since
  from effects where key = p_key and state = 'begun' and lease_owner = p_worker for no key update;
  if not found then
    return jsonb_build_object('status', 'lost');
  elsif v_since + make_interval(secs => p_patience_seconds) < clock_timestamp() then
    perform fail_effect(p_key, p_worker, p_error, null);
    return jsonb_build_object('status', 'failed');
  end if;
  update effects
  set state = 'pending', attempts = greatest(attempts - 1, 0), error = p_error || jsonb_build_object('put_off_since', v_since),
    due_at = clock_timestamp() + make_interval(secs => banyan.put_off_for(v_since, p_seconds)), lease_owner = null, lease_expires_at = null
  where key = p_key;
  return jsonb_build_object('status', 'put_off');
end
$$;

create function public.put_off_delivery(p_guid text, p_worker text, p_error jsonb, p_seconds double precision, p_patience_seconds integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_since timestamptz;
begin
  select banyan.put_off_since(error) into v_since
  from deliveries where guid = p_guid and state = 'pending' and lease_owner = p_worker for no key update;
  if not found then
    return jsonb_build_object('status', 'lost');
  elsif v_since + make_interval(secs => p_patience_seconds) < clock_timestamp() then
    perform fail_delivery(p_guid, p_worker, p_error, null);
    return jsonb_build_object('status', 'failed');
  end if;
  update deliveries
  set attempts = greatest(attempts - 1, 0), error = p_error || jsonb_build_object('put_off_since', v_since),
    due_at = clock_timestamp() + make_interval(secs => banyan.put_off_for(v_since, p_seconds)), lease_owner = null, lease_expires_at = null
  where guid = p_guid;
  return jsonb_build_object('status', 'put_off');
end
$$;

-- Its conversation stays as it is stored, and whoever claims the task later goes on from there.
create function public.put_off_task(
  p_task_id uuid, p_worker text, p_error jsonb, p_seconds double precision, p_patience_seconds integer, p_intents_at_end jsonb
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
  v_since timestamptz;
  v_error jsonb;
begin
  select * into v_task from tasks where id = p_task_id and state = 'running' and lease_owner = p_worker;
  if not found then
    return jsonb_build_object('status', 'lost');
  end if;
  v_since := banyan.put_off_since(v_task.error);
  if v_since + make_interval(secs => p_patience_seconds) < clock_timestamp() then
    return fail_task(p_task_id, p_worker, p_error, false, null, p_intents_at_end);
  end if;
  if not (release_task(p_task_id, p_worker, banyan.put_off_for(v_since, p_seconds)) ->> 'released')::boolean then
    return jsonb_build_object('status', 'lost');
  end if;
  -- What failed before is still known: a limit says nothing about the work.
  v_error := coalesce(v_task.error, '{}'::jsonb) || p_error || jsonb_build_object('put_off_since', v_since);
  -- Still this transaction's: what was released is locked until its end.
  update tasks set error = v_error where id = p_task_id returning * into v_task;
  perform banyan.emit_task(v_task, 'task.put_off', jsonb_build_object('error', v_error, 'due_at', v_task.due_at));
  return jsonb_build_object('status', 'put_off');
end
$$;

revoke execute on function
  public.put_off_effect, public.put_off_delivery, public.put_off_task, banyan.put_off_since, banyan.put_off_for
  from public, anon, authenticated;
grant execute on function
  public.put_off_effect, public.put_off_delivery, public.put_off_task, banyan.put_off_since, banyan.put_off_for
  to service_role;
