-- The transcript of a task: steps are appended and never changed; their cost is added up on conversation, task and run in the same transaction.

create function banyan.ensure_conversation(p_task public.tasks) returns public.conversations
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_conversation conversations;
begin
  insert into conversations (organization_id, task_id) values (p_task.organization_id, p_task.id) on conflict (task_id) do nothing;
  select * into strict v_conversation from conversations where task_id = p_task.id for no key update;
  return v_conversation;
end
$$;

-- Only for the worker that holds the lease; for any other the gate says `lost` and there is nothing to read.
create function public.load_conversation(p_task_id uuid, p_worker text) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_gate jsonb := banyan.step_gate(p_task_id, p_worker);
  v_task tasks;
  v_conversation conversations;
begin
  if v_gate ->> 'status' = 'lost' then
    return jsonb_build_object('messages', '[]'::jsonb, 'workspace', null, 'gate', v_gate);
  end if;
  select * into strict v_task from tasks where id = p_task_id;
  v_conversation := banyan.ensure_conversation(v_task);
  return jsonb_build_object(
    'messages', coalesce((
      select jsonb_agg(jsonb_strip_nulls(to_jsonb(m) - '{conversation_id,organization_id,content,tool_input}'::text[])
          || jsonb_build_object('content', m.content)
          || case when m.tool_input is null then '{}'::jsonb else jsonb_build_object('tool_input', m.tool_input) end
        order by m.seq)
      from messages m where m.conversation_id = v_conversation.id
    ), '[]'::jsonb),
    'workspace', v_conversation.workspace,
    'gate', v_gate
  );
end
$$;

