-- Retention: what no work needs any more is moved out in bounded batches. Safe to be stopped anywhere, and when two do it at once.
--   deliveries  processed this long ago (GitHub hands over the same one again for three days, so never sooner)
--   steps       messages, agents' actions and workspaces of runs that ended this long ago, of issues that are done or cancelled. The sums stay
--   effects     settled this long ago, of such issues; not the one status comment, whose result says which comment to edit
--   events      older than this; the audit log likewise
-- Dead letters and what failed stay for people to see.

create index deliveries_processed on public.deliveries (processed_at) where state = 'processed';
create index effects_settled on public.effects (settled_at) where state = 'settled';
alter table public.runs add column steps_removed_at timestamptz;
create index runs_ended on public.runs (finished_at) where finished_at is not null and steps_removed_at is null;

-- Append-only but for the one door below, in whose transaction this setting is on. Only the owner of the tables may delete at all.
create or replace function banyan.refuse_change() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if tg_op = 'DELETE' and current_setting('banyan.retaining', true) = 'on' then
    return old;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = 'PT405';
end
$$;

-- The oldest rows of both logs, read by the order in which they were written: nothing is searched for.
create function banyan.retain_logs(p_limit integer, p_days integer, out events integer, out audit integer)
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  v_before timestamptz := now() - make_interval(days => greatest(p_days, 1));
begin
  perform set_config('banyan.retaining', 'on', true);
  delete from public.events where id in (
    select id from (select id, created_at from public.events order by id limit p_limit) as oldest where created_at < v_before
  );
  get diagnostics events = row_count;
  delete from public.audit_log where id in (
    select id from (select id, created_at from public.audit_log order by id limit p_limit) as oldest where created_at < v_before
  );
  get diagnostics audit = row_count;
  perform set_config('banyan.retaining', '', true);
end
$$;

create function banyan.is_over(p_ticket_state text) returns boolean
language sql immutable
set search_path = ''
as $$
  select p_ticket_state in ('done', 'cancelled')
$$;

-- Steps of one ended run after another; a run whose steps are all gone is marked and not looked at again.
create function banyan.retain_steps(p_limit integer, p_days integer) returns integer
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run_id uuid;
  v_messages integer;
  v_actions integer;
  v_removed integer := 0;
begin
  for v_run_id in
    select r.id
    from runs r join tickets t on t.id = r.ticket_id
    where r.finished_at < now() - make_interval(days => p_days) and r.finished_at is not null and r.steps_removed_at is null
      and not banyan.run_is_open(r.state) and banyan.is_over(t.state)
    order by r.finished_at
    limit 1000
    for no key update of r skip locked
  loop
    exit when v_removed >= p_limit;
    delete from messages where (conversation_id, seq) in (
      select m.conversation_id, m.seq
      from tasks t join conversations c on c.task_id = t.id join messages m on m.conversation_id = c.id
      where t.run_id = v_run_id
      limit p_limit - v_removed
    );
    get diagnostics v_messages = row_count;
    delete from agent_actions where id in (
      select a.id from tasks t join agent_actions a on a.task_id = t.id where t.run_id = v_run_id
      limit p_limit - v_removed
    );
    get diagnostics v_actions = row_count;
    if greatest(v_messages, v_actions) < p_limit - v_removed then
      update conversations set workspace = null
      where task_id in (select id from tasks where run_id = v_run_id) and workspace is not null;
      update runs set steps_removed_at = now() where id = v_run_id;
    end if;
    v_removed := v_removed + v_messages + v_actions;
  end loop;
  return v_removed;
end
$$;

-- One batch of each: `p_limit` rows at most (of steps, of each of their two tables). `more`: some reached that, call again.
create function public.retain(p_limit integer, p_delivery_days integer, p_history_days integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_deliveries integer;
  v_steps integer := banyan.retain_steps(p_limit, greatest(p_history_days, 1));
  v_effects integer;
  v_logs record;
begin
  delete from deliveries where guid in (
    select guid from deliveries
    where state = 'processed' and processed_at < now() - make_interval(days => greatest(p_delivery_days, 3))
    order by processed_at limit p_limit for update skip locked
  );
  get diagnostics v_deliveries = row_count;
  delete from effects where key in (
    select e.key from effects e join tickets t on t.id = e.ticket_id
    where e.state = 'settled' and e.settled_at < now() - make_interval(days => greatest(p_history_days, 1))
      and e.kind <> 'status_comment' and banyan.is_over(t.state)
    order by e.settled_at limit p_limit for update of e skip locked
  );
  get diagnostics v_effects = row_count;
  delete from banyan.agent_hours where hour < now() - interval '2 days';
  v_logs := banyan.retain_logs(p_limit, p_history_days);
  return jsonb_build_object('deliveries', v_deliveries, 'steps', v_steps, 'effects', v_effects, 'events', v_logs.events, 'audit', v_logs.audit,
    'more', greatest(v_deliveries, v_steps, v_effects, v_logs.events, v_logs.audit) >= p_limit);
end
$$;

revoke execute on function public.retain, banyan.retain_logs, banyan.retain_steps, banyan.is_over from public, anon, authenticated;
grant execute on function public.retain, banyan.retain_logs, banyan.retain_steps, banyan.is_over to service_role;
