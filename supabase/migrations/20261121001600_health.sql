-- Health in one call: how much is due, how long it has been, and what was given up.

-- The newest migration's timestamp. Each later migration replaces this function.
create function banyan.schema_version() returns text
language sql immutable
set search_path = ''
as $$
  select '20261121001600'
$$;

-- Due means that a worker could take it: what a pause or a dependency holds back does not make the system look late.
create function public.health() returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  with due_deliveries as (
    select received_at, due_at from deliveries
    where state = 'pending' and due_at <= now() and (lease_expires_at is null or lease_expires_at <= now())
  ),
  due_tasks as (
    select t.due_at
    from tasks t join runs r on r.id = t.run_id join tickets k on k.id = t.ticket_id
    where t.state = 'pending' and t.due_at <= now() and r.state in ('queued', 'running') and k.state <> 'paused'
      and not exists (
        select from task_dependencies d join tasks b on b.id = d.depends_on_task_id
        where d.task_id = t.id and b.state <> 'completed'
      )
  )
  select jsonb_build_object(
    'schema_version', banyan.schema_version(),
    'deliveries_due', (select count(*) from due_deliveries),
    'deliveries_dead', (select count(*) from deliveries where state = 'dead'),
    'tasks_due', (select count(*) from due_tasks),
    'tasks_running', (select count(*) from tasks where state = 'running'),
    'tasks_dead', (select count(*) from tasks where state = 'dead'),
    'effects_due', (select count(*) from effects
      where state in ('pending', 'begun') and due_at <= now() and (lease_expires_at is null or lease_expires_at <= now())),
    'effects_failed', (select count(*) from effects where state = 'failed'),
    'oldest_due_task_seconds', (select floor(extract(epoch from now() - min(due_at))) from due_tasks),
    'oldest_due_delivery_seconds', (select floor(extract(epoch from now() - min(due_at))) from due_deliveries)
  )
$$;

revoke execute on function public.health, banyan.schema_version from public, anon, authenticated;
grant execute on function public.health, banyan.schema_version to service_role;
