import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BanyanError } from '../../kernel/errors.ts';
import { cancelled } from '../command.ts';
import { readEnvFile, requirePlaceForSecrets, setInEnvFile } from './env-file.ts';
import type { Api } from './http.ts';
import type { Child } from './step.ts';
import { createProject, getProject, listOrganizations, listProjects, REF, type Organization, type Project } from './supabase-api.ts';

/** Where the Supabase CLI keeps what a folder is linked to. */
export const LINK_FILE = 'supabase/.temp/project-ref';
/** Near to Vercel's own default. */
export const DEFAULT_REGION = 'us-east-1';

/** How long a new project may take, and how often it is looked at. */
export interface Patience {
  everyMs: number;
  mostMs: number;
}

/** The project of an address of Supabase; undefined for any other. */
function refOfUrl(url: string | undefined): string | undefined {
  return /^([a-z0-9]{20})\.supabase\.\w+$/.exec(URL.parse(url ?? '')?.hostname ?? '')?.[1];
}

/** Of a connection string: the direct host names the project, the pooler's user does. */
export function refOfDatabase(url: string | undefined): string | undefined {
  const { hostname = '', username = '' } = URL.parse(url ?? '') ?? {};
  const direct = /^db\.([a-z0-9]{20})\.supabase\.\w+$/.exec(hostname)?.[1];
  return direct ?? (hostname.endsWith('.pooler.supabase.com') ? /^\w+\.([a-z0-9]{20})$/.exec(decodeURIComponent(username))?.[1] : undefined);
}

async function linkedRef(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, LINK_FILE), 'utf8').catch(() => '');
  return REF.test(text.trim()) ? text.trim() : undefined;
}

function requireRef(ref: string | undefined): string | undefined {
  if (ref === undefined || REF.test(ref)) return ref;
  throw new BanyanError('config_invalid', 'SUPABASE_PROJECT_REF is no project: twenty lower-case letters are meant.', {
    fix: 'It stands in the address of the project: https://supabase.com/dashboard/project/<ref>',
    data: { field: 'SUPABASE_PROJECT_REF' },
  });
}

/**
 * The project that was named: by the environment, by the link, or by the values in `.env.local`.
 * @throws BanyanError `conflict` where they name two: half of the child would be at each
 */
export async function knownRef(child: Child, databaseUrl: string | undefined): Promise<string | undefined> {
  const file = await readEnvFile(child.folder);
  const said = requireRef(child.env['SUPABASE_PROJECT_REF'] || undefined);
  const values = { 'SUPABASE_URL in .env.local': refOfUrl(file['SUPABASE_URL']), DATABASE_URL: refOfDatabase(databaseUrl) };
  const chosen = said ?? (await linkedRef(child.folder)) ?? Object.values(values).find((ref) => ref !== undefined);
  for (const [name, ref] of Object.entries(values)) {
    if (ref === undefined || ref === chosen) continue;
    throw new BanyanError('conflict', `--supabase: ${name} is of the project ${ref}, and the child's is ${chosen}. Nothing was done.`, {
      fix: `Take that value out for ${chosen}; or, for the other one: SUPABASE_PROJECT_REF=${ref}`,
    });
  }
  return chosen;
}

function isOf(project: Project, { id, slug }: Organization): boolean {
  return project.organization.some((own) => own !== undefined && (own === id || own === slug));
}

/** @throws BanyanError naming the organizations that there are */
async function chooseOrganization(api: Api, { env }: Child): Promise<Organization> {
  const all = await listOrganizations(api);
  const said = env['SUPABASE_ORG_ID'] || undefined;
  const found = said === undefined ? (all.length === 1 ? all[0] : undefined) : all.find(({ id, slug }) => said === id || said === slug);
  if (found) return found;
  const names = all.map(({ id, slug, name }) => `${slug ?? id} (${name})`).join(', ');
  throw new BanyanError('config_invalid', said === undefined ? '--supabase: which organization?' : `SUPABASE_ORG_ID: the token sees no organization ${said}.`, {
    fix: names === '' ? 'Make an organization at https://supabase.com/dashboard, and run the step again.' : `Set SUPABASE_ORG_ID to one of: ${names}`,
    data: { field: 'SUPABASE_ORG_ID' },
  });
}

const GONE = new Set(['REMOVED', 'GOING_DOWN']);

