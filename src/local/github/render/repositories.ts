import type { Actor } from '../core/access.ts';
import { actorRole, atLeast } from '../core/access.ts';
import type { Forge } from '../core/forge.ts';
import { nodeId } from '../core/ids.ts';
import type { JsonObject, Repository, Role } from '../core/model.ts';
import { renderLogin } from './accounts.ts';

export function apiUrl(forge: Forge, repository: Repository): string {
  return `${forge.url}/repos/${repository.owner}/${repository.name}`;
}

export function pageUrl(forge: Forge, repository: Repository): string {
  return `${forge.url}/${repository.owner}/${repository.name}`;
}

const TEMPLATES: Record<string, string> = {
  archive_url: '/{archive_format}{/ref}',
  assignees_url: '/assignees{/user}',
  blobs_url: '/git/blobs{/sha}',
  branches_url: '/branches{/branch}',
  collaborators_url: '/collaborators{/collaborator}',
  comments_url: '/comments{/number}',
  commits_url: '/commits{/sha}',
  compare_url: '/compare/{base}...{head}',
  contents_url: '/contents/{+path}',
  contributors_url: '/contributors',
  deployments_url: '/deployments',
  downloads_url: '/downloads',
  events_url: '/events',
  forks_url: '/forks',
  git_commits_url: '/git/commits{/sha}',
  git_refs_url: '/git/refs{/sha}',
  git_tags_url: '/git/tags{/sha}',
  hooks_url: '/hooks',
  issue_comment_url: '/issues/comments{/number}',
  issue_events_url: '/issues/events{/number}',
  issues_url: '/issues{/number}',
  keys_url: '/keys{/key_id}',
  labels_url: '/labels{/name}',
  languages_url: '/languages',
  merges_url: '/merges',
  milestones_url: '/milestones{/number}',
  notifications_url: '/notifications{?since,all,participating}',
  pulls_url: '/pulls{/number}',
  releases_url: '/releases{/id}',
  stargazers_url: '/stargazers',
  statuses_url: '/statuses/{sha}',
  subscribers_url: '/subscribers',
  subscription_url: '/subscription',
  tags_url: '/tags',
  teams_url: '/teams',
  trees_url: '/git/trees{/sha}',
};

/** The repository as it stands in lists, as base and head of pull requests, and in webhooks. */
export function renderRepository(forge: Forge, repository: Repository): JsonObject {
  const api = apiUrl(forge, repository);
  const page = pageUrl(forge, repository);
  const openIssues = repository.issues.filter((issue) => issue.state === 'open').length;
  return {
    id: repository.id,
    node_id: nodeId('R', repository.id),
    name: repository.name,
    full_name: `${repository.owner}/${repository.name}`,
    private: repository.private,
    owner: renderLogin(forge, repository.owner),
    html_url: page,
    description: repository.description,
    fork: false,
    url: api,
    ...Object.fromEntries(Object.entries(TEMPLATES).map(([key, rest]) => [key, api + rest])),
    git_url: `${page.replace(/^https?:/, 'git:')}.git`,
    ssh_url: `git@${new URL(forge.url).hostname}:${repository.owner}/${repository.name}.git`,
    clone_url: `${page}.git`,
    svn_url: page,
    mirror_url: null,
    homepage: repository.homepage,
    language: null,
    size: 1,
    forks_count: 0,
    stargazers_count: 0,
    watchers_count: 0,
    forks: 0,
    watchers: 0,
    open_issues_count: openIssues,
    open_issues: openIssues,
    has_issues: repository.hasIssues,
    has_projects: false,
    has_downloads: true,
    has_wiki: false,
    has_pages: false,
    has_discussions: false,
    archived: repository.archived,
    disabled: false,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: repository.topics,
    custom_properties: {},
    visibility: repository.private ? 'private' : 'public',
    default_branch: repository.defaultBranch,
    created_at: repository.createdAt,
    updated_at: repository.updatedAt,
    pushed_at: repository.pushedAt,
  };
}

export function renderFullRepository(forge: Forge, repository: Repository, actor: Actor): JsonObject {
  const { settings } = repository;
  const owner = forge.store.account(repository.owner);
  return {
    ...renderRepository(forge, repository),
    permissions: renderPermissions(actorRole(forge.store, repository, actor)),
    allow_squash_merge: settings.allowSquashMerge,
    allow_merge_commit: settings.allowMergeCommit,
    allow_rebase_merge: settings.allowRebaseMerge,
    allow_auto_merge: settings.allowAutoMerge,
    allow_update_branch: false,
    delete_branch_on_merge: settings.deleteBranchOnMerge,
    use_squash_pr_title_as_default: false,
    squash_merge_commit_title: 'COMMIT_OR_PR_TITLE',
    squash_merge_commit_message: 'COMMIT_MESSAGES',
    merge_commit_title: 'MERGE_MESSAGE',
    merge_commit_message: 'PR_TITLE',
    network_count: 0,
    subscribers_count: 0,
    ...(owner?.type === 'Organization' ? { organization: renderLogin(forge, repository.owner) } : {}),
  };
}

export function renderPermissions(role: Role | null): JsonObject {
  return {
    admin: atLeast(role, 'admin'),
    maintain: atLeast(role, 'maintain'),
    push: atLeast(role, 'write'),
    triage: atLeast(role, 'triage'),
    pull: atLeast(role, 'read'),
  };
}

/** The form in `installation_repositories` and the like. */
export function renderRepositoryStub(repository: Repository): JsonObject {
  return {
    id: repository.id,
    node_id: nodeId('R', repository.id),
    name: repository.name,
    full_name: `${repository.owner}/${repository.name}`,
    private: repository.private,
  };
}
