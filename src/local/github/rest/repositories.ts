import { commitInitialFiles, createRepository, deleteRepository } from '../actions/repositories.ts';
import { atLeast, roleOf } from '../core/access.ts';
import { Fault, integrationForbidden, invalid, notFound } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { Account, JsonObject, Repository, Role } from '../core/model.ts';
import { ADMINISTER, READ_METADATA } from '../core/needs.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { created, listReply, noContent, ok, repositoryRoute, requirePerson, scopeOf } from '../http/call.ts';
import { oneOf, optionalBoolean, optionalText, requiredText, textList, textOrNull } from '../http/input.ts';
import { renderAccount } from '../render/accounts.ts';
import { renderFullRepository, renderPermissions } from '../render/repositories.ts';
import { emit } from '../webhooks/emit.ts';
import { accountOf, organizationOf } from './accounts.ts';

export const repositoryRoutes: Route[] = [
  { method: 'POST', path: '/orgs/{org}/repos', handle: (call) => create(call, organizationOf(call)) },
  { method: 'POST', path: '/user/repos', handle: (call) => create(call, requirePerson(call)) },
  repositoryRoute({ method: 'GET', path: '', need: READ_METADATA }, (call, repository) => ok(renderFullRepository(call.forge, repository, call.actor))),
  repositoryRoute({ method: 'PATCH', path: '', need: ADMINISTER }, change),
  repositoryRoute({ method: 'DELETE', path: '', need: ADMINISTER }, (call, repository) => {
    deleteRepository(call.forge, scopeOf(call, repository).by, repository);
    return noContent();
  }),
  repositoryRoute({ method: 'GET', path: '/topics', need: READ_METADATA }, (_call, repository) => ok({ names: repository.topics })),
  repositoryRoute({ method: 'PUT', path: '/topics', need: ADMINISTER }, (call, repository) => {
    repository.topics = (textList(call.body, 'names') ?? []).map((name) => name.toLowerCase());
    return ok({ names: repository.topics });
  }),
  repositoryRoute({ method: 'GET', path: '/languages', need: READ_METADATA }, (call, repository) => ok(languages(call, repository))),

  repositoryRoute({ method: 'GET', path: '/collaborators', need: READ_METADATA }, listCollaborators),
  repositoryRoute({ method: 'GET', path: '/collaborators/{username}', need: READ_METADATA }, (call, repository) => {
    if (!collaborators(call, repository).some(({ login }) => login === accountOf(call, 'username').login)) throw notFound();
    return noContent();
  }),
  repositoryRoute({ method: 'GET', path: '/collaborators/{username}/permission', need: READ_METADATA }, permission),
  repositoryRoute({ method: 'PUT', path: '/collaborators/{username}', need: ADMINISTER }, addCollaborator),
  repositoryRoute({ method: 'DELETE', path: '/collaborators/{username}', need: ADMINISTER }, removeCollaborator),
];

async function create(call: Call, owner: Account): Promise<Reply> {
  if (call.actor.kind === 'installation') throw integrationForbidden();
  const by = requirePerson(call);
  const admins = call.forge.store.root.organizationAdmins[owner.login] ?? [];
  if (owner.login !== by.login && !admins.includes(by.login))
    throw new Fault(403, 'You need admin access to the organization before adding a repository to it.');
  const { body, forge } = call;
  const repository = createRepository(forge, by, {
    owner: owner.login,
    name: requiredText(body, 'name', 'Repository'),
    description: optionalText(body, 'description') ?? null,
    private: optionalBoolean(body, 'private') ?? body.visibility === 'private',
    defaultBranch: 'main',
    settings: givenSettings(body),
  });
  if (optionalBoolean(body, 'auto_init') === true) {
    const about = repository.description === null ? '' : `${repository.description}\n`;
    await commitInitialFiles(forge, { repository, by, files: { 'README.md': `# ${repository.name}\n${about}` }, message: 'Initial commit' });
  }
  return created(renderFullRepository(forge, repository, call.actor));
}

