-- Claims: what is due, under a lease. The order of each queue, and what must never be handed out twice:
--   deliveries  oldest first; of one subject only the head, and not while another of it is under a live lease
--   effects     by place; of one lane only the head, and not while another of it is under a live lease
--   tasks       the organization with the fewest at work first, then priority, then due; never more at work than the organization's limit
-- Candidates are read without locks. Each is then taken in a statement of its own, which sees what others have committed since: after an
-- advisory lock on what must be alone (subject, lane, organization), held to the end of the transaction, as a transaction pooler allows.

create function banyan.lock_name(p_family text, p_name text) returns bigint
language sql immutable
set search_path = ''
as $$
  select hashtextextended(p_family || ':' || p_name, 0)
$$;

create function banyan.claim_deliveries(p_worker text, p_limit integer, p_lease interval) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_found record;
  v_row deliveries;
  v_result jsonb := '[]';
begin
  for v_found in
    select d.guid, d.subject
    from deliveries d
    where d.state = 'pending' and d.due_at <= now() and (d.lease_expires_at is null or d.lease_expires_at <= now())
      and not exists (
        select from deliveries o
        where o.subject = d.subject and o.state = 'pending' and o.guid <> d.guid and (o.seq < d.seq or o.lease_expires_at > now())
      )
    order by d.seq
    -- More than wanted: another worker may be taking the first ones at this moment.
    limit p_limit * 4
  loop
    exit when jsonb_array_length(v_result) >= p_limit;
    -- A subject that another is claiming is not waited for.
    continue when not pg_try_advisory_xact_lock(banyan.lock_name('delivery', v_found.subject));
    update deliveries d
    set lease_owner = p_worker, lease_expires_at = clock_timestamp() + p_lease, attempts = d.attempts + 1
    where d.guid = v_found.guid and d.state = 'pending' and d.due_at <= now()
      and (d.lease_expires_at is null or d.lease_expires_at <= clock_timestamp())
      and not exists (
        select from deliveries o
        where o.subject = d.subject and o.state = 'pending' and o.guid <> d.guid
          and (o.seq < d.seq or o.lease_expires_at > clock_timestamp())
      )
    returning * into v_row;
    if found then
      v_result := v_result || jsonb_build_object('guid', v_row.guid, 'event', v_row.event, 'action', v_row.action, 'body', v_row.body,
        'attempts', v_row.attempts, 'received_at', v_row.received_at);
    end if;
  end loop;
  return v_result;
end
$$;

create function banyan.claim_effects(p_worker text, p_limit integer, p_lease interval) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_found record;
  v_row effects;
  v_before boolean;
  v_result jsonb := '[]';
begin
  for v_found in
    select e.key, e.lane
    from effects e
    where e.state in ('pending', 'begun') and e.due_at <= now() and (e.lease_expires_at is null or e.lease_expires_at <= now())
      and not exists (
        select from effects o
        where o.lane = e.lane and o.state in ('pending', 'begun') and o.key <> e.key and (o.position < e.position or o.lease_expires_at > now())
      )
    order by e.position
    limit p_limit * 4
  loop
    exit when jsonb_array_length(v_result) >= p_limit;
    continue when not pg_try_advisory_xact_lock(banyan.lock_name('effect', v_found.lane));
    select e.begun into v_before
    from effects e
    where e.key = v_found.key and e.state in ('pending', 'begun') and e.due_at <= now()
      and (e.lease_expires_at is null or e.lease_expires_at <= clock_timestamp())
      and not exists (
        select from effects o
        where o.lane = e.lane and o.state in ('pending', 'begun') and o.key <> e.key
          and (o.position < e.position or o.lease_expires_at > clock_timestamp())
      )
    for no key update of e skip locked;
    continue when not found;
    v_row := banyan.take_effect(v_found.key, p_worker, p_lease);
    v_result := v_result || (
      select jsonb_build_object('key', v_row.key, 'kind', v_row.kind, 'payload', v_row.payload, 'generation', v_row.generation,
        'begun_before', v_before, 'result', v_row.result, 'attempts', v_row.attempts, 'ticket_id', v_row.ticket_id,
        'project', banyan.project_json(p))
      from projects p where p.id = v_row.project_id
    );
  end loop;
  return v_result;
