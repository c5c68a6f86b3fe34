import { BanyanError } from '../kernel/errors.ts';

/*
 * What the webhook function reads. Checked by hand: a cold start pays for each module that it loads, and a library for schemas would be
 * a third of this one.
 */

export type Source = Record<string, string | undefined>;

/** What the webhook function needs: no key of GitHub's App, no model. */
export interface IntakeEnvironment {
  /** The current secret first, then the one being rotated out. */
  webhookSecrets: string[];
  supabase: { url: string; secretKey: string };
  /** A direct connection in the place of Supabase's Data API, where one is wanted. */
  databaseUrl: string | undefined;
  cronSecret: string;
  /** Where traces go; undefined: nowhere. */
  traces: { endpoint: string; headers: string; serviceName: string } | undefined;
  /** This deployment's own address, for the nudge to the worker; absent where it is not known. */
  url: string | undefined;
}

/** One variable, and what is wrong with it; never its value. */
export interface Problem {
  name: string;
  what: string;
}

/** Where each variable is found or made; shown with the message that it is missing. */
const FIX: Record<string, string> = {
  GITHUB_WEBHOOK_SECRET: 'the secret of the GitHub App (Settings > Developer settings > GitHub Apps > Webhook secret)',
  GITHUB_APP_ID: 'the App ID on the GitHub App page',
  GITHUB_APP_PRIVATE_KEY: 'a private key generated on the GitHub App page (PEM, or base64 of it)',
  SUPABASE_URL: 'Supabase > Project settings > API: the project URL',
  SUPABASE_SECRET_KEY: 'Supabase > Project settings > API keys: a secret key (sb_secret_...)',
  SUPABASE_PUBLISHABLE_KEY: 'Supabase > Project settings > API keys: the publishable key (sb_publishable_...)',
  GITHUB_API_URL: 'https://api.github.com or leave it out; https://HOST/api/v3 for an Enterprise Server',
  BANYAN_URL: 'the address of the deployment, e.g. https://banyan.example.com',
  CRON_SECRET: 'any random string of 16 characters or more, e.g. `openssl rand -hex 32`',
};

/** The variables that are set to something. */
export function given(source: Source): Source {
  return Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && value.trim() !== ''));
}

/** What is wrong with a variable, in a line, with where its value is found. */
export function problemLine({ name, what }: Problem): string {
  return `${name} ${what}${FIX[name] ? ` - set it to ${FIX[name]}` : ''}`;
}

/** Names every variable that is missing or wrong, each with where to find it. */
export function incomplete(problems: readonly Problem[]): BanyanError {
  const lines = problems.map(problemLine);
  return new BanyanError('config_invalid', `Banyan cannot start, the environment is incomplete:\n  ${lines.join('\n  ')}`, {
    fix: 'Set the variables and deploy (or start) again.',
    data: { variables: problems.map(({ name }) => name) },
  });
}

interface Rule {
  required?: true;
  /** What is wrong with a value, if something is. */
  objection?: (value: string) => string | undefined;
}

function isUrl(protocols: RegExp): Rule['objection'] {
  return (value) => (protocols.test(URL.parse(value)?.protocol ?? '') ? undefined : `is not a URL that begins with ${protocols.source.slice(1)}`);
}

const RULES = {
  GITHUB_WEBHOOK_SECRET: { required: true },
  GITHUB_WEBHOOK_SECRET_PREVIOUS: {},
  SUPABASE_URL: { required: true, objection: isUrl(/^https?:/) },
  SUPABASE_SECRET_KEY: { required: true },
  BANYAN_DATABASE_URL: { objection: isUrl(/^postgres(ql)?:/) },
  CRON_SECRET: { required: true, objection: (value) => (value.length < 16 ? 'must have at least 16 characters' : undefined) },
  BANYAN_URL: { objection: isUrl(/^https?:/) },
  VERCEL_PROJECT_PRODUCTION_URL: {},
  OTEL_EXPORTER_OTLP_ENDPOINT: { objection: isUrl(/^https?:/) },
  OTEL_EXPORTER_OTLP_HEADERS: {},
  OTEL_SERVICE_NAME: {},
  PORT: {},
} satisfies Record<string, Rule>;

export const INTAKE_VARIABLES: readonly string[] = Object.keys(RULES);

function problemOf(name: string, rule: Rule, value: string | undefined): Problem[] {
  const what = value === undefined ? rule.required && 'is not set' : rule.objection?.(value);
  return what ? [{ name, what }] : [];
}

/** The intake's part of the environment, and what is wrong with it; where something is, the part is not to be used. */
export function checkIntake(source: Source): { environment: IntakeEnvironment; problems: Problem[] } {
  const read = (name: keyof typeof RULES) => source[name]?.trim() || undefined;
  const names = Object.keys(RULES) as (keyof typeof RULES)[];
  const production = read('VERCEL_PROJECT_PRODUCTION_URL');
  const endpoint = read('OTEL_EXPORTER_OTLP_ENDPOINT');
  const environment = {
    webhookSecrets: [read('GITHUB_WEBHOOK_SECRET'), read('GITHUB_WEBHOOK_SECRET_PREVIOUS')].filter((secret) => secret !== undefined),
    supabase: { url: read('SUPABASE_URL') ?? '', secretKey: read('SUPABASE_SECRET_KEY') ?? '' },
    databaseUrl: read('BANYAN_DATABASE_URL'),
    cronSecret: read('CRON_SECRET') ?? '',
    traces:
      endpoint === undefined ? undefined : { endpoint, headers: read('OTEL_EXPORTER_OTLP_HEADERS') ?? '', serviceName: read('OTEL_SERVICE_NAME') ?? 'banyan' },
    url: read('BANYAN_URL')?.replace(/\/$/, '') ?? (production === undefined ? undefined : `https://${production}`),
  };
  return { environment, problems: names.flatMap((name) => problemOf(name, RULES[name], read(name))) };
}

/** @throws BanyanError `config_invalid` naming every variable that is missing or wrong, each with where to find it. */
export function readIntakeEnvironment(source: Source = process.env): IntakeEnvironment {
  const { environment, problems } = checkIntake(source);
  if (problems.length > 0) throw incomplete(problems);
  return environment;
}
