import { nodeId } from '../core/ids.ts';
import type { JsonObject, Repository } from '../core/model.ts';
import { log } from '../git/history.ts';
import type { Signature } from '../git/formats.ts';
import { accountNodeId, renderAccount } from '../render/accounts.ts';
import { accountOfSignature, PLATFORM_EMAIL } from '../render/commits.ts';
import { pageUrl } from '../render/repositories.ts';
import type { Connection, ConnectionArguments, Context } from './context.ts';
import { connect } from './context.ts';

type Resolvable = JsonObject;

export function actorObject(context: Context, login: string): Resolvable | null {
  const account = context.forge.store.account(login);
  if (account === undefined) return null;
  const rendered = renderAccount(context.forge, account);
  return {
    __typename: account.type,
    id: accountNodeId(account),
    databaseId: account.id,
    login: account.type === 'Bot' ? account.login.replace(/\[bot\]$/, '') : account.login,
    name: account.name,
    email: account.email ?? '',
    url: rendered.html_url,
    avatarUrl: rendered.avatar_url,
  };
}

export function userObject(context: Context, login: string | null): Resolvable | null {
  const actor = login === null ? null : actorObject(context, login);
  return actor?.__typename === 'User' ? actor : null;
}

function gitActor(context: Context, signature: Signature): Resolvable {
  const account = accountOfSignature(context.forge, signature);
  return { name: signature.name, email: signature.email, date: signature.date, user: () => userObject(context, account?.login ?? null) };
}

function base(repository: Repository, kind: 'C' | 'T' | 'B' | 'TA', sha: string): Resolvable {
  return { id: nodeId(kind, `${repository.id}:${sha}`), oid: sha, abbreviatedOid: sha.slice(0, 7) };
}

export function commitObject(context: Context, repository: Repository, sha: string): Resolvable | null {
  const git = context.forge.git(repository);
  const commit = git.commit(sha);
  if (commit === undefined) return null;
  const message = commit.message.replace(/\n+$/, '');
  const [headline = '', ...rest] = message.split('\n');
  const list = (shas: readonly string[], args: ConnectionArguments): Connection<Resolvable | null> =>
    connect(shas, args, (other) => commitObject(context, repository, other));
  return {
    __typename: 'Commit',
    ...base(repository, 'C', sha),
    message,
    messageHeadline: headline,
    messageBody: rest.join('\n').trim(),
    url: `${pageUrl(context.forge, repository)}/commit/${sha}`,
    committedDate: commit.committer.date,
    authoredDate: commit.author.date,
    author: () => gitActor(context, commit.author),
    committer: () => gitActor(context, commit.committer),
    tree: () => gitObject(context, repository, commit.tree),
    parents: (args: ConnectionArguments) => list(commit.parents, args),
    history: (args: ConnectionArguments) => list(log(git, sha), args),
    signature: commit.committer.email === PLATFORM_EMAIL ? { isValid: true, state: 'VALID', wasSignedByGitHub: true } : null,
  };
}

export function gitObject(context: Context, repository: Repository, sha: string): Resolvable | null {
  const git = context.forge.git(repository);
  const object = git.objects.read(sha);
  if (object?.type === 'commit') return commitObject(context, repository, sha);
  if (object?.type === 'tree') return treeObject(context, repository, { sha, prefix: '' });
  if (object?.type === 'blob') {
    const isBinary = object.data.subarray(0, 8000).includes(0);
    return {
      __typename: 'Blob',
      ...base(repository, 'B', sha),
      byteSize: object.data.length,
      isBinary,
      isTruncated: false,
      text: isBinary ? null : object.data.toString(),
    };
  }
  const tag = git.tag(sha);
  if (tag === undefined) return null;
  return { __typename: 'Tag', ...base(repository, 'TA', sha), name: tag.tag, message: tag.message, target: () => gitObject(context, repository, tag.object) };
}

function treeObject(context: Context, repository: Repository, { sha, prefix }: { sha: string; prefix: string }): Resolvable {
  const types: Record<string, string> = { '040000': 'tree', '160000': 'commit' };
  const entries = (context.forge.git(repository).tree(sha) ?? []).map((entry) => ({
    name: entry.name,
    path: prefix + entry.name,
    mode: parseInt(entry.mode, 8),
    type: types[entry.mode] ?? 'blob',
    oid: entry.sha,
    object: () =>
      entry.mode === '040000'
        ? treeObject(context, repository, { sha: entry.sha, prefix: `${prefix}${entry.name}/` })
        : gitObject(context, repository, entry.sha),
  }));
  return { __typename: 'Tree', ...base(repository, 'T', sha), entries };
}

/** `main`, `main:src/a.js`, `HEAD:`, a sha: the expressions of `git rev-parse` that are common. */
export function resolveExpression(context: Context, repository: Repository, expression: string): Resolvable | null {
  const git = context.forge.git(repository);
  const colon = expression.indexOf(':');
  const name = colon < 0 ? expression : expression.slice(0, colon);
  const direct = colon < 0 ? gitObject(context, repository, name) : null;
  const sha = git.resolve(name === 'HEAD' || name === '' ? repository.defaultBranch : name);
  if (colon < 0) return direct ?? (sha === undefined ? null : gitObject(context, repository, sha));
  const tree = sha === undefined ? undefined : git.commit(sha)?.tree;
  const path = expression.slice(colon + 1).replace(/^\/+|\/+$/g, '');
  const entry = tree === undefined ? undefined : git.entryAt(tree, path);
  if (entry === undefined) return null;
  if (entry.mode === '040000') return treeObject(context, repository, { sha: entry.sha, prefix: path === '' ? '' : `${path}/` });
  return gitObject(context, repository, entry.sha);
}

export function refObject(context: Context, repository: Repository, ref: string): Resolvable | null {
  const sha = context.forge.git(repository).refs.read(ref);
  if (sha === undefined) return null;
  const prefix = /^refs\/(heads|tags)\//.exec(ref)?.[0] ?? 'refs/';
  return {
    __typename: 'Ref',
    id: nodeId('REF', `${repository.id}:${ref}`),
    name: ref.slice(prefix.length),
    prefix,
    target: () => gitObject(context, repository, sha),
    repositoryId: repository.id,
  };
}