end
$$;

-- Makes an effect, whose row the caller has locked, this worker's.
create function banyan.take_effect(p_key text, p_worker text, p_lease interval) returns public.effects
language sql volatile
set search_path = public, pg_temp
as $$
  update effects
  set state = 'begun', begun = true, lease_owner = p_worker, lease_expires_at = clock_timestamp() + p_lease, attempts = attempts + 1
  where key = p_key
  returning *
$$;

-- What could be started now, best first. Each organization's queue is read through its index to the wanted length, so that a long one costs
-- no more than a short one; its place in the turn counts what it has at work already. Null `p_organizations`: all.
create function banyan.task_candidates(p_limit integer, p_organizations uuid[]) returns table (task_id uuid, organization_id uuid, limited boolean)
language sql stable
set search_path = public, pg_temp
as $$
  with queues as materialized (
    select o.id, o.max_concurrent_agents,
      (select count(*) from tasks t where t.organization_id = o.id and t.state = 'running' and t.lease_expires_at > clock_timestamp()) as at_work
    from organizations o
    where p_organizations is null or o.id = any (p_organizations)
  )
  select c.id, q.id, q.max_concurrent_agents is not null
  from queues q
  cross join lateral (
    select due.id, due.priority_rank, due.due_at, row_number() over (order by due.priority_rank, due.due_at, due.id) as place
    from (
      (
        select t.id, t.priority_rank, t.due_at
        from tasks t join runs r on r.id = t.run_id join tickets k on k.id = t.ticket_id
        where t.organization_id = q.id and t.state = 'pending' and t.due_at <= clock_timestamp()
          and r.state in ('queued', 'running') and k.state <> 'paused'
          and not exists (
            select from task_dependencies d join tasks b on b.id = d.depends_on_task_id
            where d.task_id = t.id and b.state <> 'completed'
          )
        order by t.priority_rank, t.due_at, t.id
        limit p_limit
      )
      union all
      -- Their worker is gone.
      (
        select t.id, t.priority_rank, t.due_at
        from tasks t join runs r on r.id = t.run_id join tickets k on k.id = t.ticket_id
        where t.organization_id = q.id and t.state = 'running' and t.lease_expires_at <= clock_timestamp()
          and r.state in ('queued', 'running') and k.state <> 'paused'
        limit p_limit
      )
    ) as due
  ) as c
  where q.max_concurrent_agents is null or c.place <= q.max_concurrent_agents - q.at_work
  order by c.place + q.at_work, c.priority_rank, c.due_at, c.id
  limit p_limit
$$;

-- Starts one candidate, or returns null where somebody was faster or its run is being changed at this moment.
create function banyan.claim_task(p_task_id uuid, p_worker text, p_lease interval) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run runs;
  v_task tasks;
begin
  -- A queued run is locked before its task: the order of locks.
  select r.* into strict v_run from runs r join tasks t on t.run_id = r.id where t.id = p_task_id;
  if v_run.state = 'queued' then
    select * into v_run from runs where id = v_run.id for no key update skip locked;
    if not found then
      return null;
    end if;
  end if;
  if v_run.state not in ('queued', 'running') then
    return null;
  end if;

  select * into v_task from tasks
  where id = p_task_id
    and ((state = 'pending' and due_at <= clock_timestamp()) or (state = 'running' and lease_expires_at <= clock_timestamp()))
  for no key update skip locked;
  if not found then
    return null;
  end if;
  update tasks
  set state = 'running', lease_owner = p_worker, lease_expires_at = clock_timestamp() + p_lease, attempts = attempts + 1, collecting = false,
    started_at = coalesce(started_at, clock_timestamp())
  where id = p_task_id
  returning * into v_task;
  if v_run.state = 'queued' then
    perform banyan.set_run_state(v_run, 'running', null, null);
  end if;
  perform banyan.emit_task(v_task, 'task.started', jsonb_build_object('worker', p_worker));

  return (
    select jsonb_build_object('task', banyan.task_json(v_task), 'run', banyan.run_json(r), 'ticket', banyan.ticket_json(k),
      'project', banyan.project_json(p))
    from runs r, tickets k, projects p
    where r.id = v_task.run_id and k.id = v_task.ticket_id and p.id = v_task.project_id
  );
