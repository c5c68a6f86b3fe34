-- One call for a scrape: the totals, and gauges of what is open now. Everything is read from partial indexes of what is open or bounded by a limit, so
-- that a million rows of history cost it nothing.

-- Where a queue is longer than this, its length is told as this.
create function banyan.metric_count_limit() returns integer
language sql immutable
set search_path = ''
as $$
  select 50000
$$;

create function banyan.gauge(p_metric text, p_labels jsonb, p_value numeric) returns jsonb
language sql immutable
set search_path = ''
as $$
  select jsonb_build_object('metric', p_metric, 'labels', p_labels, 'value', p_value)
$$;

-- Due means that a worker could take it now; what a lane, a pause or a dependency holds back does not make the system look late.
create function banyan.queue_gauges() returns setof jsonb
language sql stable
set search_path = public, pg_temp
as $$
  with due as (
    (select 'deliveries' as queue, due_at from deliveries
      where state = 'pending' and not behind and due_at <= now() and (lease_expires_at is null or lease_expires_at <= now())
      order by seq limit banyan.metric_count_limit())
    union all
    (select 'effects', due_at from effects
      where state in ('pending', 'begun') and not behind and due_at <= now() and (lease_expires_at is null or lease_expires_at <= now())
      order by position limit banyan.metric_count_limit())
    union all
    (select 'tasks', due_at from tasks where state = 'pending' and blockers = 0 and not held and due_at <= now() limit banyan.metric_count_limit())
  ), queues as (
    select q.queue, count(d.due_at) as length, coalesce(banyan.seconds_between(min(d.due_at), now()), 0) as age
    from unnest(array['deliveries', 'effects', 'tasks']) as q (queue) left join due d on d.queue = q.queue
    group by q.queue
  )
  select banyan.gauge(metric, jsonb_build_object('queue', queue), value)
  from queues, lateral (values ('banyan_queue_due', length::numeric), ('banyan_queue_oldest_due_seconds', age)) as told (metric, value)
  union all
  select banyan.gauge('banyan_given_up', jsonb_build_object('work', work), open)
  from (values
    ('delivery', (select count(*) from (select from deliveries where state = 'dead' limit banyan.metric_count_limit()) as d)),
    ('missed_delivery', (select count(*) from (select from missed_deliveries where state = 'lost' limit banyan.metric_count_limit()) as d)),
    ('effect', (select count(*) from (select from effects where state = 'failed' limit banyan.metric_count_limit()) as d)),
    ('task', (select count(*) from (select from tasks where state = 'dead' limit banyan.metric_count_limit()) as d))
  ) as given_up (work, open)
$$;

create function banyan.work_gauges() returns setof jsonb
language sql stable
set search_path = public, pg_temp
as $$
  with open_tasks as (
    (select role, 'ready' as state from tasks where state = 'pending' and blockers = 0 and not held limit banyan.metric_count_limit())
    union all
    (select role, 'running' from tasks where state = 'running' limit banyan.metric_count_limit())
    union all
    (select role, case state when 'pending' then 'blocked' else state end from tasks
      where state = 'waiting' or (state = 'pending' and (blockers > 0 or held)) limit banyan.metric_count_limit())
  )
  select banyan.gauge('banyan_tasks', jsonb_build_object('role', role, 'state', state), count(*)) from open_tasks group by role, state
  union all
  select banyan.gauge('banyan_runs', jsonb_build_object('state', state), count(*))
  from (select state from runs where state in ('queued', 'running', 'paused') limit banyan.metric_count_limit()) as r group by state
  union all
  select banyan.gauge('banyan_tickets', jsonb_build_object('state', state), count(*))
  from (select state from tickets where state not in ('done', 'cancelled') limit banyan.metric_count_limit()) as t group by state
  union all
  select banyan.gauge('banyan_workers_busy', '{}', (
    select count(distinct lease_owner)
    from (select lease_owner from tasks where state = 'running' and lease_expires_at > now() limit banyan.metric_count_limit()) as held))
  union all
  (select banyan.gauge('banyan_organization_tasks_running', jsonb_build_object('organization', o.login), sum(t.running))
    from (select organization_id, count(*) as running from tasks where state = 'running' group by 1 order by 2 desc, 1 limit 50) as t
    join organizations o on o.id = t.organization_id
    group by o.login)
  union all
  select banyan.gauge('banyan_agents', jsonb_build_object('role', role, 'state', state), count(*))
  from (select role, state from agents where state <> 'retired' limit banyan.metric_count_limit()) as a group by role, state
