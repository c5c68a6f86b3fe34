-- Hours of agents' work: `organizations.max_agent_runtime_hours` is how many of them an organization may use in 24 hours. What counts is the time
-- under a lease, from the claim to whatever ends it (a lease that ran out counts to its end). At the limit nothing more is claimed for the
-- organization until enough hours have left the window; what is at work goes on to its own end, because half of a task is worth nothing and each
-- is bounded by its time and its budget already.

-- By the hour in which the work was done. Several rows for an hour, so that tasks that end at the same time do not wait for each other.
create table banyan.agent_hours (
  organization_id uuid not null references public.organizations on delete cascade,
  hour timestamptz not null,
  shard smallint not null,
  seconds double precision not null,
  primary key (organization_id, hour, shard)
) with (fillfactor = 70);
alter table banyan.agent_hours enable row level security;
revoke all on table banyan.agent_hours from public, anon, authenticated, service_role;
grant select, insert, update, delete on table banyan.agent_hours to service_role;

-- When the limit was met, until there is room again: one event for each time.
alter table public.organizations add column runtime_limited_at timestamptz;

create function banyan.count_agent_hours() returns trigger
language plpgsql
set search_path = banyan, pg_temp
as $$
declare
  v_end timestamptz := least(clock_timestamp(), old.lease_expires_at);
begin
  insert into agent_hours as h (organization_id, hour, shard, seconds)
  select old.organization_id, hour, pg_backend_pid() % 16,
    extract(epoch from least(v_end, hour + interval '1 hour') - greatest(old.leased_at, hour))
  from generate_series(date_trunc('hour', old.leased_at, 'UTC'), v_end, interval '1 hour') as hour
  on conflict (organization_id, hour, shard) do update set seconds = h.seconds + excluded.seconds;
  return null;
end
$$;
-- Under a second is no agent's work (a claim that is given back), and not worth a row.
create trigger count_hours after update of state, leased_at on public.tasks
  for each row when (
    old.state = 'running' and (new.state <> 'running' or new.leased_at is distinct from old.leased_at)
    and clock_timestamp() - old.leased_at >= interval '1 second'
  ) execute function banyan.count_agent_hours();

-- Seconds of work in the last 24 hours, to the hour, with what is at work now.
create function banyan.agent_seconds(p_organization_id uuid) returns double precision
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  return coalesce((
    select sum(seconds) from banyan.agent_hours where organization_id = p_organization_id and hour > clock_timestamp() - interval '24 hours'
  ), 0) + coalesce((
    select sum(greatest(extract(epoch from least(clock_timestamp(), lease_expires_at) - leased_at), 0))
    from tasks where state = 'running' and organization_id = p_organization_id
  ), 0);
end
$$;

-- Whether a limited organization has hours left. Says so once when it has none, and once more only after it had some. Waits for no row.
create function banyan.has_hours_left(p_organization_id uuid) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_organization organizations;
  v_hours double precision := banyan.agent_seconds(p_organization_id) / 3600;
begin
  select * into v_organization from organizations where id = p_organization_id;
  if (v_hours >= v_organization.max_agent_runtime_hours) = (v_organization.runtime_limited_at is not null) then
    return v_organization.runtime_limited_at is null;
  end if;
  if v_organization.runtime_limited_at is not null then
    update organizations set runtime_limited_at = null
    where id in (select id from organizations where id = p_organization_id for no key update skip locked);
    return true;
  end if;
  update organizations set runtime_limited_at = clock_timestamp()
  where id in (select id from organizations where id = p_organization_id and runtime_limited_at is null for no key update skip locked);
  if found then
    insert into events (organization_id, type, data)
    values (p_organization_id, 'organization.runtime_limit_reached',
      jsonb_build_object('hours', round(v_hours::numeric, 2), 'limit', v_organization.max_agent_runtime_hours));
  end if;
  return false;
end
$$;

-- Tasks that could start if no limit of their organization stood in the way.
create function banyan.tasks_limited() returns bigint
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  return (
    select coalesce(sum(case
      when o.max_agent_runtime_hours <= banyan.agent_seconds(o.id) / 3600 then due.count
      when o.max_concurrent_agents is not null then greatest(due.count - greatest(o.max_concurrent_agents - banyan.at_work(o.id), 0), 0)
      else 0 end), 0)::bigint
    from (
      select organization_id, count(*) as count
      from tasks where state = 'pending' and blockers = 0 and not held and due_at <= now()
      group by organization_id
    ) as due
    join organizations o on o.id = due.organization_id
  );
end
$$;

-- Due means that a worker could take it: what a pause or a dependency holds back does not make the system look late.
create or replace function public.health() returns jsonb
language sql volatile
set search_path = public, pg_temp
as $$
  with due_deliveries as (
    select received_at, due_at from deliveries
    where state = 'pending' and due_at <= now() and (lease_expires_at is null or lease_expires_at <= now())
  ),
  due_tasks as (
    select due_at from tasks where state = 'pending' and blockers = 0 and not held and due_at <= now()
  )
  select jsonb_build_object(
    'schema_version', banyan.schema_version(),
    'deliveries_due', (select count(*) from due_deliveries),
    'deliveries_dead', (select count(*) from deliveries where state = 'dead'),
    'tasks_due', (select count(*) from due_tasks),
    'tasks_limited', banyan.tasks_limited(),
    'tasks_running', (select count(*) from tasks where state = 'running'),
    'tasks_dead', (select count(*) from tasks where state = 'dead'),
    'effects_due', (select count(*) from effects
      where state in ('pending', 'begun') and due_at <= now() and (lease_expires_at is null or lease_expires_at <= now())),
    'effects_failed', (select count(*) from effects where state = 'failed'),
    'oldest_due_task_seconds', (select floor(extract(epoch from now() - min(due_at))) from due_tasks),
    'oldest_due_delivery_seconds', (select floor(extract(epoch from now() - min(due_at))) from due_deliveries)
  )
$$;

revoke execute on function banyan.count_agent_hours, banyan.agent_seconds, banyan.has_hours_left, banyan.tasks_limited from public, anon, authenticated;
grant execute on function banyan.count_agent_hours, banyan.agent_seconds, banyan.has_hours_left, banyan.tasks_limited to service_role;
