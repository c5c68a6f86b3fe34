-- What the calls hand out (one shape for each row that leaves the database), and the helpers that all of them use.

create function banyan.emit(p_ticket public.tickets, p_task_id uuid, p_type text, p_data jsonb) returns void
language sql volatile
set search_path = public, pg_temp
as $$
  insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
  values (
    p_ticket.organization_id, p_ticket.project_id, p_ticket.id,
    coalesce((select run_id from tasks where id = p_task_id), p_ticket.run_id), p_task_id, p_type, p_data
  )
$$;

create function banyan.emit_task(p_task public.tasks, p_type text, p_data jsonb) returns void
language sql volatile
set search_path = public, pg_temp
as $$
  insert into events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
  values (p_task.organization_id, p_task.project_id, p_task.ticket_id, p_task.run_id, p_task.id, p_type,
    jsonb_build_object('key', p_task.key, 'role', p_task.role, 'attempts', p_task.attempts) || p_data)
$$;

-- 2^attempts * 2 s, ten minutes at most, a quarter more or less so that a crowd does not come back at once.
create function banyan.backoff(p_attempts integer) returns interval
language sql volatile
set search_path = ''
as $$
  select make_interval(secs => least(2 ^ least(p_attempts, 12) * 2, 600) * (0.75 + random() * 0.5))
$$;

create function banyan.run_is_open(p_state text) returns boolean
language sql immutable
set search_path = ''
as $$
  select p_state in ('queued', 'running', 'paused')
$$;

create function banyan.project_json(p_row public.projects) returns jsonb
language sql immutable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', p_row.id, 'organization_id', p_row.organization_id, 'installation_id', p_row.installation_id, 'github_id', p_row.github_id,
    'owner', p_row.owner, 'name', p_row.name, 'default_branch', p_row.default_branch
  )
$$;

create function banyan.ticket_json(p_row public.tickets) returns jsonb
language sql stable
set search_path = ''
as $$
  select to_jsonb(p_row)
$$;

create function banyan.run_json(p_row public.runs) returns jsonb
language sql stable
set search_path = ''
as $$
  select to_jsonb(p_row) - '{organization_id,project_id,report,created_at,updated_at}'::text[]
$$;

create function banyan.task_json(p_row public.tasks) returns jsonb
language sql stable
set search_path = ''
as $$
  select to_jsonb(p_row)
    - '{priority_rank,collecting,lease_owner,lease_expires_at,tokens_in,tokens_out,cost_usd,updated_at}'::text[]
$$;

create function banyan.question_json(p_row public.questions) returns jsonb
language sql stable
set search_path = ''
as $$
  select to_jsonb(p_row) - '{organization_id,ticket_id,changed_criterion,asked_at,closed_at,created_at,updated_at}'::text[]
$$;

create function banyan.code_json(p_row public.code_generations) returns jsonb
language sql stable
set search_path = ''
as $$
  select to_jsonb(p_row) - '{organization_id,project_id,created_at,updated_at}'::text[]
$$;

-- What each role used on a ticket, over all its runs: a conversation keeps its own sums.
create function banyan.ticket_spend(p_ticket_id uuid) returns jsonb
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
  ) as spend
$$;

-- Everything that a decision about one ticket is taken from. Null where there is no such ticket.
create function banyan.snapshot(p_ticket_id uuid) returns jsonb
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
    'discoveries', coalesce((
      select jsonb_agg(jsonb_build_object('kind', d.kind, 'title', d.title, 'description', d.description) order by d.id)
      from discoveries d where d.ticket_id = t.id
    ), '[]'::jsonb)
  )
  from tickets t where t.id = p_ticket_id
$$;

revoke execute on function
  banyan.emit, banyan.emit_task, banyan.backoff, banyan.run_is_open, banyan.project_json, banyan.ticket_json, banyan.run_json, banyan.task_json,
  banyan.question_json, banyan.code_json, banyan.ticket_spend, banyan.snapshot
  from public, anon, authenticated;
grant execute on function
  banyan.emit, banyan.emit_task, banyan.backoff, banyan.run_is_open, banyan.project_json, banyan.ticket_json, banyan.run_json, banyan.task_json,
  banyan.question_json, banyan.code_json, banyan.ticket_spend, banyan.snapshot
  to service_role;
