-- Runs that do not go on though nobody is waited for: how they are found, what is known about them in one call, and what is done about them.
-- The rules are in `src/domain/diagnosis.ts`; an action is a list of intents like every decision, so it is taken under the ticket's version.

alter table public.tasks
  -- What its conversation is to do before it goes on: a rollback that a diagnosis decided.
  add column directive jsonb;
alter table public.runs
  -- What a diagnosis changed for the rest of the run: models by role. The snapshot of the configuration never changes.
  add column recovery jsonb not null default '{}';
create index diagnoses_learned on public.diagnoses (organization_id, outcome_at desc) where outcome is not null;

-- Whether the limits of the organization keep its work from starting: then it waits, and is not stuck.
create function banyan.is_limited(p_organization_id uuid) returns boolean
language sql stable
set search_path = public, pg_temp
as $$
  select o.runtime_limited_at is not null or (o.max_concurrent_agents is not null and o.max_concurrent_agents <= (
    select count(*) from tasks t where t.state = 'running' and t.organization_id = o.id and t.lease_expires_at >= now()))
  from organizations o where o.id = p_organization_id
$$;

-- Tasks whose worker is gone or silent, and those that nobody takes. Longer than anything that is healthy takes:
--   lost     the lease ended five minutes ago and no worker took the task over (one that looks does so within seconds)
--   silent   the lease is renewed and nothing was stored for 45 minutes (no call may take longer than 30)
--   starved  due and ready for an hour, while nobody works for the organization and no limit keeps it back
create function banyan.stalled_tasks() returns table (task_id uuid, run_id uuid, stall text, since timestamptz)
language sql stable
set search_path = public, pg_temp
as $$
  with limited as materialized (select o.id from organizations o where banyan.is_limited(o.id))
  select t.id, t.run_id, 'lost', t.lease_expires_at
  from tasks t
  where t.state = 'running' and not t.held and t.lease_expires_at < clock_timestamp() - interval '5 minutes'
    and not exists (select from limited l where l.id = t.organization_id)
  union all
  select t.id, t.run_id, 'silent', last.at
  from tasks t
    cross join lateral (
      select greatest(t.leased_at, (
        select m.created_at from conversations c join messages m on m.conversation_id = c.id and m.seq = c.last_seq where c.task_id = t.id)) as at
    ) as last
  where t.state = 'running' and not t.held and t.lease_expires_at >= clock_timestamp() - interval '5 minutes'
    and t.leased_at < clock_timestamp() - interval '45 minutes' and last.at < clock_timestamp() - interval '45 minutes'
  union all
  select t.id, t.run_id, 'starved', t.due_at
  from organizations o
    cross join lateral (
      select p.* from tasks p
      where p.organization_id = o.id and p.state = 'pending' and p.blockers = 0 and not p.held and p.due_at < clock_timestamp() - interval '1 hour'
      order by p.priority_rank, p.run_id, p.due_at, p.id
      limit 1
    ) as t
  where not exists (select from limited l where l.id = o.id)
    and not exists (select from tasks r where r.state = 'running' and r.organization_id = o.id and r.lease_expires_at >= clock_timestamp())
$$;

-- One row for each run: what stands still counts more than what is unusual.
create function banyan.diagnose_candidates() returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select 'run:' || r.id, r.organization_id, found.since, jsonb_build_object('run_id', r.id, 'ticket_id', r.ticket_id, 'task_id', found.task_id,
    'stall', found.stall, 'since', found.since, 'diagnosis_id', found.diagnosis_id)
  from (
    select distinct on (run_id) *
    from (
      select task_id, run_id, stall, since, null::uuid as diagnosis_id, 1 as rank from banyan.stalled_tasks()
      union all
      select d.task_id, d.run_id, 'anomaly', d.created_at, d.id, 2 from diagnoses d where d.state = 'open' and d.kind = 'anomaly' and d.run_id is not null
    ) as all_found
    order by run_id, rank, since
  ) as found
    join runs r on r.id = found.run_id
  where r.state in ('queued', 'running')
$$;

-- A text of a message or of a call, cut.
create function banyan.cut(p_text text, p_chars integer) returns text
language sql immutable
set search_path = ''
as $$
  select case when length(p_text) <= p_chars then p_text else left(p_text, p_chars) || ' [...]' end
$$;

