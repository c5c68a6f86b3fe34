-- The end of an effect brings the next one of its lane, in the same call, as the end of a task brings the next task: nobody else could have claimed
-- it before, and a claim of its own costs a call and a look at the queue. What is handed out is a claim like any other: a lease, an attempt, one of a
-- lane at a time.

-- Makes an effect, whose row the caller has locked, this worker's, in the shape of a claim.
create function banyan.hand_out_effect(p_key text, p_begun_before boolean, p_worker text, p_lease interval) returns jsonb
language sql volatile
set search_path = public, pg_temp
as $$
  select jsonb_build_object('key', e.key, 'kind', e.kind, 'payload', e.payload, 'generation', e.generation, 'begun_before', p_begun_before,
    'result', e.result, 'attempts', e.attempts, 'ticket_id', e.ticket_id, 'by_task', e.by_task, 'project', banyan.project_json(p))
  from banyan.take_effect(p_key, p_worker, p_lease) as e join projects p on p.id = e.project_id
$$;

-- Where those that wait for an older one of their lane fill all that a claim looks at, they are marked (`banyan.mark_effects_behind`) and left out from
-- then on. A few cost less to look at than to mark.
create or replace function banyan.claim_effects(p_worker text, p_limit integer, p_lease interval) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_found record;
  v_before boolean;
  v_seen integer;
  v_result jsonb := '[]';
begin
  loop
    v_seen := 0;
    for v_found in
      select e.key, e.lane, exists (
        select from effects o
        where o.lane = e.lane and o.state in ('pending', 'begun') and o.key <> e.key and (o.position < e.position or o.lease_expires_at > now())
      ) as waits
      from effects e
      where e.state in ('pending', 'begun') and not e.behind and e.due_at <= now() and (e.lease_expires_at is null or e.lease_expires_at <= now())
        and not (e.by_task and banyan.may_go_on(e.task_id))
      order by e.position
      -- More than wanted: another worker may be taking the first ones at this moment.
      limit p_limit * 4
    loop
      exit when jsonb_array_length(v_result) >= p_limit;
      v_seen := v_seen + 1;
      -- A lane that another is claiming is not waited for.
      continue when v_found.waits or not pg_try_advisory_xact_lock(banyan.lock_name('effect', v_found.lane));
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
      v_result := v_result || banyan.hand_out_effect(v_found.key, v_before, p_worker, p_lease);
    end loop;
    exit when jsonb_array_length(v_result) >= p_limit or v_seen < p_limit * 4 or banyan.mark_effects_behind(1000) = 0;
  end loop;
  return v_result;
end
$$;

-- The first of a lane, where it is due and nobody has it; null otherwise, also where another is claiming in the lane at this moment.
create function banyan.claim_lane(p_lane text, p_worker text, p_lease interval) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_first record;
begin
  if not exists (select from effects where lane = p_lane and state in ('pending', 'begun'))
    or not pg_try_advisory_xact_lock(banyan.lock_name('effect', p_lane)) then
    return null;
  end if;
  select e.key, e.begun into v_first
  from effects e
  where e.key = (select o.key from effects o where o.lane = p_lane and o.state in ('pending', 'begun') order by o.position limit 1)
    and e.state in ('pending', 'begun') and e.due_at <= clock_timestamp() and not e.by_task
    and not exists (
      select from effects o where o.lane = p_lane and o.state in ('pending', 'begun') and o.lease_expires_at > clock_timestamp()
    )
  for no key update of e skip locked;
  if not found then
    return null;
  end if;
  return banyan.hand_out_effect(v_first.key, v_first.begun, p_worker, p_lease);
end
$$;

drop function public.settle_effect(text, text, integer, jsonb);

-- With an older generation the result is kept (it says which comment to edit), and the effect is wanted once more.
-- `p_lease_seconds`: hands out the next one of the lane under a lease of this length; null: nothing.
create function public.settle_effect(
  p_key text, p_worker text, p_generation integer, p_result jsonb, p_lease_seconds integer default null
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_effect record;
begin
  update effects
  set state = case when generation = p_generation then 'settled' else 'pending' end,
    settled_at = case when generation = p_generation then clock_timestamp() end,
    due_at = case when generation = p_generation then due_at else clock_timestamp() end,
    attempts = case when generation = p_generation then attempts else 0 end,
    result = p_result, begun = false, error = null, lease_owner = null, lease_expires_at = null
  where key = p_key and state = 'begun' and lease_owner = p_worker
  returning lane, generation = p_generation as is_current into v_effect;
  if not found then
    return '{"settled": false, "next": null}';
  end if;
  return jsonb_build_object('settled', v_effect.is_current,
    'next', case when p_lease_seconds is not null then banyan.claim_lane(v_effect.lane, p_worker, make_interval(secs => p_lease_seconds)) end);
end
$$;

revoke execute on function public.settle_effect, banyan.hand_out_effect, banyan.claim_lane from public, anon, authenticated;
grant execute on function public.settle_effect, banyan.hand_out_effect, banyan.claim_lane to service_role;