-- One message of the call, numbered, with its row of `agent_actions` where it is a call of a model or a tool.
create function banyan.append_message(p_conversation_id uuid, p_task public.tasks, p_seq integer, p_message jsonb) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_message messages := jsonb_populate_record(null::messages, p_message);
  v_text text := coalesce(nullif(p_message #>> '{content,data,content}', ''), (p_message #> '{content,data,tool_calls}')::text,
    (p_message -> 'content')::text);
begin
  v_message.tool_input := case when jsonb_typeof(p_message -> 'tool_input') <> 'null' then p_message -> 'tool_input' end;
  insert into messages (conversation_id, seq, organization_id, kind, content, model, tool_name, tool_call_id, tool_input, tokens_in, tokens_out,
    cost_usd, duration_ms, is_error)
  values (p_conversation_id, p_seq, p_task.organization_id, v_message.kind, p_message -> 'content', v_message.model, v_message.tool_name,
    v_message.tool_call_id, v_message.tool_input, v_message.tokens_in, v_message.tokens_out, v_message.cost_usd, v_message.duration_ms,
    v_message.is_error);
  if v_message.kind in ('ai', 'tool') then
    insert into agent_actions (organization_id, ticket_id, run_id, task_id, seq, agent, kind, name, input, output, tokens_in, tokens_out,
      cost_usd, duration_ms, is_error)
    values (p_task.organization_id, p_task.ticket_id, p_task.run_id, p_task.id, p_seq, p_task.role,
      case v_message.kind when 'ai' then 'model' else 'tool' end, coalesce(v_message.tool_name, v_message.model),
      left(v_message.tool_input::text, 4096), left(v_text, 4096), coalesce(v_message.tokens_in, 0), coalesce(v_message.tokens_out, 0),
      coalesce(v_message.cost_usd, 0), coalesce(v_message.duration_ms, 0), coalesce(v_message.is_error, false));
  end if;
end
$$;

-- Adds the messages' sums to conversation, task and run; warns once.
create function banyan.add_cost(p_conversation_id uuid, p_task public.tasks, p_from_seq integer) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_sum record;
  v_run runs;
  v_warned boolean;
begin
  select count(*) filter (where kind = 'ai') as model_calls, count(*) filter (where kind = 'tool') as tool_calls,
    coalesce(sum(tokens_in), 0) as tokens_in, coalesce(sum(tokens_out), 0) as tokens_out, coalesce(sum(cost_usd), 0) as cost_usd,
    coalesce(sum(duration_ms), 0) as duration_ms, coalesce(array_agg(distinct model) filter (where model is not null), '{}') as models
  into v_sum
  from messages where conversation_id = p_conversation_id and seq >= p_from_seq;

  update conversations c
  set model_calls = c.model_calls + v_sum.model_calls, tool_calls = c.tool_calls + v_sum.tool_calls, tokens_in = c.tokens_in + v_sum.tokens_in,
    tokens_out = c.tokens_out + v_sum.tokens_out, cost_usd = c.cost_usd + v_sum.cost_usd, duration_ms = c.duration_ms + v_sum.duration_ms,
    models = case when c.models @> v_sum.models then c.models else array(select distinct unnest(c.models || v_sum.models) order by 1) end
  where id = p_conversation_id;
  if v_sum.tokens_in + v_sum.tokens_out = 0 and v_sum.cost_usd = 0 then
    return;
  end if;
  update tasks
  set tokens_in = tokens_in + v_sum.tokens_in, tokens_out = tokens_out + v_sum.tokens_out, cost_usd = cost_usd + v_sum.cost_usd
  where id = p_task.id;
  -- The caller has locked the run.
  select warned_at is not null into strict v_warned from runs where id = p_task.run_id;
  update runs
  set spent_usd = spent_usd + v_sum.cost_usd,
    warned_at = case when warned_at is null and spent_usd + v_sum.cost_usd >= warn_at_usd then clock_timestamp() else warned_at end
  where id = p_task.run_id
  returning * into strict v_run;
  if v_run.warned_at is not null and not v_warned then
    perform banyan.emit_task(p_task, 'run.budget_warning', jsonb_build_object('spent_usd', v_run.spent_usd, 'budget_usd', v_run.budget_usd));
  end if;
end
$$;

-- Stored for the holder of the lease, and for one whose task was cancelled in the middle of a call: that call has cost what it cost.
create function banyan.append(p_task_id uuid, p_worker text, p_messages jsonb, p_workspace jsonb, p_input_ids jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
  v_conversation conversations;
  v_message jsonb;
  v_seq integer;
begin
  -- The run before the task: the order of locks.
  perform from runs r join tasks t on t.run_id = r.id where t.id = p_task_id for no key update of r;
  select * into v_task from tasks where id = p_task_id for no key update;
  if not found or v_task.lease_owner is distinct from p_worker or v_task.state not in ('running', 'cancelled') then
    return banyan.step_gate(p_task_id, p_worker);
  end if;

  v_conversation := banyan.ensure_conversation(v_task);
  v_seq := v_conversation.last_seq;
  for v_message in select value from jsonb_array_elements(p_messages) with ordinality as list (value, place) order by place loop
    v_seq := v_seq + 1;
    perform banyan.append_message(v_conversation.id, v_task, v_seq, v_message);
  end loop;
  update conversations set last_seq = v_seq, workspace = coalesce(p_workspace, workspace) where id = v_conversation.id;
  perform banyan.add_cost(v_conversation.id, v_task, v_conversation.last_seq + 1);
  update task_inputs set taken_at = clock_timestamp()
  where task_id = p_task_id and taken_at is null and id in (select value::uuid from jsonb_array_elements_text(p_input_ids));
  return banyan.step_gate(p_task_id, p_worker);
end
$$;

create function public.append_messages(p_task_id uuid, p_worker text, p_messages jsonb, p_workspace jsonb) returns jsonb
language sql volatile
set search_path = ''
as $$
  select banyan.append(p_task_id, p_worker, p_messages, p_workspace, '[]'::jsonb)
$$;

create function public.append_inputs(p_task_id uuid, p_worker text, p_input_ids jsonb, p_messages jsonb) returns jsonb
language sql volatile
set search_path = ''
as $$
  select banyan.append(p_task_id, p_worker, p_messages, null, p_input_ids)
$$;

create function public.pending_inputs(p_task_id uuid, p_worker text) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'author', i.author, 'body', i.body, 'created_at', i.created_at) order by i.id), '[]'::jsonb)
  from task_inputs i join tasks t on t.id = i.task_id
  where i.task_id = p_task_id and i.taken_at is null and t.lease_owner = p_worker and t.state = 'running'
$$;

revoke execute on function
  public.load_conversation, public.append_messages, public.append_inputs, public.pending_inputs, banyan.ensure_conversation,
  banyan.append_message, banyan.add_cost, banyan.append
  from public, anon, authenticated;
grant execute on function
  public.load_conversation, public.append_messages, public.append_inputs, public.pending_inputs, banyan.ensure_conversation,
  banyan.append_message, banyan.add_cost, banyan.append
  to service_role;
