-- Metrics without a cost where things happen. What the logs tell anyhow (`events` of tasks, the steps in `agent_actions`) is counted from there, by
-- whoever folds: a scrape, a job of the cron, the retention before it deletes. What no log has is written as one increment in the statement that settles
-- it. Triggers stay where they fire rarely: runs, findings, reports, deaths.
--
-- Rows of a log become visible in another order than that of their ids, since an id is taken early and committed late. So a cursor is more than a
-- number: it has the highest id that was counted, and every id below that was not there to be counted. Those are looked for again at every fold, until
-- nobody can be bringing them any more; most were rolled back. An id is given up by generations: `missing` becomes `long_missing` at a turn, and
-- `long_missing` is forgotten at the next one. Turns are at least five minutes apart (an id is taken moments before its transaction is known as one),
-- and one comes only when every transaction that was at work at the turn before has ended: what they brought was seen by the fold that turns.

create table banyan.metric_cursors (
  source text primary key check (source in ('agent_actions', 'events')),
  counted bigint not null,
  missing int8multirange not null default '{}',
  long_missing int8multirange not null default '{}',
  turned_at timestamptz not null default clock_timestamp(),
  -- The first transaction that began after the last turn.
  turned_at_xid xid8 not null default pg_snapshot_xmax(pg_current_snapshot())
);
alter table banyan.metric_cursors enable row level security;
revoke all on table banyan.metric_cursors from public, anon, authenticated, service_role;
grant select, update on table banyan.metric_cursors to service_role;

-- From here on nobody counts in the old way: whoever still does holds a lock of the table that a trigger is taken from, and its increments are folded
-- before what their rows look like changes.
drop trigger count on public.tasks;
drop trigger count on public.effects;
drop trigger count on public.deliveries;
drop trigger count on public.agent_actions;
do $$
begin
  perform pg_advisory_xact_lock(banyan.lock_name('metrics', 'fold'));
  while banyan.fold_metrics(100000) > 0 loop
  end loop;
end
$$;
drop function banyan.count_task, banyan.count_effect, banyan.count_delivery, banyan.count_steps, banyan.step_counts, banyan.fold_metrics;
insert into banyan.metric_cursors (source, counted)
select 'events', coalesce(max(id), 0) from public.events
union all
select 'agent_actions', coalesce(max(id), 0) from public.agent_actions;

-- Ids of a log that nobody counted yet, which count from now on. Only for whoever holds the lock of `banyan.fold_metrics()`.
create function banyan.uncounted(p_source text, p_limit integer) returns bigint[]
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
declare
  v_cursor metric_cursors;
  v_ids bigint[];
  v_seen pg_snapshot;
  v_read int8multirange;
  v_highest bigint;
