/** The part of a database that is needed here. */
export interface GrantsConnection {
  exec(sql: string): Promise<unknown>;
  query<Row>(text: string, values: unknown[]): Promise<{ rows: Row[] }>;
}

const ROLES = 'anon, authenticated, service_role';

/** What the three roles may do, as statements that say it again; names are quoted by the catalogue itself. */
const GRANTS = `
  select format('grant %s on %s %I.%I to %I', string_agg(acl.privilege_type, ', '), case relkind when 'S' then 'sequence' else 'table' end, nspname, relname, acl.grantee::regrole::text) as statement
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace, aclexplode(relacl) as acl
  where nspname = 'public' and relkind in ('r', 'p', 'v', 'm', 'S') and acl.grantee <> 0 and acl.grantee::regrole::text in ('anon', 'authenticated', 'service_role')
  group by relkind, nspname, relname, acl.grantee
  union all
  select format('grant %s on schema %I to %I', string_agg(acl.privilege_type, ', '), nspname, acl.grantee::regrole::text)
  from pg_namespace, aclexplode(nspacl) as acl
  where nspname = 'public' and acl.grantee <> 0 and acl.grantee::regrole::text in ('anon', 'authenticated', 'service_role')
  group by nspname, acl.grantee`;

const LEDGER = `
  create schema if not exists local_stack;
  revoke all on schema local_stack from public;
  create table if not exists local_stack.grants (statement text primary key);
`;

const REVOKE = `
  revoke all on all tables in schema public from ${ROLES};
  revoke all on all sequences in schema public from ${ROLES};
  revoke all on schema public from ${ROLES};
  alter default privileges in schema public revoke all on tables from ${ROLES};
  alter default privileges in schema public revoke all on sequences from ${ROLES};
`;

/** Nothing in the schema that is Banyan's own is for a key of browsers: that needs no ledger. */
const CLOSE_OWN = `
  do $$
  begin
    if to_regnamespace('banyan') is not null then
      revoke all on all tables in schema banyan from anon, authenticated;
      revoke all on all sequences in schema banyan from anon, authenticated;
      revoke all on schema banyan from anon, authenticated;
    end if;
  end
  $$;
`;

/**
 * The embedded Supabase grants everything on every table to the three roles before its first request (0.10.0). Row level security still
 * holds, but a right that a migration does not give would be missing in production only. So the grants are written down after migrating
 * and put back afterwards.
 */
export async function rememberGrants(connection: GrantsConnection): Promise<void> {
  await connection.exec(`${LEDGER} begin; delete from local_stack.grants; insert into local_stack.grants ${GRANTS}; commit;`);
}

/** Does nothing in a database whose grants were never written down. */
export async function restoreGrants(connection: GrantsConnection): Promise<void> {
  await connection.exec(LEDGER);
  const { rows } = await connection.query<{ statement: string }>('select statement from local_stack.grants', []);
  if (rows.length > 0) await connection.exec(`begin; ${REVOKE} ${CLOSE_OWN} ${rows.map((grant) => `${grant.statement};`).join(' ')} commit;`);
}
