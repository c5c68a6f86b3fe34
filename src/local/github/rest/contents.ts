import { moveRef } from '../actions/refs.ts';
import { Fault, invalid, notFound } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { JsonObject, Repository } from '../core/model.ts';
import { READ_CONTENTS, WRITE_CONTENTS } from '../core/needs.ts';
import type { Signature, TreeEntry } from '../git/formats.ts';
import { isValidRef } from '../git/refs.ts';
import type { FileEntry } from '../git/repository.ts';
import type { Call, Reply, Route, Scope } from '../http/call.ts';
import { created, ok, param, repositoryRoute, scopeOf } from '../http/call.ts';
import { objectOf, optionalText, requiredText } from '../http/input.ts';
import { PLATFORM_EMAIL, PLATFORM_NAME, renderGitCommit, signatureOf } from '../render/commits.ts';
import { apiUrl, pageUrl } from '../render/repositories.ts';

export const contentRoutes: Route[] = [
  repositoryRoute({ method: 'GET', path: '/contents', need: READ_CONTENTS }, read),
  repositoryRoute({ method: 'GET', path: '/contents/{path+}', need: READ_CONTENTS }, read),
  repositoryRoute({ method: 'PUT', path: '/contents/{path+}', need: WRITE_CONTENTS }, write),
  repositoryRoute({ method: 'DELETE', path: '/contents/{path+}', need: WRITE_CONTENTS }, remove),
  repositoryRoute({ method: 'GET', path: '/readme', need: READ_CONTENTS }, readme),
];

/** Larger files are not inlined as base64, as on GitHub. */
const INLINE_BYTES = 1024 * 1024;

interface Place {
  ref: string;
  tree: string;
}

function placeOf(call: Call, repository: Repository): Place {
  const git = call.forge.git(repository);
  const ref = call.query.get('ref') ?? repository.defaultBranch;
  const sha = git.resolve(ref);
  const tree = sha === undefined ? undefined : git.commit(sha)?.tree;
  if (tree !== undefined) return { ref, tree };
  throw call.query.has('ref')
    ? new Fault(404, `No commit found for the ref ${ref}`)
    : new Fault(404, git.refs.list('refs/heads/').size === 0 ? 'This repository is empty.' : 'Not Found');
}

/** A clean path, or a fault: nothing may climb out or name git's own folder. */
export function checkPath(path: string): string {
  const clean = path.replace(/^\/+|\/+$/g, '');
  const bad = clean.includes('\0') || clean.split('/').some((part) => part === '' || part === '.' || part === '..' || part.toLowerCase() === '.git');
  if (bad) throw new Fault(422, 'path contains a malformed path component');
  return clean;
}

function read(call: Call, repository: Repository): Reply {
  const place = placeOf(call, repository);
  const git = call.forge.git(repository);
  const path = param(call, 'path').replace(/^\/+|\/+$/g, '');
  const entry = git.entryAt(place.tree, path);
  if (entry === undefined) throw notFound();
  if (entry.mode !== '040000') return fileReply(call, repository, { entry, path, place });
  const children = git.tree(entry.sha) ?? [];
  const items = children.map((child) => renderEntry(call, repository, { entry: child, path: path === '' ? child.name : `${path}/${child.name}`, place }));
  if (!call.accept.includes('object')) return ok(items);
  return ok({ ...renderEntry(call, repository, { entry, path, place }), entries: items });
}

interface Found {
  entry: TreeEntry;
  path: string;
  place: Place;
}

function fileReply(call: Call, repository: Repository, found: Found): Reply {
  const data = call.forge.git(repository).blob(found.entry.sha) ?? Buffer.alloc(0);
  if (call.accept.includes('raw')) return { status: 200, raw: { type: 'application/vnd.github.raw; charset=utf-8', data } };
  return ok(renderFile(call, repository, found));
}

function renderFile(call: Call, repository: Repository, found: Found): JsonObject {
  const data = call.forge.git(repository).blob(found.entry.sha) ?? Buffer.alloc(0);
  const inline = data.length <= INLINE_BYTES;
  const content = inline ? base64Lines(data) : '';
  return { ...renderEntry(call, repository, found), content, encoding: inline ? 'base64' : 'none' };
}

function base64Lines(data: Buffer): string {
  return data.toString('base64').replace(/.{60}/g, '$&\n') + (data.length > 0 ? '\n' : '');
}

function renderEntry(call: Call, repository: Repository, { entry, path, place }: Found): JsonObject {
  const git = call.forge.git(repository);
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const folder = entry.mode === '040000';
  const types: Record<string, string> = { '040000': 'dir', '120000': 'symlink', '160000': 'submodule' };
  const kind = folder ? 'tree' : 'blob';
  const url = `${apiUrl(call.forge, repository)}/contents/${encoded}?ref=${encodeURIComponent(place.ref)}`;
  const gitUrl = `${apiUrl(call.forge, repository)}/git/${kind}s/${entry.sha}`;
  const page = `${pageUrl(call.forge, repository)}/${kind}/${place.ref}/${encoded}`;
  return {
    name: path.slice(path.lastIndexOf('/') + 1),
    path,
    sha: entry.sha,
    size: folder ? 0 : (git.blob(entry.sha)?.length ?? 0),
    url,
    html_url: page,
    git_url: gitUrl,
    download_url: folder ? null : `${pageUrl(call.forge, repository)}/raw/${place.ref}/${encoded}`,
    type: types[entry.mode] ?? 'file',
    ...(entry.mode === '120000' ? { target: git.blob(entry.sha)?.toString() ?? '' } : {}),
    _links: { self: url, git: gitUrl, html: page },
  };
}