begin
  select * into strict v_cursor from metric_cursors where source = p_source;
  -- The snapshot is that of this very statement: what was committed after it is found by the next fold.
  execute format(
    'select array_agg(id order by id), pg_current_snapshot()
    from (
      (select id from public.%1$I where id > $1 order by id limit $2)
      union all
      select late.id from unnest($3) as gap (ids), lateral (
        select id from public.%1$I where id >= lower(gap.ids) and id < upper(gap.ids) order by id limit upper(gap.ids) - lower(gap.ids)
      ) as late
    ) as uncounted', p_source)
  into v_ids, v_seen
  using v_cursor.counted, p_limit, v_cursor.missing + v_cursor.long_missing;

  v_ids := coalesce(v_ids, '{}');
  v_read := coalesce((select range_agg(int8range(id, id + 1)) from unnest(v_ids) as id), '{}');
  v_highest := greatest(v_cursor.counted, v_ids[cardinality(v_ids)]);
  if v_ids = '{}' and isempty(v_cursor.missing + v_cursor.long_missing) then
    return v_ids;
  end if;
  v_cursor.missing := v_cursor.missing + int8multirange(int8range(v_cursor.counted + 1, v_highest + 1)) - v_read;
  v_cursor.long_missing := v_cursor.long_missing - v_read;
  if v_cursor.turned_at < clock_timestamp() - interval '5 minutes' and (pg_snapshot_xmin(v_seen) >= v_cursor.turned_at_xid
    -- A database that was moved to another server has other transactions.
    or pg_snapshot_xmax(v_seen) < v_cursor.turned_at_xid) then
    v_cursor.long_missing := v_cursor.missing;
    v_cursor.missing := '{}';
    v_cursor.turned_at := clock_timestamp();
    v_cursor.turned_at_xid := pg_snapshot_xmax(v_seen);
  end if;
  update metric_cursors
  set counted = v_highest, missing = v_cursor.missing, long_missing = v_cursor.long_missing, turned_at = v_cursor.turned_at,
    turned_at_xid = v_cursor.turned_at_xid
  where source = p_source;
  return v_ids;
end
$$;

-- What events count for. Seconds are absent where there is nothing to observe, and in what was told before events had them.
create function banyan.event_counts(p_ids bigint[]) returns table (metric text, labels jsonb, value numeric)
language sql stable
set search_path = public, pg_temp
as $$
  with told as (
    select type, substr(type, 6) as state, data -> 'error' as error, jsonb_build_object('role', data ->> 'role') as by,
      case when jsonb_typeof(data -> 'wait_seconds') = 'number' then greatest((data -> 'wait_seconds')::numeric, 0) end as wait_seconds,
      case when jsonb_typeof(data -> 'seconds') = 'number' then greatest((data -> 'seconds')::numeric, 0) end as seconds
    from events
    where id = any (p_ids) and task_id is not null and data ? 'role' and type in (
      'task.started', 'task.waiting', 'task.completed', 'task.failed', 'task.dead', 'task.cancelled', 'task.retried', 'task.put_off')
  )
  select 'banyan_task_wait_seconds', by, wait_seconds from told where type = 'task.started' and wait_seconds is not null
  union all
  select 'banyan_tasks_total', by || jsonb_build_object('state', state), 1
  from told where type in ('task.waiting', 'task.completed', 'task.failed', 'task.dead', 'task.cancelled')
  union all
  select 'banyan_task_seconds', by || jsonb_build_object('state', state), seconds
  from told where type in ('task.completed', 'task.failed', 'task.dead') and seconds is not null
  union all
  select 'banyan_failures_total', jsonb_build_object('work', 'task', 'code',
    case when type = 'task.cancelled' then 'cancelled' else left(coalesce(error ->> 'code', 'unknown'), 60) end), 1
  from told where type in ('task.failed', 'task.dead', 'task.cancelled', 'task.retried', 'task.put_off')
$$;

-- What steps count for. A tool's name comes from the model: what failed may never have been one.
create function banyan.action_counts(p_ids bigint[]) returns table (metric text, labels jsonb, value numeric)
language sql stable
set search_path = public, pg_temp
as $$
  with step as (
    select kind, is_error, duration_ms, tokens_in, tokens_out, cost_usd, left(coalesce(name, 'unknown'), 100) as name,
      jsonb_build_object('role', agent) as by
    from agent_actions where id = any (p_ids)
  )
  select 'banyan_step_seconds', by || jsonb_build_object('kind', kind), duration_ms / 1000::numeric from step
  union all
  select counted.metric, by || jsonb_build_object('model', name) || counted.more, counted.value
  from step, lateral (values
    ('banyan_model_calls_total', '{}'::jsonb, 1), ('banyan_tokens_total', '{"direction": "in"}', tokens_in),
    ('banyan_tokens_total', '{"direction": "out"}', tokens_out), ('banyan_cost_usd_total', '{}', cost_usd)
  ) as counted (metric, more, value)
  where kind = 'model' and counted.value > 0
  union all
  select 'banyan_tool_calls_total', by || jsonb_build_object('result', case when is_error then 'error' else 'ok' end, 'tool', case
    when not is_error or exists (
      select from banyan.metric_totals t
      where t.metric = 'banyan_tool_calls_total' and t.labels = by || jsonb_build_object('result', 'ok', 'tool', name) and t.le = 0
    ) then name else 'other' end), 1
  from step where kind = 'tool'
$$;

-- Adds to the totals what was not counted yet, so many of each source at a time: once, or until nothing is left or the time is over. One at a time, and
-- who finds another at it goes away: nobody ever waits here.
create function banyan.fold_metrics(p_limit integer, p_until timestamptz default null) returns integer
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
declare
  v_bounds double precision[] := metric_bounds();
  -- Negated and turned round: of an observation, these tell how many bounds it does not exceed.
  v_negated double precision[] := (select array_agg(-bound order by -bound) from unnest(v_bounds) as bound);
  v_events bigint[];
  v_actions bigint[];
  v_gone integer;
  v_folded integer := 0;
begin
  if not pg_try_advisory_xact_lock(lock_name('metrics', 'fold')) then
    return 0;
  end if;
  loop
    v_events := uncounted('events', p_limit);
    v_actions := uncounted('agent_actions', p_limit);
    with gone as (
      delete from metric_increments where id in (select id from metric_increments order by id limit p_limit)
      returning metric, labels, value
    ), counted as (
      select metric, labels, value from gone where metric not in ('delivery', 'effect')
      union all
      select settled.metric, settled.labels, settled.value
      from (select metric, labels, greatest((labels ->> 'seconds')::numeric, 0) as seconds from gone where metric in ('delivery', 'effect')) as g,
        lateral (values
          ('delivery', 'banyan_deliveries_total', jsonb_build_object('event', left(g.labels ->> 'event', 64), 'result', 'processed'), 1),
          ('delivery', 'banyan_delivery_seconds', '{}', g.seconds),
          ('effect', 'banyan_effects_total', jsonb_build_object('kind', g.labels ->> 'kind', 'result', 'settled'), 1),
          ('effect', 'banyan_effect_seconds', jsonb_build_object('kind', g.labels ->> 'kind'), case when g.labels ->> 'seconds' is not null then g.seconds end)
        ) as settled (work, metric, labels, value)
      where settled.work = g.metric and settled.value is not null
      union all
      select metric, labels, value from event_counts(v_events)
      union all
      select metric, labels, value from action_counts(v_actions)
    ), parts as (
      select metric, labels, 0::double precision as le, value from counted
      union all
      select metric, labels, v_bounds[cardinality(v_bounds) + 1 - width_bucket(-value::double precision, v_negated)], 1
      from counted where metric like '%\_seconds'
    ), added as (
      select metric, labels, le, sum(value) as value from parts group by metric, labels, le
    ), unknown as (
      select metric, labels, row_number() over (partition by metric order by labels) as place
      from added
      where le = 0 and not exists (select from metric_totals t where t.metric = added.metric and t.labels = added.labels and t.le = 0)
    ), beyond as (
      select metric, labels, (select jsonb_object_agg(key, 'other') from jsonb_each(labels)) as instead
      from unknown u
      where place + (select count(*) from metric_totals t where t.metric = u.metric and t.le = 0) > metric_series_limit()
    ), sums as (
      select a.metric, coalesce(b.instead, a.labels) as labels, a.le, sum(a.value) as value
      from added a left join beyond b on b.metric = a.metric and b.labels = a.labels
      group by 1, 2, 3
    ), folded as (
      insert into metric_totals as t (metric, labels, le, value) select metric, labels, le, value from sums
      on conflict (metric, labels, le) do update set value = t.value + excluded.value
    )
    select count(*) into v_gone from gone;
    v_folded := v_folded + v_gone + cardinality(v_events) + cardinality(v_actions);
    exit when p_until is null or clock_timestamp() >= p_until or greatest(v_gone, cardinality(v_events), cardinality(v_actions)) < p_limit;
  end loop;
  return v_folded;
end
$$;

-- What is not counted yet is not old enough to go, however old it is.
create or replace function banyan.retain_steps(p_limit integer, p_days integer) returns integer
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run_id uuid;
  v_messages integer;
  v_actions integer;
  v_counted bigint := (select counted from banyan.metric_cursors where source = 'agent_actions');
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
      select a.id from tasks t join agent_actions a on a.task_id = t.id where t.run_id = v_run_id and a.id <= v_counted
      limit p_limit - v_removed
    );
    get diagnostics v_actions = row_count;
    if greatest(v_messages, v_actions) < p_limit - v_removed
      and not exists (select from tasks t join agent_actions a on a.task_id = t.id where t.run_id = v_run_id) then
      update conversations set workspace = null
      where task_id in (select id from tasks where run_id = v_run_id) and workspace is not null;
      update runs set steps_removed_at = now() where id = v_run_id;
    end if;
    v_removed := v_removed + v_messages + v_actions;
  end loop;
  return v_removed;
