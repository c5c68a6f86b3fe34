import { generateKeyPairSync } from 'node:crypto';
import { SECRET } from './payloads.ts';

export const CONTENDERS = ['bare', 'web', 'octokit', 'probot', 'banyan'] as const;

export type Contender = (typeof CONTENDERS)[number];

export const TITLES: Record<Contender | 'nothing' | 'dataApi', string> = {
  bare: 'bare `node:http`, HMAC, one row',
  web: 'the same in the form of the platform',
  octokit: '`@octokit/webhooks`, one row',
  probot: 'probot, one row',
  banyan: 'Banyan',
  nothing: 'no work at all: the ceiling of the load',
  dataApi: 'Banyan over the embedded Supabase',
};

/** What the other contenders write into: the payload as `jsonb`, as handlers do. */
export const WEBHOOK_ROWS = `
  create table webhook_rows (guid text primary key, event text not null, payload jsonb not null, received_at timestamptz not null default now())`;

export interface Supabase {
  url: string;
  secretKey: string;
}

const NOWHERE: Supabase = { url: 'http://127.0.0.1:9', secretKey: 'sb_secret_not_used' };

/** The environment of every server; each takes of it what it needs. Without a `databaseUrl` Banyan goes through the Data API. */
export function serverEnvironment(databaseUrl: string | undefined, supabase: Supabase = NOWHERE): Record<string, string> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return {
    NODE_ENV: 'production',
    BENCH_SECRET: SECRET,
    BENCH_PRIVATE_KEY: privateKey,
    GITHUB_WEBHOOK_SECRET: SECRET,
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    CRON_SECRET: 'not-used-by-the-webhook',
    ...(databaseUrl === undefined ? {} : { BENCH_DATABASE_URL: databaseUrl, BANYAN_DATABASE_URL: databaseUrl }),
  };
}
