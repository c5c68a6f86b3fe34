import type { Actor, Need } from '../core/access.ts';
import { actingAccount, authorize } from '../core/access.ts';
import { Fault, notFound } from '../core/fault.ts';
import type { Forge } from '../core/forge.ts';
import type { Account, JsonObject, Repository } from '../core/model.ts';

/** One request to the API, read and authenticated. */
export interface Call {
  forge: Forge;
  actor: Actor;
  method: string;
  /** Path below the API's prefix. */
  path: string;
  /** What came before it: empty, or `/api/v3`; links to further pages keep it. */
  prefix: string;
  params: Record<string, string>;
  query: URLSearchParams;
  body: JsonObject;
  accept: string;
}

export interface Reply {
  status: number;
  json?: unknown;
  /** Instead of `json`: bytes of a type of their own. */
  raw?: { type: string; data: string | Buffer };
  headers?: Record<string, string>;
}

export interface Route {
  method: string;
  /** Segments in braces are parameters; `{name+}` takes the rest of the path. */
  path: string;
  handle(call: Call): Reply | Promise<Reply>;
}

/** A repository, who changes it, and the parts to do it with. */
export interface Scope {
  forge: Forge;
  repository: Repository;
  by: Account;
  viaApp: boolean;
}

type RepositoryHandler = (call: Call, repository: Repository) => Reply | Promise<Reply>;

/** A route below `/repos/{owner}/{repo}` that finds the repository and checks the permission first. */
export function repositoryRoute(spec: { method: string; path: string; need: Need }, handle: RepositoryHandler): Route {
  return {
    method: spec.method,
    path: `/repos/{owner}/{repo}${spec.path}`,
    async handle(call) {
      const repository = findRepository(call);
      authorize(call.forge.store, repository, { actor: call.actor, need: spec.need });
      try {
        return await handle(call, repository);
      } finally {
        // Afterwards, because a write that comes due while a handler waits would miss what the handler does next.
        if (call.method !== 'GET') call.forge.store.touch(repository);
      }
    },
  };
}

export function findRepository(call: Call): Repository {
  const repository = call.forge.store.repository(param(call, 'owner'), param(call, 'repo'));
  if (repository === undefined) throw notFound();
  return repository;
}

export function scopeOf(call: Call, repository: Repository): Scope {
  return { forge: call.forge, repository, by: actingAccount(call.actor), viaApp: call.actor.kind === 'installation' };
}

export function param(call: Call, name: string): string {
  return call.params[name] ?? '';
}

export function numberParam(call: Call, name: string): number {
  const text = param(call, name);
  if (!/^\d{1,15}$/.test(text)) throw notFound();
  return Number(text);
}

export function ok(json: unknown): Reply {
  return { status: 200, json };
}

export function created(json: unknown): Reply {
  return { status: 201, json };
}

export function noContent(): Reply {
  return { status: 204 };
}

/** One page of a list, with GitHub's Link header. Only what is on the page is rendered. */
export function listReply<T>(call: Call, items: readonly T[], render: (item: T) => unknown): Reply {
  const { slice, headers } = pageOf(call, items);
  return { status: 200, json: slice.map(render), headers };
}

/** A page of a list that stands in an object beside its total count. */
export function countedReply<T>(call: Call, items: readonly T[], { key, render }: { key: string; render: (item: T) => unknown }): Reply {
  const { slice, headers } = pageOf(call, items);
  return { status: 200, json: { total_count: items.length, [key]: slice.map(render) }, headers };
}

export function pageOf<T>(call: Call, items: readonly T[]): { slice: T[]; headers: Record<string, string> } {
  const size = Math.min(Math.max(positive(call.query.get('per_page'), 30), 1), 100);
  const page = positive(call.query.get('page'), 1);
  const last = Math.max(Math.ceil(items.length / size), 1);
  const link = (target: number, rel: string): string => {
    const query = new URLSearchParams(call.query);
    query.set('page', String(target));
    return `<${call.forge.url}${call.prefix}${call.path}?${query.toString()}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [link(page - 1, 'prev')] : []),
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []),
    ...(page > 1 ? [link(1, 'first')] : []),
  ];
  return { slice: items.slice((page - 1) * size, page * size), headers: links.length === 0 ? {} : { link: links.join(', ') } };
}

function positive(text: string | null, fallback: number): number {
  const value = Number(text);
  return text !== null && Number.isInteger(value) && value > 0 ? value : fallback;
}

export function requirePerson(call: Call): Account {
  if (call.actor.kind === 'anonymous') throw new Fault(401, 'Requires authentication');
  if (call.actor.kind === 'app') throw new Fault(403, 'You must authenticate with an installation access token in order to access this endpoint.');
  return call.actor.account;
}
