-- What a call brought, by which the guardian knows calls that differ and bring the same. And whether somebody else acted on a conversation.

-- A name for an answer without what differs where the same happens again: the words of the call itself, times, places, ids, addresses. Counts
-- stay: one failing test less is a step forward.
create function banyan.outcome_of(p_text text, p_argument text) returns text
language sql immutable
set search_path = ''
as $$
  select left(md5(
    regexp_replace(
      regexp_replace(
        regexp_replace(
          regexp_replace(replace(left(p_text, 4000), to_json(p_argument)::text, ''), '\m(' || coalesce((
            select string_agg(distinct word, '|') from regexp_split_to_table(left(p_argument, 600), '[^A-Za-z0-9_]+') as word where word <> ''
          ), '#') || ')\M', '', 'g'),
          '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]+|/(private/)?(tmp|var/folders)/[^[:space:]''"`):,]+', '#', 'gi'),
        '(duration(_ms)?|seed|pid|time)[: =]+[0-9.]+|[0-9]*([.][0-9]+)? ?\m(ms|µs|us|s|sec|seconds|m|min|minutes)\M|[0-9.]+(ms|s|m)\M', '#', 'gi'),
      '[0-9]*(:[0-9]*)+([.][0-9]+)?z?|\mline [0-9]*', ':#', 'gi')), 16)
$$;

-- A name of nothing where there is no argument.
create function banyan.outcome(p_tool text, p_input jsonb, p_text text) returns text
language sql immutable
set search_path = ''
as $$
  select case when p_text is not null and p_tool in ('run_command', 'search_code', 'list_files', 'read_file')
    then banyan.outcome_of(p_text, coalesce(p_input ->> 'command', p_input ->> 'query', p_input ->> 'path', '')) end
$$;

create or replace function public.guardian_facts(p_task_id uuid, p_after integer) returns jsonb
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
          coalesce(m.tool_name = 'run_command' and m.content #>> '{data,content}' ~ '^(exit code [1-9]|killed after )', false) as failed,
          case when m.kind = 'tool' then banyan.outcome(m.tool_name, m.tool_input, m.content #>> '{data,content}') end as outcome,
          coalesce(m.cost_usd, 0) as cost_usd
        from messages m where m.conversation_id = c.id and m.seq > p_after
        order by m.seq limit 1000
      ) as s
    ), '[]'::jsonb),
    'changed', coalesce((
      select jsonb_agg(distinct f.seq) from workspace_files f where f.conversation_id = c.id and f.seq > p_after
    ), '[]'::jsonb),
    'recovered', exists (
      select from diagnoses d where d.run_id = r.id and d.task_id = t.id and d.state = 'recovering' and d.acted_at > c.updated_at),
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

revoke execute on function banyan.outcome_of, banyan.outcome from public, anon, authenticated;
grant execute on function banyan.outcome_of, banyan.outcome to service_role;
