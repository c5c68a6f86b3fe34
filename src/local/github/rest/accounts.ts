import { actorRole, holds } from '../core/access.ts';
import { integrationForbidden, notFound } from '../core/fault.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { listReply, noContent, ok, param, requirePerson } from '../http/call.ts';
import { renderAccount, renderFullAccount, renderFullOrganization, renderOrganization } from '../render/accounts.ts';
import { renderFullRepository } from '../render/repositories.ts';

export const accountRoutes: Route[] = [
  {
    method: 'GET',
    path: '/',
    handle: ({ forge }) =>
      ok({ current_user_url: `${forge.url}/user`, repository_url: `${forge.url}/repos/{owner}/{repo}`, organization_url: `${forge.url}/orgs/{org}` }),
  },
  { method: 'GET', path: '/meta', handle: () => ok({ verifiable_password_authentication: false, installed_version: '3.21.0' }) },
  { method: 'GET', path: '/zen', handle: () => ({ status: 200, raw: { type: 'text/plain;charset=utf-8', data: 'Keep it logically awesome.' } }) },
  {
    method: 'GET',
    path: '/rate_limit',
    handle: ({ forge, actor }) => {
      const rate = forge.limiter.primary(actor);
      return ok({ resources: { core: rate, search: rate, graphql: rate, integration_manifest: rate }, rate });
    },
  },
  { method: 'GET', path: '/user', handle: currentUser },
  { method: 'GET', path: '/user/repos', handle: (call) => listRepositories(call, () => requirePerson(call)) },
  {
    method: 'GET',
    path: '/user/orgs',
    handle: (call) => {
      const { login } = requirePerson(call);
      const mine = call.forge.store.root.accounts.filter((account) => call.forge.store.root.organizationAdmins[account.login]?.includes(login));
      return listReply(call, mine, (account) => renderOrganization(call.forge, account));
    },
  },
  { method: 'GET', path: '/users/{username}', handle: (call) => ok(renderFullAccount(call.forge, accountOf(call, 'username'))) },
  { method: 'GET', path: '/users/{username}/repos', handle: (call) => listRepositories(call, () => accountOf(call, 'username')) },
  { method: 'GET', path: '/orgs/{org}', handle: (call) => ok(renderFullOrganization(call.forge, organizationOf(call))) },
  { method: 'GET', path: '/orgs/{org}/repos', handle: (call) => listRepositories(call, () => organizationOf(call)) },
  {
    method: 'GET',
    path: '/orgs/{org}/members',
    handle: (call) => {
      const logins = call.forge.store.root.organizationAdmins[organizationOf(call).login] ?? [];
      return listReply(
        call,
        logins.flatMap((login) => call.forge.store.account(login) ?? []),
        (account) => renderAccount(call.forge, account),
      );
    },
  },
  {
    method: 'GET',
    path: '/orgs/{org}/members/{username}',
    handle: (call) => {
      const logins = call.forge.store.root.organizationAdmins[organizationOf(call).login] ?? [];
      if (!logins.includes(param(call, 'username'))) throw notFound();
      return noContent();
    },
  },
];

function currentUser(call: Call): Reply {
  const account = requirePerson(call);
  if (call.actor.kind === 'installation') throw integrationForbidden();
  return ok({
    ...renderFullAccount(call.forge, account),
    private_gists: 0,
    total_private_repos: 0,
    owned_private_repos: 0,
    disk_usage: 0,
    collaborators: 0,
    two_factor_authentication: true,
  });
}

export function accountOf(call: Call, name: string) {
  const account = call.forge.store.account(param(call, name));
  if (account === undefined) throw notFound();
  return account;
}

export function organizationOf(call: Call) {
  const account = accountOf(call, 'org');
  if (account.type !== 'Organization') throw notFound();
  return account;
}

function listRepositories(call: Call, ownerOf: () => { login: string }): Reply {
  const owner = ownerOf().login;
  const mine = call.path === '/user/repos';
  const visible = call.forge.store.repositories.filter((repository) => {
    if (call.actor.kind === 'installation' && !holds(call.actor.permissions, 'metadata:read')) return false;
    const role = actorRole(call.forge.store, repository, call.actor);
    return role !== null && (mine ? role !== 'read' || repository.owner === owner : repository.owner === owner);
  });
  return listReply(call, [...visible].reverse(), (repository) => renderFullRepository(call.forge, repository, call.actor));
}