-- What the conversation of a task did last.
create function banyan.conversation_facts(p_task_id uuid) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select jsonb_build_object(
    'last_seq', c.last_seq, 'model_calls', c.model_calls, 'models', c.models, 'cost_usd', c.cost_usd,
    'messages', coalesce((
      select jsonb_agg(jsonb_build_object('seq', m.seq, 'kind', m.kind, 'tool', m.tool_name, 'is_error', coalesce(m.is_error, false),
          'at', m.created_at, 'calls', coalesce(jsonb_array_length(case jsonb_typeof(m.content #> '{data,tool_calls}')
            when 'array' then m.content #> '{data,tool_calls}' end), 0),
          'ours', m.content #> '{data,additional_kwargs,banyan_nudge}' is not null,
          'text', banyan.cut(coalesce(nullif(m.content #>> '{data,content}', ''), (m.content #> '{data,tool_calls}')::text, ''), 600))
        order by m.seq)
      from messages m where m.conversation_id = c.id and m.seq > c.last_seq - 40
    ), '[]'::jsonb),
    'rollbacks', coalesce((
      select jsonb_agg(jsonb_build_object('from_seq', b.from_seq, 'to_seq', b.to_seq, 'reason', b.reason) order by b.number)
      from rollbacks b where b.conversation_id = c.id
    ), '[]'::jsonb),
    'failed', coalesce((
      select jsonb_agg(to_jsonb(f) order by f.seq)
      from (
        select a.seq, a.name, banyan.cut(a.input, 300) as input, banyan.cut(a.output, 400) as output
        from agent_actions a where a.task_id = p_task_id and a.is_error order by a.seq desc limit 5
      ) as f
    ), '[]'::jsonb),
    'repeated', coalesce((
      select jsonb_agg(to_jsonb(f) order by f.times desc)
      from (
        select a.name, banyan.cut(a.input, 300) as input, count(*) as times, min(a.seq) as first_seq, max(a.seq) as last_seq
        from agent_actions a where a.task_id = p_task_id and a.kind = 'tool'
        group by a.name, a.input having count(*) >= 3
        order by count(*) desc limit 3
      ) as f
    ), '[]'::jsonb))
  from conversations c where c.task_id = p_task_id
$$;

-- All that is known about a run that may need help, in one call. Null where the run is no longer its ticket's.
create function public.diagnosis_facts(p_run_id uuid, p_task_id uuid, p_diagnosis_id uuid) returns jsonb
language plpgsql stable
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
  v_task tasks;
begin
  select t.* into v_ticket from runs r join tickets t on t.id = r.ticket_id and t.run_id = r.id where r.id = p_run_id;
  if not found then
    return null;
  end if;
  -- The one that is named, else the one at work, else the last.
  select * into v_task from tasks t
  where t.run_id = p_run_id
  order by (t.id = p_task_id) desc nulls last, (t.state = 'running') desc, (t.state = 'pending' and t.blockers = 0) desc,
    (t.state = 'waiting') desc, t.id desc
  limit 1;
  return jsonb_build_object(
    'snapshot', banyan.snapshot(v_ticket.id),
    'task_id', v_task.id,
    'lease', case when v_task.state = 'running' then jsonb_build_object('until', v_task.lease_expires_at, 'since', v_task.leased_at) end,
    'conversation', banyan.conversation_facts(v_task.id),
    'graph', public.run_graph(p_run_id),
    'blockers', coalesce((
      select jsonb_agg(jsonb_build_object('task', t.key, 'before', b.key, 'state', b.state) order by t.id, b.id)
      from tasks t join task_dependencies d on d.task_id = t.id join tasks b on b.id = d.depends_on_task_id
      where t.run_id = p_run_id and t.state = 'pending' and b.state <> 'completed'
    ), '[]'::jsonb),
    'queue', (
      select jsonb_build_object('limited', banyan.is_limited(o.id), 'max_agents', o.max_concurrent_agents,
        'running', (select count(*) from tasks t where t.state = 'running' and t.organization_id = o.id and t.lease_expires_at >= now()),
        'ready', (select count(*) from (
          select from tasks t where t.organization_id = o.id and t.state = 'pending' and t.blockers = 0 and not t.held and t.due_at <= now() limit 1000
        ) as ready))
      from organizations o where o.id = v_ticket.organization_id
    ),
    'deaths', public.read_deaths('task', v_task.id::text),
    'anomaly', (select jsonb_build_object('id', d.id, 'cause', d.cause, 'score', d.score, 'evidence', d.evidence)
      from diagnoses d where d.id = p_diagnosis_id),
    'in_run', coalesce((
      select jsonb_agg(jsonb_build_object('signature', d.signature, 'action', d.action, 'outcome', d.outcome, 'state', d.state) order by d.acted_at)
      from diagnoses d where d.run_id = p_run_id and d.acted_at is not null
    ), '[]'::jsonb),
    'past', coalesce((
      select jsonb_agg(to_jsonb(p))
      from (
        select d.signature, d.cause, d.action, d.outcome, d.outcome_at as at
        from diagnoses d
        where d.organization_id = v_ticket.organization_id and d.outcome is not null and d.run_id <> p_run_id
          and d.outcome_at > now() - interval '90 days'
        order by d.outcome_at desc limit 200
      ) as p
    ), '[]'::jsonb));
end
$$;

-- What came of recoveries. A stall was helped by any step stored since, an anomaly by a task that came to its end; both by the run's good end.
create function public.settle_diagnoses(p_limit integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_row record;
  v_outcome text;
  v_over boolean;
  v_settled integer := 0;
begin
  for v_row in
    select d.id, d.kind, d.state, d.action, d.acted_at, d.run_id, r.state as run_state, k.state as ticket_state, k.run_id as current_run
    from diagnoses d join runs r on r.id = d.run_id join tickets k on k.id = r.ticket_id
    where d.state in ('open', 'recovering')
    order by d.updated_at
    limit p_limit
    for update of d skip locked
  loop
    v_over := not banyan.run_is_open(v_row.run_state) or v_row.current_run is distinct from v_row.run_id;
    v_outcome := case
      when v_row.state = 'open' then null
      when v_row.run_state = 'completed' then 'helped'
      when v_row.run_state in ('failed', 'stopped_gate', 'stopped_budget') then 'failed'
      when exists (
        select from tasks t where t.run_id = v_row.run_id and t.state = 'completed' and t.finished_at > v_row.acted_at) then 'helped'
      when v_row.kind <> 'anomaly' and v_row.action in ('retry', 'roll_back', 'change_model') and exists (
        select from tasks t join conversations c on c.task_id = t.id join messages m on m.conversation_id = c.id and m.seq = c.last_seq
        where t.run_id = v_row.run_id and m.created_at > v_row.acted_at) then 'helped'
      end;
    if v_outcome is null and not v_over then
      -- The next in line is looked at first the next time.
      update diagnoses set updated_at = clock_timestamp() where id = v_row.id and v_row.state = 'recovering';
      continue;
    end if;
    update diagnoses
    set state = case v_outcome when 'helped' then 'resolved' else 'dismissed' end, outcome = v_outcome,
      outcome_at = case when v_outcome is not null then clock_timestamp() end
    where id = v_row.id;
    v_settled := v_settled + 1;
  end loop;
  return jsonb_build_object('settled', v_settled);
end
$$;

-- A model's share in a diagnosis is paid from the run's budget, and stands in the audit.
create function public.spend_on_diagnosis(p_task_id uuid, p_call jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
  v_run runs;
begin
  select r.* into v_run from runs r join tasks t on t.run_id = r.id where t.id = p_task_id for no key update of r;
  select * into v_task from tasks where id = p_task_id for no key update;
  if not found then
    return jsonb_build_object('spent', false);
  end if;
  insert into agent_actions (organization_id, ticket_id, run_id, task_id, seq, agent, kind, name, input, output, tokens_in, tokens_out, cost_usd,
    duration_ms)
  values (v_task.organization_id, v_task.ticket_id, v_task.run_id, v_task.id,
    coalesce((select last_seq from conversations where task_id = v_task.id), 0), 'diagnostician', 'model', p_call ->> 'model', null,
    left(p_call ->> 'output', 4096), (p_call ->> 'tokens_in')::bigint, (p_call ->> 'tokens_out')::bigint, (p_call ->> 'cost_usd')::numeric,
    (p_call ->> 'duration_ms')::numeric::bigint);
  perform banyan.add_cost(v_run, v_task, (p_call ->> 'tokens_in')::bigint, (p_call ->> 'tokens_out')::bigint, (p_call ->> 'cost_usd')::numeric);
  return jsonb_build_object('spent', true);
end
$$;

-- A task is to be begun anew: its lease is taken from whoever holds it, who learns of it with the next step. With `last_seq`, only if nothing
-- was stored meanwhile: then it is not stuck.
create function banyan.intent_recover_task(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
begin
  perform banyan.lock_work((select run_id from tickets where id = p_ticket_id));
  select * into v_task from tasks
  where id = (p_intent ->> 'task_id')::uuid and ticket_id = p_ticket_id and state in ('pending', 'running')
  for no key update;
  if not found or (p_intent ->> 'last_seq' is not null
    and (p_intent ->> 'last_seq')::integer <> coalesce((select last_seq from conversations where task_id = v_task.id), 0)) then
    raise exception 'the task has gone on' using errcode = 'PT409';
  end if;
  update tasks
  set state = 'pending', attempts = 0, due_at = clock_timestamp(), collecting = false, lease_owner = null, lease_expires_at = null,
    directive = nullif(p_intent -> 'directive', 'null'::jsonb)
  where id = v_task.id
  returning * into v_task;
  perform banyan.emit_task(v_task, 'task.recovered', jsonb_build_object('directive', p_intent -> 'directive'));
  return true;
end
$$;

create function banyan.intent_set_model(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run runs := banyan.locked_run(p_ticket_id);
begin
  update runs
  set recovery = recovery || jsonb_build_object('models',
    coalesce(recovery -> 'models', '{}'::jsonb) || jsonb_build_object(p_intent ->> 'role', p_intent ->> 'model'))
  where id = v_run.id;
  insert into events (organization_id, project_id, ticket_id, run_id, type, data)
  values (v_run.organization_id, v_run.project_id, v_run.ticket_id, v_run.id, 'run.model_changed', p_intent - 'type');
  return true;
end
$$;

-- Opens a diagnosis, or says what was done about one. What was tried in this run before against the same did not help: it would not come again.
create or replace function banyan.intent_diagnosis(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
  v_now timestamptz := clock_timestamp();
  v_acts boolean := p_intent ->> 'action' is not null;
  v_id uuid := (p_intent ->> 'diagnosis_id')::uuid;
begin
  select * into strict v_ticket from tickets where id = p_ticket_id;
  if v_ticket.run_id is distinct from (p_intent ->> 'run_id')::uuid then
    return false;
  end if;
  if v_acts then
    update diagnoses set state = 'dismissed', outcome = 'failed', outcome_at = v_now
    where run_id = v_ticket.run_id and state = 'recovering' and id is distinct from v_id
      and (signature = p_intent ->> 'signature' or p_intent ->> 'action' in ('ask_person', 'stop'));
  end if;
  if v_id is null then
    insert into diagnoses (organization_id, ticket_id, run_id, task_id, kind, score)
    values (v_ticket.organization_id, v_ticket.id, v_ticket.run_id, (p_intent ->> 'task_id')::uuid, p_intent ->> 'kind',
      (p_intent ->> 'score')::numeric)
    on conflict (run_id) where kind = 'anomaly' do nothing
    returning id into v_id;
    if v_id is null then
      return false;
    end if;
  end if;
  update diagnoses
  set task_id = coalesce((p_intent ->> 'task_id')::uuid, task_id), cause = p_intent ->> 'cause', signature = p_intent ->> 'signature',
    evidence = p_intent -> 'evidence', blockers = coalesce(p_intent -> 'blockers', blockers), hypothesis = p_intent ->> 'hypothesis',
    action = p_intent ->> 'action', model = p_intent ->> 'model', cost_usd = coalesce((p_intent ->> 'cost_usd')::numeric, 0),
    acted_at = case when v_acts then v_now end,
    state = case when not v_acts then state when p_intent ->> 'action' in ('ask_person', 'stop') then 'dismissed' else 'recovering' end,
    recovery_task_id = (select t.id from tasks t where t.run_id = v_ticket.run_id and t.key = p_intent ->> 'recovery_key')
  where id = v_id;
  perform banyan.emit(v_ticket, (p_intent ->> 'task_id')::uuid, 'run.diagnosed',
    jsonb_build_object('diagnosis', v_id, 'kind', p_intent ->> 'kind', 'score', p_intent -> 'score', 'cause', p_intent ->> 'cause',
      'action', p_intent ->> 'action', 'hypothesis', p_intent ->> 'hypothesis'));
  return false;
end
$$;

create or replace function banyan.apply_plain(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = ''
as $$
begin
  if p_ticket_id is not null then
    case p_intent ->> 'type'
      when 'diagnosis' then return banyan.intent_diagnosis(p_ticket_id, p_intent);
      when 'recover_task' then return banyan.intent_recover_task(p_ticket_id, p_intent);
      when 'set_model' then return banyan.intent_set_model(p_ticket_id, p_intent);
      else null;
    end case;
  end if;
  return banyan.apply_work(p_project_id, p_ticket_id, p_self, p_intent);
end
$$;

revoke execute on function
  public.diagnosis_facts, public.settle_diagnoses, public.spend_on_diagnosis, banyan.is_limited, banyan.stalled_tasks,
  banyan.diagnose_candidates, banyan.cut, banyan.conversation_facts, banyan.intent_recover_task, banyan.intent_set_model
  from public, anon, authenticated;
grant execute on function
  public.diagnosis_facts, public.settle_diagnoses, public.spend_on_diagnosis, banyan.is_limited, banyan.stalled_tasks,
  banyan.diagnose_candidates, banyan.cut, banyan.conversation_facts, banyan.intent_recover_task, banyan.intent_set_model
  to service_role;
