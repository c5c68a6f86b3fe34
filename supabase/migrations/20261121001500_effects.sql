-- The ledger of effects, for who wants one performed now (a tool of an agent): begin, settle, fail.

create function public.begin_effect(
  p_key text, p_kind text, p_ticket_id uuid, p_task_id uuid, p_payload jsonb, p_worker text, p_lease_seconds integer
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_effect effects;
begin
  -- A lane of its own: it is performed now, before whatever else is wanted.
  insert into effects (key, organization_id, project_id, ticket_id, task_id, kind, lane, payload)
  select p_key, t.organization_id, t.project_id, t.id, p_task_id, p_kind, p_key, p_payload
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

-- With an older generation the result is kept (it says which comment to edit), and the effect is wanted once more.
create function public.settle_effect(p_key text, p_worker text, p_generation integer, p_result jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_current boolean;
begin
  update effects
  set state = case when generation = p_generation then 'settled' else 'pending' end,
    settled_at = case when generation = p_generation then clock_timestamp() end,
    due_at = case when generation = p_generation then due_at else clock_timestamp() end,
    attempts = case when generation = p_generation then attempts else 0 end,
    result = p_result, begun = false, error = null, lease_owner = null, lease_expires_at = null
  where key = p_key and state = 'begun' and lease_owner = p_worker
  returning generation = p_generation into v_current;
  return jsonb_build_object('settled', coalesce(v_current, false));
end
$$;

-- `begun` stays: GitHub may have done it and only its answer was lost.
create function public.fail_effect(p_key text, p_worker text, p_error jsonb, p_retry_at timestamptz) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_effect effects;
begin
  update effects
  set state = case when p_retry_at is null then 'failed' else 'pending' end, due_at = coalesce(p_retry_at, due_at), error = p_error,
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

revoke execute on function public.begin_effect, public.settle_effect, public.fail_effect from public, anon, authenticated;
grant execute on function public.begin_effect, public.settle_effect, public.fail_effect to service_role;
