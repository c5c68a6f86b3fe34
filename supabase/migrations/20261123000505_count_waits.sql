-- Waits are counted where they begin: a trigger before the update would lock and write each row twice.

drop trigger count_wait on public.tickets;
drop function banyan.count_wait();

create or replace function banyan.intent_set_ticket(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_old tickets;
  v_new tickets;
begin
  select * into strict v_old from tickets where id = p_ticket_id;
  update tickets
  set state = coalesce(p_intent ->> 'state', state),
    priority = coalesce(p_intent ->> 'priority', priority),
    refined_description = case when p_intent ? 'refined_description' then p_intent ->> 'refined_description' else refined_description end,
    acceptance_criteria = case
      when p_intent ? 'acceptance_criteria' then array(select jsonb_array_elements_text(p_intent -> 'acceptance_criteria'))
      else acceptance_criteria end,
    waiting_for = case when p_intent ? 'waiting_for' then p_intent ->> 'waiting_for' else waiting_for end,
    waiting_on = case when p_intent ? 'waiting_on' then p_intent ->> 'waiting_on' else waiting_on end,
    waiting_since = case
      when not p_intent ? 'waiting_for' or waiting_for is not distinct from p_intent ->> 'waiting_for' then waiting_since
      when p_intent ->> 'waiting_for' is null then null
      else clock_timestamp() end,
    waits = waits + (p_intent ->> 'waiting_for' is distinct from waiting_for and p_intent ->> 'waiting_for' is not null)::integer,
    note = case when p_intent ? 'note' then p_intent ->> 'note' else note end
  where id = p_ticket_id
  returning * into v_new;

  if v_new.priority <> v_old.priority then
    update tasks set priority = v_new.priority where run_id = v_new.run_id and state in ('pending', 'running', 'waiting');
  end if;
  if v_new.state <> v_old.state then
    perform banyan.emit(v_new, null, 'ticket.state_changed',
      jsonb_build_object('from', v_old.state, 'to', v_new.state, 'waiting_for', v_new.waiting_for, 'waiting_on', v_new.waiting_on));
  else
    perform banyan.emit(v_new, null, 'ticket.updated', jsonb_build_object('fields', (
      select coalesce(jsonb_agg(field), '[]'::jsonb) from jsonb_object_keys(p_intent - 'type') as field)));
  end if;
  return true;
end
$$;
