-- A call is repeated where it has the same input and brings the same: a suite that runs after every change is no circle.

-- How long a command took, and other numbers, are no part of what it brought.
create function banyan.without_numbers(p_text text) returns text
language sql immutable
set search_path = ''
as $$
  select md5(regexp_replace(left(p_text, 2000), '[0-9]+', '#', 'g'))
$$;

create or replace function banyan.measure_run(p_run_id uuid) returns jsonb
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
    group by a.task_id, a.name, a.input, banyan.without_numbers(a.output)
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

create or replace function banyan.conversation_facts(p_task_id uuid) returns jsonb
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
        group by a.name, a.input, banyan.without_numbers(a.output) having count(*) >= 3
        order by count(*) desc limit 3
      ) as f
    ), '[]'::jsonb))
  from conversations c where c.task_id = p_task_id
$$;

revoke execute on function banyan.without_numbers from public, anon, authenticated;
grant execute on function banyan.without_numbers to service_role;
