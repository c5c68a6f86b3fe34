-- A step is the most frequent write of all, and on a small database its price is the number of its statements: the same as before in half of them.
-- What was locked is not read again, messages and their rows of the audit are written together, and the sums come from the call itself.

create or replace function banyan.append(
  p_task_id uuid, p_worker text, p_messages jsonb, p_workspace jsonb, p_input_ids jsonb, p_files jsonb, p_keep_seq integer
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run runs;
  v_task tasks;
  v_conversation conversations;
  v_sum record;
begin
  -- The run before the task: the order of locks.
  select * into v_run from runs where id = (select t.run_id from tasks t where t.id = p_task_id) for no key update;
  select * into v_task from tasks where id = p_task_id for no key update;
  -- Stored for the holder of the lease, and for one whose task was cancelled in the middle of a call: that call has cost what it cost.
  if not found or v_task.lease_owner is distinct from p_worker or v_task.state not in ('running', 'cancelled') then
    return banyan.step_gate(p_task_id, p_worker);
  end if;

  select count(*)::integer as messages, count(*) filter (where kind = 'ai') as model_calls, count(*) filter (where kind = 'tool') as tool_calls,
    coalesce(sum(tokens_in), 0) as tokens_in, coalesce(sum(tokens_out), 0) as tokens_out, coalesce(sum(cost_usd), 0) as cost_usd,
    coalesce(sum(duration_ms), 0) as duration_ms, coalesce(array_agg(distinct model) filter (where model is not null), '{}') as models
  into v_sum
  from jsonb_to_recordset(p_messages) as m (kind text, model text, tokens_in bigint, tokens_out bigint, cost_usd numeric(18, 8), duration_ms bigint);

  loop
    update conversations c
    set last_seq = c.last_seq + v_sum.messages, workspace = coalesce(p_workspace, c.workspace),
      model_calls = c.model_calls + v_sum.model_calls, tool_calls = c.tool_calls + v_sum.tool_calls, tokens_in = c.tokens_in + v_sum.tokens_in,
      tokens_out = c.tokens_out + v_sum.tokens_out, cost_usd = c.cost_usd + v_sum.cost_usd, duration_ms = c.duration_ms + v_sum.duration_ms,
      models = case when c.models @> v_sum.models then c.models else array(select distinct unnest(c.models || v_sum.models) order by 1) end
    where c.task_id = p_task_id
    returning * into v_conversation;
    exit when found;
    perform banyan.ensure_conversation(v_task);
  end loop;
  perform banyan.append_messages(v_conversation.id, v_task, v_conversation.last_seq - v_sum.messages, p_messages);
  if jsonb_array_length(p_files) > 0 then
    perform banyan.keep_files(v_conversation, v_conversation.last_seq, p_files, p_keep_seq);
  end if;
  if v_sum.tokens_in + v_sum.tokens_out > 0 or v_sum.cost_usd > 0 then
    v_run := banyan.add_cost(v_run, v_task, v_sum.tokens_in::bigint, v_sum.tokens_out::bigint, v_sum.cost_usd);
  end if;
  if jsonb_array_length(p_input_ids) > 0 then
    update task_inputs set taken_at = clock_timestamp()
    where task_id = p_task_id and taken_at is null and id in (select value::uuid from jsonb_array_elements_text(p_input_ids));
  end if;
  -- What `step_gate` says, of the rows that are locked here.
  return jsonb_build_object(
    'status', case v_task.state when 'running' then 'ok' else 'cancelled' end,
    'run_state', v_run.state, 'spent_usd', v_run.spent_usd, 'budget_usd', v_run.budget_usd, 'warned', v_run.warned_at is not null,
    'inputs', (select count(*) from task_inputs i where i.task_id = p_task_id and i.taken_at is null)
  );
end
$$;

drop function banyan.append_message(uuid, public.tasks, integer, jsonb);
drop function banyan.add_cost(uuid, public.tasks, integer);

-- The messages of one call, numbered after `p_after`, with a row of `agent_actions` for each call of a model or a tool.
create function banyan.append_messages(p_conversation_id uuid, p_task public.tasks, p_after integer, p_messages jsonb) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  with given as (
    select p_after + list.place::integer as seq, list.message, list.message -> 'content' as content,
      nullif(list.message -> 'tool_input', 'null'::jsonb) as tool_input, m.kind, m.model, m.tool_name, m.tool_call_id, m.tokens_in, m.tokens_out,
      m.cost_usd, m.duration_ms, m.is_error
    from jsonb_array_elements(p_messages) with ordinality as list (message, place),
      jsonb_to_record(list.message) as m (kind text, model text, tool_name text, tool_call_id text, tokens_in bigint, tokens_out bigint,
        cost_usd numeric(18, 8), duration_ms bigint, is_error boolean)
  ), stored as (
    insert into messages (conversation_id, seq, organization_id, kind, content, model, tool_name, tool_call_id, tool_input, tokens_in, tokens_out,
      cost_usd, duration_ms, is_error)
    select p_conversation_id, seq, p_task.organization_id, kind, content, model, tool_name, tool_call_id, tool_input, tokens_in, tokens_out,
      cost_usd, duration_ms, is_error
    from given
  )
  insert into agent_actions (organization_id, ticket_id, run_id, task_id, seq, agent, kind, name, input, output, tokens_in, tokens_out,
    cost_usd, duration_ms, is_error)
  select p_task.organization_id, p_task.ticket_id, p_task.run_id, p_task.id, seq, p_task.role, case kind when 'ai' then 'model' else 'tool' end,
    coalesce(tool_name, model), left(tool_input::text, 4096),
    left(coalesce(nullif(content #>> '{data,content}', ''), (content #> '{data,tool_calls}')::text, content::text), 4096),
    coalesce(tokens_in, 0), coalesce(tokens_out, 0), coalesce(cost_usd, 0), coalesce(duration_ms, 0), coalesce(is_error, false)
  from given
  where kind in ('ai', 'tool')
  order by seq;
end
$$;

-- Adds what a call cost to the task and to the run, which the caller has locked; warns once.
create function banyan.add_cost(p_run public.runs, p_task public.tasks, p_tokens_in bigint, p_tokens_out bigint, p_cost_usd numeric) returns public.runs
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_run runs;
begin
  update tasks
  set tokens_in = tokens_in + p_tokens_in, tokens_out = tokens_out + p_tokens_out, cost_usd = cost_usd + p_cost_usd
  where id = p_task.id;
  update runs
  set spent_usd = spent_usd + p_cost_usd,
    warned_at = case when warned_at is null and spent_usd + p_cost_usd >= warn_at_usd then clock_timestamp() else warned_at end
  where id = p_run.id
  returning * into strict v_run;
  if v_run.warned_at is not null and p_run.warned_at is null then
    perform banyan.emit_task(p_task, 'run.budget_warning', jsonb_build_object('spent_usd', v_run.spent_usd, 'budget_usd', v_run.budget_usd));
  end if;
  return v_run;
end
$$;

revoke execute on function banyan.append_messages, banyan.add_cost from public, anon, authenticated;
grant execute on function banyan.append_messages, banyan.add_cost to service_role;
