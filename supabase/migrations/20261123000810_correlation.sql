-- Which delivery caused a task or an effect, so that whoever works on it can say so in the log and in traces. A task that a person's words woke
-- belongs to the delivery that brought them; what follows from a task belongs to where the task belongs. Nothing is decided by it.

alter table public.tasks add column delivery text;
alter table public.effects add column delivery text;

-- The delivery that is being applied in this transaction.
create function banyan.cause() returns text
language sql stable
set search_path = ''
as $$
  select nullif(current_setting('banyan.delivery', true), '')
$$;

-- Of a run, where it was at work last.
create function banyan.cause_of_run(p_run_id uuid) returns text
language sql stable
set search_path = ''
as $$
  select delivery from public.tasks where run_id = p_run_id and delivery is not null order by updated_at desc, id desc limit 1
$$;

create function banyan.task_caused() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.delivery := coalesce(banyan.cause(), new.delivery, banyan.cause_of_run(new.run_id));
  return new;
end
$$;
create trigger caused before insert on public.tasks for each row execute function banyan.task_caused();
create trigger caused_anew before update of state on public.tasks
  for each row when (old.state = 'waiting' and new.state = 'pending') execute function banyan.task_caused();

create function banyan.effect_caused() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.delivery := coalesce(banyan.cause(), (select t.delivery from public.tasks t where t.id = new.task_id),
    banyan.cause_of_run((select k.run_id from public.tickets k where k.id = new.ticket_id)), new.delivery);
  return new;
end
$$;
create trigger caused before insert on public.effects for each row execute function banyan.effect_caused();
create trigger caused_anew before update of generation on public.effects
  for each row when (new.generation <> old.generation) execute function banyan.effect_caused();

-- As before, and says whose intents they are.
create or replace function public.apply_intents(
  p_guid text, p_worker text, p_project_id uuid, p_number integer, p_expect_version integer, p_intents jsonb, p_said text default null
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
  v_status text := 'applied';
begin
  perform from deliveries
  where guid = p_guid and state = 'pending' and lease_owner = p_worker
  for no key update;
  if not found then
    return jsonb_build_object('status', 'lost');
  end if;

  if p_project_id is not null then
    select * into v_ticket from tickets where project_id = p_project_id and number = p_number for no key update;
    if p_expect_version is not null and v_ticket.version is distinct from p_expect_version then
      return jsonb_build_object('status', 'conflict');
    end if;
  elsif jsonb_array_length(p_intents) > 0 then
    raise exception 'intents without a ticket to apply them to' using errcode = 'PT400';
  end if;

  if p_said is not null then
    begin
      update deliveries set said = p_said where guid = p_guid;
    exception when unique_violation then
      v_status := 'repeated';
    end;
  end if;
  if v_status = 'applied' and p_project_id is not null then
    perform set_config('banyan.delivery', p_guid, true);
    perform banyan.apply(p_project_id, v_ticket.id, null, p_number, p_intents);
    perform set_config('banyan.delivery', '', true);
  end if;

  update deliveries
  set state = 'processed', processed_at = clock_timestamp(), lease_owner = null, lease_expires_at = null, error = null
  where guid = p_guid;
  return jsonb_build_object('status', v_status);
end
$$;

create or replace function banyan.hand_out_effect(p_key text, p_begun_before boolean, p_worker text, p_lease interval) returns jsonb
language sql volatile
set search_path = public, pg_temp
as $$
  select jsonb_build_object('key', e.key, 'kind', e.kind, 'payload', e.payload, 'generation', e.generation, 'begun_before', p_begun_before,
    'result', e.result, 'attempts', e.attempts, 'ticket_id', e.ticket_id, 'by_task', e.by_task, 'delivery', e.delivery, 'project', banyan.project_json(p))
  from banyan.take_effect(p_key, p_worker, p_lease) as e join projects p on p.id = e.project_id
$$;

-- As before, with what tasks and runs have had since.
create or replace function banyan.claim_next(p_worker text, p_lease interval, p_in_place_of uuid, p_told public.events) returns json
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_claimed json;
begin
  with one as (
    select o.id
    from (
      select t.organization_id from tasks t where t.state = 'pending' and t.blockers = 0 and not t.held
      order by t.organization_id limit 1
    ) as first
    join (
      select t.organization_id from tasks t where t.state = 'pending' and t.blockers = 0 and not t.held
      order by t.organization_id desc limit 1
    ) as last on last.organization_id = first.organization_id
    join organizations o on o.id = first.organization_id
    where o.max_agent_runtime_hours is null
      -- In the place of one that just ended, unless there are still too many.
      and (o.max_concurrent_agents is null or (o.id = p_in_place_of and banyan.at_work(o.id) < o.max_concurrent_agents))
  ),
  picked as (
    select t.id, r.state as run_state
    from tasks t join runs r on r.id = t.run_id
    where t.organization_id = (select id from one) and t.state = 'pending' and t.blockers = 0 and not t.held and t.due_at <= v_now
    order by t.priority_rank, t.run_id, t.due_at, t.id
    limit 1
    for no key update of t skip locked
  ),
  started as (
    update tasks t
    set state = 'running', lease_owner = p_worker, lease_expires_at = v_now + p_lease, leased_at = v_now, attempts = t.attempts + 1,
      collecting = false, started_at = coalesce(t.started_at, v_now), updated_at = v_now
    from picked
    where t.id = picked.id and picked.run_state = 'running'
    returning t.id, t.organization_id, t.project_id, t.ticket_id, t.run_id, t.parent_task_id, t.key, t.role, t.phase, t.title, t.input, t.output,
      t.state, t.priority, t.attempts, t.max_attempts, t.due_at, t.timeout_seconds, t.waiting_for, t.waiting_on, t.waiting_since, t.error,
      t.created_at, t.started_at, t.finished_at, t.directive, t.delivery
  ),
  told as (
    insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
    select p_told.organization_id, p_told.project_id, p_told.ticket_id, p_told.run_id, p_told.task_id, p_told.type, p_told.data
    where p_told.type is not null
    union all
    select organization_id, project_id, ticket_id, run_id, id, 'task.started',
      jsonb_build_object('key', key, 'role', role, 'attempts', attempts, 'worker', p_worker)
    from started
  )
  select json_build_array(json_build_object(
    'task', row_to_json(s),
    'run', json_build_object(
      'id', r.id, 'ticket_id', r.ticket_id, 'state', r.state, 'workflow', r.workflow, 'config_snapshot', r.config_snapshot,
      'budget_usd', r.budget_usd, 'warn_at_usd', r.warn_at_usd, 'spent_usd', r.spent_usd, 'warned_at', r.warned_at,
      'stop_reason', r.stop_reason, 'started_at', r.started_at, 'finished_at', r.finished_at, 'steps_removed_at', r.steps_removed_at,
      'recovery', r.recovery),
    'ticket', row_to_json(k),
    'project', json_build_object(
      'id', p.id, 'organization_id', p.organization_id, 'installation_id', p.installation_id, 'github_id', p.github_id,
      'owner', p.owner, 'name', p.name, 'default_branch', p.default_branch)))
  into v_claimed
  from started s join runs r on r.id = s.run_id join tickets k on k.id = r.ticket_id join projects p on p.id = r.project_id;
  return v_claimed;
end
$$;

revoke execute on function banyan.cause, banyan.cause_of_run, banyan.task_caused, banyan.effect_caused from public, anon, authenticated;
grant execute on function banyan.cause, banyan.cause_of_run, banyan.task_caused, banyan.effect_caused to service_role;
