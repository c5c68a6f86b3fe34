-- Context rollback: a conversation that went astray goes back to where it was good, its files included. Messages stay; a rollback hides a
-- range of them. What a conversation changed is kept by file and step, so that a step stores what it changed and nothing else, and a state
-- some steps back can be had again.

create table public.workspace_files (
  conversation_id uuid not null references public.conversations on delete cascade,
  path text not null,
  seq integer not null,
  organization_id uuid not null,
  -- Against the repository: mode and content, or that it is deleted. Null: as it is there.
  change jsonb,
  -- A path may be longer than what an index takes.
  file text not null generated always as (md5(path)) stored,
  primary key (conversation_id, file, seq)
);

create table public.rollbacks (
  conversation_id uuid not null references public.conversations on delete cascade,
  number integer not null,
  organization_id uuid not null,
  from_seq integer not null,
  to_seq integer not null,
  reason text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (conversation_id, number)
);

alter table public.workspace_files enable row level security;
alter table public.rollbacks enable row level security;
create policy read on public.workspace_files for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('conversations:read'))
);
create policy read on public.rollbacks for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('conversations:read'))
);
revoke all on table public.workspace_files, public.rollbacks from public, anon, authenticated, service_role;
grant select on table public.workspace_files, public.rollbacks to authenticated;
grant select, insert, update, delete on table public.workspace_files, public.rollbacks to service_role;

-- All changes in one document, as versions before this one kept them (and write them while they are being replaced), become files.
create function banyan.adopt_changes(p_conversation public.conversations) returns void
language sql volatile
set search_path = public, pg_temp
as $$
  delete from workspace_files where conversation_id = p_conversation.id;
  insert into workspace_files (conversation_id, path, seq, organization_id, change)
  select p_conversation.id, change ->> 'path', p_conversation.last_seq, p_conversation.organization_id, change
  from jsonb_array_elements(p_conversation.workspace -> 'changes') as change;
  update conversations set workspace = workspace - 'changes' where id = p_conversation.id
$$;
select banyan.adopt_changes(c) from public.conversations c where c.workspace ? 'changes';

create or replace function public.load_conversation(p_task_id uuid, p_worker text) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_gate jsonb := banyan.step_gate(p_task_id, p_worker);
  v_task tasks;
  v_conversation conversations;
begin
  if v_gate ->> 'status' = 'lost' then
    return jsonb_build_object('messages', '[]'::jsonb, 'workspace', null, 'files', '[]'::jsonb, 'rollbacks', '[]'::jsonb, 'gate', v_gate);
  end if;
  select * into strict v_task from tasks where id = p_task_id;
  v_conversation := banyan.ensure_conversation(v_task);
  if v_conversation.workspace ? 'changes' then
    perform banyan.adopt_changes(v_conversation);
    v_conversation.workspace := v_conversation.workspace - 'changes';
  end if;
  return jsonb_build_object(
    'messages', coalesce((
      select jsonb_agg(jsonb_strip_nulls(to_jsonb(m) - '{conversation_id,organization_id,content,tool_input}'::text[])
          || jsonb_build_object('content', m.content)
          || case when m.tool_input is null then '{}'::jsonb else jsonb_build_object('tool_input', m.tool_input) end
        order by m.seq)
      from messages m where m.conversation_id = v_conversation.id
    ), '[]'::jsonb),
    'workspace', v_conversation.workspace,
    'files', coalesce((
      select jsonb_agg(newest.change order by newest.path)
      from (
        select distinct on (f.file) f.path, f.change
        from workspace_files f where f.conversation_id = v_conversation.id
        order by f.file, f.seq desc
      ) as newest
      where newest.change is not null
    ), '[]'::jsonb),
    'rollbacks', coalesce((
      select jsonb_agg(jsonb_build_object('from_seq', r.from_seq, 'to_seq', r.to_seq, 'reason', r.reason) order by r.number)
      from rollbacks r where r.conversation_id = v_conversation.id
    ), '[]'::jsonb),
    'gate', v_gate
  );
end
$$;

-- The changed files as they are with the step `p_seq`. Of each, one version not newer than `p_keep_seq` stays, and all newer ones: no rollback goes
-- further back than that.
create function banyan.keep_files(p_conversation public.conversations, p_seq integer, p_files jsonb, p_keep_seq integer) returns void
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  insert into workspace_files (conversation_id, path, seq, organization_id, change)
  select p_conversation.id, given.file ->> 'path', p_seq, p_conversation.organization_id, nullif(given.file -> 'change', 'null'::jsonb)
  from jsonb_array_elements(p_files) as given (file)
  on conflict (conversation_id, file, seq) do update set change = excluded.change;
  delete from workspace_files f
  using jsonb_array_elements(p_files) as given (file)
  where f.conversation_id = p_conversation.id and f.file = md5(given.file ->> 'path')
    and f.seq < (
      select max(o.seq) from workspace_files o where o.conversation_id = f.conversation_id and o.file = f.file and o.seq <= p_keep_seq
    );
