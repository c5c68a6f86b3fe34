-- What the sweep finds beside old rows: branches of closed pull requests that may go, and sandboxes that nobody works in.

create index code_generations_closed on public.code_generations (updated_at) where status in ('merged', 'closed');

-- Branches whose repository wants them deleted: after a merge at once, after a closing once nobody has gone on with it for a week (`/banyan retry`
-- goes on from the branch). Wanted once for each pull request.
create function banyan.branches_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  select 'pull:' || c.id, c.organization_id, c.updated_at,
    jsonb_build_object('ticket_id', t.id, 'project_id', t.project_id, 'number', t.number, 'branch', c.branch, 'pull_number', c.pr_number)
  from code_generations c
  join tickets t on t.id = c.ticket_id
  join runs r on r.id = t.run_id
  join projects p on p.id = c.project_id
  join installations i on i.id = p.installation_id
  where c.status in ('merged', 'closed') and c.updated_at > now() - interval '60 days' and c.pr_number is not null
    and t.state in ('done', 'cancelled')
    and case c.status
      when 'merged' then r.config_snapshot #>> '{repository,branches,deleteOnMerge}' = 'true'
      else r.config_snapshot #>> '{repository,branches,deleteOnClose}' = 'true' and c.updated_at < now() - interval '7 days' end
    and p.archived_at is null and i.deleted_at is null and i.suspended_at is null
    and not exists (select from effects e where e.key = t.project_id || '#' || t.number || '/delete-branch/' || c.pr_number)
$$;

-- Of these beginnings of task ids those whose task is known here and is not at work. What is not known may be another installation's.
create function public.tasks_at_rest(p_ids jsonb) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select coalesce(jsonb_agg(i.id), '[]')
  from (
    select id, (id || substr('00000000-0000-0000-0000-000000000000', length(id) + 1))::uuid as least,
      (id || substr('ffffffff-ffff-ffff-ffff-ffffffffffff', length(id) + 1))::uuid as most
    from jsonb_array_elements_text(p_ids) as given (id) where id ~ '^[0-9a-f-]{30,36}$'
  ) as i
  where exists (select from tasks t where t.id between i.least and i.most)
    and not exists (select from tasks t where t.id between i.least and i.most and t.state = 'running')
$$;

revoke execute on function public.tasks_at_rest, banyan.branches_candidates from public, anon, authenticated;
grant execute on function public.tasks_at_rest, banyan.branches_candidates to service_role;
