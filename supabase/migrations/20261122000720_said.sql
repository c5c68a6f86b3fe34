-- A comment that GitHub tells of under two GUIDs (by the App and by a hook of the repository, or sent anew by hand) acts once: what a delivery says is
-- marked in the transaction that applies it, and what was said already is applied no more. A GUID tells deliveries apart, not what they tell.
-- Kept as long as the delivery.

alter table public.deliveries add column said text;
create unique index deliveries_said on public.deliveries (repository, said) where said is not null;

drop function public.apply_intents(text, text, uuid, integer, integer, jsonb);

-- Applies a decision and marks the delivery processed, in one transaction. A conflict leaves both untouched and the lease in place.
create function public.apply_intents(
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
    perform banyan.apply(p_project_id, v_ticket.id, null, p_number, p_intents);
  end if;

  update deliveries
  set state = 'processed', processed_at = clock_timestamp(), lease_owner = null, lease_expires_at = null, error = null
  where guid = p_guid;
  return jsonb_build_object('status', v_status);
end
$$;

revoke execute on function public.apply_intents from public, anon, authenticated;
grant execute on function public.apply_intents to service_role;
