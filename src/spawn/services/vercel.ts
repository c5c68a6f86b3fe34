import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import { ENV_FILE, readEnvFile, secretsOf } from './env-file.ts';
import { ask, expectStatus, readAs, type Api } from './http.ts';
import type { Child, ServiceStep } from './step.ts';
import { childIn, isNamed, namesOf, repositoryOfChild } from './whose.ts';

/** Where the Vercel CLI keeps what a folder is linked to. */
const LINK_FILE = '.vercel/project.json';

const projectSchema = z.object({
  id: z.string().min(1),
  accountId: z.string().optional(),
  name: z.string(),
  link: z.object({ org: z.string().optional(), owner: z.string().optional(), repo: z.string().optional(), type: z.string().optional() }).nullish(),
  latestDeployments: z.array(z.unknown()).nullish(),
});
const linkSchema = z.object({ projectId: z.string().min(1), orgId: z.string().optional() });
const variablesSchema = z.object({ envs: z.array(z.object({ key: z.string(), value: z.string().optional() })) });
const setSchema = z.object({ failed: z.array(z.object({ error: z.object({ code: z.string().optional(), message: z.string().optional() }) })).optional() });

type Project = z.infer<typeof projectSchema>;

/** What a deployment needs or may have; anything else in the file stays on this machine. */
const REQUIRED = [
  'GITHUB_APP_ID',
  'GITHUB_APP_PRIVATE_KEY',
  'GITHUB_WEBHOOK_SECRET',
  'SUPABASE_URL',
  'SUPABASE_SECRET_KEY',
  'SUPABASE_PUBLISHABLE_KEY',
  'CRON_SECRET',
];
/** Says whose a project is: nobody else sets it, and it can be read back. Set before any secret. */
export const CHILD_MARK = 'BANYAN_CHILD';
/** What a run set before there was the mark; the names of the others are Vercel's or Supabase's, too. */
const OF_BEFORE = ['GITHUB_APP_ID', 'GITHUB_WEBHOOK_SECRET'];
const OPTIONAL = /^(?:(?:ANTHROPIC|OPENAI)_(?:API_KEY|BASE_URL)|BANYAN_(?:MODEL(?:_[A-Z_]+)?|URL|METRICS_TOKEN)|GITHUB_(?:API|GRAPHQL)_URL)$/;

interface Vercel {
  api: Api;
  /** The account's own projects, or those of a team. */
  team: string | undefined;
}

/** A team is called by its id or, in its addresses, by its slug. */
function withTeam(path: string, team: string | undefined, more: Record<string, string> = {}): string {
  const query = new URLSearchParams({ ...(team === undefined ? {} : { [team.startsWith('team_') ? 'teamId' : 'slug']: team }), ...more });
  return query.size === 0 ? path : `${path}?${query}`;
}

async function linkOf(folder: string): Promise<z.infer<typeof linkSchema> | undefined> {
  const text = await readFile(join(folder, LINK_FILE), 'utf8').catch(() => null);
  if (text === null) return undefined;
  try {
    return linkSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BanyanError('config_invalid', `${LINK_FILE} names no project.`, { fix: 'Remove the folder .vercel and run the step again.', cause });
  }
}

function vercelOf(child: Child, linkedTo: string | undefined): Vercel {
  const { env, signal } = child;
  const token = env['VERCEL_TOKEN'];
  if (!token) {
    throw new BanyanError('config_invalid', '--vercel: VERCEL_TOKEN is not set.', {
      fix: 'Make a token at https://vercel.com/account/tokens; for a team set VERCEL_TEAM_ID, too.',
      data: { field: 'VERCEL_TOKEN' },
    });
  }
  const said = env['VERCEL_TEAM_ID'] || undefined;
  if (said?.startsWith('team_') && linkedTo?.startsWith('team_') && said !== linkedTo) {
    throw new BanyanError('conflict', `--vercel: VERCEL_TEAM_ID is ${said}, and this folder is linked to a project of ${linkedTo}.`, {
      fix: 'Correct VERCEL_TEAM_ID, or remove the folder .vercel for another project.',
      data: { field: 'VERCEL_TEAM_ID' },
    });
  }
  const team = said ?? (linkedTo?.startsWith('team_') ? linkedTo : undefined);
  const base = env['VERCEL_API_URL'] || 'https://api.vercel.com';
  const api = { service: 'Vercel', base, headers: { authorization: `Bearer ${token}` }, signal, heard: new Set<string>(), secrets: () => secretsOf(child) };
  return { team, api };
}

