-- As before, without a look at every row for those that are old: where thousands of leases are lost at once, each death cost as much as there were
-- deaths. The oldest one says whether any is to go.
create or replace function banyan.note_death(p_kind text, p_key text, p_before integer, p_reached integer) returns banyan.deaths
language plpgsql volatile
set search_path = banyan, pg_temp
as $$
declare
  v_death deaths;
begin
  if (select last_at from deaths order by last_at limit 1) < clock_timestamp() - interval '30 days' then
    delete from deaths
    where (kind, key) in (select kind, key from deaths where last_at < clock_timestamp() - interval '30 days' limit 100 for update skip locked);
  end if;
  insert into deaths as d (kind, key, in_a_row, reached) values (p_kind, p_key, 1, p_reached)
  on conflict (kind, key) do update
    set in_a_row = case when d.reached <> p_before then 1 when d.in_a_row < 2 or d.alone then d.in_a_row + 1 else d.in_a_row end,
      alone = false, reached = excluded.reached, last_at = excluded.last_at,
      first_at = case when d.reached = p_before then d.first_at else excluded.first_at end
  returning * into v_death;
  return v_death;
end
$$;