end
$$;

drop function public.append_messages(uuid, text, jsonb, jsonb);
drop function public.append_inputs(uuid, text, jsonb, jsonb);
drop function banyan.append(uuid, text, jsonb, jsonb, jsonb);

-- Stored for the holder of the lease, and for one whose task was cancelled in the middle of a call: that call has cost what it cost.
create function banyan.append(
  p_task_id uuid, p_worker text, p_messages jsonb, p_workspace jsonb, p_input_ids jsonb, p_files jsonb, p_keep_seq integer
) returns jsonb
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
  if jsonb_array_length(p_files) > 0 then
    perform banyan.keep_files(v_conversation, v_seq, p_files, p_keep_seq);
  end if;
  perform banyan.add_cost(v_conversation.id, v_task, v_conversation.last_seq + 1);
  if jsonb_array_length(p_input_ids) > 0 then
    update task_inputs set taken_at = clock_timestamp()
    where task_id = p_task_id and taken_at is null and id in (select value::uuid from jsonb_array_elements_text(p_input_ids));
  end if;
  return banyan.step_gate(p_task_id, p_worker);
end
$$;

create function public.append_messages(
  p_task_id uuid, p_worker text, p_messages jsonb, p_workspace jsonb, p_files jsonb, p_keep_seq integer
) returns jsonb
language sql volatile
set search_path = ''
as $$
  select banyan.append(p_task_id, p_worker, p_messages, p_workspace, '[]'::jsonb, p_files, p_keep_seq)
$$;

create function public.append_inputs(p_task_id uuid, p_worker text, p_input_ids jsonb, p_messages jsonb) returns jsonb
language sql volatile
set search_path = ''
as $$
  select banyan.append(p_task_id, p_worker, p_messages, null, p_input_ids, '[]'::jsonb, 0)
$$;

-- Hides the steps from `p_from_seq` to the newest, takes back what they changed, says so in the audit trail and to the model: all or none.
-- What they cost stays counted, and what was done on GitHub stays done.
create function public.roll_back(
  p_task_id uuid, p_worker text, p_from_seq integer, p_to_seq integer, p_reason text, p_comment text, p_data jsonb, p_messages jsonb
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_task tasks;
  v_conversation conversations;
begin
  perform from runs r join tasks t on t.run_id = r.id where t.id = p_task_id for no key update of r;
  select * into v_task from tasks where id = p_task_id for no key update;
  if not found or v_task.lease_owner is distinct from p_worker or v_task.state <> 'running' then
    return banyan.step_gate(p_task_id, p_worker);
  end if;
  v_conversation := banyan.ensure_conversation(v_task);
  if v_conversation.last_seq <> p_to_seq then
    raise exception 'the conversation has gone on' using errcode = 'PT409';
  end if;
  insert into rollbacks (conversation_id, number, organization_id, from_seq, to_seq, reason)
  select v_conversation.id, count(*) + 1, v_conversation.organization_id, p_from_seq, p_to_seq, p_reason
  from rollbacks where conversation_id = v_conversation.id;
  delete from workspace_files where conversation_id = v_conversation.id and seq between p_from_seq and p_to_seq;
  perform banyan.emit_task(v_task, 'conversation.rolled_back',
    p_data || jsonb_build_object('from_seq', p_from_seq, 'to_seq', p_to_seq, 'reason', p_reason));
  insert into task_comments (organization_id, task_id, kind, author, body, data)
  values (v_task.organization_id, v_task.id, 'rollback', v_task.role, p_comment,
    p_data || jsonb_build_object('from_seq', p_from_seq, 'to_seq', p_to_seq, 'reason', p_reason));
  return banyan.append(p_task_id, p_worker, p_messages, null, '[]'::jsonb, '[]'::jsonb, 0);
end
$$;

revoke execute on function
  public.append_messages, public.append_inputs, public.roll_back, banyan.adopt_changes, banyan.keep_files, banyan.append
  from public, anon, authenticated;
grant execute on function
  public.append_messages, public.append_inputs, public.roll_back, banyan.adopt_changes, banyan.keep_files, banyan.append
  to service_role;