end
$$;

create or replace function banyan.retain_logs(p_limit integer, p_days integer, out events integer, out audit integer)
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  v_before timestamptz := now() - make_interval(days => greatest(p_days, 1));
  v_counted bigint := (select c.counted from banyan.metric_cursors c where c.source = 'events');
begin
  perform set_config('banyan.retaining', 'on', true);
  delete from public.events where id in (
    select id from (select id, created_at from public.events where id <= v_counted order by id limit p_limit) as oldest where created_at < v_before
  );
  get diagnostics events = row_count;
  delete from public.audit_log where id in (
    select id from (select id, created_at from public.audit_log order by id limit p_limit) as oldest where created_at < v_before
  );
  get diagnostics audit = row_count;
  perform set_config('banyan.retaining', '', true);
end
$$;

create or replace function public.retain(p_limit integer, p_delivery_days integer, p_history_days integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_deliveries integer;
  v_steps integer;
  v_effects integer;
  v_logs record;
begin
  perform banyan.fold_metrics(20000, clock_timestamp() + interval '1 second');
  v_steps := banyan.retain_steps(p_limit, greatest(p_history_days, 1));
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

create or replace function public.metrics() returns jsonb
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
begin
  perform fold_metrics(20000, clock_timestamp() + interval '2 seconds');
  return jsonb_build_object(
    'schema_version', schema_version(),
    'bounds', (select jsonb_agg(bound::text) from unnest(metric_bounds()) as bound),
    'totals', (
      select coalesce(jsonb_agg(jsonb_build_object('metric', metric, 'labels', labels, 'value', value)
        || case when le = 0 then '{}'::jsonb else jsonb_build_object('le', le::text) end order by metric, labels, le), '[]'::jsonb)
      from metric_totals
    ),
    'gauges', (
      select coalesce(jsonb_agg(told), '[]'::jsonb)
      from (select queue_gauges() union all select work_gauges() union all select github_gauges() union all select watch_gauges()) as gauges (told)
    )
  );
end
$$;

-- Jobs of the cron count what happened since the one before, where nobody scrapes.
create or replace function banyan.count_watch_report() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_job jsonb := jsonb_build_object('job', new.job);
begin
  insert into banyan.metric_increments (metric, labels, value)
  select metric, labels, value
  from (
    values ('banyan_watch_runs_total', v_job || jsonb_build_object('result', case when new.error is null then 'done' else 'failed' end), 1::numeric),
      ('banyan_watch_run_seconds', v_job, banyan.seconds_between(new.started_at, new.finished_at)),
      ('banyan_watch_looked_total', v_job, new.looked),
      ('banyan_watch_acted_total', v_job, new.acted),
      ('banyan_watch_failed_total', v_job, new.failed)
    union all
    select 'banyan_watch_did_total', v_job || jsonb_build_object('did', left(key, 60)), value::text::numeric
    from jsonb_each(new.did) where jsonb_typeof(value) = 'number'
  ) as counted (metric, labels, value)
  where value > 0 or metric in ('banyan_watch_looked_total', 'banyan_watch_run_seconds');
  perform banyan.fold_metrics(20000, clock_timestamp() + interval '1 second');
  return null;
end
$$;
revoke execute on function banyan.uncounted, banyan.event_counts, banyan.action_counts, banyan.fold_metrics from public, anon, authenticated;
grant execute on function banyan.uncounted, banyan.event_counts, banyan.action_counts, banyan.fold_metrics to service_role;
