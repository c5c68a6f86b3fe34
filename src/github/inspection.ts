import pino from 'pino';
import { Probot, ProbotOctokit } from 'probot';
import type { GitHubAppOptions } from './app.ts';
import { githubError } from './errors.ts';
import { createHookDeliveries } from './hook-deliveries.ts';
import type { HookAttempt } from './hook-deliveries.ts';

type Permissions = Record<string, string>;

export interface AppFacts {
  slug: string;
  owner: string;
  permissions: Permissions;
  events: string[];
}

export interface InstallationFacts {
  id: number;
  account: string;
  suspended: boolean;
  permissions: Permissions;
  /** Where whoever installed it accepts new permissions. */
  page: string;
}

export interface HookFacts {
  url: string;
  contentType: string;
  /** False where GitHub was told not to look at the certificate. */
  verified: boolean;
  signed: boolean;
}

/** The App as GitHub shows it to its owner, for whoever looks whether it was made right. */
export interface AppInspection {
  /** @throws BanyanError as `githubError` tells, and so do all */
  app(): Promise<AppFacts>;
  /** The first hundred. */
  installations(): Promise<InstallationFacts[]>;
  hook(): Promise<HookFacts>;
  /** The newest hundred, newest first. */
  attempts(): Promise<HookAttempt[]>;
  /** What is left of an installation's requests in this hour. */
  budget(installationId: number): Promise<{ limit: number; remaining: number }>;
}

/** Less than the doctor waits for one check: what hangs ends by itself, and says what it was. */
const PATIENCE_MS = 15_000;

/** Nobody waits for a second try here: whoever looks wants to hear of the first. */
const ONCE = { retries: 0 };

function namesOf(value: unknown): Permissions {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([name, level]) => [name, String(level)])) : {};
}

function loginOf(account: unknown): string {
  const { login, slug } = (account ?? {}) as { login?: string; slug?: string };
  return login ?? slug ?? 'unknown';
}

export function createAppInspection(options: Pick<GitHubAppOptions, 'appId' | 'privateKey' | 'apiUrl'>, patienceMs = PATIENCE_MS): AppInspection {
  /** Of the tokens' requests too. */
  const patientFetch: typeof fetch = (input, init) => {
    const over = AbortSignal.timeout(patienceMs);
    return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, over]) : over });
  };
  const probot = new Probot({
    appId: options.appId,
    privateKey: options.privateKey,
    baseUrl: options.apiUrl,
    log: pino({ level: 'silent' }),
    Octokit: ProbotOctokit.defaults({ throttle: { enabled: false }, retry: { enabled: false }, request: { fetch: patientFetch } }),
  });

  async function ask<T>(question: (octokit: Awaited<ReturnType<typeof probot.auth>>) => Promise<T>, installationId?: number): Promise<T> {
    try {
      return await question(await (installationId === undefined ? probot.auth() : probot.auth(installationId)));
    } catch (error) {
      throw githubError(error);
    }
  }

  return {
    app: () =>
      ask(async (octokit) => {
        const { data } = await octokit.request('GET /app', { request: ONCE });
        return { slug: data?.slug ?? '', owner: loginOf(data?.owner), permissions: namesOf(data?.permissions), events: data?.events ?? [] };
      }),
    installations: () =>
      ask(async (octokit) => {
        const { data } = await octokit.request('GET /app/installations', { per_page: 100, request: ONCE });
        return data.map((item) => ({
          id: item.id,
          account: loginOf(item.account),
          suspended: item.suspended_at !== null && item.suspended_at !== undefined,
          permissions: namesOf(item.permissions),
          page: item.html_url,
        }));
      }),
    hook: () =>
      ask(async (octokit) => {
        const { data } = await octokit.request('GET /app/hook/config', { request: ONCE });
        return {
          url: data.url ?? '',
          contentType: data.content_type ?? 'form',
          verified: String(data.insecure_ssl ?? '0') === '0',
          signed: Boolean(data.secret),
        };
      }),
    attempts: async () => (await createHookDeliveries(probot).list()).attempts,
    budget: (installationId) =>
      ask(async (octokit) => {
        const { data } = await octokit.request('GET /rate_limit', { request: ONCE });
        return { limit: data.resources.core.limit, remaining: data.resources.core.remaining };
      }, installationId),
  };
}
