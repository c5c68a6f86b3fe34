-- A renewal also says which effects and deliveries are still its worker's: of the others nothing may be written to GitHub any more.
create or replace function public.renew(p_worker text, p_tasks jsonb, p_effects jsonb, p_deliveries jsonb, p_lease_seconds integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_until timestamptz := clock_timestamp() + make_interval(secs => p_lease_seconds);
  v_effects jsonb := '[]';
  v_deliveries jsonb := '[]';
begin
  update tasks set lease_expires_at = v_until
  where id in (
    select id from tasks
    where id in (select value::uuid from jsonb_array_elements_text(p_tasks)) and state = 'running' and lease_owner = p_worker
    order by id for no key update
  );
  if p_effects <> '[]' then
    with renewed as (
      update effects set lease_expires_at = v_until
      where key in (select value from jsonb_array_elements_text(p_effects)) and state = 'begun' and lease_owner = p_worker
      returning key
    )
    select coalesce(jsonb_agg(key), '[]') into v_effects from renewed;
  end if;
  if p_deliveries <> '[]' then
    with renewed as (
      update deliveries set lease_expires_at = v_until
      where guid in (select value from jsonb_array_elements_text(p_deliveries)) and state = 'pending' and lease_owner = p_worker
      returning guid
    )
    select coalesce(jsonb_agg(guid), '[]') into v_deliveries from renewed;
  end if;
  return jsonb_build_object('effects', v_effects, 'deliveries', v_deliveries, 'tasks', (
    select coalesce(jsonb_object_agg(t.id, banyan.step_gate(t.id, p_worker)), '{}'::jsonb)
    from tasks t where t.id in (select value::uuid from jsonb_array_elements_text(p_tasks))
  ));
end
$$;
