-- Deliveries and effects that are known to wait for an older one of their subject or lane, so that a thousand of them at the head of the queue
-- do not have to be looked at by every claim. A claim that meets such a row marks it; the end of the one before takes the mark off. The mark
-- spares looking and decides nothing: whoever takes a row still asks whether an older one is open.

alter table public.deliveries add column behind boolean not null default false;
alter table public.effects add column behind boolean not null default false;
drop index public.deliveries_open;
drop index public.effects_open;
create index deliveries_open on public.deliveries (seq) where state = 'pending' and not behind;
create index effects_open on public.effects (position) where state in ('pending', 'begun') and not behind;

-- The next one of a subject, when one of it was closed (or was deleted by hand).
create function banyan.delivery_closed() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  update deliveries set behind = false
  where guid = (select guid from deliveries where subject = old.subject and state = 'pending' order by seq limit 1) and behind;
  update deliveries set behind = false where guid = old.guid and behind;
  return null;
end
$$;
create trigger closed after update of state on public.deliveries
  for each row when (old.state = 'pending' and new.state <> 'pending') execute function banyan.delivery_closed();

create function banyan.effect_closed() returns trigger
language plpgsql
set search_path = public, pg_temp
as $$
begin
  update effects set behind = false
  where key = (select key from effects where lane = old.lane and state in ('pending', 'begun') order by position limit 1) and behind;
  update effects set behind = false where key = old.key and behind;
  return null;
end
$$;
create trigger closed after update of state on public.effects
  for each row when (old.state in ('pending', 'begun') and new.state not in ('pending', 'begun')) execute function banyan.effect_closed();

create trigger removed after delete on public.deliveries
  for each row when (old.state = 'pending') execute function banyan.delivery_closed();
create trigger removed after delete on public.effects
  for each row when (old.state in ('pending', 'begun')) execute function banyan.effect_closed();

-- Marks what stands behind the first of its subject among the oldest that are due. The first ones are locked against their end for as long:
-- one that is ending at this moment is left out, and so is what stands behind it, because its end would not see the mark.
-- @returns how many were marked.
create function banyan.mark_deliveries_behind(p_limit integer) returns integer
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_marked integer;
begin
  with seen as (
    select d.guid, d.subject, d.seq from deliveries d
    where d.state = 'pending' and not d.behind and d.due_at <= now() and (d.lease_expires_at is null or d.lease_expires_at <= now())
    order by d.seq limit p_limit
  ),
  first as (
    select h.guid, h.subject, h.seq from deliveries h
    where h.guid in (
      select (select o.guid from deliveries o where o.subject = s.subject and o.state = 'pending' order by o.seq limit 1)
      from (select distinct subject from seen) as s
    ) and h.state = 'pending'
    for share skip locked
  ),
  waiting as (
    select d.guid from deliveries d
    where d.guid in (select s.guid from seen s join first f on f.subject = s.subject and f.seq < s.seq) and d.state = 'pending' and not d.behind
    for no key update skip locked
  )
  update deliveries d set behind = true from waiting w where d.guid = w.guid;
  get diagnostics v_marked = row_count;
  return v_marked;
end
$$;

create function banyan.mark_effects_behind(p_limit integer) returns integer
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_marked integer;
begin
  with seen as (
    select e.key, e.lane, e.position from effects e
    where e.state in ('pending', 'begun') and not e.behind and e.due_at <= now() and (e.lease_expires_at is null or e.lease_expires_at <= now())
    order by e.position limit p_limit
  ),
  first as (
    select h.key, h.lane, h.position from effects h
    where h.key in (
      select (select o.key from effects o where o.lane = s.lane and o.state in ('pending', 'begun') order by o.position limit 1)
      from (select distinct lane from seen) as s
    ) and h.state in ('pending', 'begun')
    for share skip locked
  ),
  waiting as (
    select e.key from effects e
    where e.key in (select s.key from seen s join first f on f.lane = s.lane and f.position < s.position)
      and e.state in ('pending', 'begun') and not e.behind
    for no key update skip locked
  )
  update effects e set behind = true from waiting w where e.key = w.key;
  get diagnostics v_marked = row_count;
  return v_marked;
end
$$;

create or replace function banyan.claim_deliveries(p_worker text, p_limit integer, p_lease interval) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_found record;
  v_row deliveries;
  v_waiting boolean;
  v_result jsonb := '[]';
