-- The graph of a run's tasks. Its longest path is found outside (src/domain/graph.ts): in SQL each way through it would be walked, and their number
-- grows exponentially with the tasks.

-- Tasks with what each takes in seconds (measured where it has ended, its time limit before that), and edges as places in that list, from a task
-- to one that it comes after.
create function public.run_graph(p_run_id uuid) returns jsonb
language plpgsql stable
set search_path = public, pg_temp
as $$
declare
  v_graph jsonb;
begin
  with node as (
    select t.id, t.key, t.state, row_number() over (order by t.id) - 1 as place,
      case when t.finished_at is not null and t.started_at is not null then extract(epoch from t.finished_at - t.started_at)
        when t.finished_at is not null then 0
        else t.timeout_seconds end as seconds
    from tasks t where t.run_id = p_run_id
  )
  select jsonb_build_object(
    'tasks', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'key', key, 'state', state, 'seconds', seconds) order by place), '[]'::jsonb) from node),
    'edges', (
      select coalesce(jsonb_agg(jsonb_build_array(n.place, b.place)), '[]'::jsonb)
      from node n join task_dependencies d on d.task_id = n.id join node b on b.id = d.depends_on_task_id
    ))
  into v_graph;
  return v_graph;
end
$$;

-- What of a run could start now, in the order in which it would be claimed.
create function public.ready_tasks(p_run_id uuid) returns jsonb
language plpgsql stable
set search_path = public, pg_temp
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'key', t.key) order by t.priority_rank, t.due_at, t.id), '[]'::jsonb)
    from runs r
    join tasks t on t.organization_id = r.organization_id and t.run_id = r.id
    where r.id = p_run_id and t.state = 'pending' and t.blockers = 0 and not t.held and t.due_at <= now()
  );
end
$$;

revoke execute on function public.run_graph, public.ready_tasks from public, anon, authenticated;
grant execute on function public.run_graph, public.ready_tasks to service_role;
