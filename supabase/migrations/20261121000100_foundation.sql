-- The ground: roles, the private schema, time-ordered keys, and triggers that several tables share.
-- Files of this folder are forward-only. They apply unchanged on PGlite, Postgres 15 to 18 and Supabase, and use nothing
-- of the `auth` schema, which exists on Supabase only.

-- Supabase brings these roles. Elsewhere they are made here; another database of the same cluster may make them at the same moment.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
      begin
        execute format('create role %I nologin noinherit %s', v_role, case v_role when 'service_role' then 'bypassrls' else '' end);
      exception when duplicate_object or unique_violation then
        null;
      end;
    end if;
  end loop;
end
$$;

-- Helpers live in a schema that the Data API does not expose; what a worker calls lives in `public`.
create schema banyan;
revoke all on schema banyan from public;
grant usage on schema banyan to service_role;
grant usage on schema public to authenticated, service_role;

-- UUIDv7: keys that grow at one end of their index (random ones double the write-ahead log of a large table). The microsecond stands
-- in the 12 bits after the version, and a counter after that: rows made in one transaction, where now() stands still, and on a machine
-- whose clock has whole milliseconds only (WebAssembly), keep their order. Postgres 18 has uuidv7(); 15 to 17 do not.
create sequence banyan.uuid7_counter minvalue 0 maxvalue 2147483647 cycle;
create function banyan.uuid7() returns uuid
language sql volatile parallel unsafe
set search_path = ''
as $$
  select encode(
    substring(int8send(us / 1000) from 3)
      || int2send((28672 + (us % 1000) * 4096 / 1000)::int2)
      || '\x80'::bytea
      || int4send(nextval('banyan.uuid7_counter')::int4)
      || substring(uuid_send(gen_random_uuid()) from 14),
    'hex'
  )::uuid
  from (select floor(extract(epoch from clock_timestamp()) * 1000000)::bigint as us) as clock
$$;

create function banyan.touch_updated_at() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end
$$;

create function banyan.refuse_change() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'PT405';
end
$$;

-- Who asks, from the claims that the Data API sets for a request. Null for everybody without a user's token.
create function banyan.current_profile_id() returns uuid
language sql stable
set search_path = ''
as $$
  select nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid
$$;

revoke execute on function banyan.uuid7, banyan.touch_updated_at, banyan.refuse_change, banyan.current_profile_id
  from public, anon, authenticated;
revoke all on sequence banyan.uuid7_counter from public, anon, authenticated;
grant usage on sequence banyan.uuid7_counter to service_role;
grant execute on function banyan.uuid7, banyan.touch_updated_at, banyan.refuse_change, banyan.current_profile_id to service_role;
