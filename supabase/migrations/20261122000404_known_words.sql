-- A comment can come again as another delivery, when others wait already for something else. What follows from people's words (questions closed, the
-- state that people see) follows only where the words are new and woke a task: `woken` is applied then, and only then.
create function banyan.hear_input(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = ''
as $$
declare
  v_intent jsonb;
begin
  if not banyan.intent_add_input(p_ticket_id, p_intent) then
    return false;
  end if;
  for v_intent in select value from jsonb_array_elements(p_intent -> 'woken') with ordinality as list (value, place) order by place loop
    perform banyan.apply_one(p_project_id, p_ticket_id, p_self, v_intent);
  end loop;
  return true;
end
$$;

create or replace function banyan.apply_one(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = ''
as $$
begin
  if p_ticket_id is not null then
    case p_intent ->> 'type'
      when 'add_input' then return banyan.hear_input(p_project_id, p_ticket_id, p_self, p_intent);
      when 'edit_input' then return banyan.intent_edit_input(p_project_id, p_ticket_id, p_self, p_intent);
      when 'drop_input' then return banyan.intent_drop_input(p_project_id, p_ticket_id, p_self, p_intent);
      else null;
    end case;
  end if;
  return banyan.apply_plain(p_project_id, p_ticket_id, p_self, p_intent);
end
$$;

revoke execute on function banyan.hear_input from public, anon, authenticated;
grant execute on function banyan.hear_input to service_role;
