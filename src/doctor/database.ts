import { tickJobs } from '../domain/schedule.ts';
import { toBanyanError } from '../kernel/errors.ts';
import type { Inspection, LastReport } from '../store/inspect-contract.ts';
import { SCHEMA_VERSION } from '../store/schema-version.generated.ts';
import { fail, ok, warn } from './types.ts';
import type { Check, Finding, Subject } from './types.ts';

const PUSH = 'Run `npx supabase db push` from a clone of the version that is deployed.';

async function lookAtDatabase({ parts, environment }: Subject): Promise<Finding> {
  const { store } = await parts();
  const startedAt = performance.now();
  try {
    await store.health();
  } catch (thrown) {
    const error = toBanyanError(thrown);
    const by = environment.databaseUrl === undefined ? 'SUPABASE_URL' : 'BANYAN_DATABASE_URL';
    if (error.code === 'database_unavailable')
      return fail(`It does not answer at ${by}.`, `Compare ${by} with the page of the Supabase project, and see there whether it is paused.`);
    if (by === 'SUPABASE_URL' && new URL(environment.supabase.url).pathname !== '/')
      return fail(`It answers, and refuses: ${error.message}`, 'SUPABASE_URL has a path. Set it to the URL of the project alone: https://PROJECT.supabase.co');
    // Who may not call it, and who has it not, hear the same of the Data API: the keys are looked at by themselves.
    return fail(`It answers, and refuses: ${error.message}`, `${PUSH} Where that was done, SUPABASE_SECRET_KEY is no secret key of this project.`);
  }
  return ok(`It answers in ${Math.round(performance.now() - startedAt)} ms.`);
}

interface Migration {
  version: string;
  name: string;
}

/** What of the code's migrations is not applied; without the book of them, what is newer than the version that the schema names. */
export function missingMigrations(all: readonly Migration[], schemaVersion: string, applied: readonly string[] | null): Migration[] {
  return all.filter(({ version }) => (applied === null ? version > schemaVersion : !applied.includes(version)));
}

const NAMED = 10;

async function lookAtMigrations({ parts, inspect, migrations }: Subject): Promise<Finding> {
  const { schema_version: schema } = await (await parts()).store.health();
  const inspection = await inspect().catch(() => null);
  const missing = missingMigrations(await migrations(), schema, inspection?.migrations ?? null);
  if (missing.length > 0) {
    const names = missing.slice(0, NAMED).map(({ version, name }) => `${version}_${name}`);
    const more = missing.length > NAMED ? [`and ${missing.length - NAMED} more`] : [];
    const old = missing.some(({ version }) => version < schema) ? ' Older ones than the newest that is applied need `--include-all`.' : '';
    return fail(`Not applied: ${[...names, ...more].join(', ')}.`, `${PUSH}${old}`);
  }
  if (inspection === null) return fail(`The schema says ${schema} and lacks public.inspect.`, PUSH);
  if (schema > SCHEMA_VERSION)
    return warn(`The schema is at ${schema}, newer than this code (${SCHEMA_VERSION}).`, 'Deploy the version that the migrations came with.');
  return ok(`All are applied, up to ${schema}.`);
}

const MEND_RIGHTS =
  "Take it back in the SQL editor (`revoke all on ... from anon, authenticated`, `alter table ... enable row level security`), or move what is not Banyan's to another project.";

export function judgeRights({ role, unguarded, open }: Pick<Inspection, 'role' | 'unguarded' | 'open'>): Finding {
  const faults = [
    ...(unguarded.length > 0 ? [`Without row level security: ${unguarded.join(', ')}.`] : []),
    ...open.slice(0, NAMED).map((right) => `${right.role} may ${right.rights} ${right.kind} ${right.name}.`),
    ...(open.length > NAMED ? [`And ${open.length - NAMED} more.`] : []),
  ];
  if (faults.length > 0) return fail(faults.join('\n'), MEND_RIGHTS);
  return role === 'anon' || role === 'authenticated'
    ? fail(`It is called as ${role}.`, 'Set SUPABASE_SECRET_KEY to a secret key (sb_secret_...).')
    : ok(`Row level security is on everywhere, and nothing stands open; called as ${role}.`);
}

const AT_ONCE = 6;

