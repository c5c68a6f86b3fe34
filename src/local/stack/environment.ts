import type { Secrets } from './secrets.ts';
import { passThrough } from './settings.ts';

interface Place {
  secrets: Pick<Secrets, 'app' | 'keys' | 'cronSecret'>;
  urls: { app: string; github: string; supabase: string };
}

export function serviceEnvironment(own: Record<string, string | undefined>): Record<string, string> {
  return { ...passThrough(own), DO_NOT_TRACK: '1' };
}

/** What the platform and its owner would have set for the functions, and nothing that tells that this is a local machine. */
export function appEnvironment(own: Record<string, string | undefined>, { secrets, urls }: Place): Record<string, string> {
  return {
    ...serviceEnvironment(own),
    PORT: new URL(urls.app).port,
    BANYAN_URL: urls.app,
    GITHUB_API_URL: urls.github,
    GITHUB_GRAPHQL_URL: `${urls.github}/graphql`,
    GITHUB_APP_ID: String(secrets.app.id),
    GITHUB_APP_PRIVATE_KEY: secrets.app.privateKey,
    GITHUB_WEBHOOK_SECRET: secrets.app.webhookSecret,
    SUPABASE_URL: urls.supabase,
    SUPABASE_SECRET_KEY: secrets.keys.secret,
    SUPABASE_PUBLISHABLE_KEY: secrets.keys.publishable,
    CRON_SECRET: secrets.cronSecret,
    BANYAN_SANDBOX: own['BANYAN_SANDBOX'] || 'local',
    // As on an Enterprise Server, which has no limits unless its owner sets some.
    BANYAN_GITHUB_LIMITS: own['BANYAN_GITHUB_LIMITS'] || 'off',
  };
}
