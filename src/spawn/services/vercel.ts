import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import { ENV_FILE, readEnvFile } from './env-file.ts';
import { ask, expectStatus, type Api } from './http.ts';
import type { Child, ServiceStep } from './step.ts';

const projectSchema = z.object({ id: z.string().min(1), accountId: z.string().optional(), name: z.string() });

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
const OPTIONAL = /^(?:(?:ANTHROPIC|OPENAI)_(?:API_KEY|BASE_URL)|BANYAN_(?:MODEL(?:_[A-Z_]+)?|URL|METRICS_TOKEN)|GITHUB_(?:API|GRAPHQL)_URL)$/;

function apiOf({ env, signal }: Child): { api: Api; team: string } {
  const token = env['VERCEL_TOKEN'];
  if (!token) {
    throw new BanyanError('config_invalid', '--vercel: VERCEL_TOKEN is not set.', {
      fix: 'Make a token at https://vercel.com/account/tokens; for a team set VERCEL_TEAM_ID, too.',
      data: { field: 'VERCEL_TOKEN' },
    });
  }
  const team = env['VERCEL_TEAM_ID'] ? `?teamId=${encodeURIComponent(env['VERCEL_TEAM_ID'])}` : '';
  return { team, api: { service: 'Vercel', base: env['VERCEL_API_URL'] || 'https://api.vercel.com', headers: { authorization: `Bearer ${token}` }, signal } };
}

function withQuery(path: string, team: string, more = ''): string {
  return `${path}${team}${more === '' ? '' : `${team === '' ? '?' : '&'}${more}`}`;
}

async function ensureProject(api: Api, team: string, name: string): Promise<{ project: z.infer<typeof projectSchema>; created: boolean }> {
  const found = expectStatus(api, `looking for the project ${name}`, await ask(api, 'GET', withQuery(`/v9/projects/${name}`, team)), [200, 404]);
  if (found.status === 200) return { project: projectSchema.parse(found.body), created: false };
  const made = await ask(api, 'POST', withQuery('/v11/projects', team), { name, framework: null });
  return { project: projectSchema.parse(expectStatus(api, `creating the project ${name}`, made, [200, 201]).body), created: true };
}

/** From the file, else from this shell: what is required, and what else a deployment reads. */
async function variablesOf(child: Child): Promise<Map<string, string>> {
  const file = await readEnvFile(child.folder);
  const names = new Set([...REQUIRED, ...[...Object.keys(file), ...Object.keys(child.env)].filter((name) => OPTIONAL.test(name))]);
  return new Map(
    [...names].flatMap((name) => {
      const value = file[name] || child.env[name];
      return value ? [[name, value] as const] : [];
    }),
  );
}

async function run(child: Child): Promise<string[]> {
  const { api, team } = apiOf(child);
  const { project, created } = await ensureProject(api, team, child.answers.name);
  const variables = await variablesOf(child);
  for (const [key, value] of variables) {
    const path = withQuery(`/v10/projects/${project.id}/env`, team, 'upsert=true');
    expectStatus(api, `setting ${key}`, await ask(api, 'POST', path, { key, value, type: 'sensitive', target: ['production'] }), [200, 201]);
  }
  await mkdir(join(child.folder, '.vercel'), { recursive: true });
  await writeFile(
    join(child.folder, '.vercel/project.json'),
    `${JSON.stringify({ projectId: project.id, orgId: child.env['VERCEL_TEAM_ID'] || project.accountId, projectName: project.name })}\n`,
  );
  const missing = REQUIRED.filter((name) => !variables.has(name));
  return [
    `The project ${project.name} ${created ? 'is created' : 'was there already'} and linked; ${variables.size} variables are set for production.`,
    ...(missing.length > 0 ? [`Still missing: ${missing.join(', ')}. Put them into ${ENV_FILE} and run --vercel again.`] : []),
    'Deploy: npx vercel deploy --prod; or connect the repository at Vercel > Settings > Git.',
  ];
}

export const vercel: ServiceStep = {
  id: 'vercel',
  title: 'Vercel',
  plan: ({ answers, env }) => [
    `find or create the project ${answers.name} at ${env['VERCEL_API_URL'] || 'https://api.vercel.com'}${env['VERCEL_TEAM_ID'] ? ` in the team ${env['VERCEL_TEAM_ID']}` : ''}, and link this folder (.vercel/project.json)`,
    `set for production, as sensitive variables, what ${ENV_FILE} or this shell has of: ${REQUIRED.join(', ')}, the keys of model providers and BANYAN_MODEL`,
  ],
  run,
};
