-- Agents of elsewhere that fall silent, and that lose one task after the other.

create index agents_elsewhere on public.agents (id) where public_key is not null and state in ('active', 'degraded', 'failed');

-- As it was, but for agents of elsewhere, whose name stays the same however often they end: what one took on after its last loss belongs to another life
-- of its. What it held at the same time is one loss, as with a worker that held several.
create or replace function banyan.note_task_death(p_task_id uuid) returns integer
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
  v_agent agents;
  v_worker text;
  v_last record;
  v_reached integer := coalesce((select last_seq from conversations where task_id = p_task_id), 0);
  v_death banyan.deaths := banyan.note_death('task', p_task_id::text, v_reached, v_reached);
begin
  select * into v_task from tasks where id = p_task_id;
  v_task.attempts := case when v_death.in_a_row = 1 then v_task.attempts else greatest(v_task.attempts, 2) end;
  perform banyan.emit_task(v_task, 'task.worker_lost', jsonb_build_object('worker', v_task.lease_owner, 'in_a_row', v_death.in_a_row));
  v_worker := v_task.lease_owner;
  select * into v_agent from agents where organization_id = v_task.organization_id and 'agent-' || id = v_task.lease_owner;
  if v_agent.id is not null then
    select lost_at, worker into v_last from banyan.worker_losses
    where organization_id = v_task.organization_id and agent_key = v_agent.key order by id desc limit 1;
    if not found then
      select v_agent.lost_at as lost_at, v_agent.lost_by as worker into v_last;
    end if;
    v_worker := case when v_task.leased_at <= v_last.lost_at then v_last.worker
      else v_task.lease_owner || '@' || to_char(v_task.leased_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') end;
  end if;
  insert into banyan.worker_losses (organization_id, agent_key, role, worker, event)
  select v_task.organization_id, coalesce(v_agent.key, v_task.role), v_task.role, coalesce(v_worker, v_task.lease_owner),
    coalesce((select max(id) from events where organization_id = v_task.organization_id), 0);
  return v_task.attempts;
end
$$;

-- Since when an agent of elsewhere said nothing: who never spoke and lost something, since that. Null: it has not begun, or is no such agent.
create function banyan.agent_silence(p_agent public.agents) returns double precision
language sql stable
set search_path = public, pg_temp
as $$
  select case when p_agent.public_key is not null
    then extract(epoch from clock_timestamp() - coalesce(p_agent.last_seen_at, p_agent.lost_at))::double precision end
$$;

-- As it was, with the silence of agents of elsewhere: after two of their leases of 120 s, after four, and when one speaks again. Silence makes none of
-- them well.
create or replace function banyan.heartbeat_candidates() returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select 'task:' || t.id, t.organization_id, t.lease_expires_at, jsonb_build_object(
    'kind', 'lease', 'ticket_id', t.ticket_id, 'task_id', t.id, 'worker', t.lease_owner)
  from tasks t
  where t.state = 'running' and t.lease_expires_at <= clock_timestamp()
  union all
  select 'worker:' || w.name, null, w.last_seen_at, jsonb_build_object(
    'kind', 'worker', 'name', w.name, 'state', w.state, 'lease_seconds', w.lease_seconds, 'seen_at', w.last_seen_at,
    'silent_seconds', extract(epoch from clock_timestamp() - w.last_seen_at))
  from banyan.workers w
  where w.state in ('active', 'degraded')
    and w.last_seen_at < clock_timestamp() - make_interval(secs => w.lease_seconds * case w.state when 'active' then 2 else 4 end)
  union all
  select 'agent:' || f.organization_id || ':' || f.key, f.organization_id, f.progress_at, jsonb_build_object(
    'kind', 'agent', 'organization_id', f.organization_id, 'key', f.key, 'role', f.role, 'state', f.state,
    'losses_in_a_row', f.losses_in_a_row, 'new_losses', f.new_losses, 'newest_loss', f.newest_loss, 'succeeded_before', f.succeeded_before,
    'succeeded_since', f.succeeded_since, 'lost_at', f.lost_at, 'held_until', f.held_until, 'silent_seconds', f.silent_seconds)
  from (
    select l.organization_id, l.agent_key as key, l.role, coalesce(a.state, 'active') as state,
      coalesce(a.losses_in_a_row, 0) as losses_in_a_row,
      l.new_losses, l.newest_loss,
      coalesce(a.losses_in_a_row > 0 and banyan.succeeded(l.organization_id, l.agent_key, a.lost_event, l.oldest_event), false) as succeeded_before,
      banyan.succeeded(l.organization_id, l.agent_key, l.newest_event, null) as succeeded_since, l.lost_at, a.held_until, l.lost_at as progress_at,
      banyan.agent_silence(a) as silent_seconds
    from (
      select n.organization_id, n.agent_key, max(n.role) as role, max(n.id) as newest_loss, min(n.event) as oldest_event,
        max(n.event) as newest_event, max(n.lost_at) as lost_at,
        count(distinct n.worker) filter (where n.worker is distinct from b.lost_by) as new_losses
      from banyan.worker_losses n left join agents b on b.organization_id = n.organization_id and b.key = n.agent_key
      group by n.organization_id, n.agent_key
    ) as l
    left join agents a on a.organization_id = l.organization_id and a.key = l.agent_key
    union all
    select u.* from (
      select a.organization_id, a.key, a.role, a.state, a.losses_in_a_row, 0, 0, false,
        banyan.succeeded(a.organization_id, a.key, a.lost_event, null) as succeeded_since, a.lost_at, a.held_until, a.updated_at,
        null::double precision
      from agents a
      where a.state in ('degraded', 'failed') and a.public_key is null
        and not exists (select from banyan.worker_losses l where l.organization_id = a.organization_id and l.agent_key = a.key)
    ) as u
    where u.succeeded_since or u.lost_at is null or u.lost_at < clock_timestamp() - interval '1 hour'
      or (u.key = u.role and u.held_until > clock_timestamp() and exists (select banyan.ready_of_role(u.organization_id, u.role, u.held_until)))
    union all
    select s.* from (
      select a.organization_id, a.key, a.role, a.state, a.losses_in_a_row, 0, 0, false, false, a.lost_at, a.held_until, a.updated_at,
        banyan.agent_silence(a) as silent_seconds
      from agents a
      where a.public_key is not null and a.state in ('active', 'degraded', 'failed')
        and not exists (select from banyan.worker_losses l where l.organization_id = a.organization_id and l.agent_key = a.key)
    ) as s
    where case
      when s.silent_seconds >= 480 then s.state <> 'failed'
      when s.silent_seconds >= 240 then s.state = 'active'
      else s.state <> 'active'
        and (s.losses_in_a_row = 0 or s.lost_at < clock_timestamp() - interval '1 hour' or (s.state = 'failed' and s.losses_in_a_row < 5)) end
  ) as f
$$;

revoke execute on function banyan.agent_silence from public, anon, authenticated;
grant execute on function banyan.agent_silence to service_role;
