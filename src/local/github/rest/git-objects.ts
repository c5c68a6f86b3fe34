import { Fault, notFound } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import { nodeId } from '../core/ids.ts';
import type { JsonObject, Repository } from '../core/model.ts';
import { READ_CONTENTS, WRITE_CONTENTS } from '../core/needs.ts';
import { isSha } from '../git/objects.ts';
import type { FileChanges, GitRepository } from '../git/repository.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { created, ok, param, repositoryRoute, scopeOf } from '../http/call.ts';
import { objectList, oneOf, optionalText, requiredText, textList } from '../http/input.ts';
import { PLATFORM_EMAIL, PLATFORM_NAME, renderGitCommit, signatureOf } from '../render/commits.ts';
import { apiUrl } from '../render/repositories.ts';
import { checkPath, givenSignature } from './contents.ts';

export const objectRoutes: Route[] = [
  repositoryRoute({ method: 'GET', path: '/git/commits/{sha}', need: READ_CONTENTS }, (call, repository) => {
    if (call.forge.git(repository).commit(param(call, 'sha')) === undefined) throw notFound();
    return ok(renderGitCommit(call.forge, repository, param(call, 'sha')));
  }),
  repositoryRoute({ method: 'POST', path: '/git/commits', need: WRITE_CONTENTS }, createCommit),
  repositoryRoute({ method: 'GET', path: '/git/trees/{sha+}', need: READ_CONTENTS }, readTree),
  repositoryRoute({ method: 'POST', path: '/git/trees', need: WRITE_CONTENTS }, createTree),
  repositoryRoute({ method: 'GET', path: '/git/blobs/{sha}', need: READ_CONTENTS }, readBlob),
  repositoryRoute({ method: 'POST', path: '/git/blobs', need: WRITE_CONTENTS }, createBlob),
  repositoryRoute({ method: 'GET', path: '/git/tags/{sha}', need: READ_CONTENTS }, (call, repository) => ok(renderTag(call, repository, param(call, 'sha')))),
  repositoryRoute({ method: 'POST', path: '/git/tags', need: WRITE_CONTENTS }, createTag),
];

const MAX_TREE_ENTRIES = 100_000;

function createCommit(call: Call, repository: Repository): Reply {
  const git = call.forge.git(repository);
  const message = requiredText(call.body, 'message', 'Commit');
  const tree = requiredText(call.body, 'tree', 'Commit');
  if (git.tree(tree) === undefined) throw new Fault(422, 'Tree SHA does not exist');
  const parents = textList(call.body, 'parents') ?? [];
  if (parents.some((parent) => git.commit(parent) === undefined)) throw new Fault(422, 'Parent SHA does not exist or is not a commit object');
  const { by, viaApp } = scopeOf(call, repository);
  const author = givenSignature(call.body.author, signatureOf(by, timestamp()));
  // An App that names nobody gets a commit that the platform signs.
  const platform = { name: PLATFORM_NAME, email: PLATFORM_EMAIL, date: author.date };
  const fallback = viaApp && call.body.author === undefined ? platform : author;
  const sha = git.writeCommit({ tree, parents, author, committer: givenSignature(call.body.committer, fallback), message });
  return created(renderGitCommit(call.forge, repository, sha));
}

function readTree(call: Call, repository: Repository): Reply {
  const git = call.forge.git(repository);
  const name = param(call, 'sha');
  const direct = isSha(name) && git.tree(name) !== undefined ? name : undefined;
  const commit = git.resolve(name);
  const sha = direct ?? (commit === undefined ? undefined : git.commit(commit)?.tree);
  if (sha === undefined) throw notFound();
  return ok(renderTree(call, repository, { sha, recursive: call.query.has('recursive') }));
}

interface ListedEntry {
  path: string;
  mode: string;
  sha: string;
}

function listTree(git: GitRepository, { sha, recursive, prefix }: { sha: string; recursive: boolean; prefix: string }): ListedEntry[] {
  return (git.tree(sha) ?? []).flatMap((entry) => {
    const item = { path: prefix + entry.name, mode: entry.mode, sha: entry.sha };
    if (!recursive || entry.mode !== '040000') return [item];
    return [item, ...listTree(git, { sha: entry.sha, recursive, prefix: `${item.path}/` })];
  });
}

function renderTree(call: Call, repository: Repository, { sha, recursive }: { sha: string; recursive: boolean }): JsonObject {
  const git = call.forge.git(repository);
  const api = `${apiUrl(call.forge, repository)}/git`;
  const entries = listTree(git, { sha, recursive, prefix: '' });
  const tree = entries.slice(0, MAX_TREE_ENTRIES).map((entry) => {
    if (entry.mode === '160000') return { ...entry, type: 'commit' };
    if (entry.mode === '040000') return { ...entry, type: 'tree', url: `${api}/trees/${entry.sha}` };
    return { ...entry, type: 'blob', size: git.blob(entry.sha)?.length ?? 0, url: `${api}/blobs/${entry.sha}` };
  });
  return { sha, url: `${api}/trees/${sha}`, tree, truncated: entries.length > MAX_TREE_ENTRIES };
}

