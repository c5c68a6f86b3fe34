import { invalid } from '../core/fault.ts';
import type { Forge } from '../core/forge.ts';
import { timestamp } from '../core/forge.ts';
import type { Account, Repository } from '../core/model.ts';
import type { FileChanges } from '../git/repository.ts';
import { PLATFORM_EMAIL, PLATFORM_NAME, signatureOf } from '../render/commits.ts';
import { renderRepositoryStub } from '../render/repositories.ts';
import { emit, emitInstallation } from '../webhooks/emit.ts';
import { moveRef } from './refs.ts';

export interface NewRepository {
  owner: string;
  name: string;
  description: string | null;
  private: boolean;
  defaultBranch: string;
  settings?: Partial<Repository['settings']>;
}

/** The labels that GitHub gives to every new repository. */
const DEFAULT_LABELS: [string, string, string][] = [
  ['bug', 'd73a4a', "Something isn't working"],
  ['documentation', '0075ca', 'Improvements or additions to documentation'],
  ['duplicate', 'cfd3d7', 'This issue or pull request already exists'],
  ['enhancement', 'a2eeef', 'New feature or request'],
  ['good first issue', '7057ff', 'Good for newcomers'],
  ['help wanted', '008672', 'Extra attention is needed'],
  ['invalid', 'e4e669', "This doesn't seem right"],
  ['question', 'd876e3', 'Further information is requested'],
  ['wontfix', 'ffffff', 'This will not be worked on'],
];

/** Makes an empty repository; the installation gets it, since it covers all. */
export function createRepository(forge: Forge, by: Account, fields: NewRepository): Repository {
  checkName(forge, fields);
  const now = timestamp();
  const repository: Repository = {
    id: forge.store.nextId(),
    owner: fields.owner,
    name: fields.name,
    description: fields.description,
    homepage: null,
    private: fields.private,
    archived: false,
    hasIssues: true,
    topics: [],
    defaultBranch: fields.defaultBranch,
    settings: { allowMergeCommit: true, allowSquashMerge: true, allowRebaseMerge: true, allowAutoMerge: false, deleteBranchOnMerge: false, ...fields.settings },
    createdAt: now,
    updatedAt: now,
    pushedAt: now,
    nextNumber: 1,
    collaborators: {},
    protections: {},
    labels: DEFAULT_LABELS.map(([name, color, description]) => ({ id: forge.store.nextId(), name, color, description, isDefault: true })),
    milestones: [],
    issues: [],
    comments: [],
    events: [],
    reviews: [],
    reviewComments: [],
    checkSuites: [],
    checkRuns: [],
    statuses: [],
    deployments: [],
    workflowRuns: [],
  };
  forge.createGit(repository);
  forge.store.add(repository);
  emitInstallation(forge, {
    event: 'installation_repositories',
    action: 'added',
    sender: by,
    payload: { repository_selection: 'all', repositories_added: [renderRepositoryStub(repository)], repositories_removed: [], requester: null },
  });
  emit(forge, repository, { event: 'repository', action: 'created', sender: by, payload: {} });
  return repository;
}

function checkName(forge: Forge, { owner, name }: NewRepository): void {
  const wellFormed = /^[\w.-]{1,100}$/.test(name) && name !== '.' && name !== '..' && !/\.(git|wiki)$/i.test(name);
  if (!wellFormed) throw invalid({ resource: 'Repository', code: 'custom', field: 'name', message: 'name is invalid' });
  if (forge.store.repository(owner, name) !== undefined) {
    throw invalid({ resource: 'Repository', code: 'custom', field: 'name', message: 'name already exists on this account' });
  }
}

/** The first commit: given as path to text. */
export async function commitInitialFiles(
  forge: Forge,
  { repository, by, files, message }: { repository: Repository; by: Account; files: Record<string, string>; message: string },
): Promise<string> {
  const git = forge.git(repository);
  const changes: FileChanges = new Map();
  for (const [path, text] of Object.entries(files)) changes.set(path, { mode: '100644', sha: git.objects.write('blob', Buffer.from(text)) });
  const now = timestamp();
  const sha = git.writeCommit({
    tree: git.writeTree(null, changes),
    parents: [],
    author: signatureOf(by, now),
    committer: { name: PLATFORM_NAME, email: PLATFORM_EMAIL, date: now },
    message,
  });
  await forge.exclusive(repository, () => moveRef({ forge, repository, by, viaApp: false }, `refs/heads/${repository.defaultBranch}`, sha));
  return sha;
}

export function deleteRepository(forge: Forge, by: Account, repository: Repository): void {
  emit(forge, repository, { event: 'repository', action: 'deleted', sender: by, payload: {} });
  emitInstallation(forge, {
    event: 'installation_repositories',
    action: 'removed',
    sender: by,
    payload: { repository_selection: 'all', repositories_added: [], repositories_removed: [renderRepositoryStub(repository)], requester: null },
  });
  forge.store.remove(repository);
  forge.removeGit(repository);
}
