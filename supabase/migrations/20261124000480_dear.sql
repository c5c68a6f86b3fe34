-- A run that has cost ten times the median is said, also where there is too little history, or too little money, to hold it for that. Such an
-- anomaly is told when it is found and nothing further is done about it: it does not keep the run from being found once more, when it is more.

alter table public.diagnoses
  add column told_only boolean not null default false,
  add constraint told_only check (not told_only or (kind = 'anomaly' and state not in ('open', 'recovering')));

drop index public.diagnoses_anomaly;
create unique index diagnoses_anomaly on public.diagnoses (run_id) where kind = 'anomaly' and not told_only;
create unique index diagnoses_told on public.diagnoses (run_id) where kind = 'anomaly' and told_only;

-- As it was, but for what is only told.
create or replace function banyan.intent_diagnosis(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
  v_id uuid;
  v_recorded boolean;
begin
  if (p_intent ->> 'told_only')::boolean then
    select * into strict v_ticket from tickets where id = p_ticket_id;
    insert into diagnoses (organization_id, ticket_id, run_id, kind, told_only, state, score, cause, evidence)
    select v_ticket.organization_id, v_ticket.id, v_ticket.run_id, p_intent ->> 'kind', true, 'dismissed', (p_intent ->> 'score')::numeric,
      p_intent ->> 'cause', p_intent -> 'evidence'
    where v_ticket.run_id = (p_intent ->> 'run_id')::uuid
    on conflict (run_id) where kind = 'anomaly' and told_only do nothing
    returning id into v_id;
    if v_id is not null then
      perform banyan.emit(v_ticket, null, 'run.diagnosed', jsonb_build_object('diagnosis', v_id, 'kind', p_intent ->> 'kind',
        'score', p_intent -> 'score', 'cause', p_intent ->> 'cause', 'told_only', true));
    end if;
    return false;
  end if;
  v_recorded := banyan.record_diagnosis(p_ticket_id, p_intent);
  if jsonb_typeof(p_intent -> 'proposal') = 'object' then
    update diagnoses set proposal = p_intent -> 'proposal'
    where id = coalesce((p_intent ->> 'diagnosis_id')::uuid, (
      select d.id from diagnoses d where d.run_id = (p_intent ->> 'run_id')::uuid and d.ticket_id = p_ticket_id order by d.id desc limit 1));
  end if;
  return v_recorded;
end
$$;

-- As it was, with the index as it is now.
create or replace function banyan.record_diagnosis(p_ticket_id uuid, p_intent jsonb) returns boolean
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
    on conflict (run_id) where kind = 'anomaly' and not told_only do nothing
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

-- As they were, with where the run is at work, and whether its cost was told.
create or replace function banyan.anomaly_candidates() returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select 'run:' || r.id, r.organization_id, r.updated_at, jsonb_build_object('run_id', r.id, 'ticket_id', r.ticket_id,
    'project_id', t.project_id, 'number', t.number,
    'told', exists (select from diagnoses d where d.run_id = r.id and d.kind = 'anomaly' and d.told_only))
  from runs r join tickets t on t.id = r.ticket_id left join banyan.watch_marks m on m.job = 'anomaly' and m.subject = 'run:' || r.id
  where r.state = 'running'
    and (m.subject is null or r.updated_at > m.looked_at or m.looked_at < clock_timestamp() - interval '5 minutes'
      or m.looked_at > clock_timestamp() + interval '1 minute')
    and not exists (select from diagnoses d where d.run_id = r.id and d.kind = 'anomaly' and not d.told_only)
$$;
