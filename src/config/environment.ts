import { z } from 'zod';
import { BanyanError } from '../kernel/errors.ts';

type Source = Record<string, string | undefined>;

/** A PEM as it comes out of hosting dashboards: real line breaks, `\n` written out, or base64 of the whole. */
function normalizePem(value: string): string {
  if (value.includes('-----BEGIN')) return value.replaceAll('\\n', '\n');
  return Buffer.from(value, 'base64').toString('utf8');
}

const text = z.string().trim().min(1);
const seconds = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);

const intakeSchema = z.object({
  GITHUB_WEBHOOK_SECRET: text,
  GITHUB_WEBHOOK_SECRET_PREVIOUS: text.optional(),
  SUPABASE_URL: z.url({ protocol: /^https?$/ }),
  SUPABASE_SECRET_KEY: text,
  BANYAN_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  CRON_SECRET: text.min(16, 'must have at least 16 characters'),
  BANYAN_URL: z.url({ protocol: /^https?$/ }).optional(),
  VERCEL_PROJECT_PRODUCTION_URL: text.optional(),
  PORT: text.optional(),
});

const fullSchema = intakeSchema.extend({
  SUPABASE_PUBLISHABLE_KEY: text,
  GITHUB_API_URL: z.url({ protocol: /^https?$/ }).default('https://api.github.com'),
  GITHUB_GRAPHQL_URL: z.url({ protocol: /^https?$/ }).optional(),
  BANYAN_GITHUB_LIMITS: z.enum(['github', 'off']).default('github'),
  GITHUB_APP_ID: z.coerce.number().int().positive(),
  GITHUB_APP_PRIVATE_KEY: text.transform(normalizePem).refine((pem) => pem.includes('PRIVATE KEY-----'), 'is not a PEM private key'),
  BANYAN_MODEL: text.optional(),
  BANYAN_SANDBOX: z.enum(['vercel', 'local']).optional(),
  BANYAN_UNSAFE_LOCAL_SANDBOX: z.literal(['0', '1']).optional(),
  BANYAN_LEASE_SECONDS: seconds(15, 600),
  BANYAN_WORKER_TASKS: seconds(4, 64),
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

/** What the webhook function needs: no key of GitHub's App, no model. */
export interface IntakeEnvironment {
  /** The current secret first, then the one being rotated out. */
  webhookSecrets: string[];
  supabase: { url: string; secretKey: string };
  /** A direct connection in the place of Supabase's Data API, where one is wanted. */
  databaseUrl: string | undefined;
  cronSecret: string;
  /** This deployment's own address, for the nudge to the worker; absent where it is not known. */
  url: string | undefined;
}

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
  worker: { leaseSeconds: number; tasks: number };
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** Where each variable is found or made; shown with the message that it is missing. */
const FIX: Record<string, string> = {
  GITHUB_WEBHOOK_SECRET: 'the secret of the GitHub App (Settings > Developer settings > GitHub Apps > Webhook secret)',
  GITHUB_APP_ID: 'the App ID on the GitHub App page',
  GITHUB_APP_PRIVATE_KEY: 'a private key generated on the GitHub App page (PEM, or base64 of it)',
  SUPABASE_URL: 'Supabase > Project settings > API: the project URL',
  SUPABASE_SECRET_KEY: 'Supabase > Project settings > API keys: a secret key (sb_secret_...)',
  SUPABASE_PUBLISHABLE_KEY: 'Supabase > Project settings > API keys: the publishable key (sb_publishable_...)',
  CRON_SECRET: 'any random string of 16 characters or more, e.g. `openssl rand -hex 32`',
};

/** @throws BanyanError `config_invalid` naming every variable that is missing or wrong, each with where to find it. */
function parse<Schema extends z.ZodType>(schema: Schema, source: Source): z.output<Schema> {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && value.trim() !== ''));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    const what = name in given ? issue.message : 'is not set';
    return `${name} ${what}${FIX[name] ? ` - set it to ${FIX[name]}` : ''}`;
  });
  throw new BanyanError('config_invalid', `Banyan cannot start, the environment is incomplete:\n  ${problems.join('\n  ')}`, {
    fix: 'Set the variables and deploy (or start) again.',
    data: { variables: result.error.issues.map((issue) => String(issue.path[0])) },
  });
}

function ownUrl(env: z.output<typeof intakeSchema>): string | undefined {
  if (env.BANYAN_URL) return env.BANYAN_URL.replace(/\/$/, '');
  return env.VERCEL_PROJECT_PRODUCTION_URL ? `https://${env.VERCEL_PROJECT_PRODUCTION_URL}` : undefined;
}

function intakeOf(env: z.output<typeof intakeSchema>): IntakeEnvironment {
  return {
    webhookSecrets: [env.GITHUB_WEBHOOK_SECRET, env.GITHUB_WEBHOOK_SECRET_PREVIOUS].filter((secret) => secret !== undefined),
    supabase: { url: env.SUPABASE_URL, secretKey: env.SUPABASE_SECRET_KEY },
    databaseUrl: env.BANYAN_DATABASE_URL,
    cronSecret: env.CRON_SECRET,
    url: ownUrl(env),
  };
}

/** `BANYAN_MODEL_PRODUCT_OWNER=anthropic:...` becomes `{'product-owner': 'anthropic:...'}`. */
function modelsByRole(source: Source): Record<string, string> {
  const prefix = 'BANYAN_MODEL_';
  const pairs = Object.entries(source).filter(([name, value]) => name.startsWith(prefix) && value?.trim());
  return Object.fromEntries(pairs.map(([name, value]) => [name.slice(prefix.length).toLowerCase().replaceAll('_', '-'), String(value).trim()]));
}

/** @throws BanyanError `config_invalid` */
export function readIntakeEnvironment(source: Source = process.env): IntakeEnvironment {
  return intakeOf(parse(intakeSchema, source));
}

/** @throws BanyanError `config_invalid` */
export function readEnvironment(source: Source = process.env): Environment {
  const env = parse(fullSchema, source);
  const apiUrl = env.GITHUB_API_URL.replace(/\/$/, '');
  return {
    ...intakeOf(env),
    supabase: { url: env.SUPABASE_URL, secretKey: env.SUPABASE_SECRET_KEY, publishableKey: env.SUPABASE_PUBLISHABLE_KEY },
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
    worker: { leaseSeconds: env.BANYAN_LEASE_SECONDS, tasks: env.BANYAN_WORKER_TASKS },
    logLevel: env.BANYAN_LOG_LEVEL,
  };
}
