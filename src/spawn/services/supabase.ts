import { BanyanError } from '../../kernel/errors.ts';
import { holdingsOf, markAs, notesOn, refuseOthers, type Holdings } from './database-owner.ts';
import { ENV_FILE, readEnvFile, requirePlaceForSecrets, setInEnvFile } from './env-file.ts';
import type { Api } from './http.ts';
import type { Child, ServiceStep } from './step.ts';
import { readKeys, runSql, supabaseAddress, supabaseApi, type Keys, type Project } from './supabase-api.ts';
import { byApi, byConnection, migrationsOf, type Target } from './supabase-database.ts';
import {
  chooseProject,
  DEFAULT_REGION,
  knownRef,
  link,
  LINK_FILE,
  refOfDatabase,
  settled,
  untilHealthy,
  type Chosen,
  type Patience,
} from './supabase-project.ts';
import { namesOf } from './whose.ts';

const PATIENCE: Patience = { everyMs: 5_000, mostMs: 10 * 60_000 };

/** The address and keys of the project into the file, and what was found to differ. */
async function writeKeys(keys: Keys, child: Child, { ref }: Project): Promise<string[]> {
  await requirePlaceForSecrets(child);
  const present = await readEnvFile(child.folder);
  const wanted = { SUPABASE_URL: `https://${ref}.supabase.co`, SUPABASE_PUBLISHABLE_KEY: keys.publishable, SUPABASE_SECRET_KEY: keys.secret };
  const missing = Object.entries(wanted).filter(([name]) => !present[name]);
  const others = Object.entries(wanted).filter(([name, value]) => present[name] && present[name] !== value && !keys.all.has(present[name]));
  if (missing.length > 0) await setInEnvFile(child.folder, Object.fromEntries(missing));
  return [
    missing.length > 0 ? `${missing.map(([name]) => name).join(', ')}: written to ${ENV_FILE}.` : `${ENV_FILE} has its address and keys.`,
    ...others.map(
      ([name]) => `${name} in ${ENV_FILE} is another value than the project's, and stays so. For the project's take it out, and run the step again.`,
    ),
  ];
}

/** Looks whose it is; where nobody said that it is this child's, it has to be seen. */
async function examine(target: Target, child: Child, unless: { fix: string } | null): Promise<Holdings> {
  const migrations = await migrationsOf(child);
  const holdings = await holdingsOf(target.run, migrations);
  if (unless) refuseOthers(holdings, { name: target.name, names: await namesOf(child), migrations, fix: unless.fix });
  return holdings;
}

async function migrateTarget(target: Target, child: Child, unless: { fix: string } | null): Promise<string[]> {
  try {
    const holdings = await examine(target, child, unless);
    const migrations = await migrationsOf(child);
    const all = [...migrations.ofPackage, ...migrations.own];
    const names = await namesOf(child);
    await markAs(target.run, holdings, names[0]);
    const applied = await target.migrate(all);
    const done =
      applied.length === 0
        ? `Up to date: ${target.name} has all ${all.length} migrations.`
        : `${applied.length} of ${all.length} migrations applied to ${target.name}.`;
    return [done, ...notesOn(holdings, names, migrations)];
  } finally {
    await target.end();
  }
}

interface Database {
  url: string;
  /** In the child's own file, not in whatever shell this is. */
  own: boolean;
}

async function databaseOf({ folder, env }: Child): Promise<Database | undefined> {
  const own = (await readEnvFile(folder))['DATABASE_URL'];
  const url = own || env['DATABASE_URL'];
  return url ? { url, own: Boolean(own) } : undefined;
}

async function migrateDatabase({ url, own }: Database, child: Child, named: boolean): Promise<string[]> {
  const fix = `If it is meant for this child, write DATABASE_URL into ${ENV_FILE}; else take it out of this shell.`;
  return migrateTarget(await byConnection(url, child), child, own || named ? null : { fix });
}

const HOW: Record<Chosen['how'], string> = { named: 'linked', found: 'was there already, and is linked', created: 'is created and linked' };

