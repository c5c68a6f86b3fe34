-- Agents of elsewhere: processes outside this deployment that work for one role of one organization. Each signs its requests with an Ed25519 key of its
-- own, whose public half stands in the registry, and holds its tasks under leases in its name (`agent-<id>`).

create unique index agents_public_key on public.agents (organization_id, public_key) where public_key is not null;

-- Signed requests that were taken, so that none is taken twice; each for as long as its signature would still be accepted.
create table banyan.agent_nonces (
  agent_id uuid not null references public.agents on delete cascade,
  nonce text not null,
  expires_at timestamptz not null,
  primary key (agent_id, nonce)
);
create index agent_nonces_expiry on banyan.agent_nonces (expires_at);
alter table banyan.agent_nonces enable row level security;
revoke all on table banyan.agent_nonces from public, anon, authenticated, service_role;
grant select, insert, delete on table banyan.agent_nonces to service_role;

create function banyan.audit_agent(p_agent public.agents, p_action text) returns void
language sql volatile
set search_path = public, pg_temp
as $$
  insert into audit_log (organization_id, actor_kind, actor, action, target_kind, target, data)
  values (p_agent.organization_id, 'system', 'administrator', p_action, 'agent', p_agent.id::text,
    jsonb_build_object('agent', p_agent.key, 'role', p_agent.role, 'name', p_agent.name))
$$;

