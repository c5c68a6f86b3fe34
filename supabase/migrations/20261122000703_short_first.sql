-- What nobody named a time for is mostly over in a moment: the first pauses are of two seconds. Half as long again as it has been waiting, a
-- quarter of an hour at most, and up to a quarter more so that a crowd does not come back at once.

create or replace function banyan.put_off_for(p_since timestamptz, p_seconds double precision) returns double precision
language sql volatile
set search_path = ''
as $$
  select greatest(coalesce(p_seconds, least(greatest(extract(epoch from clock_timestamp() - p_since) / 2, 2), 900) * (1 + random() * 0.25)), 0)
$$;