/** What the variables of a project say against its being ours. */
function objectionOf(variables: readonly { key: string; value?: string | undefined }[], names: readonly string[], deployed: boolean): string | null {
  const mark = variables.find(({ key }) => key === CHILD_MARK);
  if (mark) {
    const named = childIn(mark.value);
    if (named === null) return `has a ${CHILD_MARK} that cannot be read`;
    return isNamed(named, names) ? null : `is of the child ${named}`;
  }
  const keys = variables.map(({ key }) => key);
  const nobodys = keys.length === 0 && !deployed;
  const ofBefore = OF_BEFORE.every((key) => keys.includes(key)) && keys.every((key) => REQUIRED.includes(key) || OPTIONAL.test(key));
  return nobodys || ofBefore ? null : 'has deployments or variables of something else';
}

/**
 * A name is nobody's property: what is found by it gets our secrets only where it is this child's, or nothing yet.
 * @throws BanyanError `conflict`
 */
async function requireOurs({ api, team }: Vercel, project: Project, child: Child): Promise<void> {
  const other = (why: string) =>
    new BanyanError('conflict', `Vercel: there is a project ${project.name} already, and it ${why}. It was left as it is.`, {
      fix: `If it is this child's all the same, link it: npx vercel link --project ${project.name}. Else rename it, or choose another team with VERCEL_TEAM_ID.`,
      data: { project: project.id },
    });
  const host = project.link?.type;
  if (host && !host.startsWith('github')) throw other(`deploys a repository at ${host}`);
  if (project.link?.repo) {
    const linked = [project.link.org ?? project.link.owner, project.link.repo].filter(Boolean).join('/');
    const own = await repositoryOfChild(child);
    if (linked.toLowerCase() !== own?.toLowerCase()) throw other(`deploys the repository ${linked}`);
    return;
  }
  const what = `the variables of ${project.name}`;
  const listed = expectStatus(api, what, await ask(api, 'GET', withTeam(`/v10/projects/${encodeURIComponent(project.id)}/env`, team)), [200]);
  const { envs } = readAs(api, what, variablesSchema, listed);
  const objection = objectionOf(envs, await namesOf(child), (project.latestDeployments ?? []).length > 0);
  if (objection !== null) throw other(objection);
}

async function linkedProject({ api, team }: Vercel, id: string): Promise<Project> {
  const what = `the project ${id} that this folder is linked to`;
  const found = await ask(api, 'GET', withTeam(`/v9/projects/${encodeURIComponent(id)}`, team));
  if (found.status !== 404) return readAs(api, what, projectSchema, expectStatus(api, what, found, [200]));
  throw new BanyanError('not_found', `Vercel: ${what} is not there, or the token does not see it.`, {
    fix: 'Give a token that sees it, set VERCEL_TEAM_ID, or remove the folder .vercel for another project.',
    data: { status: 404 },
  });
}

async function ensureProject(vercel: Vercel, child: Child, linked: string | undefined): Promise<{ project: Project; created: boolean }> {
  if (linked !== undefined) return { project: await linkedProject(vercel, linked), created: false };
  const { api, team } = vercel;
  const { name } = child.answers;
  const what = `the project ${name}`;
  const found = expectStatus(api, `looking for ${what}`, await ask(api, 'GET', withTeam(`/v9/projects/${name}`, team)), [200, 404]);
  if (found.status === 200) {
    const project = readAs(api, what, projectSchema, found);
    await requireOurs(vercel, project, child);
    return { project, created: false };
  }
  const made = await ask(api, 'POST', withTeam('/v11/projects', team), { name, framework: null });
  return { project: readAs(api, what, projectSchema, expectStatus(api, `creating ${what}`, made, [200, 201])), created: true };
}