end
$$;

create function banyan.claim_tasks(p_worker text, p_limit integer, p_lease interval) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_organizations uuid[];
  v_limited uuid[];
  v_organization uuid;
  v_task_id uuid;
  v_claimed jsonb;
  v_result jsonb := '[]';
begin
  if p_limit <= 0 then
    return v_result;
  end if;
  -- More than wanted, for the same reason as above.
  select array_agg(distinct organization_id), array_agg(distinct organization_id order by organization_id) filter (where limited)
  into v_organizations, v_limited
  from banyan.task_candidates(p_limit * 4, null);
  if v_organizations is null then
    return v_result;
  end if;
  -- Waited for, in one order for everybody: an organization's tasks must be counted with nobody counting beside.
  foreach v_organization in array coalesce(v_limited, '{}') loop
    perform pg_advisory_xact_lock(banyan.lock_name('organization', v_organization::text));
  end loop;

  for v_task_id in select task_id from banyan.task_candidates(p_limit * 4, v_organizations) loop
    exit when jsonb_array_length(v_result) >= p_limit;
    v_claimed := banyan.claim_task(v_task_id, p_worker, p_lease);
    if v_claimed is not null then
      v_result := v_result || v_claimed;
    end if;
  end loop;
  return v_result;
end
$$;

-- How long until something falls due that waits for nothing but its time: a worker about to end may wait for it instead of leaving it to the next tick.
create function banyan.next_due_ms() returns integer
language sql stable
set search_path = public, pg_temp
as $$
  select ceil(extract(epoch from min(due_at) - clock_timestamp()) * 1000)::integer
  from (
    (select due_at from deliveries where state = 'pending' and due_at > now() and lease_expires_at is null order by due_at limit 1)
    union all
    (select due_at from effects where state in ('pending', 'begun') and due_at > now() and lease_expires_at is null order by due_at limit 1)
    union all
    (select t.due_at from tasks t join runs r on r.id = t.run_id
      where t.state = 'pending' and t.due_at > now() and r.state in ('queued', 'running') order by t.due_at limit 1)
  ) waiting
  where due_at < now() + interval '1 day'
$$;

-- Tasks come last: their locks are the ones that others wait for.
create function public.claim(p_worker text, p_deliveries integer, p_effects integer, p_tasks integer, p_lease_seconds integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_lease interval := make_interval(secs => p_lease_seconds);
  v_deliveries jsonb := banyan.claim_deliveries(p_worker, p_deliveries, v_lease);
  v_effects jsonb := banyan.claim_effects(p_worker, p_effects, v_lease);
begin
  return jsonb_build_object(
    'deliveries', v_deliveries,
    'effects', v_effects,
    'tasks', banyan.claim_tasks(p_worker, p_tasks, v_lease),
    'next_due_ms', banyan.next_due_ms());
end
$$;

revoke execute on function
  public.claim, banyan.lock_name, banyan.claim_deliveries, banyan.claim_effects, banyan.take_effect, banyan.task_candidates, banyan.claim_task,
  banyan.claim_tasks, banyan.next_due_ms
  from public, anon, authenticated;
grant execute on function
  public.claim, banyan.lock_name, banyan.claim_deliveries, banyan.claim_effects, banyan.take_effect, banyan.task_candidates, banyan.claim_task,
  banyan.claim_tasks, banyan.next_due_ms
  to service_role;
