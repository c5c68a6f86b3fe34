-- The whole board of a repository: open issues that ask for the same, pull requests that change the same lines, agents that stand idle.

-- Open tickets that changed, or whose pull request did, since they were looked at; and those of which something is found, whose cause may be gone.
-- One alone in its repository has nothing to be compared with.
create function banyan.conductor_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  with boards as (
    select t.project_id from tickets t where t.state not in ('done', 'cancelled') group by t.project_id having count(*) > 1)
  select 'ticket:' || t.id, t.organization_id, t.updated_at, jsonb_build_object('ticket_id', t.id, 'project', banyan.project_json(p))
  from boards b
  join tickets t on t.project_id = b.project_id and t.state not in ('done', 'cancelled')
  join projects p on p.id = t.project_id
  join installations i on i.id = p.installation_id
  left join code_generations c on c.ticket_id = t.id
  left join banyan.watch_marks m on m.job = 'conductor' and m.subject = 'ticket:' || t.id
  where p.archived_at is null and i.deleted_at is null and i.suspended_at is null
    and (m.subject is null or m.finding is not null or greatest(t.updated_at, c.updated_at) > m.looked_at)
  union all
  select m.subject, m.organization_id, m.looked_at, '{"over": true}'
  from banyan.watch_marks m
  where m.job = 'conductor' and m.finding is not null
    and not exists (
      select from tickets t join boards b on b.project_id = t.project_id
      where t.id = substr(m.subject, 8)::uuid and t.state not in ('done', 'cancelled'))
$$;

-- The newest open tickets of a repository, with as much of their text as is compared, and their open pull requests.
create function public.board(p_project_id uuid, p_limit integer) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', t.id, 'number', t.number, 'title', left(t.title, 300), 'body', left(t.body, 4000), 'state', t.state,
    'pull', case when c.status in ('open', 'ready') then c.pr_number end,
    'head', case when c.status in ('open', 'ready') then c.head_sha end,
    'files', case when c.status in ('open', 'ready') then to_jsonb(c.files_changed) else '[]' end) order by t.number), '[]')
  from (select * from tickets where project_id = p_project_id and state not in ('done', 'cancelled') order by number desc limit p_limit) as t
  left join code_generations c on c.ticket_id = t.id
$$;

-- Agents that could work, in organizations where tasks have been due for a minute and nothing keeps them back: somebody should look at the workers.
create function public.idle_capacity() returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  with due as (
    select t.organization_id, count(*) as tasks from tasks t join runs r on r.id = t.run_id
    where t.state = 'pending' and t.due_at < now() - interval '1 minute' and r.state in ('queued', 'running')
      and not exists (
        select from task_dependencies d join tasks b on b.id = d.depends_on_task_id where d.task_id = t.id and b.state <> 'completed')
    group by t.organization_id
  ),
  free as (
    select d.tasks, o.max_concurrent_agents - (select count(*) from tasks t where t.organization_id = o.id and t.state = 'running') as agents
    from due d join organizations o on o.id = d.organization_id
  )
  select jsonb_build_object('agents', coalesce(sum(least(coalesce(agents, tasks), tasks)), 0), 'tasks', coalesce(sum(tasks), 0))
  from free where agents is null or agents > 0
$$;

revoke execute on function public.board, public.idle_capacity, banyan.conductor_candidates from public, anon, authenticated;
grant execute on function public.board, public.idle_capacity, banyan.conductor_candidates to service_role;
