import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import { secretsOf } from './env-file.ts';
import { ask, expectStatus, readAs, type Api } from './http.ts';
import type { Child } from './step.ts';

/** How a project is called: it is a part of its address. */
export const REF = /^[a-z0-9]{20}$/;

const projectSchema = z
  .object({
    ref: z.string().optional(),
    /** The older name of the same. */
    id: z.string().optional(),
    name: z.string(),
    organization_id: z.string().optional(),
    organization_slug: z.string().optional(),
    status: z.string(),
  })
  .transform(({ ref, id, name, organization_id, organization_slug, status }) => ({
    ref: ref ?? id ?? '',
    name,
    status,
    organization: [organization_id, organization_slug],
  }))
  .refine(({ ref }) => REF.test(ref), { path: ['ref'] });

export type Project = z.infer<typeof projectSchema>;

const organizationSchema = z.object({ id: z.string(), slug: z.string().optional(), name: z.string() });

export type Organization = z.infer<typeof organizationSchema>;

const keySchema = z.object({ name: z.string().nullish(), type: z.string().nullish(), api_key: z.string().nullish() });

/** A project's keys, as Banyan needs them, and all that there are. */
export interface Keys {
  publishable: string;
  secret: string;
  all: ReadonlySet<string>;
}

export function supabaseAddress(env: Child['env']): string {
  return env['SUPABASE_API_URL'] || 'https://api.supabase.com';
}

/** The Management API with the token of the environment; undefined without one. */
export function supabaseApi(child: Child): Api | undefined {
  const { env, signal } = child;
  const token = env['SUPABASE_ACCESS_TOKEN'];
  if (!token) return undefined;
  return {
    service: 'Supabase',
    base: supabaseAddress(env),
    headers: { authorization: `Bearer ${token}` },
    signal,
    heard: new Set(),
    secrets: () => secretsOf(child),
  };
}

export async function listProjects(api: Api): Promise<Project[]> {
  const what = 'the projects of the account';
  return readAs(api, what, z.array(projectSchema), expectStatus(api, what, await ask(api, 'GET', '/v1/projects'), [200]));
}

export async function listOrganizations(api: Api): Promise<Organization[]> {
  const what = 'the organizations of the account';
  return readAs(api, what, z.array(organizationSchema), expectStatus(api, what, await ask(api, 'GET', '/v1/organizations'), [200]));
}

/** @throws BanyanError `not_found` where the token sees no such project */
export async function getProject(api: Api, ref: string): Promise<Project> {
  const what = `the project ${ref}`;
  const answer = await ask(api, 'GET', `/v1/projects/${ref}`);
  if (answer.status !== 404) return readAs(api, what, projectSchema, expectStatus(api, what, answer, [200]));
  throw new BanyanError('not_found', `Supabase: the token sees no project ${ref}.`, {
    fix: 'Correct SUPABASE_PROJECT_REF; or, where the folder is linked to a project that is gone, remove supabase/.temp and its values from .env.local.',
    data: { status: 404 },
  });
}

const GROUPS = ['americas', 'emea', 'apac'];

export interface NewProject {
  name: string;
  organization: Organization;
  /** As AWS calls it, or a part of the world in which Supabase chooses. */
  region: string;
  password: string;
}

export async function createProject(api: Api, { name, organization, region, password }: NewProject): Promise<Project> {
  const what = `creating the project ${name}`;
  const answer = await ask(api, 'POST', '/v1/projects', {
    name,
    organization_slug: organization.slug ?? organization.id,
    region_selection: { type: GROUPS.includes(region) ? 'smartGroup' : 'specific', code: region },
    db_pass: password,
  });
  return readAs(api, what, projectSchema, expectStatus(api, what, answer, [201]));
}

/** What stands in for a key that is not shown has dots or stars. */
const SHOWN = /^[\w.-]{20,}$/;

function keyOf(keys: readonly z.infer<typeof keySchema>[], type: string, legacy: string): string | undefined {
  const shown = keys.filter(({ api_key }) => SHOWN.test(api_key ?? ''));
  const own = shown.filter((key) => key.type === type);
  const found = own.find(({ name }) => name === 'default') ?? own[0] ?? shown.find(({ name }) => name === legacy);
  return found?.api_key ?? undefined;
}

/** The new keys, else the legacy ones. */
export async function readKeys(api: Api, ref: string): Promise<Keys> {
  const what = `the keys of ${ref}`;
  const answer = expectStatus(api, what, await ask(api, 'GET', `/v1/projects/${ref}/api-keys?reveal=true`), [200]);
  const keys = readAs(api, what, z.array(keySchema), answer);
  const [publishable, secret] = [keyOf(keys, 'publishable', 'anon'), keyOf(keys, 'secret', 'service_role')];
  if (publishable === undefined || secret === undefined) {
    const missing = [publishable === undefined ? 'publishable' : '', secret === undefined ? 'secret' : ''].filter((word) => word !== '').join(' and no ');
    throw new BanyanError('not_found', `Supabase: the project ${ref} shows no ${missing} key.`, {
      retry: 'transient',
      fix: 'Make one at Settings > API Keys, or give a token that may read them, and run the step again.',
      data: { missing },
    });
  }
  return { publishable, secret, all: new Set(keys.flatMap(({ api_key }) => (api_key ? [api_key] : []))) };
}

/** A migration may build an index. */
const SQL_TIMEOUT_MS = 120_000;

/** Runs one statement in the database of a project. */
export async function runSql(api: Api, ref: string, query: string): Promise<unknown[]> {
  const what = 'the database';
  const patient = { ...api, timeoutMs: SQL_TIMEOUT_MS };
  const answer = await ask(patient, 'POST', `/v1/projects/${ref}/database/query`, { query });
  if (answer.status === 400) {
    const { message } = readAs(api, what, z.object({ message: z.string() }), answer);
    throw new BanyanError('database_error', message.replaceAll(/\s+/g, ' ').slice(0, 300), { data: { status: 400 } });
  }
  return readAs(api, what, z.array(z.unknown()), expectStatus(api, what, answer, [200, 201]));
}
