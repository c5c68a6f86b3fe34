-- Open tickets beside GitHub's truth: what the job `reconcile` looks at, and what it learns of repositories.

-- `p_looked_before`: passes by what was looked at since. A job that looks at everything in each run so comes to an end, however soon its rows
-- are due again.
drop function public.watch_claim(text, integer, integer);
create function public.watch_claim(p_job text, p_limit integer, p_lease_seconds integer, p_looked_before timestamptz default null) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_candidate record;
  v_mark banyan.watch_marks;
  v_items jsonb := '[]';
begin
  if to_regprocedure(format('banyan.%I()', p_job || '_candidates')) is null then
    raise exception 'there is no job "%"', p_job using errcode = 'PT404';
  end if;
  for v_candidate in execute format(
    'select c.subject, c.organization_id, c.data
     from banyan.%I() c left join banyan.watch_marks m on m.job = $1 and m.subject = c.subject
     where m.subject is null or (m.next_look_at <= $2 and ($4 is null or m.looked_at < $4))
     order by coalesce(m.looked_at, c.progress_at), c.subject
     limit $3', p_job || '_candidates') using p_job, v_now, p_limit, p_looked_before
  loop
    insert into banyan.watch_marks as m (job, subject, organization_id, looked_at, next_look_at)
    values (p_job, v_candidate.subject, v_candidate.organization_id, v_now, v_now + make_interval(secs => p_lease_seconds))
    on conflict (job, subject) do update
      set looks = m.looks + 1, looked_at = excluded.looked_at, next_look_at = excluded.next_look_at
      where m.next_look_at <= v_now
    returning m.* into v_mark;
    if found then
      v_items := v_items || jsonb_build_object(
        'subject', v_mark.subject, 'organization_id', v_mark.organization_id, 'looks', v_mark.looks, 'failures', v_mark.failures,
        'finding', v_mark.finding, 'found_at', v_mark.found_at, 'memory', v_mark.memory, 'data', v_candidate.data);
    end if;
  end loop;
  return v_items;
end
$$;

create index tickets_not_over on public.tickets (project_id, updated_at) where state not in ('done', 'cancelled');
-- A repository that is out of reach, until it is back.
create index projects_archived on public.projects (id) where archived_at is not null;

-- Open tickets with nothing on its way: neither a delivery that may say the same, nor an effect that may be what is missing. And what was
-- found whose ticket is over, to forget it.
create function banyan.reconcile_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  with open as (select t.project_id, count(*) as tickets from tickets t where t.state not in ('done', 'cancelled') group by t.project_id)
  select 'ticket:' || t.id, t.organization_id, t.updated_at, jsonb_build_object(
    'ticket_id', t.id, 'number', t.number, 'version', t.version, 'open_tickets', o.tickets, 'project', banyan.project_json(p),
    'status_comment', (select e.result -> 'comment_id' from effects e where e.key = t.project_id || '#' || t.number || '/status'))
  from tickets t
  join open o on o.project_id = t.project_id
  join projects p on p.id = t.project_id
  where t.state not in ('done', 'cancelled')
    and not exists (select from deliveries d where d.state = 'pending' and d.subject = p.repository || '#' || t.number)
    and not exists (select from effects e where e.ticket_id = t.id and e.state in ('pending', 'begun') and e.task_id is null)
  union all
  select m.subject, m.organization_id, m.looked_at, '{"over": true}'
  from banyan.watch_marks m
  where m.job = 'reconcile' and m.finding is not null
    and not exists (select from tickets t where t.id = substr(m.subject, 8)::uuid and t.state not in ('done', 'cancelled'))
$$;

-- Keeps where GitHub says a repository is: under what name, archived, or out of reach because it or the installation is gone or suspended. What it
-- means for the work under way is the affair of the job `blocked`.
create function public.place_project(p_project_id uuid, p_place jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_missing text := p_place ->> 'missing';
  v_project projects;
  v_installation installations;
begin
  update projects set
    owner = coalesce(p_place ->> 'owner', owner), name = coalesce(p_place ->> 'name', name),
    default_branch = coalesce(p_place ->> 'default_branch', default_branch),
    archived_at = case when v_missing = 'repository' or (p_place ->> 'archived')::boolean then coalesce(archived_at, now())
      when v_missing is null then null else archived_at end
  where id = p_project_id
  returning * into v_project;
  update installations set
    deleted_at = case when v_missing = 'installation' then coalesce(deleted_at, now()) end,
    suspended_at = case when v_missing = 'suspended' then coalesce(suspended_at, now()) end
  where id = v_project.installation_id
    and (deleted_at is not null, suspended_at is not null) is distinct from (v_missing is not distinct from 'installation', v_missing is not distinct from 'suspended');
  select * into v_installation from installations where id = v_project.installation_id;
  return case when v_project.id is null then null else jsonb_build_object('project', banyan.project_json(v_project),
    'out_of_reach_since', least(v_project.archived_at, v_installation.deleted_at, v_installation.suspended_at)) end;
end
$$;

revoke execute on function public.watch_claim, public.place_project, banyan.reconcile_candidates from public, anon, authenticated;
grant execute on function public.watch_claim, public.place_project, banyan.reconcile_candidates to service_role;
