-- Who is waited for: one reminder, one escalation, one outcome. Which of them is due is decided here, by `waiting_since` alone, so that only what is
-- due comes to the job, and comes at once when the time has come: no mark puts it off. What was told stands in the job's mark.

-- Each wait of a ticket has a number: the second round of questions is another wait than the first, however long either takes.
alter table public.tickets add column waits integer not null default 0;

create function banyan.count_wait() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.waits := old.waits + 1;
  return new;
end
$$;
create trigger count_wait before update of waiting_for on public.tickets
  for each row when (new.waiting_for is not null and new.waiting_for is distinct from old.waiting_for) execute function banyan.count_wait();

-- What waits already was never told that time runs: for the reminders it begins to wait now.
update public.tickets set waiting_since = now() where waiting_for in ('answers', 'approval', 'merge');

create index tickets_waiting on public.tickets (waiting_since) where waiting_for in ('answers', 'approval', 'merge');

-- A number of the run's configuration; the default where the run is older than the field, or there is none.
create function banyan.waiting_hours(p_config jsonb, p_field text, p_default double precision) returns interval
language sql immutable
set search_path = ''
as $$
  select make_interval(secs => 3600 * least(greatest(
    case when jsonb_typeof(p_config #> array['repository', 'waiting', p_field]) = 'number'
      then (p_config #>> array['repository', 'waiting', p_field])::numeric::double precision else p_default end, 1), 100000))
$$;

-- The stage of a wait that is reached and was not told, 1 to 3: remind, escalate, end. The last one reached counts: nobody is reminded and told of
-- the end in one minute. The defaults are those of `.github/banyan.yml` (a test compares them). And what was found whose wait is over, to forget it.
create function banyan.approvals_candidates()
returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
language sql stable
set search_path = public, pg_temp
as $$
  with waiting as (
    select t.id, t.organization_id, t.version, t.waits, t.waiting_for, t.waiting_since, 'ticket:' || t.id as subject,
      coalesce(r.config_snapshot #>> '{repository,waiting,atEnd}', 'stop') as at_end,
      coalesce(r.config_snapshot #>> '{repository,waiting,remindMerge}', 'true') as remind_merge,
      t.waiting_since + banyan.waiting_hours(r.config_snapshot, 'remindAfterHours', 48) as reminds_at,
      t.waiting_since + banyan.waiting_hours(r.config_snapshot, 'escalateAfterHours', 120) as escalates_at,
      coalesce(
        case when t.waiting_for = 'approval' then (select min(a.deadline_at) from approvals a where a.ticket_id = t.id and a.state = 'requested') end,
        t.waiting_since + banyan.waiting_hours(r.config_snapshot, 'endAfterHours', 336)) as ends_at
    from tickets t
    join projects p on p.id = t.project_id
    join installations i on i.id = p.installation_id
    left join runs r on r.id = t.run_id
    where t.waiting_for in ('answers', 'approval', 'merge') and t.state in ('needs_clarification', 'awaiting_approval', 'in_review')
      and (r.id is null or r.state in ('queued', 'running'))
      and p.archived_at is null and i.deleted_at is null and i.suspended_at is null
      -- Somebody has answered, perhaps.
      and not exists (select from deliveries d where d.state = 'pending' and d.subject = p.repository || '#' || t.number)
      -- The least that can be configured; a deadline of its own may come sooner.
      and (t.waiting_since < clock_timestamp() - interval '1 hour' or t.waiting_for = 'approval')
  ),
  reached as (
    select w.*,
      case
        when w.waiting_for <> 'merge' and w.at_end <> 'keep' and w.ends_at <= clock_timestamp() then 3
        when w.waiting_for <> 'merge' and w.escalates_at <= clock_timestamp() then 2
        when (w.waiting_for <> 'merge' or w.remind_merge = 'true') and w.reminds_at <= clock_timestamp() then 1
        else 0
      end as stage
    from waiting w
  )
  select c.subject, c.organization_id, c.waiting_since,
    jsonb_build_object('ticket_id', c.id, 'version', c.version, 'waits', c.waits, 'stage', c.stage)
  from reached c
  left join banyan.watch_marks m on m.job = 'approvals' and m.subject = c.subject
  where c.stage > case when m.memory ->> 'waits' = c.waits::text then (m.memory ->> 'stage')::integer else 0 end
  union all
  select m.subject, m.organization_id, m.looked_at, '{"stage": 0}'
  from banyan.watch_marks m
  where m.job = 'approvals' and m.finding is not null
    and not exists (
      select from tickets t
      where t.id = substr(m.subject, 8)::uuid and t.waiting_for is not null and m.memory ->> 'waits' = t.waits::text)
$$;

revoke execute on function banyan.count_wait, banyan.waiting_hours, banyan.approvals_candidates from public, anon, authenticated;
grant execute on function banyan.count_wait, banyan.waiting_hours, banyan.approvals_candidates to service_role;
