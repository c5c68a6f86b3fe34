-- GitHub's secondary limits, kept for all workers together: a budget per installation, from which each process reserves small blocks.
-- https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
--
-- How it can never exceed GitHub's own counting, however GitHub draws its windows: what counts is not a fixed minute, on whose edge two
-- bursts could meet, but every minute that there is. A block may be used for `use_seconds` after it was reserved, and a request may be
-- `late_seconds` under way before GitHub counts it; so the blocks reserved within a minute and these seconds together stay under the limit.

-- The one place for the numbers. GitHub allows GraphQL 2,000 points a minute of its own; it is counted with REST here, which is stricter.
create function banyan.github_limits(
  out points_a_minute integer, out creations_a_minute integer, out creations_an_hour integer, out at_once integer,
  out use_seconds integer, out late_seconds integer, out request_seconds integer
)
language sql immutable
set search_path = ''
as $$
  -- A request is cut after 30 seconds (src/github/app.ts).
  select 900, 80, 500, 100, 5, 5, 35
$$;

-- Set by GitHub's answers: nobody asks for this installation before `held_until`. `holds` counts those in a row for which GitHub named no time.
alter table public.installations add column held_until timestamptz;
alter table public.installations add column holds integer not null default 0;
create index installations_held on public.installations (held_until) where held_until is not null;

-- What processes have reserved; what they report unused is taken off again. Rows go when no window holds them any more.
-- Many rows: no foreign key to the organization, whose rows go with their installation.
create table public.github_reservations (
  id bigint generated always as identity primary key,
  installation_id bigint not null references public.installations on delete cascade,
  organization_id uuid not null,
  holder text not null,
  points integer not null check (points >= 0),
  creations integer not null check (creations >= 0),
  -- Requests that may be open at once, until they are given back or, where the process died, until no request can be open any more.
  slots integer not null check (slots >= 0),
  slots_until timestamptz not null default clock_timestamp(),
  granted_at timestamptz not null default clock_timestamp()
) with (fillfactor = 85);
create index github_reservations_window on public.github_reservations (installation_id, granted_at);

alter table public.github_reservations enable row level security;
create policy read on public.github_reservations for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('projects:read'))
);
revoke all on table public.github_reservations from public, anon, authenticated, service_role;
grant select on table public.github_reservations to authenticated;
grant select, insert, update, delete on table public.github_reservations to service_role;
revoke all on sequence public.github_reservations_id_seq from public, anon, authenticated;

-- What of its blocks a process has used, and how many requests of each are still open: `[{id, points, creations, slots}]`.
create function public.return_github(p_holder text, p_returns jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  -- Never more than was reserved: who says so is mistaken.
  update github_reservations r
  set points = least(r.points, x.points), creations = least(r.creations, x.creations), slots = least(r.slots, x.slots)
  from jsonb_to_recordset(p_returns) as x(id bigint, points integer, creations integer, slots integer)
  where r.id = x.id and r.holder = p_holder;
  delete from github_reservations r
  using jsonb_to_recordset(p_returns) as x(id bigint)
  where r.id = x.id and r.holder = p_holder and r.points = 0 and r.creations = 0 and r.slots = 0;
  return '{}'::jsonb;
end
$$;

-- In how many seconds the oldest reservations will have left the window far enough for the missing amount.
create function banyan.github_free_in(p_installation_id bigint, p_creations boolean, p_window interval, p_missing integer, p_now timestamptz)
returns double precision
language sql stable
set search_path = public, pg_temp
as $$
  select greatest(extract(epoch from min(freed.granted_at) + p_window - p_now), 0)
  from (
    select r.granted_at, sum(case when p_creations then r.creations else r.points end) over (order by r.granted_at, r.id) as amount
    from github_reservations r
    where r.installation_id = p_installation_id and r.granted_at > p_now - p_window
  ) as freed
  where freed.amount >= p_missing
$$;

-- Reserves a block: at least what is needed, more where it is wanted and there is plenty. A quarter of what is left at most, so that one
-- process leaves something to the others. The answer is one of
--   granted  {id, points, creations, slots, seconds}: to be used within so many seconds
--   held     {seconds}: GitHub said so
--   wait     {seconds, later, pace, creations}: `seconds` until the need fits; `later` until a share worth coming back for does; `pace`
--            seconds for each further one in a queue; `creations` true where only creations must wait
create function public.reserve_github(p_installation_id bigint, p_holder text, p_need jsonb, p_want jsonb, p_returns jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_limits record;
  v_minute interval;
  v_hour interval;
  v_now timestamptz;
  v_installation installations;
  v_used record;
  v_points integer := (p_need ->> 'points')::integer;
  v_creations integer := (p_need ->> 'creations')::integer;
  v_left_points integer;
  v_left_creations integer;
  v_left_slots integer;
  v_block github_reservations;
begin
  select * into v_limits from banyan.github_limits();
  v_minute := make_interval(secs => 60 + v_limits.use_seconds + v_limits.late_seconds);
  v_hour := make_interval(secs => 3600 + v_limits.use_seconds + v_limits.late_seconds);
  select * into v_installation from installations where id = p_installation_id;
  if not found then
    raise exception 'no such installation' using errcode = 'PT404';
  end if;
  -- What has been reserved must be added up with nobody reserving beside.
  perform pg_advisory_xact_lock(banyan.lock_name('github', p_installation_id::text));
  v_now := clock_timestamp();
  perform return_github(p_holder, p_returns);
  select * into v_installation from installations where id = p_installation_id;
  if v_installation.held_until > v_now then
    return jsonb_build_object('status', 'held', 'seconds', extract(epoch from v_installation.held_until - v_now));
  end if;

  delete from github_reservations
  where installation_id = p_installation_id and slots_until <= v_now
    and (granted_at <= v_now - v_hour or (creations = 0 and granted_at <= v_now - v_minute));
  select coalesce(sum(points) filter (where granted_at > v_now - v_minute), 0) as points,
    coalesce(sum(creations) filter (where granted_at > v_now - v_minute), 0) as minute,
    coalesce(sum(creations) filter (where granted_at > v_now - v_hour), 0) as hour,
    coalesce(sum(slots) filter (where slots_until > v_now), 0) as slots
  into v_used
  from github_reservations where installation_id = p_installation_id;
  v_left_points := v_limits.points_a_minute - v_used.points;
  v_left_creations := least(v_limits.creations_a_minute - v_used.minute, v_limits.creations_an_hour - v_used.hour);
  v_left_slots := v_limits.at_once - v_used.slots;

  if v_left_creations < v_creations then
    return (
      select jsonb_build_object('status', 'wait', 'creations', true, 'pace', w.pace,
        'seconds', banyan.github_free_in(p_installation_id, true, w.span, v_creations - w.free, v_now),
        'later', banyan.github_free_in(p_installation_id, true, w.span, greatest(v_creations, w.size / 8) - w.free, v_now))
      from (
        -- The window that is the fuller one.
        select case when by_hour then v_hour else v_minute end as span,
          case when by_hour then v_limits.creations_an_hour else v_limits.creations_a_minute end as size,
          v_left_creations as free,
          case when by_hour then extract(epoch from v_hour) / v_limits.creations_an_hour
            else extract(epoch from v_minute) / v_limits.creations_a_minute end as pace
        from (select v_limits.creations_an_hour - v_used.hour < v_creations as by_hour) as fuller
      ) as w
    );
  elsif v_left_points < v_points then
    return jsonb_build_object('status', 'wait', 'creations', false, 'pace', extract(epoch from v_minute) / v_limits.points_a_minute * 5,
      'seconds', banyan.github_free_in(p_installation_id, false, v_minute, v_points - v_left_points, v_now),
      'later', banyan.github_free_in(p_installation_id, false, v_minute, greatest(v_points, v_limits.points_a_minute / 8) - v_left_points, v_now));
  elsif v_left_slots < 1 then
    -- Others give theirs back when their requests end; nobody knows when.
    return jsonb_build_object('status', 'wait', 'creations', false, 'pace', 0, 'seconds', 0.5, 'later', v_limits.use_seconds);
  end if;

  insert into github_reservations (installation_id, organization_id, holder, points, creations, slots, slots_until, granted_at)
  values (
    p_installation_id, v_installation.organization_id, p_holder,
    greatest(v_points, least((p_want ->> 'points')::integer, v_left_points / 4)),
    greatest(v_creations, least((p_want ->> 'creations')::integer, v_left_creations / 4)),
    greatest(1, least((p_want ->> 'slots')::integer, v_left_slots / 4)),
    v_now + make_interval(secs => v_limits.use_seconds + v_limits.request_seconds), v_now
  )
  returning * into v_block;
  return jsonb_build_object('status', 'granted', 'id', v_block.id, 'points', v_block.points, 'creations', v_block.creations, 'slots', v_block.slots,
    'seconds', v_limits.use_seconds);
end
$$;

-- GitHub has answered that it is too much. Null `p_seconds`: it named no time; then a minute, twice as long each time it follows within an
-- hour of the last, an hour at most, as its documentation asks. What is open of the outbox moves to that time at once.
create function public.hold_github(p_installation_id bigint, p_seconds double precision) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_now timestamptz;
  v_installation installations;
  v_holds integer;
  v_until timestamptz;
begin
  select * into v_installation from installations where id = p_installation_id for no key update;
  if not found then
    raise exception 'no such installation' using errcode = 'PT404';
  end if;
  v_now := clock_timestamp();
  v_holds := v_installation.holds;
  if p_seconds is not null then
    v_until := v_now + make_interval(secs => least(greatest(p_seconds, 1), 86400));
  elsif v_installation.held_until > v_now then
    -- Requests that were under way when the first was answered: the same hold.
    v_until := v_installation.held_until;
  else
    v_holds := case when v_installation.held_until > v_now - interval '1 hour' then v_holds + 1 else 1 end;
    v_until := v_now + make_interval(secs => least(60 * 2 ^ (least(v_holds, 10) - 1), 3600));
  end if;
  if v_installation.held_until is null or v_until > v_installation.held_until then
    update installations set held_until = v_until, holds = v_holds where id = p_installation_id;
    -- What another is claiming at this moment will meet the hold by itself.
    update effects set due_at = v_until
    where key in (
      select e.key
      from effects e join projects p on p.id = e.project_id
      where p.installation_id = p_installation_id and e.state in ('pending', 'begun') and e.due_at < v_until
        and (e.lease_expires_at is null or e.lease_expires_at <= v_now)
      for no key update of e skip locked
    );
    if v_installation.held_until is null or v_installation.held_until <= v_now then
      insert into events (organization_id, type, data)
      values (v_installation.organization_id, 'installation.held',
        jsonb_build_object('installation_id', p_installation_id, 'until', v_until, 'named', p_seconds is not null));
    end if;
  end if;
  return jsonb_build_object('seconds', extract(epoch from greatest(v_until, v_installation.held_until) - v_now));
end
$$;

revoke execute on function
  public.reserve_github, public.return_github, public.hold_github, banyan.github_limits, banyan.github_free_in
  from public, anon, authenticated;
grant execute on function
  public.reserve_github, public.return_github, public.hold_github, banyan.github_limits, banyan.github_free_in
  to service_role;
