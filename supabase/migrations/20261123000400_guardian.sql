-- The guardian reads conversations at work from outside: what it reads of them, how it speaks to them, and what its own model calls cost.
-- The rules are in `src/domain/trajectory.ts`; what is remembered of a conversation stands in the job's mark, so each step is read once.

create index watch_marks_guardian on banyan.watch_marks (subject) where job = 'guardian' and finding is not null;

-- Conversations at work, or between two workers, with steps that were not read yet. And what was found whose task is over, to forget it.
create function banyan.guardian_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select 'task:' || t.id, t.organization_id, c.updated_at, jsonb_build_object('task_id', t.id)
  from tasks t
    join runs r on r.id = t.run_id
    join conversations c on c.task_id = t.id
    left join banyan.watch_marks m on m.job = 'guardian' and m.subject = 'task:' || t.id
  where t.state in ('pending', 'running') and t.started_at is not null and r.state = 'running' and c.model_calls > 0
    and c.last_seq > case when jsonb_typeof(m.memory -> 'read') = 'number' then (m.memory ->> 'read')::numeric else 0 end
  union all
  select m.subject, m.organization_id, m.looked_at, '{"task_id": null}'
  from banyan.watch_marks m
  where m.job = 'guardian' and m.finding is not null
    and not exists (select from tasks t where t.id = substr(m.subject, 6)::uuid and t.state in ('pending', 'running', 'waiting'))
$$;

-- What a conversation did after a step, in few words, and what it is to do. Null where it is not at work. `key` names a call by its arguments;
-- long ones are cut where they are kept, so each of those has a name of its own.
create function public.guardian_facts(p_task_id uuid, p_after integer) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select jsonb_build_object(
    'task', jsonb_build_object('id', t.id, 'role', t.role, 'title', t.title),
    'run', jsonb_build_object('id', r.id, 'spent_usd', r.spent_usd, 'budget_usd', r.budget_usd),
    'ticket', jsonb_build_object('id', k.id, 'project_id', k.project_id, 'number', k.number, 'version', k.version, 'title', k.title,
      'body', left(k.body, 6000), 'refined_description', left(k.refined_description, 6000), 'acceptance_criteria', k.acceptance_criteria),
    'repository', p.owner || '/' || p.name,
    'config_snapshot', r.config_snapshot,
    'steps', coalesce((
      select jsonb_agg(to_jsonb(s) order by s.seq)
      from (
        select m.seq, m.kind, m.tool_name as tool,
          coalesce(m.content #>> '{data,additional_kwargs,banyan_nudge}' in ('true', 'repetition'), false) as nudge,
          left(md5(concat(m.tool_name, m.tool_input)), 16) || case when length(m.tool_input::text) > 3900 then '#' || m.seq else '' end as key,
          left(coalesce(m.tool_input ->> 'command', m.tool_input ->> 'path', m.tool_input ->> 'query'), 600) as input,
          coalesce(m.is_error, false) as is_error,
          m.content #>> '{data,additional_kwargs,banyan_refusal}' as refusal,
          case when m.is_error then left(m.content #>> '{data,content}', 200) end as answer,
          coalesce(m.cost_usd, 0) as cost_usd
        from messages m where m.conversation_id = c.id and m.seq > p_after
        order by m.seq limit 1000
      ) as s
    ), '[]'::jsonb),
    'changed', coalesce((
      select jsonb_agg(distinct f.seq) from workspace_files f where f.conversation_id = c.id and f.seq > p_after
    ), '[]'::jsonb),
    'files', coalesce((
      select jsonb_agg(jsonb_build_object('path', left(newest.path, 300), 'chars', length(newest.change::text)))
      from (
        select distinct on (f.file) f.path, f.change from workspace_files f where f.conversation_id = c.id order by f.file, f.seq desc
      ) as newest
      where newest.change is not null
    ), '[]'::jsonb))
  from tasks t
    join runs r on r.id = t.run_id
    join tickets k on k.id = t.ticket_id and k.run_id = r.id
    join projects p on p.id = k.project_id
    join conversations c on c.task_id = t.id
  where t.id = p_task_id and t.state in ('pending', 'running') and r.state = 'running'
$$;

-- A call of a model beside a task's conversation: paid from the run's budget, and in the audit under the name of who made it.
create function public.spend_beside(p_task_id uuid, p_agent text, p_call jsonb) returns jsonb
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
  insert into agent_actions (organization_id, ticket_id, run_id, task_id, seq, agent, kind, name, output, tokens_in, tokens_out, cost_usd, duration_ms)
  values (v_task.organization_id, v_task.ticket_id, v_task.run_id, v_task.id,
    coalesce((select last_seq from conversations where task_id = v_task.id), 0), p_agent, 'model', p_call ->> 'model',
    left(p_call ->> 'output', 4096), (p_call ->> 'tokens_in')::bigint, (p_call ->> 'tokens_out')::bigint, (p_call ->> 'cost_usd')::numeric,
    (p_call ->> 'duration_ms')::numeric::bigint);
  perform banyan.add_cost(v_run, v_task, (p_call ->> 'tokens_in')::bigint, (p_call ->> 'tokens_out')::bigint, (p_call ->> 'cost_usd')::numeric);
  return jsonb_build_object('spent', true);
end
$$;

-- A word of the guardian for one conversation. It wakes nobody: where the task is not at work, it is not said.
create function banyan.intent_steer(p_ticket_id uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
begin
  select * into v_task from tasks
  where id = (p_intent ->> 'task_id')::uuid and ticket_id = p_ticket_id and state in ('pending', 'running') and started_at is not null;
  if not found then
    return false;
  end if;
  insert into task_inputs (organization_id, ticket_id, task_id, source, author, body)
  values (v_task.organization_id, p_ticket_id, v_task.id, 'guardian:' || v_task.id || '/' || (p_intent ->> 'number'), 'banyan', p_intent ->> 'body')
  on conflict (ticket_id, source) do nothing;
  if found then
    perform banyan.emit_task(v_task, 'conversation.steered', jsonb_build_object('number', p_intent -> 'number', 'finding', p_intent ->> 'finding'));
  end if;
  return false;
end
$$;

-- The one beside the others.
alter function banyan.apply_plain(uuid, uuid, uuid, jsonb) rename to apply_unsteered;
create function banyan.apply_plain(p_project_id uuid, p_ticket_id uuid, p_self uuid, p_intent jsonb) returns boolean
language plpgsql volatile
set search_path = ''
as $$
begin
  if p_ticket_id is not null and p_intent ->> 'type' = 'steer' then
    return banyan.intent_steer(p_ticket_id, p_intent);
  end if;
  return banyan.apply_unsteered(p_project_id, p_ticket_id, p_self, p_intent);
end
$$;

revoke execute on function
  banyan.guardian_candidates, public.guardian_facts, public.spend_beside, banyan.intent_steer, banyan.apply_plain
  from public, anon, authenticated;
grant execute on function
  banyan.guardian_candidates, public.guardian_facts, public.spend_beside, banyan.intent_steer, banyan.apply_plain
  to service_role;
