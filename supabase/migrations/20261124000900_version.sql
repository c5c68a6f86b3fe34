-- The last of a release's migrations: what this code expects to find applied.

create or replace function banyan.schema_version() returns text
language sql immutable
set search_path = ''
as $$
  select '20261124000900'
$$;
