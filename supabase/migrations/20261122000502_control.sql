-- Control of what is at work: a light look for the holders of leases, and a budget that can be raised in the middle.

-- How the tasks of a worker stand, without touching their leases: a pause or a stop must take effect within seconds, however long a lease is.
create function public.look(p_worker text, p_tasks jsonb) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select coalesce(jsonb_object_agg(t.id, banyan.step_gate(t.id, p_worker)), '{}'::jsonb)
  from tasks t where t.id in (select value::uuid from jsonb_array_elements_text(p_tasks))
$$;

-- What ended because the budget was spent goes on where it stopped: its conversation is all there.
create function banyan.reopen_after_budget(p_run_id uuid) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
  v_now timestamptz := clock_timestamp();
begin
  for v_task in
    update tasks
    set state = 'pending', attempts = 0, error = null, finished_at = null, due_at = v_now, held = false,
      lease_owner = null, lease_expires_at = null
    where id in (
      select id from tasks
      where run_id = p_run_id
        and ((state = 'failed' and error #>> '{data,limit}' = 'budget') or (state = 'cancelled' and error ->> 'message' = 'budget'))
      order by id for no key update
    )
    returning *
  loop
    perform banyan.emit_task(v_task, 'task.reopened', '{}');
  end loop;
end
$$;

-- With `budget_usd` and `warn_at_usd`: what the run may cost from now on. A run that its budget had stopped and that is to run again goes on with its tasks.
create or replace function banyan.intent_set_run(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run runs := banyan.locked_run(p_ticket_id);
begin
  perform banyan.set_run_state(
    v_run, p_intent ->> 'state',
    case when p_intent ? 'stop_reason' then p_intent ->> 'stop_reason' else v_run.stop_reason end,
    case when jsonb_typeof(p_intent -> 'report') = 'object' then p_intent -> 'report' end
  );
  if p_intent ? 'budget_usd' then
    update runs
    set budget_usd = (p_intent ->> 'budget_usd')::numeric, warn_at_usd = (p_intent ->> 'warn_at_usd')::numeric,
      warned_at = case when spent_usd >= (p_intent ->> 'warn_at_usd')::numeric then warned_at end
    where id = v_run.id;
    insert into events (organization_id, project_id, ticket_id, run_id, type, data)
    values (v_run.organization_id, v_run.project_id, v_run.ticket_id, v_run.id, 'run.budget_changed',
      jsonb_build_object('from', v_run.budget_usd, 'to', p_intent -> 'budget_usd'));
    if v_run.state = 'stopped_budget' and p_intent ->> 'state' = 'running' then
      perform banyan.reopen_after_budget(v_run.id);
    end if;
  end if;
  return true;
end
$$;

revoke execute on function public.look, banyan.reopen_after_budget from public, anon, authenticated;
grant execute on function public.look, banyan.reopen_after_budget to service_role;
