-- A call is repeated where it has the same input and brings the same over the same files: who writes a part, runs the suite and writes the
-- next part gets on, however often the suite says the same.

-- The calls of a task that repeat, with the state of the files in which they did. The files change with a write that was not made before, and
-- with every command that was not run before: what a command does to them is kept for the newest steps only. What was rolled back is left out.
create function banyan.repeated_calls(p_task_id uuid)
returns table (name text, input text, times bigint, first_seq integer, last_seq integer, is_current boolean)
language sql stable
set search_path = public, pg_temp
as $$
  with calls as (
    select a.seq, a.name, a.input, banyan.without_numbers(a.output) as answer,
      not a.is_error and a.name in ('write_file', 'edit_file', 'delete_file', 'run_command')
        -- A long input is cut where it is kept, and may go on in another way.
        and (length(a.input) >= 4096 or a.seq = min(a.seq) over (partition by a.name, a.input, a.is_error)) as changes
    from agent_actions a
    where a.task_id = p_task_id and a.kind = 'tool'
      and not exists (
        select from conversations c join rollbacks b on b.conversation_id = c.id
        where c.task_id = p_task_id and a.seq between b.from_seq and b.to_seq)
  ),
  placed as (
    select calls.*, count(*) filter (where calls.changes) over (order by calls.seq) as epoch from calls
  )
  select p.name, p.input, count(*), min(p.seq), max(p.seq), p.epoch = (select max(epoch) from placed)
  from placed p
  group by p.name, p.input, p.answer, p.epoch
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
  -- Of a run at work what it repeats now: a circle that it has left is none.
  repeated as (
    select c.times, c.name
    from runs r join tasks t on t.run_id = r.id cross join lateral banyan.repeated_calls(t.id) as c
    where r.id = p_run_id and (not banyan.run_is_open(r.state) or (c.is_current and t.state in ('pending', 'running', 'waiting')))
    order by c.times desc limit 1
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
    -- The newest step that changed files in a way it had not before.
    'changed_seq', greatest(
      (select max(f.seq) from workspace_files f where f.conversation_id = c.id),
      (select max(w.first_seq) from (
        select min(a.seq) as first_seq from agent_actions a
        where a.task_id = p_task_id and a.kind = 'tool' and not a.is_error and a.name in ('write_file', 'edit_file', 'delete_file')
        group by a.name, a.input, case when length(a.input) >= 4096 then a.seq end
      ) as w)),
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
        select r.name, banyan.cut(r.input, 300) as input, r.times, r.first_seq, r.last_seq
        from banyan.repeated_calls(p_task_id) as r where r.is_current and r.times >= 3
        order by r.times desc limit 3
      ) as f
    ), '[]'::jsonb))
  from conversations c where c.task_id = p_task_id
$$;

revoke execute on function banyan.repeated_calls from public, anon, authenticated;
grant execute on function banyan.repeated_calls to service_role;
