import { z } from 'zod';
import { checkIntake, given, incomplete, INTAKE_VARIABLES } from './intake-environment.ts';
import type { IntakeEnvironment, Problem, Source } from './intake-environment.ts';

/** A PEM as it comes out of hosting dashboards: real line breaks, `\n` written out, or base64 of the whole. */
function normalizePem(value: string): string {
  if (value.includes('-----BEGIN')) return value.replaceAll('\\n', '\n');
  return Buffer.from(value, 'base64').toString('utf8');
}

const text = z.string().trim().min(1);
const seconds = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);

/** What only a worker needs; the rest is the intake's. */
const workerSchema = z.object({
  SUPABASE_PUBLISHABLE_KEY: text,
  GITHUB_API_URL: z.url({ protocol: /^https?$/, error: 'is not a URL that begins with https?:' }).default('https://api.github.com'),
  GITHUB_GRAPHQL_URL: z.url({ protocol: /^https?$/, error: 'is not a URL that begins with https?:' }).optional(),
  BANYAN_GITHUB_LIMITS: z.enum(['github', 'off']).default('github'),
  GITHUB_APP_ID: z.coerce.number().int().positive(),
  GITHUB_APP_PRIVATE_KEY: text.transform(normalizePem).refine((pem) => pem.includes('PRIVATE KEY-----'), 'is not a PEM private key'),
  BANYAN_MODEL: text.optional(),
  BANYAN_SANDBOX: z.enum(['vercel', 'local']).optional(),
  BANYAN_UNSAFE_LOCAL_SANDBOX: z.literal(['0', '1']).optional(),
  BANYAN_LEASE_SECONDS: seconds(15, 600),
  BANYAN_WORKER_TASKS: seconds(4, 64),
  BANYAN_RETENTION_DAYS: z.coerce.number().int().min(1).max(3650).default(90),
  // GitHub hands the same delivery over again for three days.
  BANYAN_DELIVERY_RETENTION_DAYS: z.coerce.number().int().min(3).max(3650).default(30),
  BANYAN_METRICS_TOKEN: text.min(16, 'must have at least 16 characters').optional(),
  BANYAN_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  VERCEL: text.optional(),
  VERCEL_TOKEN: text.optional(),
  VERCEL_TEAM_ID: text.optional(),
  VERCEL_PROJECT_ID: text.optional(),
  OPENAI_API_KEY: text.optional(),
  OPENAI_BASE_URL: text.optional(),
  ANTHROPIC_API_KEY: text.optional(),
  ANTHROPIC_BASE_URL: text.optional(),
});

export interface Environment extends IntakeEnvironment {
  supabase: { url: string; secretKey: string; publishableKey: string };
  github: { apiUrl: string; graphqlUrl: string; appId: number; privateKey: string; limits: 'github' | 'off' };
  models: {
    default: string | undefined;
    byRole: Record<string, string>;
    openaiApiKey: string | undefined;
    openaiBaseUrl: string | undefined;
    anthropicApiKey: string | undefined;
    anthropicBaseUrl: string | undefined;
  };
  sandbox: { provider: 'vercel' | 'local'; unsafe: boolean; token: string | undefined; teamId: string | undefined; projectId: string | undefined };
  worker: { leaseSeconds: number; tasks: number; host: 'vercel' | 'process' };
  retention: { deliveryDays: number; historyDays: number };
  /** Whoever sends it may read the metrics, and nothing else. */
  metricsToken: string | undefined;
  /** Values that may stand in no line of the log, whatever they look like. */
  secrets: string[];
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** `BANYAN_MODEL_PRODUCT_OWNER=anthropic:...` becomes `{'product-owner': 'anthropic:...'}`. */
function modelsByRole(source: Source): Record<string, string> {
  const prefix = 'BANYAN_MODEL_';
  const pairs = Object.entries(source).filter(([name, value]) => name.startsWith(prefix) && value?.trim());
  return Object.fromEntries(pairs.map(([name, value]) => [name.slice(prefix.length).toLowerCase().replaceAll('_', '-'), String(value).trim()]));
}

const SECRET_NAME = /(?:_SECRET|_SECRET_PREVIOUS|_KEY|_TOKEN|PASSWORD|DATABASE_URL|OTLP_HEADERS)$/;
/** It is in every browser. */
const PUBLIC_NAME = /PUBLISHABLE_KEY$/;

/** Also those of others: what is named like a secret in this environment is one. */
export function secretsOf(source: Source): string[] {
  return Object.entries(source).flatMap(([name, value]) => (value !== undefined && SECRET_NAME.test(name) && !PUBLIC_NAME.test(name) ? [value] : []));
}

/** Every variable that is read, but for those of a role's model. */
export const VARIABLES: readonly string[] = [...INTAKE_VARIABLES, ...Object.keys(workerSchema.shape)];

function check(source: Source) {
  const { environment, problems } = checkIntake(source);
  const set = given(source);
  const parsed = workerSchema.safeParse(set);
  const others = parsed.error?.issues.map((issue): Problem => {
    const name = String(issue.path[0]);
    return { name, what: name in set ? issue.message : 'is not set' };
  });
  return { environment, env: parsed.data, problems: [...problems, ...(others ?? [])] };
}

/** Every variable that is missing or wrong. */
export function environmentProblems(source: Source): Problem[] {
  return check(source).problems;
}

/** @throws BanyanError `config_invalid` naming every variable that is missing or wrong, each with where to find it. */
export function readEnvironment(source: Source = process.env): Environment {
  const { environment, env, problems } = check(source);
  if (env === undefined || problems.length > 0) throw incomplete(problems);
  const apiUrl = env.GITHUB_API_URL.replace(/\/$/, '');
  return {
    ...environment,
    supabase: { ...environment.supabase, publishableKey: env.SUPABASE_PUBLISHABLE_KEY },
    github: {
      apiUrl,
      graphqlUrl: env.GITHUB_GRAPHQL_URL ?? `${apiUrl}/graphql`,
      appId: env.GITHUB_APP_ID,
      privateKey: env.GITHUB_APP_PRIVATE_KEY,
      limits: env.BANYAN_GITHUB_LIMITS,
    },
    models: {
      default: env.BANYAN_MODEL,
      byRole: modelsByRole(source),
      openaiApiKey: env.OPENAI_API_KEY,
      openaiBaseUrl: env.OPENAI_BASE_URL,
      anthropicApiKey: env.ANTHROPIC_API_KEY,
      anthropicBaseUrl: env.ANTHROPIC_BASE_URL,
    },
    sandbox: {
      provider: env.BANYAN_SANDBOX ?? (env.VERCEL ? 'vercel' : 'local'),
      unsafe: env.BANYAN_UNSAFE_LOCAL_SANDBOX === '1',
      token: env.VERCEL_TOKEN,
      teamId: env.VERCEL_TEAM_ID,
      projectId: env.VERCEL_PROJECT_ID,
    },
    worker: { leaseSeconds: env.BANYAN_LEASE_SECONDS, tasks: env.BANYAN_WORKER_TASKS, host: env.VERCEL ? 'vercel' : 'process' },
    retention: { deliveryDays: env.BANYAN_DELIVERY_RETENTION_DAYS, historyDays: env.BANYAN_RETENTION_DAYS },
    metricsToken: env.BANYAN_METRICS_TOKEN,
    secrets: secretsOf(given(source)),
    logLevel: env.BANYAN_LOG_LEVEL,
  };
}