async function link({ folder }: Child, project: Project, team: string | undefined): Promise<void> {
  await mkdir(join(folder, '.vercel'), { recursive: true });
  const text = JSON.stringify({ projectId: project.id, orgId: project.accountId ?? team, projectName: project.name });
  await writeFile(join(folder, LINK_FILE), `${text}\n`);
}

interface Variables {
  /** What the child's own file has of them. */
  own: Map<string, string>;
  missing: string[];
  /** A shell serves many children: what only it has may be another's. */
  ofShell: string[];
}

async function variablesOf(child: Child): Promise<Variables> {
  const file = await readEnvFile(child.folder);
  const optional = [...Object.keys(file), ...Object.keys(child.env)].filter((name) => OPTIONAL.test(name));
  const names = [...new Set([...REQUIRED, ...optional])];
  return {
    own: new Map(names.flatMap((name) => (file[name] ? [[name, file[name]] as const] : []))),
    missing: REQUIRED.filter((name) => !file[name]),
    ofShell: names.filter((name) => !file[name] && child.env[name]),
  };
}

interface Variable {
  key: string;
  value: string;
  /** A plain one can be read back. */
  type: 'plain' | 'sensitive';
}

async function setVariable({ api, team }: Vercel, project: Project, { key, value, type }: Variable): Promise<void> {
  const path = withTeam(`/v10/projects/${encodeURIComponent(project.id)}/env`, team, { upsert: 'true' });
  const answer = await ask(api, 'POST', path, { key, value, type, target: ['production'] });
  const { failed } = readAs(api, `setting ${key}`, setSchema, expectStatus(api, `setting ${key}`, answer, [200, 201]));
  if (failed === undefined || failed.length === 0) return;
  const { code, message } = failed[0]?.error ?? {};
  throw new BanyanError('config_invalid', `Vercel: setting ${key}: ${(message ?? code ?? 'refused').slice(0, 200)}.`, {
    fix: 'Correct it at Vercel > Settings > Environment Variables, and run the step again: what is done stays done.',
  });
}

async function run(child: Child): Promise<string[]> {
  const linked = await linkOf(child.folder);
  const vercel = vercelOf(child, linked?.orgId);
  const { project, created } = await ensureProject(vercel, child, linked?.projectId);
  await link(child, project, vercel.team);
  const { own, missing, ofShell } = await variablesOf(child);
  const [name] = await namesOf(child);
  // First: a run that is cut off finds its project again.
  await setVariable(vercel, project, { key: CHILD_MARK, value: name, type: 'plain' });
  for (const [key, value] of own) await setVariable(vercel, project, { key, value, type: 'sensitive' });
  const put = `Put them into ${ENV_FILE}`;
  return [
    `The project ${project.name} ${created ? 'is created' : 'was there already'} and linked; ${own.size} variables are set for production${own.size === 0 ? '' : `: ${[...own.keys()].join(', ')}`}.`,
    ...(missing.length > 0 ? [`Still missing: ${missing.join(', ')}. ${put} and run --vercel again.`] : []),
    ...(ofShell.length > 0 ? [`Only this shell has: ${ofShell.join(', ')}. They were not set. ${put} if they are this child's.`] : []),
    'Deploy: npx vercel deploy --prod; or connect the repository at Vercel > Settings > Git.',
  ];
}

export const vercel: ServiceStep = {
  id: 'vercel',
  title: 'Vercel',
  plan: ({ answers, env }) => [
    `take the project that ${LINK_FILE} names, else find or create ${answers.name} at ${env['VERCEL_API_URL'] || 'https://api.vercel.com'}${env['VERCEL_TEAM_ID'] ? ` in the team ${env['VERCEL_TEAM_ID']}` : ''}, and link this folder`,
    `stop where a project of that name deploys another repository, is another child's, or has deployments or variables of something else`,
    `set ${CHILD_MARK} (whose it is, not secret), then for production, as sensitive variables, what ${ENV_FILE} has of: ${REQUIRED.join(', ')}, ANTHROPIC_ and OPENAI_API_KEY and _BASE_URL, BANYAN_MODEL (also by role), BANYAN_URL, BANYAN_METRICS_TOKEN, GITHUB_API_URL, GITHUB_GRAPHQL_URL`,
  ],
  run,
};
