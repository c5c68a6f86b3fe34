-- Deaths: a lease that another worker takes over was its holder's end. Written where the lease changes hands, whoever claims and however, so that
-- what kills its worker again and again can be told from what only waits long. The workers set it aside (`src/engine/failures.ts` says after how many).

-- In a row: for a task as long as no step of its conversation was stored in between; for a delivery or an effect as long as nobody lived to hand it back.
create table banyan.deaths (
  kind text not null check (kind in ('task', 'delivery', 'effect')),
  key text not null,
  in_a_row integer not null,
  -- Being tried with no other suspect beside it: its worker's death is then its own doing. The first two deaths it may have shared with what killed.
  alone boolean not null default false,
  -- How far it had come when its last worker ended: the last step of a task, the attempts of the others.
  reached integer not null,
  first_at timestamptz not null default clock_timestamp(),
  last_at timestamptz not null default clock_timestamp(),
  primary key (kind, key)
);
create index deaths_last on banyan.deaths (last_at);
alter table banyan.deaths enable row level security;
revoke all on table banyan.deaths from public, anon, authenticated;
grant select, insert, update, delete on table banyan.deaths to service_role;

-- `p_before`: what `reached` was at a death with nothing in between.
create function banyan.note_death(p_kind text, p_key text, p_before integer, p_reached integer) returns banyan.deaths
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
declare
  v_death deaths;
begin
  -- Deaths are rare; old ones go when a new one comes.
  delete from deaths
  where (kind, key) in (select kind, key from deaths where last_at < clock_timestamp() - interval '30 days' limit 100 for update skip locked);
  insert into deaths as d (kind, key, in_a_row, reached) values (p_kind, p_key, 1, p_reached)
  on conflict (kind, key) do update
    set in_a_row = case when d.reached <> p_before then 1 when d.in_a_row < 2 or d.alone then d.in_a_row + 1 else d.in_a_row end,
      alone = false, reached = excluded.reached, last_at = excluded.last_at,
      first_at = case when d.reached = p_before then d.first_at else excluded.first_at end
  returning * into v_death;
  return v_death;
end
$$;

create function banyan.note_task_death() returns trigger
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_reached integer := coalesce((select last_seq from conversations where task_id = new.id), 0);
  v_death banyan.deaths := banyan.note_death('task', new.id::text, v_reached, v_reached);
begin
  -- Deaths have their own count. Above one, attempts tell whoever takes it up next that there may be something to read here.
  new.attempts := case when v_death.in_a_row = 1 then old.attempts else greatest(old.attempts, 2) end;
  perform banyan.emit_task(new, 'task.worker_lost', jsonb_build_object('worker', old.lease_owner, 'in_a_row', v_death.in_a_row));
  return new;
end
$$;

create function banyan.note_delivery_death() returns trigger
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  perform banyan.note_death('delivery', new.guid, old.attempts - 1, old.attempts);
  return new;
end
$$;

create function banyan.note_effect_death() returns trigger
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  perform banyan.note_death('effect', new.key, old.attempts - 1, old.attempts);
  return new;
end
$$;

create trigger note_death before update of lease_owner on public.tasks for each row
  when (old.state = 'running' and new.state = 'running' and new.lease_owner is distinct from old.lease_owner)
  execute function banyan.note_task_death();
create trigger note_death before update of lease_owner on public.deliveries for each row
  when (old.lease_owner is not null and new.lease_owner <> old.lease_owner)
  execute function banyan.note_delivery_death();
create trigger note_death before update of lease_owner on public.effects for each row
  when (old.lease_owner is not null and new.lease_owner <> old.lease_owner)
  execute function banyan.note_effect_death();

-- What is known about the workers that something took down with it; null where it took down none. For a task with the step that it ended in.
create function public.read_deaths(p_kind text, p_key text) returns jsonb
language sql stable
set search_path = public, pg_temp
as $$
  select jsonb_build_object('in_a_row', d.in_a_row, 'first_at', d.first_at, 'last_at', d.last_at, 'step', (
    select jsonb_build_object('seq', m.seq, 'kind', m.kind, 'tools', coalesce(
      jsonb_path_query_array(m.content, '$.data.tool_calls[*].name'), '[]'::jsonb))
    from conversations c join messages m on m.conversation_id = c.id and m.seq = c.last_seq
    where p_kind = 'task' and c.task_id = p_key::uuid
  ))
  from banyan.deaths d
  where d.kind = p_kind and d.key = p_key
$$;

create function public.try_alone(p_kind text, p_key text) returns jsonb
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
begin
  update deaths set alone = true where kind = p_kind and key = p_key;
  return jsonb_build_object('marked', found);
end
$$;

revoke execute on function
  public.read_deaths, public.try_alone, banyan.note_death, banyan.note_task_death, banyan.note_delivery_death, banyan.note_effect_death
  from public, anon, authenticated;
grant execute on function
  public.read_deaths, public.try_alone, banyan.note_death, banyan.note_task_death, banyan.note_delivery_death, banyan.note_effect_death
  to service_role;