begin
  loop
    v_waiting := false;
    for v_found in
      select d.guid, d.subject, exists (
        select from deliveries o
        where o.subject = d.subject and o.state = 'pending' and o.guid <> d.guid and (o.seq < d.seq or o.lease_expires_at > now())
      ) as waits
      from deliveries d
      where d.state = 'pending' and not d.behind and d.due_at <= now() and (d.lease_expires_at is null or d.lease_expires_at <= now())
      order by d.seq
      -- More than wanted: another worker may be taking the first ones at this moment.
      limit p_limit * 4
    loop
      exit when jsonb_array_length(v_result) >= p_limit;
      v_waiting := v_waiting or v_found.waits;
      -- A subject that another is claiming is not waited for.
      continue when v_found.waits or not pg_try_advisory_xact_lock(banyan.lock_name('delivery', v_found.subject));
      update deliveries d
      set lease_owner = p_worker, lease_expires_at = clock_timestamp() + p_lease, attempts = d.attempts + 1
      where d.guid = v_found.guid and d.state = 'pending' and d.due_at <= now()
        and (d.lease_expires_at is null or d.lease_expires_at <= clock_timestamp())
        and not exists (
          select from deliveries o
          where o.subject = d.subject and o.state = 'pending' and o.guid <> d.guid
            and (o.seq < d.seq or o.lease_expires_at > clock_timestamp())
        )
      returning * into v_row;
      if found then
        v_result := v_result || jsonb_build_object('guid', v_row.guid, 'event', v_row.event, 'action', v_row.action, 'body', v_row.body,
          'attempts', v_row.attempts, 'received_at', v_row.received_at);
      end if;
    end loop;
    exit when jsonb_array_length(v_result) >= p_limit or not v_waiting or banyan.mark_deliveries_behind(1000) = 0;
  end loop;
  return v_result;
end
$$;

create or replace function banyan.claim_effects(p_worker text, p_limit integer, p_lease interval) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_found record;
  v_row effects;
  v_before boolean;
  v_waiting boolean;
  v_result jsonb := '[]';
begin
  loop
    v_waiting := false;
    for v_found in
      select e.key, e.lane, exists (
        select from effects o
        where o.lane = e.lane and o.state in ('pending', 'begun') and o.key <> e.key and (o.position < e.position or o.lease_expires_at > now())
      ) as waits
      from effects e
      where e.state in ('pending', 'begun') and not e.behind and e.due_at <= now() and (e.lease_expires_at is null or e.lease_expires_at <= now())
      order by e.position
      limit p_limit * 4
    loop
      exit when jsonb_array_length(v_result) >= p_limit;
      v_waiting := v_waiting or v_found.waits;
      continue when v_found.waits or not pg_try_advisory_xact_lock(banyan.lock_name('effect', v_found.lane));
      select e.begun into v_before
      from effects e
      where e.key = v_found.key and e.state in ('pending', 'begun') and e.due_at <= now()
        and (e.lease_expires_at is null or e.lease_expires_at <= clock_timestamp())
        and not exists (
          select from effects o
          where o.lane = e.lane and o.state in ('pending', 'begun') and o.key <> e.key
            and (o.position < e.position or o.lease_expires_at > clock_timestamp())
        )
      for no key update of e skip locked;
      continue when not found;
      v_row := banyan.take_effect(v_found.key, p_worker, p_lease);
      v_result := v_result || (
        select jsonb_build_object('key', v_row.key, 'kind', v_row.kind, 'payload', v_row.payload, 'generation', v_row.generation,
          'begun_before', v_before, 'result', v_row.result, 'attempts', v_row.attempts, 'ticket_id', v_row.ticket_id,
          'project', banyan.project_json(p))
        from projects p where p.id = v_row.project_id
      );
    end loop;
    exit when jsonb_array_length(v_result) >= p_limit or not v_waiting or banyan.mark_effects_behind(1000) = 0;
  end loop;
  return v_result;
end
$$;

revoke execute on function
  banyan.delivery_closed, banyan.effect_closed, banyan.mark_deliveries_behind, banyan.mark_effects_behind
  from public, anon, authenticated;
grant execute on function
  banyan.delivery_closed, banyan.effect_closed, banyan.mark_deliveries_behind, banyan.mark_effects_behind
  to service_role;
