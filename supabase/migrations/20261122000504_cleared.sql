-- Whoever clears a conversation's workspace (retention) clears its files with it.

create function banyan.workspace_cleared() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  delete from workspace_files where conversation_id = new.id;
  return null;
end
$$;
create trigger cleared after update of workspace on public.conversations
  for each row when (old.workspace is not null and new.workspace is null) execute function banyan.workspace_cleared();

revoke execute on function banyan.workspace_cleared from public, anon, authenticated;
grant execute on function banyan.workspace_cleared to service_role;
