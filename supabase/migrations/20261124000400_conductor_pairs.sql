-- What two tickets have to do with each other can come from a change of either: of the newer, which tells it, or of the older, which then names
-- the newer ones that it meets.

-- Open tickets that stand otherwise than a look saw them; those that an older one met on a newer board than theirs; those that could not be compared
-- with all; and those of which something is found, whose cause may be gone. What a look saw is kept when it settles, so one that was killed, failed,
-- or read the board before the change is made again. One alone in its repository has nothing to be compared with.
create or replace function banyan.conductor_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  with boards as (
    select t.project_id from tickets t where t.state not in ('done', 'cancelled') group by t.project_id having count(*) > 1),
  met as (
    select 'ticket:' || e.id as subject, max(w.memory ->> 'met_at' collate "C") as met_at
    from banyan.watch_marks w
    cross join jsonb_array_elements_text(case when jsonb_typeof(w.memory -> 'meets') = 'array' then w.memory -> 'meets' else '[]' end) as e (id)
    where w.job = 'conductor'
    group by 1)
  select 'ticket:' || t.id, t.organization_id, t.updated_at,
    jsonb_build_object('ticket_id', t.id, 'seen', now.seen, 'project', banyan.project_json(p))
  from boards b
  join tickets t on t.project_id = b.project_id and t.state not in ('done', 'cancelled')
  join projects p on p.id = t.project_id
  join installations i on i.id = p.installation_id
  left join code_generations c on c.ticket_id = t.id
  cross join lateral (select extract(epoch from greatest(t.updated_at, c.updated_at))::text as seen) as now
  left join banyan.watch_marks m on m.job = 'conductor' and m.subject = 'ticket:' || t.id
  left join met on met.subject = 'ticket:' || t.id
  where p.archived_at is null and i.deleted_at is null and i.suspended_at is null
    and (m.subject is null or m.finding is not null or m.memory ->> 'seen' is distinct from now.seen or m.memory -> 'again' = 'true'
      or met.met_at > coalesce(m.memory ->> 'board_at', '') collate "C")
  union all
  select m.subject, m.organization_id, m.looked_at, '{"over": true}'
  from banyan.watch_marks m
  where m.job = 'conductor' and m.finding is not null
    and not exists (
      select from tickets t join boards b on b.project_id = t.project_id
      where 'ticket:' || t.id = m.subject and t.state not in ('done', 'cancelled'))
$$;

-- The same, with how each stood and when all were read: a change that was there by then is seen.
create or replace function public.board(p_project_id uuid, p_limit integer) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', t.id, 'number', t.number, 'title', left(t.title, 300), 'body', left(t.body, 4000), 'state', t.state,
    'pull', case when c.status in ('open', 'ready') then c.pr_number end,
    'head', case when c.status in ('open', 'ready') then c.head_sha end,
    'files', case when c.status in ('open', 'ready') then to_jsonb(c.files_changed) else '[]' end,
    'seen', extract(epoch from greatest(t.updated_at, c.updated_at))::text,
    'read_at', extract(epoch from statement_timestamp())::text) order by t.number), '[]')
  from (select * from tickets where project_id = p_project_id and state not in ('done', 'cancelled') order by number desc limit p_limit) as t
  left join code_generations c on c.ticket_id = t.id
$$;
