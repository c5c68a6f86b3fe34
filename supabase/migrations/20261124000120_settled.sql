-- Deliveries and effects are in no log: the statement that ends one writes what there is to count, as one increment. What fails counts where it is
-- told to, each time that it fails. Otherwise as before.


create or replace function public.settle_effect(
  p_key text, p_worker text, p_generation integer, p_result jsonb, p_lease_seconds integer default null
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_effect record;
begin
  with settled as (
    update effects
    set state = case when generation = p_generation then 'settled' else 'pending' end,
      settled_at = case when generation = p_generation then clock_timestamp() end,
      due_at = case when generation = p_generation then due_at else clock_timestamp() end,
      attempts = case when generation = p_generation then attempts else 0 end,
      result = p_result, begun = false, error = null, lease_owner = null, lease_expires_at = null
    where key = p_key and state = 'begun' and lease_owner = p_worker
    returning kind, lane, generation, generation = p_generation as is_current, created_at, settled_at
  ),
  counted as (
    insert into banyan.metric_increments (metric, labels)
    -- Of what is wanted anew the first moment is long ago: only what was done at its first wish tells how long that takes.
    select 'effect', jsonb_build_object('kind', kind, 'seconds', case when generation = 1 then extract(epoch from settled_at - created_at) end)
    from settled where is_current
  )
  select lane, is_current into v_effect from settled;
  if not found then
    return '{"settled": false, "next": null}';
  end if;
  return jsonb_build_object('settled', v_effect.is_current,
    'next', case when p_lease_seconds is not null then banyan.claim_lane(v_effect.lane, p_worker, make_interval(secs => p_lease_seconds)) end);
end
$$;

create or replace function public.fail_effect(
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
  perform banyan.count_failure('effect', p_error);
  perform case when p_retry_at is null
    then banyan.count_metric('banyan_effects_total', jsonb_build_object('kind', v_effect.kind, 'result', 'failed'), 1)
    else banyan.count_metric('banyan_effect_retries_total', jsonb_build_object('kind', v_effect.kind), 1) end;
  if p_retry_at is null then
    insert into events (organization_id, project_id, ticket_id, task_id, type, data)
    values (v_effect.organization_id, v_effect.project_id, v_effect.ticket_id, v_effect.task_id, 'effect.failed',
      jsonb_build_object('key', p_key, 'kind', v_effect.kind, 'error', p_error));
  end if;
  return jsonb_build_object('failed', true);
end
$$;

create or replace function public.put_off_effect(p_key text, p_worker text, p_error jsonb, p_seconds double precision, p_patience_seconds integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_since timestamptz;
  v_kind text;
begin
  select banyan.put_off_since(error), kind into v_since, v_kind
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
  perform banyan.count_failure('effect', p_error);
  perform banyan.count_metric('banyan_effect_retries_total', jsonb_build_object('kind', v_kind), 1);
  return jsonb_build_object('status', 'put_off');
end
$$;

create or replace function public.apply_intents(
  p_guid text, p_worker text, p_project_id uuid, p_number integer, p_expect_version integer, p_intents jsonb, p_said text default null
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
  v_status text := 'applied';
begin
  perform from deliveries
  where guid = p_guid and state = 'pending' and lease_owner = p_worker
  for no key update;
  if not found then
    return jsonb_build_object('status', 'lost');
  end if;

  if p_project_id is not null then
    select * into v_ticket from tickets where project_id = p_project_id and number = p_number for no key update;
    if p_expect_version is not null and v_ticket.version is distinct from p_expect_version then
      return jsonb_build_object('status', 'conflict');
    end if;
  elsif jsonb_array_length(p_intents) > 0 then
    raise exception 'intents without a ticket to apply them to' using errcode = 'PT400';
  end if;

  if p_said is not null then
    begin
      update deliveries set said = p_said where guid = p_guid;
    exception when unique_violation then
      v_status := 'repeated';
    end;
  end if;
  if v_status = 'applied' and p_project_id is not null then
    perform set_config('banyan.delivery', p_guid, true);
    perform banyan.apply(p_project_id, v_ticket.id, null, p_number, p_intents);
    perform set_config('banyan.delivery', '', true);
  end if;

  with processed as (
    update deliveries
    set state = 'processed', processed_at = clock_timestamp(), lease_owner = null, lease_expires_at = null, error = null
    where guid = p_guid
    returning event, processed_at, received_at
  )
  insert into banyan.metric_increments (metric, labels)
  select 'delivery', jsonb_build_object('event', event, 'seconds', extract(epoch from processed_at - received_at)) from processed;
  return jsonb_build_object('status', v_status);
end
$$;

create or replace function public.fail_delivery(
  p_guid text, p_worker text, p_error jsonb, p_retry_at timestamptz, p_said_at timestamptz default clock_timestamp()
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_delivery deliveries;
begin
  update deliveries
  set state = case when p_retry_at is null then 'dead' else 'pending' end,
    due_at = coalesce(clock_timestamp() + (p_retry_at - p_said_at), due_at), error = p_error, lease_owner = null, lease_expires_at = null
  where guid = p_guid and state = 'pending' and lease_owner = p_worker
  returning * into v_delivery;
  if not found then
    return jsonb_build_object('failed', false);
  end if;
  perform banyan.count_failure('delivery', p_error);
  if p_retry_at is null then
    perform banyan.count_metric('banyan_deliveries_total', jsonb_build_object('event', left(v_delivery.event, 64), 'result', 'dead'), 1);
    perform banyan.count_metric('banyan_delivery_seconds', '{}', banyan.seconds_between(v_delivery.received_at, clock_timestamp()));
  end if;
  return jsonb_build_object('failed', true);
end
$$;

create or replace function public.put_off_delivery(p_guid text, p_worker text, p_error jsonb, p_seconds double precision, p_patience_seconds integer) returns jsonb
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
  perform banyan.count_failure('delivery', p_error);
  return jsonb_build_object('status', 'put_off');
end
$$;
