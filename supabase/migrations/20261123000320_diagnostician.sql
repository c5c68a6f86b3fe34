-- A model's share in diagnoses: what it proposed, what code said to that, and what it cost, which stands in the issue's sums beside the roles'.

alter table public.diagnoses
  -- Null where no model was asked: its answer, why that was refused (null: it was taken), and its tokens.
  add column proposal jsonb;

alter function banyan.intent_diagnosis(uuid, jsonb) rename to record_diagnosis;

create function banyan.intent_diagnosis(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_recorded boolean := banyan.record_diagnosis(p_ticket_id, p_intent);
begin
  if jsonb_typeof(p_intent -> 'proposal') = 'object' then
    update diagnoses set proposal = p_intent -> 'proposal'
    where id = coalesce((p_intent ->> 'diagnosis_id')::uuid, (
      select d.id from diagnoses d where d.run_id = (p_intent ->> 'run_id')::uuid and d.ticket_id = p_ticket_id order by d.id desc limit 1));
  end if;
  return v_recorded;
end
$$;

create or replace function banyan.ticket_spend(p_ticket_id uuid) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select coalesce(jsonb_agg(to_jsonb(spend) - 'first_at' order by spend.first_at), '[]'::jsonb)
  from (
    select
      t.role,
      sum(c.model_calls)::bigint as model_calls,
      sum(c.tool_calls)::bigint as tool_calls,
      sum(c.tokens_in)::bigint as tokens_in,
      sum(c.tokens_out)::bigint as tokens_out,
      sum(c.cost_usd) as cost_usd,
      sum(c.duration_ms)::bigint as duration_ms,
      (
        select coalesce(jsonb_agg(distinct model), '[]'::jsonb)
        from tasks t2 join conversations c2 on c2.task_id = t2.id, unnest(c2.models) as model
        where t2.ticket_id = p_ticket_id and t2.role = t.role
      ) as models,
      min(c.created_at) as first_at
    from tasks t join conversations c on c.task_id = t.id
    where t.ticket_id = p_ticket_id
    group by t.role
    union all
    select 'diagnostician', count(*), 0, sum((d.proposal ->> 'tokens_in')::bigint)::bigint, sum((d.proposal ->> 'tokens_out')::bigint)::bigint,
      sum(d.cost_usd), sum((d.proposal ->> 'duration_ms')::numeric)::bigint, jsonb_agg(distinct d.model), min(d.created_at)
    from diagnoses d
    where d.ticket_id = p_ticket_id and d.proposal is not null
    having count(*) > 0
  ) as spend
$$;

-- As they were, with the repository: a model is told whose run it is asked about.
create or replace function banyan.diagnose_candidates() returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select 'run:' || r.id, r.organization_id, found.since, jsonb_build_object('run_id', r.id, 'ticket_id', r.ticket_id, 'task_id', found.task_id,
    'stall', found.stall, 'since', found.since, 'diagnosis_id', found.diagnosis_id,
    'repository', p.owner || '/' || p.name)
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
    join projects p on p.id = r.project_id
  where r.state in ('queued', 'running')
$$;

revoke execute on function banyan.intent_diagnosis from public, anon, authenticated;
grant execute on function banyan.intent_diagnosis to service_role;
