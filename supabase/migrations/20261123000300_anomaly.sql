-- What finished runs took, by kind, and how an active run compares with it (`src/domain/anomaly.ts` has the rule).
--   run_figures  one row for each completed run. The row is made as the run ends, its figures by the job: an end must not wait for a count.
--   run_norms    median and spread of the newest of them, by kind: what a look at an active run reads instead of history.

alter table public.diagnoses
  -- What the cause is called, and everything that is the same cause in the same place.
  add column cause text,
  add column signature text,
  add column action text check (action in ('retry', 'roll_back', 'split', 're_plan', 'change_model', 'ask_person', 'stop')),
  -- What it rests on: items that `hypothesis` and the audit refer to by id.
  add column evidence jsonb not null default '[]',
  -- Who wrote the hypothesis, and what that cost; null where the rules did.
  add column model text,
  add column cost_usd numeric(18, 8) not null default 0,
  add column acted_at timestamptz,
  -- Whether the run went on afterwards.
  add column outcome text check (outcome in ('helped', 'failed')),
  add column outcome_at timestamptz;
create unique index diagnoses_anomaly on public.diagnoses (run_id) where kind = 'anomaly';
create index diagnoses_unsettled on public.diagnoses (state, id) where state in ('open', 'recovering');
create index runs_at_work on public.runs (id) where state = 'running';

create table banyan.run_figures (
  run_id uuid primary key references public.runs on delete cascade,
  organization_id uuid not null,
  workflow text not null,
  kind text not null,
  finished_at timestamptz not null,
  -- Null until they are counted.
  figures jsonb
);
create index run_figures_uncounted on banyan.run_figures (finished_at) where figures is null;
create index run_figures_kind on banyan.run_figures (workflow, kind, finished_at desc) where figures is not null;
create index run_figures_organization on banyan.run_figures (organization_id, workflow, kind, finished_at desc) where figures is not null;

create table banyan.run_norms (
  -- Null: over all organizations.
  organization_id uuid references public.organizations on delete cascade,
  workflow text not null,
  kind text not null,
  figure text not null,
  runs integer not null,
  median double precision not null,
  -- Of the logarithms: 1.4826 times their median absolute deviation, which is the standard deviation where they are normal.
  spread double precision not null,
  unique nulls not distinct (organization_id, workflow, kind, figure)
);

alter table banyan.run_figures enable row level security;
alter table banyan.run_norms enable row level security;
revoke all on table banyan.run_figures, banyan.run_norms from public, anon, authenticated, service_role;
grant select, insert, update, delete on table banyan.run_figures, banyan.run_norms to service_role;

-- Only runs that came to their good end say what is usual.
create function banyan.note_run_end() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  insert into banyan.run_figures (run_id, organization_id, workflow, kind, finished_at)
  select new.id, new.organization_id, new.workflow, t.kind, coalesce(new.finished_at, clock_timestamp())
  from tickets t where t.id = new.ticket_id
  on conflict (run_id) do nothing;
  return null;
end
$$;
create trigger note_end after insert or update of state on public.runs
  for each row when (new.state = 'completed') execute function banyan.note_run_end();
insert into banyan.run_figures (run_id, organization_id, workflow, kind, finished_at)
select r.id, r.organization_id, r.workflow, t.kind, coalesce(r.finished_at, r.updated_at)
from public.runs r join public.tickets t on t.id = r.ticket_id
where r.state = 'completed';

-- What a run took so far. `repeated`: how often its most frequent call was made, the same tool with the same input. A figure that nothing
-- is known of is left out (its steps may have been moved out since).
create function banyan.measure_run(p_run_id uuid) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  with steps as (
    select count(*) as conversations, sum(c.duration_ms) / 60000.0 as minutes, sum(c.model_calls + c.tool_calls) as steps
    from tasks t join conversations c on c.task_id = t.id where t.run_id = p_run_id
  ),
  calls as (
    select count(*) as calls, count(*) filter (where a.is_error) as errors
    from tasks t join agent_actions a on a.task_id = t.id where t.run_id = p_run_id and a.kind = 'tool'
  ),
  repeated as (
    select count(*) as times, a.name
    from tasks t join agent_actions a on a.task_id = t.id
    where t.run_id = p_run_id and a.kind = 'tool'
    group by a.task_id, a.name, a.input
    order by count(*) desc limit 1
  ),
  files as (
    select count(*) as files
    from (
      select distinct on (f.file) f.change
      from tasks t join conversations c on c.task_id = t.id join workspace_files f on f.conversation_id = c.id
      where t.run_id = p_run_id
      order by f.file, f.conversation_id desc, f.seq desc
    ) as newest where change is not null
  )
  select jsonb_strip_nulls(jsonb_build_object(
    'cost_usd', r.spent_usd,
    'minutes', case when s.conversations > 0 then round(s.minutes, 3) end,
    'steps', case when s.conversations > 0 then s.steps end,
    'calls', case when c.calls > 0 then c.calls end,
    'errors', case when c.calls > 0 then c.errors end,
    -- As if five more calls had been made, half an error among them: one error of two calls says little.
    'error_rate', case when c.calls > 0 then round((c.errors + 0.5) / (c.calls + 5), 4) end,
    'repeated', (select times from repeated),
    'repeated_tool', (select name from repeated),
    'files', case when s.conversations > 0 then f.files end))
  from runs r, steps s, calls c, files f
  where r.id = p_run_id
$$;

