import type { Forge } from '../core/forge.ts';
import { nodeId } from '../core/ids.ts';
import type { Account, JsonObject, Repository } from '../core/model.ts';
import type { DiffFile } from '../git/diff.ts';
import { EMPTY_TREE } from '../git/diff.ts';
import { changedPaths } from '../git/changed-paths.ts';
import type { Commit, Signature } from '../git/formats.ts';
import { renderAccount } from './accounts.ts';
import { apiUrl, pageUrl } from './repositories.ts';

const UNSIGNED = { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null };

export function noreplyEmail(account: Account): string {
  return `${account.id}+${account.login}@users.noreply.github.com`;
}

/** The signature of commits that an account makes through the API. */
export function signatureOf(account: Account, date: string): Signature {
  return { name: account.name ?? account.login, email: account.email ?? noreplyEmail(account), date };
}

/** The account that a commit's address belongs to, if any. */
export function accountOfSignature(forge: Forge, signature: Signature): Account | undefined {
  const email = signature.email.toLowerCase();
  return forge.store.root.accounts.find((account) => account.email?.toLowerCase() === email || noreplyEmail(account).toLowerCase() === email);
}

/** Commits that the server itself made carry the platform as committer, and count as verified. */
export const PLATFORM_NAME = 'GitHub';
export const PLATFORM_EMAIL = 'noreply@github.com';

function renderVerification(commit: Commit): JsonObject {
  if (commit.committer.email !== PLATFORM_EMAIL) return UNSIGNED;
  return { verified: true, reason: 'valid', signature: '', payload: '', verified_at: commit.committer.date };
}

function known(forge: Forge, repository: Repository, sha: string): Commit {
  const commit = forge.git(repository).commit(sha);
  return commit ?? { tree: EMPTY_TREE, parents: [], author: NOBODY, committer: NOBODY, message: '', signature: null };
}

const NOBODY: Signature = { name: '', email: '', date: '1970-01-01T00:00:00Z' };

export function renderGitCommit(forge: Forge, repository: Repository, sha: string): JsonObject {
  const commit = known(forge, repository, sha);
  const api = apiUrl(forge, repository);
  const page = pageUrl(forge, repository);
  return {
    sha,
    node_id: nodeId('C', `${repository.id}:${sha}`),
    url: `${api}/git/commits/${sha}`,
    html_url: `${page}/commit/${sha}`,
    author: commit.author,
    committer: commit.committer,
    tree: { sha: commit.tree, url: `${api}/git/trees/${commit.tree}` },
    message: trimEnd(commit.message),
    parents: commit.parents.map((parent) => ({ sha: parent, url: `${api}/git/commits/${parent}`, html_url: `${page}/commit/${parent}` })),
    verification: renderVerification(commit),
  };
}

export function renderCommit(forge: Forge, repository: Repository, sha: string): JsonObject {
  const commit = known(forge, repository, sha);
  const api = apiUrl(forge, repository);
  const page = pageUrl(forge, repository);
  const author = accountOfSignature(forge, commit.author);
  const committer = accountOfSignature(forge, commit.committer);
  return {
    sha,
    node_id: nodeId('C', `${repository.id}:${sha}`),
    commit: {
      author: commit.author,
      committer: commit.committer,
      message: trimEnd(commit.message),
      tree: { sha: commit.tree, url: `${api}/git/trees/${commit.tree}` },
      url: `${api}/git/commits/${sha}`,
      comment_count: 0,
      verification: renderVerification(commit),
    },
    url: `${api}/commits/${sha}`,
    html_url: `${page}/commit/${sha}`,
    comments_url: `${api}/commits/${sha}/comments`,
    author: author === undefined ? null : renderAccount(forge, author),
    committer: committer === undefined ? null : renderAccount(forge, committer),
    parents: commit.parents.map((parent) => ({ sha: parent, url: `${api}/commits/${parent}`, html_url: `${page}/commit/${parent}` })),
  };
}

/** A commit's first parent's tree, or the empty tree: what its diff is against. */
export function diffBase(forge: Forge, repository: Repository, sha: string): string {
  return forge.git(repository).commit(sha)?.parents[0] ?? EMPTY_TREE;
}

export async function renderCommitWithFiles(forge: Forge, repository: Repository, sha: string): Promise<JsonObject> {
  const files = await forge.diff(repository, diffBase(forge, repository, sha), sha);
  const additions = sum(files, 'additions');
  const deletions = sum(files, 'deletions');
  return {
    ...renderCommit(forge, repository, sha),
    stats: { total: additions + deletions, additions, deletions },
    files: files.map((file) => renderDiffFile(forge, repository, { file, head: sha })),
  };
}

export function sum(files: DiffFile[], key: 'additions' | 'deletions'): number {
  return files.reduce((total, file) => total + file[key], 0);
}

export function renderDiffFile(forge: Forge, repository: Repository, { file, head }: { file: DiffFile; head: string }): JsonObject {
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  const page = pageUrl(forge, repository);
  return {
    sha: file.sha,
    filename: file.path,
    status: file.status,
    additions: file.additions,
    deletions: file.deletions,
    changes: file.additions + file.deletions,
    blob_url: `${page}/blob/${head}/${path}`,
    raw_url: `${page}/raw/${head}/${path}`,
    contents_url: `${apiUrl(forge, repository)}/contents/${path}?ref=${head}`,
    ...(file.patch === undefined ? {} : { patch: file.patch }),
    ...(file.previousPath === null ? {} : { previous_filename: file.previousPath }),
  };
}

/** The form of a commit inside a push webhook. */
export function renderPushCommit(forge: Forge, repository: Repository, sha: string): JsonObject {
  const commit = known(forge, repository, sha);
  const withLogin = (signature: Signature) => {
    const account = accountOfSignature(forge, signature);
    return { name: signature.name, email: signature.email, date: signature.date, ...(account === undefined ? {} : { username: account.login }) };
  };
  const git = forge.git(repository);
  const parent = git.commit(commit.parents[0] ?? '');
  return {
    id: sha,
    tree_id: commit.tree,
    distinct: true,
    message: trimEnd(commit.message),
    timestamp: commit.committer.date,
    url: `${pageUrl(forge, repository)}/commit/${sha}`,
    author: withLogin(commit.author),
    committer: withLogin(commit.committer),
    ...changedPaths(git, parent?.tree ?? null, commit.tree),
  };
}

function trimEnd(message: string): string {
  return message.replace(/\n+$/, '');
}
