import { BanyanError } from '../../kernel/errors.ts';
import type { Migration } from '../../store/migrate.ts';
import { childIn, isNamed } from './whose.ts';

/** Those of the version that the child depends on, and its own. */
export interface ChildMigrations {
  ofPackage: Migration[];
  own: Migration[];
}

type Run = (statement: string) => Promise<unknown[]>;

interface Applied {
  version: string;
  name: string | null;
}

/** What a database shows of whose it is. */
export interface Holdings {
  /** Relations outside of the schemas of Postgres, of Supabase and of extensions. */
  used: boolean;
  book: Applied[];
  /** The child that a run of this step has written down. */
  mark: string | null;
  /** Of the Banyan in it; null where there is none, or none that is whole. */
  schema: string | null;
  hasBanyan: boolean;
  /** The accounts that it works for. */
  accounts: string[];
}

/** Supabase's own, as its CLI leaves them out of a dump. What extensions bring is told by the catalog. */
const OF_SUPABASE = [
  'information_schema',
  ...['auth', 'cron', 'etl', 'extensions', 'graphql', 'graphql_public', 'net', 'pgbouncer', 'pgsodium', 'pgsodium_masks', 'pgtle', 'realtime', 'repack'],
  ...['storage', 'supabase_functions', 'supabase_migrations', 'vault', '_analytics', '_realtime', '_supavisor'],
];

const STATE = `select
  exists (
    select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not like 'pg\\_%' and n.nspname not in (${OF_SUPABASE.map((name) => `'${name}'`).join(', ')})
      and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  ) as used,
  to_regclass('supabase_migrations.schema_migrations') is not null as has_book,
  to_regnamespace('banyan') is not null as has_banyan,
  to_regprocedure('banyan.schema_version()') is not null as has_version,
  to_regclass('public.organizations') is not null as has_accounts,
  obj_description(to_regnamespace('supabase_migrations'), 'pg_namespace') as said`;

interface State {
  used: boolean;
  has_book: boolean;
  has_banyan: boolean;
  has_version: boolean;
  has_accounts: boolean;
  said: string | null;
}

const MARK = 'Banyan of the child ';

function isThere(book: readonly Applied[], migration: Migration): boolean {
  return book.some(({ version, name }) => version === migration.version && name === migration.name);
}

/** Reads only. */
export async function holdingsOf(run: Run, { ofPackage }: ChildMigrations): Promise<Holdings> {
  const [state] = (await run(STATE)) as State[];
  if (!state) throw new BanyanError('database_error', 'The database did not answer what it holds.', { retry: 'transient' });
  // Older books have no names.
  const rows = state.has_book ? run("select version, to_jsonb(book) ->> 'name' as name from supabase_migrations.schema_migrations book order by version") : [];
  const book = (await rows) as Applied[];
  const [first] = ofPackage;
  const hasBanyan = state.has_banyan && first !== undefined && isThere(book, first);
  const versions = hasBanyan && state.has_version ? ((await run('select banyan.schema_version() as schema')) as { schema: string }[]) : [];
  const accounts = hasBanyan && state.has_accounts ? ((await run('select login from public.organizations order by 1 limit 5')) as { login: string }[]) : [];
  return {
    used: state.used,
    book,
    mark: state.said?.startsWith(MARK) ? childIn(state.said.slice(MARK.length)) : null,
    schema: versions[0]?.schema ?? null,
    hasBanyan,
    accounts: accounts.map(({ login }) => login),
  };
}

function objectionOf({ used, book, mark, hasBanyan, accounts }: Holdings, names: readonly string[], { own }: ChildMigrations): string | null {
  if (mark !== null) return isNamed(mark, names) ? null : `is of the child ${mark}`;
  if (!used && book.length === 0) return null;
  if (!hasBanyan) return 'has tables or migrations of something else';
  // Before there was the mark. One that only the package has migrated may be any child's.
  if (own.some((migration) => isThere(book, migration))) return null;
  return `has a Banyan, and nothing says that it is of ${names[0]}${accounts.length === 0 ? '' : `: it works for ${accounts.join(', ')}`}`;
}

/**
 * A database that nobody named for this child is taken where it is empty, or this child's: a shell, and an account, serve many.
 * @throws BanyanError `conflict`
 */
export function refuseOthers(
  holdings: Holdings,
  { name, names, migrations, fix }: { name: string; names: readonly string[]; migrations: ChildMigrations; fix: string },
): void {
  const objection = objectionOf(holdings, names, migrations);
  if (objection !== null) throw new BanyanError('conflict', `--supabase: ${name} ${objection}. It was left as it is.`, { fix });
}

/** Writes down whose it is, before anything else: a run that is cut off finds its database again. */
export async function markAs(run: Run, { mark }: Holdings, name: string): Promise<void> {
  if (mark === name) return;
  const comment = `${MARK}${name}`.replaceAll("'", "''");
  // Who may migrate and does not own the schema goes without.
  await run(
    `do $banyan$ begin create schema if not exists supabase_migrations; comment on schema supabase_migrations is '${comment}'; exception when insufficient_privilege then null; end $banyan$`,
  );
}

const MOST_NAMED = 5;

function fileOf({ version, name }: Applied): string {
  return name === null ? version : `${version}_${name}`;
}

/** What a person should know of the database that was migrated. */
export function notesOn({ book, mark, schema }: Holdings, names: readonly string[], { ofPackage, own }: ChildMigrations): string[] {
  const all = [...ofPackage, ...own];
  const newest = ofPackage.at(-1)?.version ?? '';
  const unknown = book.filter(({ version }) => !all.some((migration) => migration.version === version)).map(fileOf);
  const others = all.flatMap((migration) => {
    const twin = book.find(({ version, name }) => version === migration.version && name !== null && name !== migration.name);
    return twin ? [`${fileOf(migration)}.sql was not applied: the database has ${fileOf(twin)} under its version. Give it a timestamp of its own.`] : [];
  });
  return [
    ...(mark !== null && !isNamed(mark, names) ? [`It was of the child ${mark} until now, and is marked as ${names[0]}'s.`] : []),
    ...others,
    ...(schema !== null && schema > newest ? [`It is newer than the package here (${schema}, the package ${newest}): npx banyan update`] : []),
    ...(unknown.length > 0
      ? [
          `It has what neither the package nor supabase/migrations here has: ${unknown.slice(0, MOST_NAMED).join(', ')}${unknown.length > MOST_NAMED ? ` and ${unknown.length - MOST_NAMED} more` : ''}.`,
        ]
      : []),
  ];
}
