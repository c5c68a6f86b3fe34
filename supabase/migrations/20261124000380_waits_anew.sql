-- A wait begins anew when a pause ends or the App is let in again: whoever was asked then has their whole time, however long they had been asked
-- before, and no stage is skipped. Nothing has to be known of how long it lasted.

drop trigger pause on public.runs;
drop trigger wait_on on public.installations;
drop trigger wait_on on public.projects;
drop function banyan.run_paused_or_not(), banyan.installation_back(), banyan.repository_back();
drop function banyan.wait_moved_on(timestamptz, timestamptz, timestamptz, timestamptz);
drop table banyan.pauses;

create function banyan.run_resumed() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  update tickets set waiting_since = clock_timestamp()
  where id = new.ticket_id and run_id = new.id and waiting_for in ('answers', 'approval', 'merge');
  return null;
end
$$;
create trigger wait_anew after update of state on public.runs
  for each row when (old.state = 'paused' and new.state in ('queued', 'running')) execute function banyan.run_resumed();

create function banyan.installation_back() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  update tickets set waiting_since = clock_timestamp()
  where id in (
    select t.id from tickets t join projects p on p.id = t.project_id
    where p.installation_id = new.id and t.waiting_for in ('answers', 'approval', 'merge')
    order by t.id for no key update of t);
  return null;
end
$$;
create trigger wait_anew after update of suspended_at, deleted_at on public.installations
  for each row when (coalesce(old.suspended_at, old.deleted_at) is not null and coalesce(new.suspended_at, new.deleted_at) is null)
  execute function banyan.installation_back();

create function banyan.repository_back() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  update tickets set waiting_since = clock_timestamp()
  where id in (
    select t.id from tickets t
    where t.project_id = new.id and t.waiting_for in ('answers', 'approval', 'merge')
    order by t.id for no key update);
  return null;
end
$$;
create trigger wait_anew after update of archived_at on public.projects
  for each row when (old.archived_at is not null and new.archived_at is null) execute function banyan.repository_back();

revoke execute on function banyan.run_resumed, banyan.installation_back, banyan.repository_back from public, anon, authenticated;
grant execute on function banyan.run_resumed, banyan.installation_back, banyan.repository_back to service_role;
