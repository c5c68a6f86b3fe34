/** The part of a database that is needed here. */
export interface GrantsConnection {
  exec(sql: string): Promise<unknown>;
  query<Row>(text: string, values: unknown[]): Promise<{ rows: Row[] }>;
}

interface Grant {
  grantee: string;
  table: string;
  privileges: string;
}

const LEDGER = `
  create schema if not exists local_stack;
  revoke all on schema local_stack from public;
  create table if not exists local_stack.grants (grantee text not null, relation text not null, privileges text not null, primary key (grantee, relation));
`;

const ACTUAL = `
  select pg_get_userbyid(acl.grantee) as grantee, format('%I.%I', 'public', relname) as table, string_agg(acl.privilege_type, ', ' order by acl.privilege_type) as privileges
  from pg_class, aclexplode(relacl) as acl
  where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')
    and acl.grantee <> 0 and pg_get_userbyid(acl.grantee) in ('anon', 'authenticated', 'service_role')
  group by 1, 2`;

/**
 * The embedded Supabase grants everything on every table to the three roles when it answers its first request (0.10.0). Row level security
 * still holds, but a right that a migration did not give would go unnoticed here and be missing in production. So the grants are written
 * down after migrating and put back after that first request.
 */
export async function rememberGrants(connection: GrantsConnection): Promise<void> {
  const { rows } = await connection.query<Grant>(ACTUAL, []);
  await connection.exec(`${LEDGER} truncate local_stack.grants;`);
  for (const grant of rows) {
    await connection.query('insert into local_stack.grants (grantee, relation, privileges) values ($1, $2, $3)', [
      grant.grantee,
      grant.table,
      grant.privileges,
    ]);
  }
}

/** Does nothing in a database whose grants were never written down. */
export async function restoreGrants(connection: GrantsConnection): Promise<void> {
  await connection.exec(LEDGER);
  const { rows } = await connection.query<Grant>('select grantee, relation as table, privileges from local_stack.grants', []);
  if (rows.length === 0) return;
  // Names and privileges come from the catalogue, quoted by format(%I) where they are names.
  const grants = rows.map((grant) => `grant ${grant.privileges} on ${grant.table} to ${grant.grantee};`);
  await connection.exec(`begin; revoke all on all tables in schema public from anon, authenticated, service_role; ${grants.join(' ')} commit;`);
}