$$;

-- Of GitHub's limits, as they are kept here: `banyan.github_limits()`.
create function banyan.github_gauges() returns setof jsonb
language sql stable
set search_path = public, pg_temp
as $$
  with used as (
    select r.installation_id, coalesce(sum(r.points) filter (where r.granted_at > now() - interval '1 minute'), 0) as points,
      coalesce(sum(r.creations) filter (where r.granted_at > now() - interval '1 minute'), 0) as minute, coalesce(sum(r.creations), 0) as hour
    from github_reservations r where r.granted_at > now() - interval '1 hour'
    group by r.installation_id
  ), busiest as (
    select i.account_login, coalesce(u.points, 0) as points, coalesce(u.minute, 0) as minute, coalesce(u.hour, 0) as hour, i.held_until
    from installations i left join used u on u.installation_id = i.id
    where i.deleted_at is null and i.suspended_at is null
    order by i.held_until > now() desc nulls last, u.points desc nulls last, u.hour desc nulls last, i.id limit 50
  ), accounts as (
    select b.account_login, l.points_a_minute - max(b.points) as points,
      least(l.creations_a_minute - max(b.minute), l.creations_an_hour - max(b.hour)) as creations, max(b.held_until) as held_until
    from busiest b, banyan.github_limits() as l
    group by b.account_login, l.points_a_minute, l.creations_a_minute, l.creations_an_hour
  )
  select banyan.gauge(metric, jsonb_build_object('account', account_login), value)
  from accounts, lateral (values
    ('banyan_github_points_left', greatest(points, 0)::numeric),
    ('banyan_github_creations_left', greatest(creations, 0)::numeric),
    ('banyan_github_held_seconds', coalesce(banyan.seconds_between(now(), held_until), 0))
  ) as told (metric, value)
$$;

-- One step of the index for each job that there is, however many reports it has.
create function banyan.watch_gauges() returns setof jsonb
language sql stable
set search_path = banyan, pg_temp
as $$
  with recursive last as (
    (select job, finished_at, error from watch_reports order by job, id desc limit 1)
    union all
    select r.job, r.finished_at, r.error
    from last, lateral (select * from watch_reports w where w.job > last.job order by w.job, w.id desc limit 1) as r
  )
  select banyan.gauge(metric, jsonb_build_object('job', job), value)
  from last, lateral (values
    ('banyan_watch_last_run_timestamp_seconds', extract(epoch from finished_at)::numeric),
    ('banyan_watch_last_run_age_seconds', banyan.seconds_between(finished_at, now())),
    ('banyan_watch_last_run_ok', case when error is null then 1 else 0 end::numeric)
  ) as told (metric, value)
  union all
  select banyan.gauge('banyan_watch_marks_failing', jsonb_build_object('job', job), count(*))
  from (select job from watch_marks where failures > 0 limit banyan.metric_count_limit()) as m group by job
  union all
  select banyan.gauge('banyan_watch_findings', jsonb_build_object('job', job), count(*))
  from (select job from watch_marks where finding is not null limit banyan.metric_count_limit()) as m group by job
$$;

-- A bucket is told by its upper bound as text, because JSON knows no infinity.
create function public.metrics() returns jsonb
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
begin
  perform fold_metrics(5000);
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

revoke execute on function
  public.metrics, banyan.metric_count_limit, banyan.gauge, banyan.queue_gauges, banyan.work_gauges, banyan.github_gauges, banyan.watch_gauges
  from public, anon, authenticated;
grant execute on function
  public.metrics, banyan.metric_count_limit, banyan.gauge, banyan.queue_gauges, banyan.work_gauges, banyan.github_gauges, banyan.watch_gauges
  to service_role;
