import { Fault, integrationForbidden, notFound } from './fault.ts';
import type { Account, Repository, Role } from './model.ts';
import type { ForgeStore } from './store.ts';

/** Who asks. An installation acts as the App's bot, within the repositories and permissions of its token. */
export type Actor =
  | { kind: 'anonymous' }
  | { kind: 'user'; account: Account }
  | { kind: 'app' }
  | { kind: 'installation'; account: Account; tokenId: string; repositoryIds: number[] | null; permissions: Permissions };

export type PermissionLevel = 'read' | 'write' | 'admin';
export type Permissions = Record<string, PermissionLevel>;

/** What the App was granted when it was installed. */
export const APP_PERMISSIONS: Permissions = {
  actions: 'write',
  administration: 'read',
  checks: 'write',
  contents: 'write',
  deployments: 'write',
  issues: 'write',
  members: 'read',
  metadata: 'read',
  pull_requests: 'write',
  statuses: 'write',
  workflows: 'write',
};

/** Of a workflow's `GITHUB_TOKEN` that asks for them, as the one of an update does. */
export const ACTIONS_PERMISSIONS: Permissions = { contents: 'write', issues: 'write', metadata: 'read', pull_requests: 'write' };

export interface Need {
  /** The least role of a person. `null`: people may not do this at all. */
  user: Role | null;
  /** Any one of these is enough for an installation, written `issues:write`. Empty: not for Apps. */
  app: string[];
}

const ROLES: Role[] = ['read', 'triage', 'write', 'maintain', 'admin'];
const LEVELS: PermissionLevel[] = ['read', 'write', 'admin'];

export function atLeast(role: Role | null, wanted: Role): boolean {
  return role !== null && ROLES.indexOf(role) >= ROLES.indexOf(wanted);
}

export function roleOf(store: ForgeStore, repository: Repository, login: string): Role | null {
  const admins = store.root.organizationAdmins[repository.owner] ?? [];
  if (repository.owner === login || admins.includes(login)) return 'admin';
  return repository.collaborators[login] ?? (repository.private ? null : 'read');
}

export function actorRole(store: ForgeStore, repository: Repository, actor: Actor): Role | null {
  if (actor.kind === 'user') return roleOf(store, repository, actor.account.login);
  if (actor.kind !== 'installation') return repository.private ? null : 'read';
  if (!coversRepository(actor, repository)) return repository.private ? null : 'read';
  return holds(actor.permissions, 'contents:write') ? 'write' : 'read';
}

export function coversRepository(actor: Actor, repository: Repository): boolean {
  return actor.kind === 'installation' && (actor.repositoryIds === null || actor.repositoryIds.includes(repository.id));
}

export function holds(permissions: Permissions, need: string): boolean {
  const [name = '', level = 'read'] = need.split(':');
  const held = permissions[name];
  return held !== undefined && LEVELS.indexOf(held) >= LEVELS.indexOf(level as PermissionLevel);
}

/** Throws what GitHub answers when the actor may not do this; returns quietly otherwise. */
export function authorize(store: ForgeStore, repository: Repository, { actor, need }: { actor: Actor; need: Need }): void {
  if (actor.kind === 'app') throw new Fault(403, 'You must authenticate with an installation access token in order to access this endpoint.');
  if (actor.kind === 'installation') return authorizeInstallation(actor, repository, need);
  const role = actorRole(store, repository, actor);
  if (role === null) throw notFound();
  if (need.user === null) throw new Fault(403, 'You must authenticate via a GitHub App.');
  if (atLeast(role, need.user)) return;
  if (actor.kind === 'anonymous') throw new Fault(401, 'Requires authentication');
  throw new Fault(403, need.user === 'admin' ? 'Must have admin rights to Repository.' : 'Must have push access to repository');
}

function authorizeInstallation(actor: Actor & { kind: 'installation' }, repository: Repository, need: Need): void {
  const readsOnly = need.app.every((item) => item.endsWith(':read'));
  if (!coversRepository(actor, repository)) {
    if (repository.private) throw notFound();
    if (readsOnly && need.app.length > 0) return;
    throw integrationForbidden();
  }
  if (!need.app.some((item) => holds(actor.permissions, item))) throw integrationForbidden();
}

/** The account that a change is recorded under. */
export function actingAccount(actor: Actor): Account {
  if (actor.kind === 'user' || actor.kind === 'installation') return actor.account;
  throw new Fault(401, 'Requires authentication');
}
