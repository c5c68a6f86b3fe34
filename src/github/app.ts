import { Octokit } from '@octokit/rest';
import { retry } from '@octokit/plugin-retry';
import pino from 'pino';
import { Probot, ProbotOctokit } from 'probot';
import type { Project } from '../domain/model.ts';
import { budgeted } from './budget.ts';
import type { RequestBudget } from './budget.ts';
import { accessError, answerOf, githubError, limitOf, rateLimited } from './errors.ts';
import { createHookDeliveries } from './hook-deliveries.ts';
import type { HookDeliveries } from './hook-deliveries.ts';
import { leaseGuard } from './lease-guard.ts';
import { PERMISSIONS } from './permissions.ts';
import { createRepository } from './repository.ts';
import type { Repository } from './repository.ts';
import { withWholeAnswers } from './whole-answers.ts';

export interface GitHubAppOptions {
  appId: number;
  privateKey: string;
  /** `https://api.github.com`, or where else its REST API answers. */
  apiUrl: string;
  graphqlUrl: string;
  fetch?: typeof fetch;
  /** What all processes together may ask of GitHub; without it every request goes out at once. */
  budget?: RequestBudget;
}

/** Where a repository is now, or why it is out of reach: `installation` is gone or `suspended`, or it no longer has the `repository`. */
export type Whereabouts =
  | { reachable: true; owner: string; name: string; default_branch: string; archived: boolean }
  | { reachable: false; missing: 'installation' | 'suspended' | 'repository' };

/** The GitHub App of this installation of Banyan. */
export interface GitHubApp {
  /** Looks for a repository by its id, whatever it is called now and whoever owns it. */
  locate(project: Project): Promise<Whereabouts>;
  /** One repository, through a token that is good for this repository only. Tokens are kept until shortly before they end. */
  repository(project: Project): Promise<Repository>;
  /** The App's own login, `banyan[bot]`. */
  login(): Promise<string>;
  /** The deliveries to its webhook, as GitHub remembers them. */
  hookDeliveries(): HookDeliveries;
  /** What is reserved of GitHub's limits and not used goes back; called when a worker has nothing more to do. */
  giveBack(): Promise<void>;
}

/** Not as `request.retries`: that way the plugin would ask again whatever the status, three times for every file that is not there. */
const RETRY = { retries: 2, doNotRetry: [400, 401, 403, 404, 409, 410, 422, 429, 451] };

/** Only what reads is asked for again here: a write whose answer was lost may have been done, and who keeps the ledger looks first. */
function createOctokit(options: ConstructorParameters<typeof Octokit>[0], budget: ReturnType<typeof budgeted>[]): Octokit {
  // In this order, from the inside: what is asked for again is counted again, and what waited for its budget is held to its lease.
  const octokit: Octokit = new (Octokit.plugin(leaseGuard, ...budget, retry))({ ...options, retry: RETRY, log: SILENT });
  octokit.hook.before('request', (call) => {
    if (call.method !== 'GET') call.request.retries = 0;
  });
  return octokit;
}

/** Tokens live an hour; a fifth of that is kept in hand for the work that begins with one. */
const TOKEN_MARGIN_MS = 12 * 60_000;

/** Requests that hang are cut: a function that waits costs money, and the call can be made again. */
const REQUEST_TIMEOUT_MS = 30_000;

function withTimeout(base: typeof fetch): typeof fetch {
  return (input, init) => {
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    return base(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout });
  };
}

export function createGitHubApp(options: GitHubAppOptions): GitHubApp {
  const request = { fetch: withWholeAnswers(withTimeout(options.fetch ?? fetch)) };
  // The throttling plugin paces writes at one a second and knows one process only; Banyan's limits are in the database.
  const probot = new Probot({
    appId: options.appId,
    privateKey: options.privateKey,
    baseUrl: options.apiUrl,
    request,
    log: pino({ level: 'silent' }),
    Octokit: ProbotOctokit.defaults({ throttle: { enabled: false } }),
  });
  const tokens = new Map<string, { token: string; expiresAt: number }>();
  let login: Promise<string> | undefined;

  async function askLogin(): Promise<string> {
    const app = await probot.auth();
    const { data } = await app.request('GET /app');
    if (!data?.slug) throw new Error('GitHub did not name the App');
    return `${data.slug}[bot]`;
  }

  /** The App asks for tokens, whose limits are not an installation's; where it is refused one, the installation can do nothing all the same. */
  async function heedToken(installationId: number, thrown: unknown): Promise<never> {
    const answer = answerOf(thrown);
    const limit = answer && limitOf(answer);
    if (!limit?.refused || !options.budget) throw thrown;
    throw rateLimited({ method: 'POST', url: '/access_tokens' }, await options.budget.hold(installationId, limit.seconds), thrown);
  }

  async function tokenFor(project: Project): Promise<string> {
    const known = tokens.get(project.id);
    if (known && known.expiresAt - TOKEN_MARGIN_MS > Date.now()) return known.token;
    const app = await probot.auth();
    const asked = app.request('POST /app/installations/{installation_id}/access_tokens', {
      installation_id: project.installation_id,
      repository_ids: [project.github_id],
      permissions: PERMISSIONS,
    });
    const { data } = await asked.catch((thrown: unknown) => heedToken(project.installation_id, thrown));
    tokens.set(project.id, { token: data.token, expiresAt: Date.parse(data.expires_at) });
    return data.token;
  }

  /** A token that may do nothing: its answer names the repository, and refuses what the installation does not have. */
  async function locate(project: Project): Promise<Whereabouts> {
    const app = await probot.auth();
    const asked = app.request('POST /app/installations/{installation_id}/access_tokens', {
      installation_id: project.installation_id,
      repository_ids: [project.github_id],
      permissions: { metadata: 'read' },
    });
    const { data } = await asked.catch((thrown: unknown) => heedToken(project.installation_id, thrown));
    const found = data.repositories?.[0];
    if (!found) return { reachable: false, missing: 'repository' };
    return { reachable: true, owner: found.owner.login, name: found.name, default_branch: found.default_branch, archived: found.archived };
  }

  return {
    async locate(project) {
      try {
        return await locate(project);
      } catch (thrown) {
        const error = githubError(thrown);
        const missing = error.retry === 'rate_limit' ? undefined : MISSING[Number(error.data['status'])];
        if (missing) return { reachable: false, missing };
        throw error;
      }
    },
    async repository(project) {
      try {
        const octokit = createOctokit(
          { auth: await tokenFor(project), baseUrl: options.apiUrl, request },
          options.budget ? [budgeted(options.budget, project.installation_id)] : [],
        );
        octokit.hook.error('request', (thrown) => {
          // Taken back with the installation: the next one is asked for, and says why.
          if ('status' in thrown && thrown.status === 401) tokens.delete(project.id);
          throw thrown;
        });
        return createRepository({ octokit, project, graphqlUrl: options.graphqlUrl });
      } catch (error) {
        throw accessError(error, project);
      }
    },
    async login() {
      try {
        return await (login ??= askLogin());
      } catch (error) {
        login = undefined;
        throw githubError(error);
      }
    },
    hookDeliveries: () => createHookDeliveries(probot),
    giveBack: async () => options.budget?.giveBack(),
  };
}

/** What a refused token says. 401 is the App's own key, and says nothing about a repository. */
const MISSING: Record<number, 'installation' | 'suspended' | 'repository'> = { 404: 'installation', 403: 'suspended', 422: 'repository' };

const nothing = () => undefined;
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing };
