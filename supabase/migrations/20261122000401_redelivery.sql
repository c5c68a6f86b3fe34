-- What GitHub could not hand over: how far its list of attempts was read, and a row for each delivery that is missing.

-- One row. `seen_until` is the newest attempt that was read; `gaps` are older stretches of the list that a run had no time for, each with
-- the cursor to go on from and the time to read back to: [{"cursor": "v1_123", "until": "2026-11-21T10:00:00Z"}]. Nobody's but the system's.
create table banyan.redelivery_progress (
  only_row boolean primary key default true check (only_row),
  version bigint not null default 0,
  seen_until timestamptz,
  gaps jsonb not null default '[]'
);
insert into banyan.redelivery_progress default values;
alter table banyan.redelivery_progress enable row level security;
revoke all on table banyan.redelivery_progress from public, anon, authenticated, service_role;
grant select, update on table banyan.redelivery_progress to service_role;

--   missing    every attempt so far failed; it is asked for, and then fetched, until three days are over
--   received   it came after all (a redelivery, by us or by hand), or proved to be nothing that is handled
--   recovered  its payload was fetched from GitHub and stored in the inbox
--   lost       given up, for people to see
create table public.missed_deliveries (
  guid text primary key,
  -- GitHub's id of the newest attempt. Leaves the database as text: it is beyond what a number of JSON holds.
  delivery_id bigint not null,
  event text not null,
  action text,
  installation_id bigint,
  organization_id uuid references public.organizations on delete set null,
  -- What the newest attempt was answered with.
  status_code integer not null,
  state text not null default 'missing' check (state in ('missing', 'received', 'recovered', 'lost')),
  -- How often it was asked for or fetched.
  attempts integer not null default 0,
  next_try_at timestamptz not null default now(),
  outcome text,
  -- The oldest and the newest attempt that were seen.
  happened_at timestamptz not null default now(),
  attempted_at timestamptz not null default now(),
  first_seen_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz,
  updated_at timestamptz not null default now()
) with (fillfactor = 85);
create index missed_deliveries_open on public.missed_deliveries (next_try_at) where state = 'missing';
create index missed_deliveries_lost on public.missed_deliveries (happened_at) where state = 'lost';
create index missed_deliveries_closed on public.missed_deliveries (closed_at) where state in ('received', 'recovered');
create index missed_deliveries_organization on public.missed_deliveries (organization_id) where organization_id is not null;
create trigger touch before update on public.missed_deliveries for each row execute function banyan.touch_updated_at();

alter table public.missed_deliveries enable row level security;
create policy read on public.missed_deliveries for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('deliveries:read'))
);
revoke all on table public.missed_deliveries from public, anon, authenticated, service_role;
grant select on table public.missed_deliveries to authenticated;
grant select, insert, update, delete on table public.missed_deliveries to service_role;

-- GitHub keeps a delivery, its payload and the right to ask for it again for three days.
create function banyan.redelivery_window() returns interval
language sql immutable
set search_path = ''
as $$
  select interval '3 days'
$$;

create function public.redelivery_progress() returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object('version', version, 'seen_until', seen_until, 'gaps', gaps, 'horizon', now() - banyan.redelivery_window())
  from banyan.redelivery_progress
$$;

-- One page of GitHub's list, and how far the list is read with it. Attempts are facts and are kept in any case; the progress only where nobody
-- else has moved it: what two runs read at once is read twice and written once.
create function public.record_attempts(p_version bigint, p_attempts jsonb, p_seen_until timestamptz, p_gaps jsonb) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_version bigint;
begin
  -- Held to the end: nobody records beside.
  select version into strict v_version from banyan.redelivery_progress for no key update;

  with attempt as (
    select * from jsonb_to_recordset(p_attempts) as a (
      id bigint, guid text, delivered_at timestamptz, succeeded boolean, status_code integer, event text, action text, installation_id bigint
    )
  ),
  failed as (
    select distinct on (guid) *, min(delivered_at) over (partition by guid) as happened_at
    from attempt a
    where not exists (select from attempt s where s.guid = a.guid and s.succeeded)
    order by guid, delivered_at desc
  )
  insert into missed_deliveries as m (guid, delivery_id, event, action, installation_id, organization_id, status_code, happened_at, attempted_at)
  select f.guid, f.id, f.event, f.action, f.installation_id, i.organization_id, f.status_code, f.happened_at, f.delivered_at
  from failed f left join installations i on i.id = f.installation_id
  where f.happened_at > now() - banyan.redelivery_window() and not exists (select from deliveries d where d.guid = f.guid)
  order by f.guid
  on conflict (guid) do update
    set happened_at = least(m.happened_at, excluded.happened_at),
      delivery_id = case when excluded.attempted_at > m.attempted_at then excluded.delivery_id else m.delivery_id end,
      status_code = case when excluded.attempted_at > m.attempted_at then excluded.status_code else m.status_code end,
      attempted_at = greatest(m.attempted_at, excluded.attempted_at)
    where (least(m.happened_at, excluded.happened_at), greatest(m.attempted_at, excluded.attempted_at)) is distinct from (m.happened_at, m.attempted_at);

  update missed_deliveries m
  set state = 'received', outcome = 'delivered again', closed_at = clock_timestamp()
  from jsonb_to_recordset(p_attempts) as a (guid text, succeeded boolean)
  where a.succeeded and m.guid = a.guid and m.state in ('missing', 'lost');

  if v_version <> p_version then
    return jsonb_build_object('status', 'overtaken');
  end if;
  update banyan.redelivery_progress set version = version + 1, seen_until = p_seen_until, gaps = p_gaps returning version into v_version;
  return jsonb_build_object('status', 'recorded', 'version', v_version);
end
$$;

-- Closes what came meanwhile, gives up what is out of time or attempts, and forgets what was closed a week ago. Returns what was given up now.
create function public.close_missed(p_max_attempts integer) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_lost jsonb;
begin
  update missed_deliveries
  set state = 'received', outcome = 'in the inbox', closed_at = clock_timestamp()
  where guid in (
    select m.guid from missed_deliveries m
    where m.state = 'missing' and exists (select from deliveries d where d.guid = m.guid)
    order by m.guid limit 1000 for update skip locked
  );
  with lost as (
    update missed_deliveries
    set state = 'lost', closed_at = clock_timestamp(),
      outcome = case when happened_at <= now() - banyan.redelivery_window() then 'three days are over' else 'no attempt is left' end
    where guid in (
      select m.guid from missed_deliveries m
      where m.state = 'missing'
        and (m.happened_at <= now() - banyan.redelivery_window() or (m.attempts >= p_max_attempts and m.next_try_at <= now()))
      order by m.guid limit 100 for update skip locked
    )
    returning *
  )
  select coalesce(jsonb_agg(banyan.missed_json(l) order by l.happened_at), '[]'::jsonb) into v_lost from lost l;
  delete from missed_deliveries
  where guid in (
    select m.guid from missed_deliveries m
    where m.state in ('received', 'recovered') and m.closed_at <= now() - interval '7 days'
    order by m.guid limit 1000 for update skip locked
  );
  return v_lost;
end
$$;

create function banyan.missed_json(p_row public.missed_deliveries) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object('guid', p_row.guid, 'delivery_id', p_row.delivery_id::text, 'event', p_row.event, 'action', p_row.action,
    'status_code', p_row.status_code, 'attempts', p_row.attempts, 'happened_at', p_row.happened_at, 'outcome', p_row.outcome)
$$;

-- The oldest that is due, counted as tried before it is: a run that dies in between costs one try and not a loop. 30 s until the next one, then
-- twice as long each time, six hours at most. Null where none is due.
create function public.claim_missed() returns jsonb
language sql volatile
set search_path = public, pg_temp
as $$
  update missed_deliveries m
  set attempts = m.attempts + 1, next_try_at = clock_timestamp() + least(interval '30 seconds' * 2 ^ least(m.attempts, 10), interval '6 hours')
  where m.guid = (
    select guid from missed_deliveries
    where state = 'missing' and next_try_at <= clock_timestamp()
    order by happened_at, guid limit 1 for update skip locked
  )
  returning banyan.missed_json(m)
$$;

create function public.settle_missed(p_guid text, p_state text, p_outcome text) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  update missed_deliveries set state = p_state, outcome = p_outcome, closed_at = clock_timestamp() where guid = p_guid and state = 'missing';
  return jsonb_build_object('settled', found);
end
$$;

-- Health in one call, as before, with what GitHub could not hand over.
alter function public.health() rename to health_of_work;
alter function public.health_of_work() set schema banyan;
create function public.health() returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select banyan.health_of_work() || jsonb_build_object(
    'deliveries_missing', (select count(*) from missed_deliveries where state = 'missing'),
    'deliveries_lost', (select count(*) from missed_deliveries where state = 'lost')
  )
$$;

revoke execute on function
  public.redelivery_progress, public.record_attempts, public.close_missed, public.claim_missed, public.settle_missed, public.health,
  banyan.redelivery_window, banyan.missed_json
  from public, anon, authenticated;
grant execute on function
  public.redelivery_progress, public.record_attempts, public.close_missed, public.claim_missed, public.settle_missed, public.health,
  banyan.redelivery_window, banyan.missed_json
  to service_role;