-- Over the newest 200 of a kind, in one organization or (null) in all.
create function banyan.set_norms(p_organization_id uuid, p_workflow text, p_kind text) returns void
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
begin
  insert into run_norms as n (organization_id, workflow, kind, figure, runs, median, spread)
  with newest as (
    select figures from run_figures
    where figures is not null and workflow = p_workflow and kind = p_kind and (p_organization_id is null or organization_id = p_organization_id)
    order by finished_at desc limit 200
  ),
  known as (
    select f.key as figure, ln(greatest(f.value::double precision, 1e-6)) as value
    from newest, jsonb_each_text(figures) as f
    where f.key in ('cost_usd', 'minutes', 'steps', 'error_rate', 'repeated', 'files')
  ),
  middle as (
    select figure, count(*) as runs, percentile_cont(0.5) within group (order by value) as median from known group by figure
  )
  select p_organization_id, p_workflow, p_kind, m.figure, m.runs, exp(m.median),
    1.4826 * percentile_cont(0.5) within group (order by abs(k.value - m.median))
  from middle m join known k on k.figure = m.figure
  group by m.figure, m.runs, m.median
  on conflict (organization_id, workflow, kind, figure) do update
    set runs = excluded.runs, median = excluded.median, spread = excluded.spread;
end
$$;

-- Counts runs that ended since, and brings the norms of their kinds up to date. Twice at once takes different runs.
create function public.learn_norms(p_limit integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_kind record;
  v_runs uuid[];
begin
  select coalesce(array_agg(run_id), '{}') into v_runs
  from (select run_id from banyan.run_figures where figures is null order by finished_at limit p_limit for update skip locked) as uncounted;
  update banyan.run_figures set figures = banyan.measure_run(run_id) where run_id = any (v_runs);
  -- In one order, so that two that learn at once do not wait for each other in a circle.
  for v_kind in
    select distinct scope.organization_id, f.workflow, f.kind
    from banyan.run_figures f, lateral (values (f.organization_id), (null)) as scope (organization_id)
    where f.run_id = any (v_runs)
    order by f.workflow, f.kind, scope.organization_id
  loop
    perform banyan.set_norms(v_kind.organization_id, v_kind.workflow, v_kind.kind);
  end loop;
  return jsonb_build_object('learned', cardinality(v_runs));
end
$$;

-- What a run took so far, and what is usual for its kind: in its organization where enough is known, else everywhere.
create function public.run_figures(p_run_id uuid, p_min_runs integer) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select jsonb_build_object('figures', banyan.measure_run(r.id), 'norms', coalesce((
    select jsonb_object_agg(best.figure, jsonb_build_object('runs', best.runs, 'median', best.median, 'spread', best.spread,
      'scope', case when best.organization_id is null then 'all' else 'organization' end))
    from (
      select distinct on (n.figure) n.*
      from banyan.run_norms n
      where n.workflow = r.workflow and n.kind = t.kind and (n.organization_id = r.organization_id or n.organization_id is null)
      order by n.figure, (n.runs >= p_min_runs) desc, n.organization_id nulls last
    ) as best
  ), '{}'::jsonb))
  from runs r join tickets t on t.id = r.ticket_id
  where r.id = p_run_id
$$;

-- Runs at work that changed since they were looked at. Each model call of theirs changes them; now and then they are looked at anyhow.
create function banyan.anomaly_candidates() returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select 'run:' || r.id, r.organization_id, r.updated_at, jsonb_build_object('run_id', r.id, 'ticket_id', r.ticket_id)
  from runs r left join banyan.watch_marks m on m.job = 'anomaly' and m.subject = 'run:' || r.id
  where r.state = 'running'
    and (m.subject is null or r.updated_at > m.looked_at or m.looked_at < clock_timestamp() - interval '5 minutes')
    and not exists (select from diagnoses d where d.run_id = r.id and d.kind = 'anomaly')
$$;

-- The work's intents as they were, with those of diagnoses before them.
alter function banyan.apply_plain(uuid, uuid, uuid, jsonb) rename to apply_work;

-- Opens a diagnosis of the ticket's run, if it still is that one. An anomaly is found once in a run.
create function banyan.intent_diagnosis(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
  v_id uuid;
begin
  select * into strict v_ticket from tickets where id = p_ticket_id;
  if v_ticket.run_id is distinct from (p_intent ->> 'run_id')::uuid then
    return false;
  end if;
  insert into diagnoses (organization_id, ticket_id, run_id, task_id, kind, score, evidence, cause, signature)
  values (v_ticket.organization_id, v_ticket.id, v_ticket.run_id, (p_intent ->> 'task_id')::uuid, p_intent ->> 'kind',
    (p_intent ->> 'score')::numeric, p_intent -> 'evidence', p_intent ->> 'cause', p_intent ->> 'signature')
  on conflict (run_id) where kind = 'anomaly' do nothing
  returning id into v_id;
  if v_id is not null then
    perform banyan.emit(v_ticket, null, 'run.diagnosed',
      jsonb_build_object('diagnosis', v_id, 'kind', p_intent ->> 'kind', 'score', p_intent -> 'score', 'cause', p_intent ->> 'cause'));
  end if;
  return false;
end
$$;

create function banyan.apply_plain(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = ''
as $$
begin
  if p_ticket_id is not null and p_intent ->> 'type' = 'diagnosis' then
    return banyan.intent_diagnosis(p_ticket_id, p_intent);
  end if;
  return banyan.apply_work(p_project_id, p_ticket_id, p_self, p_intent);
end
$$;

revoke execute on function
  public.learn_norms, public.run_figures, banyan.note_run_end, banyan.measure_run, banyan.set_norms, banyan.anomaly_candidates,
  banyan.intent_diagnosis, banyan.apply_plain
  from public, anon, authenticated;
grant execute on function
  public.learn_norms, public.run_figures, banyan.note_run_end, banyan.measure_run, banyan.set_norms, banyan.anomaly_candidates,
  banyan.intent_diagnosis, banyan.apply_plain
  to service_role;
