-- Marks last as long as what they are about, bear a clock that was wrong, and are given back where the time was up before the look.

-- An id of a mark's subject. Null where it is none: one row that is broken must not fail the query that finds the others.
create function banyan.uuid_or_null(p_text text) returns uuid
language sql immutable
set search_path = ''
as $$
  select case when p_text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then p_text::uuid end
$$;

-- A number of a mark's memory; 0 where it is none.
create function banyan.number_or_zero(p_value jsonb) returns numeric
language sql immutable
set search_path = ''
as $$
  select case when jsonb_typeof(p_value) = 'number' then (p_value #>> '{}')::numeric else 0 end
$$;

-- As it was; with each item, when it was looked at before. What was looked at in a minute to come was looked at by a clock that was ahead: neither
-- that look nor the pause after it holds anybody off.
create or replace function public.watch_claim(p_job text, p_limit integer, p_lease_seconds integer, p_looked_before timestamptz default null) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_ahead timestamptz := v_now + interval '1 minute';
  v_candidate record;
  v_mark banyan.watch_marks;
  v_items jsonb := '[]';
begin
  if to_regprocedure(format('banyan.%I()', p_job || '_candidates')) is null then
    raise exception 'there is no job "%"', p_job using errcode = 'PT404';
  end if;
  for v_candidate in execute format(
    'select c.subject, c.organization_id, c.data, m.looked_at
     from banyan.%I() c left join banyan.watch_marks m on m.job = $1 and m.subject = c.subject
     where m.subject is null or m.looked_at > $5 or (m.next_look_at <= $2 and ($4 is null or m.looked_at < $4))
     order by coalesce(m.looked_at, c.progress_at), c.subject
     limit $3', p_job || '_candidates') using p_job, v_now, p_limit, p_looked_before, v_ahead
  loop
    insert into banyan.watch_marks as m (job, subject, organization_id, looked_at, next_look_at)
    values (p_job, v_candidate.subject, v_candidate.organization_id, v_now, v_now + make_interval(secs => p_lease_seconds))
    on conflict (job, subject) do update
      set looks = m.looks + 1, looked_at = excluded.looked_at, next_look_at = excluded.next_look_at
      where m.next_look_at <= v_now or m.looked_at > v_ahead
    returning m.* into v_mark;
    if found then
      v_items := v_items || jsonb_build_object(
        'subject', v_mark.subject, 'organization_id', v_mark.organization_id, 'looks', v_mark.looks, 'failures', v_mark.failures,
        'finding', v_mark.finding, 'found_at', v_mark.found_at, 'memory', v_mark.memory, 'looked_before', v_candidate.looked_at,
        'data', v_candidate.data);
    end if;
  end loop;
  return v_items;
end
$$;

-- Items that were taken and not looked at are as they were before: due, and in their place in the row.
create function public.watch_give_back(p_job text, p_items jsonb) returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_item record;
  v_given integer := 0;
begin
  for v_item in
    select i.subject, i.looks, i.looked_before
    from jsonb_to_recordset(p_items) as i (subject text, looks integer, looked_before timestamptz)
    order by i.subject
  loop
    if v_item.looked_before is null and v_item.looks = 1 then
      delete from banyan.watch_marks where job = p_job and subject = v_item.subject and looks = 1 and next_look_at > v_now;
    else
      update banyan.watch_marks set next_look_at = v_now, looked_at = least(coalesce(v_item.looked_before, looked_at), v_now)
      where job = p_job and subject = v_item.subject and looks = v_item.looks and next_look_at > v_now;
    end if;
    v_given := v_given + found::integer;
  end loop;
  return to_jsonb(v_given);
end
$$;

-- Whether somebody has said something about a ticket, or about its pull request, that was not read yet.
create function banyan.has_unread(p_ticket_id uuid) returns boolean
language sql stable
set search_path = public, pg_temp
as $$
  select exists (
    select from tickets t
    join projects p on p.id = t.project_id
    left join code_generations c on c.ticket_id = t.id
    join deliveries d on d.state = 'pending' and d.subject = any (array[p.repository || '#' || t.number, p.repository || '#' || c.pr_number])
    where t.id = p_ticket_id)
$$;

-- As it was. With `p_unless_unread`, nothing is done either where somebody has written since: what they say may be what is waited for.
drop function public.watch_settle(text, text, integer, text, double precision, jsonb, uuid, integer, jsonb);
create function public.watch_settle(
  p_job text, p_subject text, p_looks integer, p_finding text, p_next_seconds double precision, p_memory jsonb,
  p_ticket_id uuid, p_expect_version integer, p_intents jsonb, p_unless_unread boolean default false
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
    if not found or (p_expect_version is not null and v_ticket.version <> p_expect_version) or (p_unless_unread and banyan.has_unread(p_ticket_id)) then
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

-- Whether a subject is of an issue that is not over: what was found and done about it is needed however long nobody looks.
create function banyan.is_remembered(p_subject text) returns boolean
language sql stable
set search_path = public, pg_temp
as $$
  select exists (
    select from tickets t
    where not banyan.is_over(t.state) and t.id = case split_part(p_subject, ':', 1)
      when 'ticket' then banyan.uuid_or_null(split_part(p_subject, ':', 2))
      when 'effects' then banyan.uuid_or_null(split_part(p_subject, ':', 2))
      when 'task' then (select k.ticket_id from tasks k where k.id = banyan.uuid_or_null(split_part(p_subject, ':', 2)))
      when 'run' then (select r.ticket_id from runs r where r.id = banyan.uuid_or_null(split_part(p_subject, ':', 2)))
      end)
$$;

create index watch_reports_finished on banyan.watch_reports (finished_at);

-- Marks of what is long over, and reports nobody reads any more, whatever a clock that was ahead has written before them.
create or replace function public.watch_forget(p_limit integer, p_days integer) returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
  v_before timestamptz := now() - make_interval(days => greatest(p_days, 1));
  v_marks integer;
  v_reports integer;
begin
  delete from banyan.watch_marks where (job, subject) in (
    select job, subject from banyan.watch_marks where looked_at < v_before and not banyan.is_remembered(subject) order by looked_at limit p_limit);
  get diagnostics v_marks = row_count;
  delete from banyan.watch_reports where id in (
    select id from banyan.watch_reports where finished_at < v_before order by finished_at limit p_limit);
  get diagnostics v_reports = row_count;
  return jsonb_build_object('marks', v_marks, 'reports', v_reports, 'more', greatest(v_marks, v_reports) >= p_limit);
end
$$;

-- Both logs are written in the order of time, as long as the clock is right: so a range of blocks tells which are old, and costs nothing to keep.
create index events_age on public.events using brin (created_at) with (pages_per_range = 32);
create index audit_log_age on public.audit_log using brin (created_at) with (pages_per_range = 32);

create or replace function banyan.retain_logs(p_limit integer, p_days integer, out events integer, out audit integer)
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  v_before timestamptz := now() - make_interval(days => greatest(p_days, 1));
begin
  perform set_config('banyan.retaining', 'on', true);
  delete from public.events where id in (select id from public.events where created_at < v_before limit p_limit);
  get diagnostics events = row_count;
  delete from public.audit_log where id in (select id from public.audit_log where created_at < v_before limit p_limit);
  get diagnostics audit = row_count;
  perform set_config('banyan.retaining', '', true);
end
$$;

revoke execute on function
  banyan.uuid_or_null, banyan.number_or_zero, banyan.has_unread, banyan.is_remembered, public.watch_claim, public.watch_give_back, public.watch_settle
  from public, anon, authenticated;
grant execute on function
  banyan.uuid_or_null, banyan.number_or_zero, banyan.has_unread, banyan.is_remembered, public.watch_claim, public.watch_give_back, public.watch_settle
  to service_role;
