-- A worker says when to try again by its own clock, and clocks go wrong: by one that is behind, all twelve tries were used up in a second, by one
-- that is ahead nothing was tried again for as long. So it also says what time it is there, and the pause counts from now.

drop function public.fail_effect(text, text, jsonb, timestamptz);
drop function public.fail_delivery(text, text, jsonb, timestamptz);

create function public.fail_effect(
  p_key text, p_worker text, p_error jsonb, p_retry_at timestamptz, p_said_at timestamptz default clock_timestamp()
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_effect effects;
begin
  update effects
  set state = case when p_retry_at is null then 'failed' else 'pending' end, due_at = coalesce(clock_timestamp() + (p_retry_at - p_said_at), due_at), error = p_error,
    lease_owner = null, lease_expires_at = null
  where key = p_key and state = 'begun' and lease_owner = p_worker
  returning * into v_effect;
  if not found then
    return jsonb_build_object('failed', false);
  end if;
  if p_retry_at is null then
    insert into events (organization_id, project_id, ticket_id, task_id, type, data)
    values (v_effect.organization_id, v_effect.project_id, v_effect.ticket_id, v_effect.task_id, 'effect.failed',
      jsonb_build_object('key', p_key, 'kind', v_effect.kind, 'error', p_error));
  end if;
  return jsonb_build_object('failed', true);
end
$$;

create function public.fail_delivery(
  p_guid text, p_worker text, p_error jsonb, p_retry_at timestamptz, p_said_at timestamptz default clock_timestamp()
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  update deliveries
  set state = case when p_retry_at is null then 'dead' else 'pending' end,
    due_at = coalesce(clock_timestamp() + (p_retry_at - p_said_at), due_at), error = p_error, lease_owner = null, lease_expires_at = null
  where guid = p_guid and state = 'pending' and lease_owner = p_worker;
  return jsonb_build_object('failed', found);
end
$$;

revoke execute on function public.fail_effect, public.fail_delivery from public, anon, authenticated;
grant execute on function public.fail_effect, public.fail_delivery to service_role;