function givenSettings(body: JsonObject): Partial<Repository['settings']> {
  const given = {
    allowMergeCommit: optionalBoolean(body, 'allow_merge_commit'),
    allowSquashMerge: optionalBoolean(body, 'allow_squash_merge'),
    allowRebaseMerge: optionalBoolean(body, 'allow_rebase_merge'),
    allowAutoMerge: optionalBoolean(body, 'allow_auto_merge'),
    deleteBranchOnMerge: optionalBoolean(body, 'delete_branch_on_merge'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function change(call: Call, repository: Repository): Reply {
  const { body, forge } = call;
  const { by } = scopeOf(call, repository);
  const before = { name: repository.name, defaultBranch: repository.defaultBranch, description: repository.description };
  rename(call, repository, optionalText(body, 'name'));
  setDefaultBranch(call, repository, optionalText(body, 'default_branch'));
  const description = textOrNull(body, 'description');
  if (description !== undefined) repository.description = description;
  const homepage = textOrNull(body, 'homepage');
  if (homepage !== undefined) repository.homepage = homepage;
  repository.private = optionalBoolean(body, 'private') ?? repository.private;
  repository.archived = optionalBoolean(body, 'archived') ?? repository.archived;
  repository.hasIssues = optionalBoolean(body, 'has_issues') ?? repository.hasIssues;
  Object.assign(repository.settings, givenSettings(body));
  repository.updatedAt = timestamp();
  if (repository.name !== before.name) {
    emit(forge, repository, { event: 'repository', action: 'renamed', sender: by, payload: { changes: { repository: { name: { from: before.name } } } } });
  } else if (repository.defaultBranch !== before.defaultBranch || repository.description !== before.description) {
    const changes = {
      ...(repository.defaultBranch === before.defaultBranch ? {} : { default_branch: { from: before.defaultBranch } }),
      ...(repository.description === before.description ? {} : { description: { from: before.description } }),
    };
    emit(forge, repository, { event: 'repository', action: 'edited', sender: by, payload: { changes } });
  }
  return ok(renderFullRepository(forge, repository, call.actor));
}

function rename(call: Call, repository: Repository, name: string | undefined): void {
  if (name === undefined || name === repository.name) return;
  const other = call.forge.store.repository(repository.owner, name);
  if (!/^[\w.-]{1,100}$/.test(name) || name === '.' || name === '..' || (other !== undefined && other !== repository)) {
    throw invalid({ resource: 'Repository', code: 'custom', field: 'name', message: 'name is invalid or taken' });
  }
  repository.name = name;
}

function setDefaultBranch(call: Call, repository: Repository, branch: string | undefined): void {
  if (branch === undefined || branch === repository.defaultBranch) return;
  const git = call.forge.git(repository);
  if (git.branch(branch) === undefined) {
    throw invalid({ resource: 'Repository', code: 'invalid', field: 'default_branch', message: 'Cannot update default branch: branch does not exist' });
  }
  repository.defaultBranch = branch;
  git.setHead(branch);
}

const LANGUAGES: Record<string, string> = {
  js: 'JavaScript',
  mjs: 'JavaScript',
  cjs: 'JavaScript',
  ts: 'TypeScript',
  tsx: 'TypeScript',
  py: 'Python',
  rb: 'Ruby',
  go: 'Go',
  rs: 'Rust',
  java: 'Java',
  c: 'C',
  h: 'C',
  cpp: 'C++',
  cs: 'C#',
  php: 'PHP',
  sh: 'Shell',
  css: 'CSS',
  html: 'HTML',
  sql: 'PLpgSQL',
};

/** Bytes by language, by file ending. */
function languages(call: Call, repository: Repository): Record<string, number> {
  const git = call.forge.git(repository);
  const tree = git.commit(git.branch(repository.defaultBranch) ?? '')?.tree;
  const totals: Record<string, number> = {};
  for (const [path, file] of tree === undefined ? [] : git.files(tree)) {
    const language = LANGUAGES[path.slice(path.lastIndexOf('.') + 1)];
    if (language !== undefined) totals[language] = (totals[language] ?? 0) + (git.blob(file.sha)?.length ?? 0);
  }
  return totals;
}

function collaborators(call: Call, repository: Repository): Account[] {
  const { root } = call.forge.store;
  const logins = new Set([repository.owner, ...(root.organizationAdmins[repository.owner] ?? []), ...Object.keys(repository.collaborators)]);
  return root.accounts.filter((account) => logins.has(account.login) && account.type === 'User');
}

/** GitHub's old three-word permission beside the exact role. */
function legacyPermission(role: Role | null): string {
  if (role === null) return 'none';
  if (role === 'admin') return 'admin';
  return atLeast(role, 'write') ? 'write' : 'read';
}

function renderCollaborator(call: Call, repository: Repository, account: Account): JsonObject {
  const role = roleOf(call.forge.store, repository, account.login);
  return { ...renderAccount(call.forge, account), permissions: renderPermissions(role), role_name: role ?? 'none' };
}

function listCollaborators(call: Call, repository: Repository): Reply {
  return listReply(call, collaborators(call, repository), (account) => renderCollaborator(call, repository, account));
}

function permission(call: Call, repository: Repository): Reply {
  const account = accountOf(call, 'username');
  const role = account.type === 'User' ? roleOf(call.forge.store, repository, account.login) : null;
  return ok({ permission: legacyPermission(role), role_name: role ?? 'none', user: renderCollaborator(call, repository, account) });
}

const ROLE_NAMES = ['pull', 'read', 'triage', 'push', 'write', 'maintain', 'admin'] as const;
const NEW_NAMES: Partial<Record<(typeof ROLE_NAMES)[number], Role>> = { pull: 'read', push: 'write' };

function addCollaborator(call: Call, repository: Repository): Reply {
  const account = accountOf(call, 'username');
  const given = oneOf(call.body, 'permission', ROLE_NAMES) ?? 'push';
  const isNew = repository.collaborators[account.login] === undefined;
  repository.collaborators[account.login] = NEW_NAMES[given] ?? (given as Role);
  announceMember(call, repository, { account, action: isNew ? 'added' : 'edited' });
  return noContent();
}

function removeCollaborator(call: Call, repository: Repository): Reply {
  const account = accountOf(call, 'username');
  if (repository.collaborators[account.login] !== undefined) {
    delete repository.collaborators[account.login];
    announceMember(call, repository, { account, action: 'removed' });
  }
  return noContent();
}

function announceMember(call: Call, repository: Repository, { account, action }: { account: Account; action: string }): void {
  const role = repository.collaborators[account.login];
  emit(call.forge, repository, {
    event: 'member',
    action,
    sender: scopeOf(call, repository).by,
    payload: { member: renderAccount(call.forge, account), ...(role === undefined ? {} : { changes: { permission: { to: role } } }) },
  });
}
