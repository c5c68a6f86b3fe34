-- A task does not end over people's words that arrive at this moment. An UPDATE that waits for the ticket's lock looks at other tables as they
-- were when it began, so the words are looked for once more when the lock is held.
create or replace function banyan.begin_end(
  p_task_id uuid, p_worker text, p_expect_version integer, p_despite_inputs boolean, p_intents jsonb,
  out ticket_id uuid, out project_id uuid, out number integer, out in_place_of uuid
)
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run_id uuid;
  v_state text;
begin
  update tickets k
  set version = k.version + 1, updated_at = clock_timestamp()
  from tasks t
  where t.id = p_task_id and t.state = 'running' and t.lease_owner = p_worker and k.id = t.ticket_id
    and (p_expect_version is null or k.version = p_expect_version)
    and (p_despite_inputs or not exists (select from task_inputs i where i.task_id = p_task_id and i.taken_at is null))
  returning k.id, k.project_id, k.number, k.state, t.run_id,
    -- Nobody takes over a lease that has some seconds left, nor counts its place as free.
    case when t.lease_expires_at > clock_timestamp() + interval '5 seconds' then k.organization_id end
  into ticket_id, project_id, number, v_state, v_run_id, in_place_of;
  if not found then
    return;
  end if;
  -- Whoever held the ticket before may have been bringing words, which the statement above did not see: it began before they were there.
  if not p_despite_inputs and banyan.has_inputs(p_task_id) then
    update tickets k set version = k.version - 1 where k.id = begin_end.ticket_id;
    ticket_id := null;
    return;
  end if;
  if jsonb_array_length(p_intents) = 0 then
    return;
  end if;
  if v_state = 'paused' or banyan.touches_tasks(p_intents) then
    perform banyan.lock_work(v_run_id);
  elsif p_intents @> '[{"type": "add_task"}]' then
    perform from runs where id = v_run_id for no key update;
  end if;
end
$$;
