import { BanyanError } from '../kernel/errors.ts';
import { Patience } from './patience.ts';
import { ask, expectStatus, type Answer, type Api } from './services/http.ts';

/** It becomes a part of addresses: no segment of dots. */
export const REPOSITORY = /^(?!\.+\/)[\w.-]+\/(?!\.+$)[\w.-]+$/;

/** GitHub's API, as who has the token, or as anybody. */
export function hubAs(token: string | undefined, env: Record<string, string | undefined>, signal: AbortSignal): Api {
  const accept = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' };
  const headers = token ? { authorization: `Bearer ${token}`, ...accept } : accept;
  return { service: 'GitHub', base: env['GITHUB_API_URL'] || 'https://api.github.com', headers, signal, heard: new Set(), patience: new Patience({ signal }) };
}

/**
 * GitHub's API with the token of the environment.
 * @param command names who asks, for the message
 * @throws BanyanError `config_invalid` where there is no token
 */
export function hubApi(env: Record<string, string | undefined>, signal: AbortSignal, command: { name: string; needs: string }): Api {
  const token = env['GH_TOKEN'] || env['GITHUB_TOKEN'];
  if (!token) {
    throw new BanyanError('config_invalid', `${command.name}: GITHUB_TOKEN (or GH_TOKEN) is not set.`, {
      fix: `Set it to a token that may ${command.needs}, for example GH_TOKEN=$(gh auth token)`,
      data: { field: 'GITHUB_TOKEN' },
    });
  }
  return hubAs(token, env, signal);
}

/** @throws BanyanError `config_invalid` for what is no owner/repository */
export function repositoryName(text: string, field: string): string {
  if (REPOSITORY.test(text)) return text;
  throw new BanyanError('config_invalid', `${field}: "${text.slice(0, 120)}" is no repository.`, {
    fix: `Write it as owner/repository: ${field} acme/banyan`,
    data: { field },
  });
}

/** `owner/repository` of an address of git or of a package's `repository`; null for anything else. */
export function repositoryOf(url: string): string | null {
  const plain = url
    .trim()
    .replace(/^git\+/, '')
    .replace(/\.git\/?$/, '')
    .replace(/\/$/, '');
  const short = /^github:([\w.-]+\/[\w.-]+)$/.exec(plain) ?? /^([\w.-]+\/[\w.-]+)$/.exec(plain);
  const long = /^(?:https?:\/\/(?:[^/@\s]+@)?|ssh:\/\/git@|git:\/\/)[^/\s]+\/([\w.-]+\/[\w.-]+)$/.exec(plain) ?? /^git@[^:\s]+:([\w.-]+\/[\w.-]+)$/.exec(plain);
  const found = short?.[1] ?? long?.[1];
  return found !== undefined && REPOSITORY.test(found) ? found : null;
}

function hostOf(address: string | undefined): string | undefined {
  return address && URL.canParse(address) ? new URL(address).host.replace(/^api\./, '') : undefined;
}

/** Likewise, at the GitHub of this environment alone: who has that name there may be somebody else than at another host. */
export function repositoryAtHub(url: string, env: Record<string, string | undefined>): string | null {
  const plain = url.trim();
  const host = hostOf(plain) ?? /^git@([^:\s]+):/.exec(plain)?.[1];
  const hosts = ['github.com', 'ssh.github.com', 'ssh.github.com:443', hostOf(env['GITHUB_SERVER_URL']), hostOf(env['GITHUB_API_URL'])];
  return host !== undefined && hosts.includes(host.toLowerCase()) ? repositoryOf(plain) : null;
}

/** The answer of a request that must succeed. */
export async function request(api: Api, what: string, call: { method?: string; path: string; body?: unknown; wanted?: readonly number[] }): Promise<Answer> {
  const answer = await ask(api, call.method ?? 'GET', call.path, call.body);
  return expectStatus(api, what, answer, call.wanted ?? [200, 201]);
}

const PER_PAGE = 100;

/** The pages of a list, one after the other, until one is not full or `most` have been read. */
async function* pagesOf(api: Api, what: string, list: { path: string; most: number; key?: string }): AsyncGenerator<unknown[]> {
  const { path, most, key } = list;
  for (let page = 1; page <= most; page++) {
    const { body } = await request(api, what, { path: `${path}${path.includes('?') ? '&' : '?'}per_page=${PER_PAGE}&page=${page}` });
    const rows = key === undefined ? body : (body as Record<string, unknown>)[key];
    if (!Array.isArray(rows)) {
      throw new BanyanError('github_unavailable', `GitHub: ${what}: the answer is no list.`, {
        retry: 'transient',
        fix: `Look whether ${api.base} is the API of GitHub, and run it again.`,
      });
    }
    const items = rows as unknown[];
    yield items;
    if (items.length < PER_PAGE) return;
  }
}

/** All rows of a list, as far as `most` pages go. */
export async function rowsOf(api: Api, what: string, list: { path: string; most: number; key?: string }): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const page of pagesOf(api, what, list)) rows.push(...page);
  return rows;
}
