-- One trigger for what a change of a task or a ticket entails, after the change and without a condition of its own. Conditions of triggers are parsed
-- again in every statement, and a trigger before an update locks each row (and writes that to the log) before the update does so itself, and has
-- every generated column computed again.

drop function banyan.count_agent_hours();
create function banyan.count_agent_hours(p_old public.tasks) returns void
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
declare
  v_end timestamptz := least(clock_timestamp(), p_old.lease_expires_at);
begin
  insert into agent_hours as h (organization_id, hour, shard, seconds)
  select p_old.organization_id, hour, pg_backend_pid() % 16,
    extract(epoch from least(v_end, hour + interval '1 hour') - greatest(p_old.leased_at, hour))
  from generate_series(date_trunc('hour', p_old.leased_at, 'UTC'), v_end, interval '1 hour') as hour
  on conflict (organization_id, hour, shard) do update set seconds = h.seconds + excluded.seconds;
end
$$;

drop function banyan.task_ended();
create function banyan.task_ended(p_task public.tasks) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_dependents uuid[];
begin
  select array_agg(task_id) into v_dependents from task_dependencies where depends_on_task_id = p_task.id;
  if p_task.state = 'completed' then
    update tasks set blockers = blockers - 1, updated_at = clock_timestamp()
    where id in (select id from tasks where id = any (v_dependents) order by id for no key update);
  else
    perform banyan.cancel_after(p_task, v_dependents);
  end if;
end
$$;

drop function banyan.want_check_ended();
create function banyan.want_check_ended(p_task public.tasks) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  insert into effects (key, organization_id, project_id, ticket_id, task_id, kind, lane, payload)
  select begun.key || '/end', p_task.organization_id, p_task.project_id, p_task.ticket_id, p_task.id, 'check_end', 'check_end/' || p_task.id,
    begun.payload || jsonb_build_object('number', k.number, 'external_id', p_task.id, 'certain', begun.state = 'settled')
  from effects begun join tickets k on k.id = p_task.ticket_id
  where begun.task_id = p_task.id and begun.kind = 'check_run'
    and not exists (select from effects ended where ended.task_id = p_task.id and ended.kind = 'check_run_completed' and ended.state = 'settled')
  on conflict (key) do nothing;
end
$$;

create function banyan.task_changed() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  if new.state <> old.state and new.state in ('cancelled', 'failed', 'dead') then
    perform banyan.want_check_ended(new);
  end if;
  -- Under a second is no agent's work (a claim that is given back), and not worth a row.
  if old.state = 'running' and clock_timestamp() - old.leased_at >= interval '1 second'
    and (new.state <> 'running' or new.leased_at is distinct from old.leased_at) then
    perform banyan.count_agent_hours(old);
  end if;
  if new.followed and new.state <> old.state and new.state in ('completed', 'failed', 'dead', 'cancelled') then
    perform banyan.task_ended(new);
  end if;
  -- Whoever changes a task says when; this is for those who forget.
  if new.updated_at is not distinct from old.updated_at then
    update tasks set updated_at = clock_timestamp() where id = new.id;
  end if;
  return null;
end
$$;
create trigger changed after update on public.tasks for each row execute function banyan.task_changed();

drop function banyan.ticket_pause_changed();
create function banyan.ticket_changed() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  if (old.state = 'paused') <> (new.state = 'paused') then
    perform banyan.hold_tasks(r.id) from runs r where r.ticket_id = new.id and banyan.run_is_open(r.state);
  end if;
  if new.updated_at is not distinct from old.updated_at then
    update tickets set updated_at = clock_timestamp() where id = new.id;
  end if;
  return null;
end
$$;
create trigger changed after update on public.tickets for each row execute function banyan.ticket_changed();

-- The end of a task's last worker, when another takes its lease over. @returns the attempts that the task has now: deaths have their own count.
-- Above one, attempts tell whoever takes it up next that there may be something to read here.
drop function banyan.note_task_death();
create function banyan.note_task_death(p_task_id uuid) returns integer
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
  v_reached integer := coalesce((select last_seq from conversations where task_id = p_task_id), 0);
  v_death banyan.deaths := banyan.note_death('task', p_task_id::text, v_reached, v_reached);
begin
  select * into v_task from tasks where id = p_task_id;
  v_task.attempts := case when v_death.in_a_row = 1 then v_task.attempts else greatest(v_task.attempts, 2) end;
  perform banyan.emit_task(v_task, 'task.worker_lost', jsonb_build_object('worker', v_task.lease_owner, 'in_a_row', v_death.in_a_row));
  return v_task.attempts;
end
$$;

create or replace function banyan.start_task(p_organization_id uuid, p_lost uuid, p_worker text, p_lease interval) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_run runs;
  v_task_id uuid;
  v_run_id uuid;
  v_run_state text;
  v_owner text;
  v_attempts integer;
  v_claimed jsonb;
begin
  if p_lost is not null then
    select t.id, t.run_id, r.state, t.lease_owner, t.attempts into v_task_id, v_run_id, v_run_state, v_owner, v_attempts
    from tasks t join runs r on r.id = t.run_id
    where t.id = p_lost and t.state = 'running' and t.lease_expires_at <= v_now and not t.held
    for no key update of t skip locked;
  else
    select t.id, t.run_id, r.state, t.attempts into v_task_id, v_run_id, v_run_state, v_attempts
    from tasks t join runs r on r.id = t.run_id
    where t.organization_id = p_organization_id and t.state = 'pending' and t.blockers = 0 and not t.held and t.due_at <= v_now
    order by t.priority_rank, t.run_id, t.due_at, t.id
    limit 1
    for no key update of t skip locked;
  end if;
  if not found then
    return null;
  end if;
  if v_run_state = 'queued' then
    select * into v_run from runs where id = v_run_id for no key update skip locked;
    if not found or v_run.state not in ('queued', 'running') then
      return null;
    end if;
    if v_run.state = 'queued' then
      perform banyan.set_run_state(v_run, 'running', null, null);
    end if;
  end if;
  v_attempts := case when v_owner <> p_worker then banyan.note_task_death(v_task_id) else v_attempts + 1 end;

  with started as (
    update tasks
    set state = 'running', lease_owner = p_worker, lease_expires_at = v_now + p_lease, leased_at = v_now, attempts = v_attempts,
      collecting = false, started_at = coalesce(started_at, v_now), updated_at = v_now
    where id = v_task_id
    returning *
  ),
  told as (
    insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
    select organization_id, project_id, ticket_id, run_id, id, 'task.started',
      jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'worker', p_worker)
    from started
  )
  select jsonb_build_object(
    'task', to_jsonb(s)
      - '{priority_rank,collecting,lease_owner,lease_expires_at,leased_at,blockers,followed,held,tokens_in,tokens_out,cost_usd,updated_at}'::text[],
    'run', to_jsonb(r) - '{organization_id,project_id,report,created_at,updated_at}'::text[],
    'ticket', to_jsonb(k),
    'project', banyan.project_json(p))
  into v_claimed
  from started s join runs r on r.id = s.run_id join tickets k on k.id = r.ticket_id join projects p on p.id = r.project_id;
  return v_claimed;
end
$$;

revoke execute on function banyan.count_agent_hours, banyan.task_ended, banyan.want_check_ended, banyan.task_changed, banyan.ticket_changed,
  banyan.note_task_death from public, anon, authenticated;
grant execute on function banyan.count_agent_hours, banyan.task_ended, banyan.want_check_ended, banyan.task_changed, banyan.ticket_changed,
  banyan.note_task_death to service_role;
