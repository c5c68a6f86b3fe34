-- What an agent does inside its task is performed by whoever works on the task, never by the outbox: a task that was taken up again found its own
-- effect in the outbox's hands, which knows no way to perform it. Once the task has ended nobody will come for it, and the outbox closes it.

alter table public.effects add column by_task boolean not null default false;
update public.effects set by_task = true where kind in ('commit', 'pull_request', 'check_run', 'check_run_completed', 'review');

-- A task that was cancelled keeps its worker's lease until it runs out: so long that worker may be tidying up.
create function banyan.may_go_on(p_task_id uuid) returns boolean
language sql stable
set search_path = public, pg_temp
as $$
  select exists (
    select from tasks
    where id = p_task_id and (state not in ('completed', 'cancelled', 'failed', 'dead') or lease_expires_at > clock_timestamp())
  )
$$;

create or replace function banyan.claim_effects(p_worker text, p_limit integer, p_lease interval) returns jsonb
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
      and not (e.by_task and banyan.may_go_on(e.task_id))
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
        'begun_before', v_before, 'result', v_row.result, 'attempts', v_row.attempts, 'ticket_id', v_row.ticket_id, 'by_task', v_row.by_task,
        'project', banyan.project_json(p))
      from projects p where p.id = v_row.project_id
    );
  end loop;
  return v_result;
end
$$;

create or replace function public.begin_effect(
  p_key text, p_kind text, p_ticket_id uuid, p_task_id uuid, p_payload jsonb, p_worker text, p_lease_seconds integer
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_effect effects;
begin
  -- A lane of its own: it is performed now, before whatever else is wanted.
  insert into effects (key, organization_id, project_id, ticket_id, task_id, kind, lane, payload, by_task)
  select p_key, t.organization_id, t.project_id, t.id, p_task_id, p_kind, p_key, p_payload, true
  from tickets t where t.id = p_ticket_id
  on conflict (key) do nothing;
  select * into v_effect from effects where key = p_key for no key update;
  if not found then
    raise exception 'no such ticket' using errcode = 'PT404';
  end if;

  if v_effect.state = 'settled' then
    return jsonb_build_object('status', 'settled', 'result', v_effect.result);
  end if;
  -- Of its own that is still begun the worker knows nothing more than another would: it looks first.
  if v_effect.lease_owner <> p_worker and v_effect.lease_expires_at > clock_timestamp() then
    return jsonb_build_object('status', 'busy');
  end if;
  return (
    select jsonb_build_object('status', 'perform', 'generation', t.generation, 'begun_before', v_effect.begun, 'attempts', t.attempts)
    from banyan.take_effect(p_key, p_worker, make_interval(secs => p_lease_seconds)) as t
  );
end
$$;

revoke execute on function banyan.may_go_on from public, anon, authenticated;
grant execute on function banyan.may_go_on to service_role;
