-- Work that belongs into the branch of a template's update, and not into the default one.

alter table public.tickets add column base_branch text check (base_branch ~ '^banyan/template-v[0-9]');

-- As it was, with the branch that the work is made for. Absent from the intent, it stays.
create or replace function banyan.intent_open_ticket(p_project_id uuid, p_number integer, p_intent jsonb) returns uuid
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
begin
  if (p_intent ->> 'number')::integer is distinct from p_number then
    raise exception 'the intent names another ticket than the call' using errcode = 'PT400';
  end if;
  insert into tickets (organization_id, project_id, number, title, body, author, url, kind, state, base_branch)
  select p.organization_id, p.id, p_number, p_intent ->> 'title', p_intent ->> 'body', p_intent ->> 'author', p_intent ->> 'url',
    p_intent ->> 'kind', p_intent ->> 'state', p_intent ->> 'base_branch'
  from projects p where p.id = p_project_id
  on conflict (project_id, number) do nothing
  returning * into v_ticket;
  if found then
    perform banyan.emit(v_ticket, null, 'ticket.opened', jsonb_build_object('state', v_ticket.state));
    return v_ticket.id;
  end if;

  update tickets
  set title = p_intent ->> 'title', body = p_intent ->> 'body', author = p_intent ->> 'author', url = p_intent ->> 'url',
    base_branch = coalesce(p_intent ->> 'base_branch', base_branch), version = version + 1
  where project_id = p_project_id and number = p_number
    and (title, body, author, url, base_branch) is distinct from
      (p_intent ->> 'title', p_intent ->> 'body', p_intent ->> 'author', p_intent ->> 'url', coalesce(p_intent ->> 'base_branch', base_branch))
  returning * into v_ticket;
  if found then
    perform banyan.emit(v_ticket, null, 'ticket.updated', '{}');
    return v_ticket.id;
  end if;
  return (select id from tickets where project_id = p_project_id and number = p_number);
end
$$;

-- The same, with the branch that each pull request is to be merged into: only two into the same one can meet.
create or replace function public.board(p_project_id uuid, p_limit integer) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', t.id, 'number', t.number, 'title', left(t.title, 300), 'body', left(t.body, 4000), 'state', t.state,
    'pull', case when c.status in ('open', 'ready') then c.pr_number end,
    'head', case when c.status in ('open', 'ready') then c.head_sha end,
    'base', case when c.status in ('open', 'ready') then c.base_branch end,
    'files', case when c.status in ('open', 'ready') then to_jsonb(c.files_changed) else '[]' end,
    'seen', extract(epoch from greatest(t.updated_at, c.updated_at))::text,
    'read_at', extract(epoch from statement_timestamp())::text) order by t.number), '[]')
  from (select * from tickets where project_id = p_project_id and state not in ('done', 'cancelled') order by number desc limit p_limit) as t
  left join code_generations c on c.ticket_id = t.id
$$;
