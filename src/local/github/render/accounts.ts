import { nodeId } from '../core/ids.ts';
import type { Forge } from '../core/forge.ts';
import type { Account, JsonObject } from '../core/model.ts';

const KINDS = { User: 'U', Organization: 'O', Bot: 'BOT' } as const;

export function accountNodeId(account: Account): string {
  return nodeId(KINDS[account.type], account.id);
}

/** The short form that stands as author, assignee, sender. */
export function renderAccount(forge: Forge, account: Account): JsonObject {
  const api = `${forge.url}/users/${encodeURIComponent(account.login)}`;
  const page = account.type === 'Bot' ? `apps/${account.login.replace(/\[bot\]$/, '')}` : account.login;
  return {
    login: account.login,
    id: account.id,
    node_id: accountNodeId(account),
    avatar_url: `${forge.url}/_assets/avatar/${account.id}.svg`,
    gravatar_id: '',
    url: api,
    html_url: `${forge.url}/${page}`,
    followers_url: `${api}/followers`,
    following_url: `${api}/following{/other_user}`,
    gists_url: `${api}/gists{/gist_id}`,
    starred_url: `${api}/starred{/owner}{/repo}`,
    subscriptions_url: `${api}/subscriptions`,
    organizations_url: `${api}/orgs`,
    repos_url: `${api}/repos`,
    events_url: `${api}/events{/privacy}`,
    received_events_url: `${api}/received_events`,
    type: account.type,
    user_view_type: 'public',
    site_admin: false,
  };
}

export function renderLogin(forge: Forge, login: string): JsonObject {
  const account = forge.store.account(login);
  return account === undefined ? ghost(forge) : renderAccount(forge, account);
}

export function renderLoginOrNull(forge: Forge, login: string | null): JsonObject | null {
  return login === null ? null : renderLogin(forge, login);
}

function ghost(forge: Forge): JsonObject {
  return renderAccount(forge, { id: 10137, login: 'ghost', type: 'User', name: null, email: null, createdAt: '2008-05-10T00:00:00Z' });
}

export function renderFullAccount(forge: Forge, account: Account): JsonObject {
  const owned = forge.store.repositories.filter((repository) => repository.owner === account.login && !repository.private);
  return {
    ...renderAccount(forge, account),
    name: account.name,
    company: null,
    blog: '',
    location: null,
    email: account.email,
    hireable: null,
    bio: null,
    twitter_username: null,
    public_repos: owned.length,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: account.createdAt,
    updated_at: account.createdAt,
  };
}

export function renderOrganization(forge: Forge, account: Account): JsonObject {
  const api = `${forge.url}/orgs/${account.login}`;
  return {
    login: account.login,
    id: account.id,
    node_id: accountNodeId(account),
    url: api,
    repos_url: `${api}/repos`,
    events_url: `${api}/events`,
    hooks_url: `${api}/hooks`,
    issues_url: `${api}/issues`,
    members_url: `${api}/members{/member}`,
    public_members_url: `${api}/public_members{/member}`,
    avatar_url: `${forge.url}/_assets/avatar/${account.id}.svg`,
    description: null,
  };
}

export function renderFullOrganization(forge: Forge, account: Account): JsonObject {
  const owned = forge.store.repositories.filter((repository) => repository.owner === account.login && !repository.private);
  return {
    ...renderOrganization(forge, account),
    name: account.name,
    has_organization_projects: false,
    has_repository_projects: false,
    public_repos: owned.length,
    public_gists: 0,
    followers: 0,
    following: 0,
    html_url: `${forge.url}/${account.login}`,
    type: 'Organization',
    created_at: account.createdAt,
    updated_at: account.createdAt,
    archived_at: null,
  };
}
