-- A check run says "in progress" on GitHub until somebody ends it. The worker of a task that came to no verdict does so; where that worker has
-- died, or nobody had the task when it was cancelled, the outbox does. In the transaction that ends the task, whoever ends it.
create function banyan.want_check_ended() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  insert into effects (key, organization_id, project_id, ticket_id, task_id, kind, lane, payload)
  select begun.key || '/end', new.organization_id, new.project_id, new.ticket_id, new.id, 'check_end', 'check_end/' || new.id,
    begun.payload || jsonb_build_object('number', k.number, 'external_id', new.id, 'certain', begun.state = 'settled')
  from effects begun join tickets k on k.id = new.ticket_id
  where begun.task_id = new.id and begun.kind = 'check_run'
    and not exists (select from effects ended where ended.task_id = new.id and ended.kind = 'check_run_completed' and ended.state = 'settled')
  on conflict (key) do nothing;
  return null;
end
$$;
create trigger check_ended after update of state on public.tasks
  for each row when (new.state in ('cancelled', 'failed', 'dead') and old.state is distinct from new.state)
  execute function banyan.want_check_ended();

revoke execute on function banyan.want_check_ended from public, anon, authenticated;
grant execute on function banyan.want_check_ended to service_role;