/** What somebody sees who has the publishable key only: the rows of a table, or null where it is denied or empty. */
async function seen(subject: Subject, path: string, init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> }): Promise<string | null> {
  const { url, publishableKey } = subject.environment.supabase;
  const response = await fetch(`${url}/rest/v1/${path}`, { ...init, headers: { apikey: publishableKey, ...init.headers } });
  const text = await response.text();
  return response.ok && text.trim() !== '[]' ? text : null;
}

async function lookAsAnybody(subject: Subject, signal: AbortSignal): Promise<Finding> {
  const { tables } = await subject.inspect();
  const open: string[] = [];
  const waiting = [...tables];
  const ask = async () => {
    for (let table = waiting.shift(); table !== undefined; table = waiting.shift()) {
      if ((await seen(subject, `${encodeURIComponent(table)}?limit=1`, { signal })) !== null) open.push(`the table ${table}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  const call = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' }, signal };
  if ((await seen(subject, 'rpc/health', call)) !== null) open.push('the function health');
  if ((await seen(subject, 'watch_reports?limit=1', { headers: { 'accept-profile': 'banyan' }, signal })) !== null) open.push('the schema banyan');
  if (open.length > 0) return fail(`Anybody with the publishable key reads ${open.toSorted().join(', ')}.`, MEND_RIGHTS);
  return ok(`Whoever has the publishable key only sees nothing of ${tables.length} tables.`);
}

const LATE_SECONDS = 180;
/** Ticks that are cut short leave out the last of their jobs; a long run of one job may do it for some minutes. */
const LEFT_OUT_SECONDS = 900;

/** Whether the cron ticks: what somebody else calls by the clock, or by hand, is no sign of it. */
export function judgeTicks(reports: readonly LastReport[], jobs: readonly string[] = tickJobs()): Finding {
  const fix = 'README.md, step 6: the cron of Vercel (Pro), `supabase/cron.sql`, or any scheduler that calls /api/cron/tick each minute with the bearer.';
  const ticked = reports.filter(({ job }) => jobs.includes(job)).toSorted((a, b) => a.age_seconds - b.age_seconds);
  const last = ticked[0];
  if (last === undefined) return fail(`No job of the cron has ever run${reports.length > 0 ? ' with a tick' : ''}.`, fix);
  if (last.age_seconds > LATE_SECONDS) return fail(`The last job of a tick of the cron ("${last.job}") ran ${ago(last.age_seconds)} ago.`, fix);
  const failed = ticked.filter((report) => report.failed);
  if (failed.length > 0)
    return warn(
      `The cron ticks, and ${failed.map(({ job }) => `"${job}"`).join(', ')} failed as a whole.`,
      'See the log of the function api/cron, and `select * from banyan.watch_reports order by id desc limit 20`.',
    );
  const leftOut = ticked.filter(({ age_seconds: age }) => age > LEFT_OUT_SECONDS);
  if (leftOut.length > 0)
    return warn(
      `"${last.job}" ran ${last.age_seconds} s ago; ${leftOut.map(({ job, age_seconds: age }) => `"${job}" ${ago(age)} ago`).join(', ')}.`,
      'Look whether the ticks come to their end (log of the function api/cron), and whether it is /api/cron/tick that is called.',
    );
  return ok(`"${last.job}" ran ${last.age_seconds} s ago.`);
}

function ago(seconds: number): string {
  if (seconds >= 172_800) return `${Math.round(seconds / 86_400)} days`;
  return seconds >= 7_200 ? `${Math.round(seconds / 3_600)} hours` : `${Math.round(seconds / 60)} minutes`;
}

const NEEDS = ['SUPABASE_URL', 'SUPABASE_SECRET_KEY', 'BANYAN_DATABASE_URL'];

export const DATABASE_CHECKS: readonly Check[] = [
  { id: 'database', title: 'database answers', needs: NEEDS, run: lookAtDatabase },
  { id: 'database.migrations', title: 'migrations', after: ['database'], run: lookAtMigrations },
  { id: 'database.rights', title: 'rights in the database', after: ['database'], run: async ({ inspect }) => judgeRights(await inspect()) },
  {
    id: 'database.anybody',
    title: 'what the publishable key sees',
    needs: ['SUPABASE_URL', 'SUPABASE_PUBLISHABLE_KEY'],
    after: ['database'],
    seconds: 40,
    run: lookAsAnybody,
  },
  { id: 'cron.ticks', title: 'cron ticks', after: ['database'], run: async ({ inspect }) => judgeTicks((await inspect()).reports) },
];