/** The one project of the child's name; undefined where there is none. */
async function findByName(api: Api, { answers, env }: Child): Promise<Project | undefined> {
  const said = env['SUPABASE_ORG_ID'] || undefined;
  const all = await listProjects(api);
  const found = all.filter((project) => project.name === answers.name && !GONE.has(project.status));
  const ours = said === undefined ? found : found.filter((project) => isOf(project, { id: said, name: '' }) || project.organization.every((own) => !own));
  if (ours.length < 2) return ours[0];
  throw new BanyanError('conflict', `Supabase: ${ours.length} projects are called ${answers.name}: ${ours.map(({ ref }) => ref).join(', ')}.`, {
    fix: 'Say which: SUPABASE_PROJECT_REF=<ref>',
  });
}

async function create(api: Api, child: Child): Promise<Project> {
  const organization = await chooseOrganization(api, child);
  await requirePlaceForSecrets(child);
  const kept = (await readEnvFile(child.folder))['SUPABASE_DB_PASSWORD'];
  const password = kept || randomBytes(24).toString('base64url');
  // Before it is used: nobody tells it again.
  if (!kept) await setInEnvFile(child.folder, { SUPABASE_DB_PASSWORD: password });
  const region = child.env['SUPABASE_REGION'] || DEFAULT_REGION;
  return createProject(api, { name: child.answers.name, organization, region, password });
}

export interface Chosen {
  project: Project;
  how: 'named' | 'found' | 'created';
}

/** The project of the child: the one that was named, else the one of its name, else a new one. */
export async function chooseProject(api: Api, child: Child, ref: string | undefined): Promise<Chosen> {
  if (ref !== undefined) return { project: await getProject(api, ref), how: 'named' };
  const found = await findByName(api, child);
  return found ? { project: found, how: 'found' } : { project: await create(api, child), how: 'created' };
}

export async function link({ folder }: Child, { ref }: Project): Promise<void> {
  await mkdir(dirname(join(folder, LINK_FILE)), { recursive: true });
  await writeFile(join(folder, LINK_FILE), ref);
}

const ON_ITS_WAY = new Set(['COMING_UP', 'UNKNOWN', 'RESTORING', 'UPGRADING', 'RESTARTING', 'RESIZING', 'ACTIVE_UNHEALTHY']);

function notReady({ name, ref, status }: Project): BanyanError {
  const paused = status === 'INACTIVE' || status === 'PAUSING';
  return new BanyanError('conflict', `Supabase: the project ${name} (${ref}) is ${status}.`, {
    fix: `${paused ? 'Restore it' : 'Look at it'} at https://supabase.com/dashboard/project/${ref}, and run the step again.`,
    data: { status },
  });
}

/** One look; what may go well the next time is no answer yet. */
async function lookAt(api: Api, project: Project): Promise<Project> {
  return getProject(api, project.ref).catch((error: unknown) => {
    if (error instanceof BanyanError && error.retry === 'transient' && !api.signal.aborted) return project;
    throw error;
  });
}

interface Waiting {
  child: Child;
  patience: Patience;
}

async function pause({ child, patience }: Waiting): Promise<void> {
  await sleep(patience.everyMs, undefined, { signal: child.signal }).catch(() => {
    throw cancelled();
  });
}

/** A project that has just come up is healthy before all of it answers. */
export async function settled<T>(work: () => Promise<T>, waiting: Waiting): Promise<T> {
  for (const end = Date.now() + waiting.patience.mostMs / 5; ;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof BanyanError) || error.retry !== 'transient' || Date.now() >= end) throw error;
    }
    await pause(waiting);
  }
}

/**
 * Waits until a project can be used.
 * @returns whether it had to
 * @throws BanyanError where it is not on its way, or not there in time: the next run goes on from here
 */
export async function untilHealthy(api: Api, first: Project, waiting: Waiting): Promise<boolean> {
  const { child, patience } = waiting;
  let project = first;
  let said = '';
  for (const end = Date.now() + patience.mostMs; project.status !== 'ACTIVE_HEALTHY'; project = await lookAt(api, project)) {
    if (!ON_ITS_WAY.has(project.status)) throw notReady(project);
    if (Date.now() >= end) {
      throw new BanyanError('limit_reached', `Supabase: the project ${project.name} (${project.ref}) is still ${project.status}.`, {
        fix: 'Run the step again later: it goes on from here.',
        data: { status: project.status },
      });
    }
    if (said !== project.status) child.say(`  The project ${project.name} (${project.ref}) is ${project.status}: waiting until it is ACTIVE_HEALTHY ...`);
    said = project.status;
    await pause(waiting);
  }
  return said !== '';
}
