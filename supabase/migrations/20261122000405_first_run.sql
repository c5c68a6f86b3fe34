-- What an issue took is counted from its first run, as its spend is over all its runs.

-- Everything that a decision about one ticket is taken from. Null where there is no such ticket.
create or replace function banyan.snapshot(p_ticket_id uuid) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select jsonb_build_object(
    'ticket', banyan.ticket_json(t),
    'run', (select banyan.run_json(r) from runs r where r.id = t.run_id),
    'tasks', coalesce((select jsonb_agg(banyan.task_json(k) order by k.id) from tasks k where k.run_id = t.run_id), '[]'::jsonb),
    'questions', coalesce((select jsonb_agg(banyan.question_json(q) order by q.number) from questions q where q.ticket_id = t.id), '[]'::jsonb),
    'code', (select banyan.code_json(c) from code_generations c where c.ticket_id = t.id),
    'spend', banyan.ticket_spend(t.id),
    'first_run_at', (select min(r.started_at) from runs r where r.ticket_id = t.id),
    'discoveries', coalesce((
      select jsonb_agg(jsonb_build_object('kind', d.kind, 'title', d.title, 'description', d.description) order by d.id)
      from discoveries d where d.ticket_id = t.id
    ), '[]'::jsonb)
  )
  from tickets t where t.id = p_ticket_id
$$;