const MODES = ['100644', '100755', '040000', '160000', '120000'] as const;

function createTree(call: Call, repository: Repository): Reply {
  const git = call.forge.git(repository);
  const given = objectList(call.body.tree, 'tree');
  if (given.length === 0) throw new Fault(422, 'Invalid tree info');
  const base = optionalText(call.body, 'base_tree');
  const baseTree = base === undefined ? null : baseTreeOf(git, base);
  const changes: FileChanges = new Map();
  for (const item of given) changes.set(checkPath(requiredText(item, 'path', 'Tree')), treeItem(git, item));
  return created(renderTree(call, repository, { sha: git.writeTree(baseTree, changes), recursive: false }));
}

function baseTreeOf(git: GitRepository, name: string): string {
  const tree = git.tree(name) === undefined ? git.commit(name)?.tree : name;
  if (tree === undefined) throw new Fault(422, 'base_tree is not a valid tree oid');
  return tree;
}

function treeItem(git: GitRepository, item: JsonObject): { mode: string; sha: string } | null {
  if (item.sha === null) return null;
  const mode = oneOf(item, 'mode', MODES) ?? '100644';
  const content = optionalText(item, 'content');
  if (content !== undefined) return { mode, sha: git.objects.write('blob', Buffer.from(content)) };
  const sha = optionalText(item, 'sha') ?? '';
  // A submodule points into another repository, so its commit need not be here.
  const wanted = mode === '040000' ? 'tree' : 'blob';
  if (mode !== '160000' && git.objects.read(sha)?.type !== wanted) throw new Fault(422, `tree.sha ${sha.slice(0, 40)} is not a valid ${wanted}`);
  return { mode, sha };
}

function readBlob(call: Call, repository: Repository): Reply {
  const sha = param(call, 'sha');
  const data = call.forge.git(repository).blob(sha);
  if (data === undefined) throw notFound();
  if (call.accept.includes('raw')) return { status: 200, raw: { type: 'application/vnd.github.raw; charset=utf-8', data } };
  const content = data.toString('base64').replace(/.{60}/g, '$&\n');
  return ok({ ...blobStub(call, repository, sha), size: data.length, content, encoding: 'base64', node_id: nodeId('B', `${repository.id}:${sha}`) });
}

function blobStub(call: Call, repository: Repository, sha: string): JsonObject {
  return { sha, url: `${apiUrl(call.forge, repository)}/git/blobs/${sha}` };
}

function createBlob(call: Call, repository: Repository): Reply {
  const { content } = call.body;
  if (typeof content !== 'string') throw new Fault(422, 'Invalid request.\n\n"content" wasn\'t supplied.');
  const encoding = oneOf(call.body, 'encoding', ['utf-8', 'base64'] as const) ?? 'utf-8';
  const sha = call.forge.git(repository).objects.write('blob', Buffer.from(content, encoding === 'base64' ? 'base64' : 'utf8'));
  return created(blobStub(call, repository, sha));
}

function createTag(call: Call, repository: Repository): Reply {
  const git = call.forge.git(repository);
  const object = requiredText(call.body, 'object', 'Tag');
  const type = git.objects.read(object)?.type;
  if (type === undefined || type !== oneOf(call.body, 'type', ['commit', 'tree', 'blob'] as const)) throw new Fault(422, 'Invalid object or type');
  const tagger = givenSignature(call.body.tagger, signatureOf(scopeOf(call, repository).by, timestamp()));
  const name = requiredText(call.body, 'tag', 'Tag').replace(/[\r\n]/g, '');
  const sha = git.writeTag({ object, type, tag: name, tagger, message: requiredText(call.body, 'message', 'Tag') });
  return created(renderTag(call, repository, sha));
}

function renderTag(call: Call, repository: Repository, sha: string): JsonObject {
  const tag = call.forge.git(repository).tag(sha);
  if (tag === undefined) throw notFound();
  const api = `${apiUrl(call.forge, repository)}/git`;
  return {
    node_id: nodeId('TA', `${repository.id}:${sha}`),
    tag: tag.tag,
    sha,
    url: `${api}/tags/${sha}`,
    message: tag.message,
    tagger: tag.tagger,
    object: { sha: tag.object, type: tag.type, url: `${api}/${tag.type}s/${tag.object}` },
    verification: { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null },
  };
}