function readme(call: Call, repository: Repository): Reply {
  const place = placeOf(call, repository);
  const entry = (call.forge.git(repository).tree(place.tree) ?? []).find((child) => /^readme(\.\w+)?$/i.test(child.name));
  if (entry === undefined) throw notFound();
  return fileReply(call, repository, { entry, path: entry.name, place });
}

async function write(call: Call, repository: Repository): Promise<Reply> {
  const path = checkPath(param(call, 'path'));
  const message = requiredText(call.body, 'message', 'Commit');
  const encoded = optionalText(call.body, 'content');
  if (encoded === undefined) throw new Fault(422, 'Invalid request.\n\n"content" wasn\'t supplied.');
  const data = decodeBase64(encoded);
  const scope = scopeOf(call, repository);
  return call.forge.exclusive(repository, async () => {
    const git = call.forge.git(repository);
    const { existing, branch } = currentFile(call, repository, path);
    if (existing !== undefined) checkGivenSha(call, existing, path);
    else if (optionalText(call.body, 'sha') !== undefined && optionalText(call.body, 'sha') !== '') throw notFound();
    const file = { mode: existing?.mode ?? '100644', sha: git.objects.write('blob', data) };
    const sha = await commitChange(call, scope, { path, file, branch, message });
    const tree = git.commit(sha)?.tree ?? '';
    const entry = { ...file, name: path };
    const content = renderEntry(call, repository, { entry, path, place: { ref: branch, tree } });
    const json = { content, commit: renderGitCommit(call.forge, repository, sha) };
    return existing === undefined ? created(json) : ok(json);
  });
}

async function remove(call: Call, repository: Repository): Promise<Reply> {
  const path = checkPath(param(call, 'path'));
  const { forge } = call;
  const input = Object.keys(call.body).length > 0 ? call.body : Object.fromEntries(call.query);
  const withBody = { ...call, body: input };
  const message = requiredText(input, 'message', 'Commit');
  return forge.exclusive(repository, async () => {
    const { existing, branch } = currentFile(withBody, repository, path);
    if (existing === undefined) throw notFound();
    checkGivenSha(withBody, existing, path);
    const sha = await commitChange(withBody, scopeOf(call, repository), { path, file: null, branch, message });
    return ok({ content: null, commit: renderGitCommit(forge, repository, sha) });
  });
}

function decodeBase64(text: string): Buffer {
  const compact = text.replace(/\s/g, '');
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(compact)) throw new Fault(422, 'content is not valid Base64');
  return Buffer.from(compact, 'base64');
}

function currentFile(call: Call, repository: Repository, path: string): { existing: TreeEntry | undefined; branch: string } {
  const git = call.forge.git(repository);
  const branch = optionalText(call.body, 'branch')?.replace(/^refs\/heads\//, '') ?? repository.defaultBranch;
  if (!isValidRef(`refs/heads/${branch}`)) throw invalid({ resource: 'Commit', field: 'branch', code: 'invalid' });
  const tip = git.branch(branch);
  if (tip === undefined && git.refs.list('refs/heads/').size > 0) throw new Fault(404, `Branch ${branch} not found`);
  const entry = tip === undefined ? undefined : git.entryAt(git.commit(tip)?.tree ?? '', path);
  if (entry?.mode === '040000') throw new Fault(422, 'path is a directory');
  return { existing: entry, branch };
}

function checkGivenSha(call: Call, existing: TreeEntry, path: string): void {
  const given = optionalText(call.body, 'sha');
  if (given === undefined) throw new Fault(422, 'Invalid request.\n\n"sha" wasn\'t supplied.');
  if (given !== existing.sha) throw new Fault(409, `${path} does not match ${given}`);
}

interface Change {
  path: string;
  file: FileEntry | null;
  branch: string;
  message: string;
}

async function commitChange(call: Call, scope: Scope, { path, file, branch, message }: Change): Promise<string> {
  const git = scope.forge.git(scope.repository);
  const tip = git.branch(branch);
  const tree = git.writeTree(tip === undefined ? null : (git.commit(tip)?.tree ?? null), new Map([[path, file]]));
  const now = timestamp();
  const author = givenSignature(call.body.author, signatureOf(scope.by, now));
  const platform: Signature = { name: PLATFORM_NAME, email: PLATFORM_EMAIL, date: now };
  const sha = git.writeCommit({ tree, parents: tip === undefined ? [] : [tip], author, committer: givenSignature(call.body.committer, platform), message });
  await moveRef(scope, `refs/heads/${branch}`, sha);
  return sha;
}

/** A signature from a request, completed from a default. */
export function givenSignature(value: unknown, fallback: Signature): Signature {
  const given = objectOf(value);
  const date = optionalText(given, 'date');
  if (date !== undefined && Number.isNaN(Date.parse(date))) throw new Fault(422, 'Invalid request.\n\ndate is not a valid date-time.');
  return {
    name: optionalText(given, 'name') ?? fallback.name,
    email: optionalText(given, 'email') ?? fallback.email,
    date: date === undefined ? fallback.date : new Date(date).toISOString().replace(/\.\d{3}Z$/, 'Z'),
  };
}
