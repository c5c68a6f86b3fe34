-- What monitoring reads. No process lives long enough to count anything, so counters are kept where things happen: a trigger writes one small row
-- for each thing counted (nobody waits for anybody else's row), and these rows are folded into totals a few hundred at a time. Totals only ever
-- rise, whatever the retention deletes from the tables that they were counted from.

create table banyan.metric_increments (
  id bigint generated always as identity primary key,
  -- `..._total`: added up. `..._seconds`: an observation of a histogram. `step`: a step of a conversation, whose facts are the labels.
  metric text not null,
  labels jsonb not null,
  value numeric not null default 1
);

create table banyan.metric_totals (
  metric text not null,
  labels jsonb not null,
  -- 0: the counter, or the sum of a histogram's observations. Otherwise the observations of one bucket, those of smaller ones not among them.
  le double precision not null default 0,
  value numeric not null,
  primary key (metric, labels, le)
) with (fillfactor = 50);

-- Of the whole installation: nobody's who is in one organization.
alter table banyan.metric_increments enable row level security;
alter table banyan.metric_totals enable row level security;
revoke all on table banyan.metric_increments, banyan.metric_totals from public, anon, authenticated, service_role;
grant select, insert, delete on table banyan.metric_increments to service_role;
grant select, insert, update, delete on table banyan.metric_totals to service_role;
revoke all on sequence banyan.metric_increments_id_seq from public, anon, authenticated;

-- What a scrape counts, without the rows of what is over. What is ready has an index of its own, and what is at work.
create index tasks_not_ready on public.tasks (state, role) where state = 'waiting' or (state = 'pending' and (blockers > 0 or held));
create index runs_open on public.runs (state) where state in ('queued', 'running', 'paused');
create index tickets_open on public.tickets (state) where state not in ('done', 'cancelled');
create index watch_marks_finding on banyan.watch_marks (job) where finding is not null;

-- Upper bounds of every histogram, in seconds: a tool takes milliseconds, a model seconds, a run hours.
create function banyan.metric_bounds() returns double precision[]
language sql immutable
set search_path = ''
as $$
  select array[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400, 'Infinity']::double precision[]
$$;

-- Label sets of one metric; what comes after them counts as `other`. Names of models and tools are written by people and by models.
create function banyan.metric_series_limit() returns integer
language sql immutable
set search_path = ''
as $$
  select 200
$$;

-- What a step counts for. A tool's name comes from the model: what failed may never have been one.
create function banyan.step_counts(p_facts jsonb) returns table (metric text, labels jsonb, value numeric)
language sql stable
set search_path = ''
as $$
  with step as (
    select role, kind, error, ms, "in", out, usd, left(coalesce(name, 'unknown'), 100) as name, jsonb_build_object('role', role) as by
    from jsonb_to_record(p_facts) as f (role text, kind text, name text, error boolean, ms numeric, "in" numeric, out numeric, usd numeric)
  )
  select 'banyan_step_seconds', by || jsonb_build_object('kind', kind), ms / 1000 from step
  union all
  select counted.metric, by || jsonb_build_object('model', name) || counted.more, counted.value
  from step, lateral (values
    ('banyan_model_calls_total', '{}'::jsonb, 1), ('banyan_tokens_total', '{"direction": "in"}', "in"), ('banyan_tokens_total', '{"direction": "out"}', out),
    ('banyan_cost_usd_total', '{}', usd)
  ) as counted (metric, more, value)
  where kind = 'model' and counted.value > 0
  union all
  select 'banyan_tool_calls_total', by || jsonb_build_object('result', case when error then 'error' else 'ok' end, 'tool', case
    when not error or exists (
      select from banyan.metric_totals t
      where t.metric = 'banyan_tool_calls_total' and t.labels = by || jsonb_build_object('result', 'ok', 'tool', name) and t.le = 0
    ) then name else 'other' end), 1
  from step where kind = 'tool'
$$;

-- Moves increments into the totals. One at a time, and who finds another at it goes away: nobody ever waits here.
create function banyan.fold_metrics(p_limit integer) returns integer
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
declare
  v_folded integer;
begin
  if not pg_try_advisory_xact_lock(banyan.lock_name('metrics', 'fold')) then
    return 0;
  end if;
  with gone as (
    delete from metric_increments where id in (select id from metric_increments order by id limit p_limit)
    returning metric, labels, value
  ), counted as (
    select metric, labels, value from gone where metric <> 'step'
    union all
    select c.metric, c.labels, c.value from gone g, lateral step_counts(g.labels) as c where g.metric = 'step'
  ), parts as (
    select metric, labels, 0::double precision as le, value from counted
    union all
    select metric, labels, (select min(bound) from unnest(metric_bounds()) as bound where bound >= value), 1 from counted where metric like '%\_seconds'
  ), unknown as (
    select metric, labels, row_number() over (partition by metric order by labels) as place
    from (select distinct metric, labels from counted) as met
    where not exists (select from metric_totals t where t.metric = met.metric and t.labels = met.labels and t.le = 0)
  ), beyond as (
    select metric, labels, (select jsonb_object_agg(key, 'other') from jsonb_each(labels)) as instead
    from unknown u
    where place + (select count(*) from metric_totals t where t.metric = u.metric and t.le = 0) > metric_series_limit()
  ), sums as (
    select p.metric, coalesce(b.instead, p.labels) as labels, p.le, sum(p.value) as value
    from parts p left join beyond b on b.metric = p.metric and b.labels = p.labels
    group by 1, 2, 3
  ), folded as (
    insert into metric_totals as t (metric, labels, le, value) select metric, labels, le, value from sums
    on conflict (metric, labels, le) do update set value = t.value + excluded.value
  )
  select count(*) into v_folded from gone;
  return v_folded;
end
$$;

-- Every so often whoever counts something folds a little, so that totals keep up where nobody reads them.
create function banyan.fold_some() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform banyan.fold_metrics(2048);
  return null;
end
$$;
create trigger fold after insert on banyan.metric_increments for each row when (new.id % 512 = 0) execute function banyan.fold_some();

create function banyan.count_metric(p_metric text, p_labels jsonb, p_value numeric) returns void
language sql volatile
set search_path = ''
as $$
  insert into banyan.metric_increments (metric, labels, value) values (p_metric, p_labels, p_value)
$$;

create function banyan.seconds_between(p_from timestamptz, p_to timestamptz) returns numeric
language sql immutable
set search_path = ''
as $$
  select greatest(extract(epoch from p_to - p_from), 0)::numeric
$$;

create function banyan.count_steps() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  insert into banyan.metric_increments (metric, labels)
  select 'step', jsonb_build_object('role', agent, 'kind', kind, 'name', name, 'error', is_error, 'ms', duration_ms, 'in', tokens_in, 'out', tokens_out,
    'usd', cost_usd)
  from counted;
  return null;
end
$$;
create trigger count after insert on public.agent_actions referencing new table as counted
  for each statement execute function banyan.count_steps();

create function banyan.count_failure(p_work text, p_error jsonb) returns void
language sql volatile
set search_path = ''
as $$
  select banyan.count_metric('banyan_failures_total', jsonb_build_object('work', p_work, 'code', left(coalesce(p_error ->> 'code', 'unknown'), 60)), 1)
$$;

create function banyan.count_task() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.state is distinct from old.state and new.state = 'running' then
    perform banyan.count_metric('banyan_task_wait_seconds', jsonb_build_object('role', new.role), banyan.seconds_between(old.due_at, clock_timestamp()));
  elsif new.state is distinct from old.state and new.state <> 'pending' then
    perform banyan.count_metric('banyan_tasks_total', jsonb_build_object('role', new.role, 'state', new.state), 1);
    if new.state in ('completed', 'failed', 'dead') and new.started_at is not null then
      perform banyan.count_metric('banyan_task_seconds', jsonb_build_object('role', new.role, 'state', new.state),
        banyan.seconds_between(new.started_at, coalesce(new.finished_at, clock_timestamp())));
    end if;
  end if;
  if new.error is not null and new.error is distinct from old.error then
    perform banyan.count_failure('task', new.error);
  end if;
  return null;
end
$$;
create trigger count after update of state, error on public.tasks
  for each row when (new.state is distinct from old.state or new.error is distinct from old.error) execute function banyan.count_task();

create function banyan.count_run() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.state not in ('queued', 'running', 'paused') then
    perform banyan.count_metric('banyan_runs_total', jsonb_build_object('state', new.state), 1);
    perform banyan.count_metric('banyan_run_seconds', jsonb_build_object('state', new.state),
      banyan.seconds_between(new.started_at, coalesce(new.finished_at, clock_timestamp())));
  end if;
  return null;
end
$$;
create trigger count after update of state on public.runs
  for each row when (new.state is distinct from old.state) execute function banyan.count_run();

create function banyan.count_delivery() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.state is distinct from old.state and new.state <> 'pending' then
    perform banyan.count_metric('banyan_deliveries_total', jsonb_build_object('event', left(new.event, 64), 'result', new.state), 1);
    perform banyan.count_metric('banyan_delivery_seconds', '{}', banyan.seconds_between(new.received_at, clock_timestamp()));
  end if;
  if new.error is not null and new.error is distinct from old.error then
    perform banyan.count_failure('delivery', new.error);
  end if;
  return null;
end
$$;
create trigger count after update of state, error on public.deliveries
  for each row when (new.state is distinct from old.state or new.error is distinct from old.error) execute function banyan.count_delivery();

-- Of what is wanted anew the first moment is long ago: only what was done at its first wish tells how long that takes.
create function banyan.count_effect() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.state is distinct from old.state and new.state in ('settled', 'failed') then
    perform banyan.count_metric('banyan_effects_total', jsonb_build_object('kind', new.kind, 'result', new.state), 1);
    if new.state = 'settled' and new.generation = 1 then
      perform banyan.count_metric('banyan_effect_seconds', jsonb_build_object('kind', new.kind), banyan.seconds_between(new.created_at, clock_timestamp()));
    end if;
  elsif old.state = 'begun' and new.state = 'pending' and new.error is not null then
    perform banyan.count_metric('banyan_effect_retries_total', jsonb_build_object('kind', new.kind), 1);
  end if;
  if new.error is not null and new.error is distinct from old.error then
    perform banyan.count_failure('effect', new.error);
  end if;
  return null;
end
$$;
create trigger count after update of state, error on public.effects
  for each row when (new.state is distinct from old.state or new.error is distinct from old.error) execute function banyan.count_effect();

create function banyan.count_watch_report() returns trigger
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
  return null;
end
$$;
create trigger count after insert on banyan.watch_reports for each row execute function banyan.count_watch_report();

create function banyan.count_finding() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform banyan.count_metric('banyan_watch_findings_total', jsonb_build_object('job', new.job), 1);
  return null;
end
$$;
create trigger count after update of finding on banyan.watch_marks
  for each row when (new.finding is not null and new.finding is distinct from old.finding) execute function banyan.count_finding();

create function banyan.count_death() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform banyan.count_metric('banyan_worker_deaths_total', jsonb_build_object('work', new.kind), 1);
  return null;
end
$$;
create trigger count after insert or update of last_at on banyan.deaths for each row execute function banyan.count_death();

revoke execute on function
  banyan.metric_bounds, banyan.metric_series_limit, banyan.fold_metrics, banyan.fold_some, banyan.count_metric, banyan.seconds_between, banyan.count_steps, banyan.step_counts,
  banyan.count_failure, banyan.count_task, banyan.count_run, banyan.count_delivery, banyan.count_effect, banyan.count_watch_report, banyan.count_finding,
  banyan.count_death
  from public, anon, authenticated;
grant execute on function
  banyan.metric_bounds, banyan.metric_series_limit, banyan.fold_metrics, banyan.fold_some, banyan.count_metric, banyan.seconds_between, banyan.count_steps, banyan.step_counts,
  banyan.count_failure, banyan.count_task, banyan.count_run, banyan.count_delivery, banyan.count_effect, banyan.count_watch_report, banyan.count_finding,
  banyan.count_death
  to service_role;