async function setUpProject(api: Api, child: Child, patience: Patience, database: Database | undefined): Promise<string[]> {
  const ref = await knownRef(child, database?.url);
  // Without them nothing is made that would stand there half done.
  await migrationsOf(child);
  const { project, how } = await chooseProject(api, child, ref);
  // A new one is ours from here on; of one that was found by its name that is not known yet.
  if (how !== 'found') await link(child, project);
  const waiting = { child, patience };
  const fresh = await untilHealthy(api, project, waiting);
  if (fresh) await settled(() => runSql(api, project.ref, 'select 1 as up'), waiting);
  if (how === 'found') {
    const fix = `If it is this child's all the same: SUPABASE_PROJECT_REF=${project.ref}. Else give this child's another name in that account.`;
    await examine(byApi(api, project.ref), child, { fix });
    await link(child, project);
  }
  const keys = fresh ? await settled(() => readKeys(api, project.ref), waiting) : await readKeys(api, project.ref);
  const notes = await writeKeys(keys, child, project);
  const migrated = database
    ? await migrateDatabase(database, child, refOfDatabase(database.url) === project.ref)
    : await migrateTarget(byApi(api, project.ref), child, null);
  return [`The project ${project.name} (${project.ref}) ${HOW[how]} (${LINK_FILE}).`, ...notes, ...migrated];
}

function neither(): BanyanError {
  return new BanyanError('config_invalid', '--supabase: neither SUPABASE_ACCESS_TOKEN nor DATABASE_URL is set.', {
    fix: [
      'Either a token of https://supabase.com/dashboard/account/tokens: SUPABASE_ACCESS_TOKEN=... finds or makes the project, writes its keys and migrates;',
      'or the database of a project that there is: DATABASE_URL=... (Connect > Session pooler, with its password) only migrates.',
    ].join(' '),
    data: { field: 'SUPABASE_ACCESS_TOKEN' },
  });
}

function plan({ answers, env }: Child): string[] {
  const migrations = 'the migrations of the package, then those of supabase/migrations; those that are applied stay as they are';
  if (!env['SUPABASE_ACCESS_TOKEN']) {
    return [
      `without SUPABASE_ACCESS_TOKEN only: apply to the database of DATABASE_URL ${migrations}`,
      'with it: find or create the project, link it, write its address and keys',
    ];
  }
  const { SUPABASE_PROJECT_REF: ref, SUPABASE_ORG_ID: organization, SUPABASE_REGION: region } = env;
  const project = ref
    ? `take the project ${ref} at ${supabaseAddress(env)}`
    : `take the project that ${LINK_FILE} or ${ENV_FILE} names, else find ${answers.name} at ${supabaseAddress(env)}, else create it (organization: ${organization || 'the only one'}; region: ${region || DEFAULT_REGION}; its database password goes to ${ENV_FILE} alone)`;
  return [
    project,
    "stop where a project that was found by its name, or a DATABASE_URL that only this shell has, has tables of something else or is another child's",
    "mark the database as this child's",
    `wait until it is ACTIVE_HEALTHY, and link it (${LINK_FILE}, ignored by git)`,
    `write SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY and SUPABASE_SECRET_KEY to ${ENV_FILE} (0600, ignored by git), where they are not set`,
    `apply (${env['DATABASE_URL'] ? 'over DATABASE_URL' : `over DATABASE_URL where ${ENV_FILE} has one, else over the API`}) ${migrations}`,
  ];
}

/** @param patience how long a project that is on its way is waited for */
export function supabaseStep(patience: Patience): ServiceStep {
  return {
    id: 'supabase',
    title: 'Supabase',
    plan,
    async run(child) {
      const database = await databaseOf(child);
      const api = supabaseApi(child);
      if (api) return setUpProject(api, child, patience, database);
      if (!database) throw neither();
      const migrated = await migrateDatabase(database, child, false);
      return [
        ...migrated,
        `Its address and keys (Settings > API Keys) go into ${ENV_FILE} as SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY and SUPABASE_SECRET_KEY; with SUPABASE_ACCESS_TOKEN this step writes them.`,
      ];
    },
  };
}

export const supabase: ServiceStep = supabaseStep(PATIENCE);