-- The same key again is the same agent. A key that was retired stays retired: whoever comes back needs a new one.
create function public.register_agent(p_organization text, p_role text, p_name text, p_public_key text, p_capabilities jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_organization_id uuid;
  v_agent agents;
begin
  select id into v_organization_id from organizations where lower(login) = lower(p_organization) order by id desc limit 1;
  if not found then
    raise exception 'there is no organization "%"', p_organization using errcode = 'PT404';
  end if;
  insert into agents (organization_id, key, role, name, capabilities, public_key)
  values (v_organization_id, 'elsewhere:' || left(encode(sha256(convert_to(p_public_key, 'UTF8')), 'hex'), 32), p_role, p_name,
    array(select jsonb_array_elements_text(p_capabilities)), p_public_key)
  on conflict (organization_id, key) do nothing
  returning * into v_agent;
  if found then
    perform banyan.audit_agent(v_agent, 'agent.registered');
  else
    select * into strict v_agent from agents where organization_id = v_organization_id and public_key = p_public_key;
    if v_agent.state = 'retired' or v_agent.role <> p_role then
      raise exception 'this key belongs to an agent that is retired or has another role' using errcode = 'PT409';
    end if;
  end if;
  return jsonb_build_object('id', v_agent.id, 'role', v_agent.role, 'name', v_agent.name, 'state', v_agent.state);
end
$$;

-- From now on nothing that its key signs is taken; what it held runs out at once, and the heartbeat gives it back.
create function public.retire_agent(p_agent_id uuid) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_agent agents;
begin
  update agents set state = 'retired' where id = p_agent_id and public_key is not null and state <> 'retired' returning * into v_agent;
  if found then
    perform banyan.audit_agent(v_agent, 'agent.retired');
    update tasks set lease_expires_at = clock_timestamp()
    where id in (select id from tasks where state = 'running' and lease_owner = 'agent-' || p_agent_id order by id for no key update);
  elsif not exists (select from agents where id = p_agent_id and public_key is not null) then
    raise exception 'there is no such agent of elsewhere' using errcode = 'PT404';
  end if;
  return '{"state": "retired"}';
end
$$;

create function public.read_agent_key(p_agent_id uuid) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select jsonb_build_object('id', id, 'organization_id', organization_id, 'role', role, 'key', key, 'state', state, 'public_key', public_key)
  from agents where id = p_agent_id and public_key is not null
$$;

-- Takes a signed request, once. Null: taken before. Else the state that the agent has at this moment.
create function public.admit_agent(p_agent_id uuid, p_nonce text, p_expires_at timestamptz) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_state text;
begin
  delete from banyan.agent_nonces where (agent_id, nonce) in (
    select agent_id, nonce from banyan.agent_nonces where expires_at < clock_timestamp() order by expires_at limit 20 for update skip locked);
  insert into banyan.agent_nonces (agent_id, nonce, expires_at) values (p_agent_id, p_nonce, p_expires_at) on conflict do nothing;
  if not found then
    return null;
  end if;
  update agents set last_seen_at = clock_timestamp()
  where id = p_agent_id and (last_seen_at is null or last_seen_at < clock_timestamp() - interval '10 seconds');
  select state into v_state from agents where id = p_agent_id;
  return to_jsonb(v_state);
end
$$;

-- One task of the agent's role and organization that nobody began yet; what another began has a conversation that its own worker goes on with.
-- The limits of the organization hold as for any claim. Null: there is none.
create function public.claim_for_agent(p_agent_id uuid, p_lease_seconds integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_worker text := 'agent-' || p_agent_id;
  v_agent record;
  v_picked record;
  v_run runs;
  v_claimed jsonb;
begin
  select a.organization_id, a.role, o.max_concurrent_agents, o.max_agent_runtime_hours into v_agent
  from agents a join organizations o on o.id = a.organization_id
  where a.id = p_agent_id and a.public_key is not null and a.state in ('active', 'degraded', 'failed')
    and (a.held_until is null or a.held_until <= v_now);
  if not found or not exists (
    select from tasks t
    where t.organization_id = v_agent.organization_id and t.role = v_agent.role and t.state = 'pending' and t.blockers = 0 and not t.held
      and t.due_at <= v_now and not exists (select from conversations c where c.task_id = t.id)) then
    return null;
  end if;
  if (v_agent.max_agent_runtime_hours is not null and not banyan.has_hours_left(v_agent.organization_id))
    or (v_agent.max_concurrent_agents is not null and not banyan.may_add_one(v_agent.organization_id, v_agent.max_concurrent_agents, true)) then
    return null;
  end if;
  select t.id, t.run_id, r.state as run_state into v_picked
  from tasks t join runs r on r.id = t.run_id
  where t.organization_id = v_agent.organization_id and t.role = v_agent.role and t.state = 'pending' and t.blockers = 0 and not t.held
    and t.due_at <= v_now and r.state in ('queued', 'running') and not exists (select from conversations c where c.task_id = t.id)
  order by t.priority_rank, t.run_id, t.due_at, t.id
  limit 1
  for no key update of t skip locked;
  if not found then
    return null;
  end if;
  if v_picked.run_state = 'queued' then
    select * into v_run from runs where id = v_picked.run_id for no key update skip locked;
    if not found or v_run.state not in ('queued', 'running') then
      return null;
    end if;
    if v_run.state = 'queued' then
      perform banyan.set_run_state(v_run, 'running', null, null);
    end if;
  end if;
  with started as (
    update tasks
    set state = 'running', lease_owner = v_worker, lease_expires_at = v_now + make_interval(secs => p_lease_seconds), leased_at = v_now,
      attempts = attempts + 1, collecting = false, started_at = coalesce(started_at, v_now), updated_at = v_now
    where id = v_picked.id
    returning *
  ),
  told as (
    insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
    select organization_id, project_id, ticket_id, run_id, id, 'task.started',
      jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'worker', v_worker)
    from started
  )
  select jsonb_build_object('task', banyan.task_json(s), 'run', banyan.run_json(r), 'ticket', to_jsonb(k), 'project', banyan.project_json(p))
  into v_claimed
  from started s join runs r on r.id = s.run_id join tickets k on k.id = r.ticket_id join projects p on p.id = r.project_id;
  return v_claimed;
end
$$;

-- What it handed in has the right form: it is well.
create function public.note_agent_result(p_agent_id uuid) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  update agents set state = 'active', losses_in_a_row = 0, held_until = null where id = p_agent_id and state in ('degraded', 'failed');
  return jsonb_build_object('healed', found);
end
$$;

revoke execute on function
  public.register_agent, public.retire_agent, public.read_agent_key, public.admit_agent, public.claim_for_agent, public.note_agent_result, banyan.audit_agent
  from public, anon, authenticated;
grant execute on function
  public.register_agent, public.retire_agent, public.read_agent_key, public.admit_agent, public.claim_for_agent, public.note_agent_result, banyan.audit_agent
  to service_role;
