-- A task that has ended may come to its end after all in another run of its issue: whoever comes after it waits while there is such a run, and goes
-- on when that issue is done. What was cancelled with it does not come back by itself, and is blocked until then.

create or replace function banyan.hindrance(p_run_id uuid) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  with newest as (
    select k.* from tasks k where k.run_id = p_run_id order by k.id desc limit 1
  ),
  stuck as (
    select k.id, k.title, k.state from tasks k where k.run_id = p_run_id and k.state = 'pending'
    union all
    select n.id, n.title, n.state from newest n where n.state = 'cancelled'
  ),
  before as (
    select s.title, b.id, b.state, b.title as before_title, t.number, p.owner || '/' || p.name as repository,
      s.state = 'cancelled'
        or (b.state in ('failed', 'dead', 'cancelled') or not banyan.run_is_open(r.state))
          and not (t.run_id <> b.run_id and exists (select from runs later where later.id = t.run_id and banyan.run_is_open(later.state))) as hopeless
    from stuck s
    join task_dependencies d on d.task_id = s.id
    join tasks b on b.id = d.depends_on_task_id
    join runs r on r.id = b.run_id
    join tickets t on t.id = b.ticket_id
    join projects p on p.id = t.project_id
    where b.state <> 'completed' and t.state <> 'done'
  )
  select coalesce(
    (select jsonb_build_object('cause', 'dependency:' || id, 'task', title, 'before', before_title, 'before_state', state, 'before_number', number,
      'before_repository', repository) from before where hopeless order by id limit 1),
    case when not exists (select from before) then '{"cause": "lost"}'::jsonb end)
$$;
