-- What the cron jobs look at, and what they did about it.
--   A job has candidates: rows of the work that might need somebody, each named by a subject ('ticket:<id>', 'task:<id>', ...).
--   A mark is a job's memory of one subject: when it looked, when it looks again, what it found and told. Taking a mark is the lease: whoever
--   comes meanwhile, in the same second too, passes the subject by.
--   A report is one row for each run of a job.

create table banyan.watch_marks (
  job text not null,
  subject text not null,
  organization_id uuid references public.organizations on delete cascade,
  -- Rises with every look; whoever looked settles under the number that was theirs.
  looks integer not null default 1,
  failures integer not null default 0,
  looked_at timestamptz not null default clock_timestamp(),
  next_look_at timestamptz not null,
  -- What was found, in a word that stays the same while nothing changes, and since when. Null: nothing.
  finding text,
  found_at timestamptz,
  -- Whatever the job wants to know the next time.
  memory jsonb not null default '{}',
  error jsonb,
  primary key (job, subject)
) with (fillfactor = 70);
create index watch_marks_organization on banyan.watch_marks (organization_id) where organization_id is not null;
create index watch_marks_failing on banyan.watch_marks (job) where failures > 0;
create index watch_marks_looked on banyan.watch_marks (looked_at);

create table banyan.watch_reports (
  id bigint generated always as identity primary key,
  job text not null,
  started_at timestamptz not null,
  finished_at timestamptz not null default clock_timestamp(),
  -- Subjects that were looked at; of these, where something was done; where looking failed.
  looked integer not null,
  acted integer not null,
  failed integer not null,
  -- True where the run ended before everything that was due was looked at.
  more boolean not null,
  -- What was done, by kind.
  did jsonb not null default '{}',
  error jsonb
);
create index watch_reports_job on banyan.watch_reports (job, id desc);

alter table banyan.watch_marks enable row level security;
revoke all on table banyan.watch_marks from public, anon, authenticated, service_role;
grant select, insert, update, delete on table banyan.watch_marks to service_role;
-- Of the whole installation: nobody's who is in one organization.
alter table banyan.watch_reports enable row level security;
revoke all on table banyan.watch_reports from public, anon, authenticated, service_role;
grant select, insert, delete on table banyan.watch_reports to service_role;

-- The subjects of a job that are due, under marks that are ours for so long. A job's candidates come from banyan.<job>_candidates(), as rows of
-- (subject, organization_id, progress_at, data); first come those that nobody looked at for longest, never looked at before by their own progress.
create function public.watch_claim(p_job text, p_limit integer, p_lease_seconds integer) returns jsonb
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
     where m.subject is null or m.next_look_at <= $2
     order by coalesce(m.looked_at, c.progress_at), c.subject
     limit $3', p_job || '_candidates') using p_job, v_now, p_limit
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

-- Keeps what was found, and applies what is to be done about it to one ticket, in one transaction. `lost`: another run took the subject over.
-- `conflict`: the ticket changed since it was read; nothing was done, and the next run looks again.
create function public.watch_settle(
  p_job text, p_subject text, p_looks integer, p_finding text, p_next_seconds double precision, p_memory jsonb,
  p_ticket_id uuid, p_expect_version integer, p_intents jsonb
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_ticket tickets;
begin
  perform from banyan.watch_marks where job = p_job and subject = p_subject and looks = p_looks and next_look_at > v_now for no key update;
  if not found then
    return '{"status": "lost"}';
  end if;
  if p_ticket_id is not null then
    select * into v_ticket from tickets where id = p_ticket_id for no key update;
    if not found or (p_expect_version is not null and v_ticket.version <> p_expect_version) then
      update banyan.watch_marks set next_look_at = v_now where job = p_job and subject = p_subject;
      return '{"status": "conflict"}';
    end if;
    perform banyan.apply(v_ticket.project_id, v_ticket.id, null, v_ticket.number, p_intents);
  elsif p_intents <> '[]' then
    raise exception 'intents without a ticket to apply them to' using errcode = 'PT400';
  end if;
  update banyan.watch_marks
  set finding = p_finding, found_at = case when p_finding is null then null when finding = p_finding then found_at else v_now end,
    next_look_at = v_now + make_interval(secs => p_next_seconds), memory = p_memory, failures = 0, error = null
  where job = p_job and subject = p_subject;
  return '{"status": "settled"}';
end
$$;

-- Looking failed: later again, each time twice as late, up to six hours. What keeps failing costs the others nothing and stays visible.
create function public.watch_fail(p_job text, p_subject text, p_looks integer, p_error jsonb) returns jsonb
language sql volatile
set search_path = ''
as $$
  update banyan.watch_marks
  set failures = failures + 1, error = p_error,
    next_look_at = clock_timestamp() + least(interval '1 minute' * power(2, least(failures, 10)), interval '6 hours')
  where job = p_job and subject = p_subject and looks = p_looks
  returning to_jsonb(failures)
$$;

create function public.watch_report(p_job text, p_started_at timestamptz, p_report jsonb) returns jsonb
language sql volatile
set search_path = ''
as $$
  insert into banyan.watch_reports (job, started_at, looked, acted, failed, more, did, error)
  values (p_job, p_started_at, (p_report ->> 'looked')::integer, (p_report ->> 'acted')::integer, (p_report ->> 'failed')::integer,
    (p_report ->> 'more')::boolean, p_report -> 'did', nullif(p_report -> 'error', 'null'))
  returning to_jsonb(id)
$$;

-- Marks of what is long gone, and reports nobody reads any more.
create function public.watch_forget(p_limit integer, p_days integer) returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
  v_before timestamptz := now() - make_interval(days => greatest(p_days, 1));
  v_marks integer;
  v_reports integer;
begin
  delete from banyan.watch_marks where (job, subject) in (
    select job, subject from banyan.watch_marks where looked_at < v_before order by looked_at limit p_limit);
  get diagnostics v_marks = row_count;
  delete from banyan.watch_reports where id in (
    select id from (select id, finished_at from banyan.watch_reports order by id limit p_limit) as oldest where finished_at < v_before);
  get diagnostics v_reports = row_count;
  return jsonb_build_object('marks', v_marks, 'reports', v_reports, 'more', greatest(v_marks, v_reports) >= p_limit);
end
$$;

revoke execute on function public.watch_claim, public.watch_settle, public.watch_fail, public.watch_report, public.watch_forget from public, anon, authenticated;
grant execute on function public.watch_claim, public.watch_settle, public.watch_fail, public.watch_report, public.watch_forget to service_role;
