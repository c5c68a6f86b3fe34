-- Deliveries that reach one function at the same time, in one transaction: the commit, the call and the way are shared. Each is treated as
-- `receive_delivery` treats one; the GUIDs of those that were accepted are returned, and of a GUID that comes twice the first counts.
-- The bodies come as one text, separated by U+001E (which no JSON text holds): inside of jsonb each would be escaped and parsed once more.
create function public.receive_deliveries(p_deliveries jsonb, p_bodies text) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_accepted jsonb;
begin
  with given as (
    select distinct on (g.guid) g.*
    from rows from (
      jsonb_to_recordset(p_deliveries) as
        (guid text, event text, action text, installation_id bigint, repository text, number integer, issue_hint integer),
      unnest(string_to_array(p_bodies, e'\x1e'))
    ) with ordinality as g (guid, event, action, installation_id, repository, number, issue_hint, body, place)
    order by g.guid, g.place
  ), stored as (
    insert into deliveries as d (guid, event, action, installation_id, repository, number, subject, body)
    select g.guid, g.event, g.action, g.installation_id, g.repository, g.number,
      -- What concerns no issue has nothing to be ordered by.
      coalesce(g.repository || '#' || coalesce(g.issue_hint, (
        select t.number
        from projects p
        join code_generations c on c.project_id = p.id and c.pr_number = g.number
        join tickets t on t.id = c.ticket_id
        where p.repository = g.repository
        limit 1
      ), g.number), g.guid),
      g.body
    from given g
    -- The order of receipt is the order of work.
    order by g.place
    on conflict (guid) do update
      set state = 'pending', attempts = 0, due_at = now(), error = null
      where d.state = 'dead'
        or (d.state = 'pending' and d.attempts > 0 and d.due_at > clock_timestamp() and d.lease_owner is null)
    returning d.guid
  )
  select coalesce(jsonb_agg(guid), '[]'::jsonb) into strict v_accepted from stored;
  return v_accepted;
end
$$;

revoke execute on function public.receive_deliveries from public, anon, authenticated;
grant execute on function public.receive_deliveries to service_role;
