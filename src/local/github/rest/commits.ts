import { moveRef } from '../actions/refs.ts';
import { Fault, notFound } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { JsonObject, Repository } from '../core/model.ts';
import { ADMINISTER, READ_ADMINISTRATION, READ_CONTENTS, WRITE_CONTENTS } from '../core/needs.ts';
import { archive } from '../git/archive.ts';
import { diffText, EMPTY_TREE } from '../git/diff.ts';
import { commitsBetween, isAncestor, log, mergeBase } from '../git/history.ts';
import { mergeTrees } from '../git/merge.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { created, listReply, noContent, ok, pageOf, param, repositoryRoute, scopeOf } from '../http/call.ts';
import { optionalText, requiredText } from '../http/input.ts';
import {
  accountOfSignature,
  diffBase,
  PLATFORM_EMAIL,
  PLATFORM_NAME,
  renderCommit,
  renderCommitWithFiles,
  renderDiffFile,
  signatureOf,
} from '../render/commits.ts';
import { apiUrl, pageUrl } from '../render/repositories.ts';
import { isPull, pullCommits, renderSimplePull } from '../render/pulls.ts';

export const commitRoutes: Route[] = [
  repositoryRoute({ method: 'GET', path: '/commits', need: READ_CONTENTS }, list),
  repositoryRoute({ method: 'GET', path: '/commits/{sha}/pulls', need: READ_CONTENTS }, listPulls),
  repositoryRoute({ method: 'GET', path: '/commits/{sha+}', need: READ_CONTENTS }, read),
  repositoryRoute({ method: 'GET', path: '/compare/{spec+}', need: READ_CONTENTS }, compare),
  repositoryRoute({ method: 'GET', path: '/branches', need: READ_CONTENTS }, listBranches),
  repositoryRoute({ method: 'GET', path: '/branches/{branch}/protection', need: READ_ADMINISTRATION }, readProtection),
  repositoryRoute({ method: 'PUT', path: '/branches/{branch}/protection', need: ADMINISTER }, protect),
  repositoryRoute({ method: 'DELETE', path: '/branches/{branch}/protection', need: ADMINISTER }, unprotect),
  repositoryRoute({ method: 'GET', path: '/branches/{branch+}', need: READ_CONTENTS }, readBranch),
  repositoryRoute({ method: 'GET', path: '/tags', need: READ_CONTENTS }, listTags),
  repositoryRoute({ method: 'POST', path: '/merges', need: WRITE_CONTENTS }, mergeBranches),
  repositoryRoute({ method: 'GET', path: '/tarball', need: READ_CONTENTS }, tarball),
  repositoryRoute({ method: 'GET', path: '/tarball/{ref+}', need: READ_CONTENTS }, tarball),
  repositoryRoute({ method: 'GET', path: '/zipball/{ref+}', need: READ_CONTENTS }, tarball),
];

function resolveOr404(call: Call, repository: Repository, name: string): string {
  const sha = call.forge.git(repository).resolve(name);
  if (sha === undefined) throw notFound();
  return sha;
}

function list(call: Call, repository: Repository): Reply {
  const git = call.forge.git(repository);
  if (git.refs.list('refs/heads/').size === 0) throw new Fault(409, 'Git Repository is empty.');
  const { query } = call;
  const path = query.get('path');
  const [author, since, until] = [query.get('author'), Date.parse(query.get('since') ?? ''), Date.parse(query.get('until') ?? '')];
  const shas = log(git, resolveOr404(call, repository, query.get('sha') ?? repository.defaultBranch)).filter((sha) => {
    const commit = git.commit(sha);
    if (commit === undefined) return false;
    const time = Date.parse(commit.committer.date);
    if (time < since || time > until) return false;
    if (author !== null && commit.author.email !== author && accountOfSignature(call.forge, commit.author)?.login !== author) return false;
    if (path === null) return true;
    const parent = git.commit(commit.parents[0] ?? '');
    return git.entryAt(commit.tree, path)?.sha !== (parent === undefined ? undefined : git.entryAt(parent.tree, path)?.sha);
  });
  return listReply(call, shas, (sha) => renderCommit(call.forge, repository, sha));
}

async function read(call: Call, repository: Repository): Promise<Reply> {
  const sha = call.forge.git(repository).resolve(param(call, 'sha'));
  if (sha === undefined) throw new Fault(422, `No commit found for SHA: ${param(call, 'sha').slice(0, 100)}`);
  if (call.accept.includes('.sha')) return { status: 200, raw: { type: 'application/vnd.github.sha; charset=utf-8', data: sha } };
  if (call.accept.includes('.diff') || call.accept.includes('.patch')) {
    const data = await diffText(call.forge.git(repository), diffBase(call.forge, repository, sha), sha);
    return { status: 200, raw: { type: 'application/vnd.github.diff; charset=utf-8', data } };
  }
  return ok(await renderCommitWithFiles(call.forge, repository, sha));
}

function listPulls(call: Call, repository: Repository): Reply {
  const sha = resolveOr404(call, repository, param(call, 'sha'));
  const pulls = repository.issues
    .filter(isPull)
    .filter((issue) => issue.pull.mergeCommitSha === sha || pullCommits(call.forge, repository, issue).includes(sha));
  return listReply(call, pulls, (issue) => renderSimplePull(call.forge, repository, issue));
}

async function compare(call: Call, repository: Repository): Promise<Reply> {
  const { forge } = call;
  const git = forge.git(repository);
  const [baseName = '', headName = ''] = param(call, 'spec').split('...');
  const withoutOwner = (name: string) => name.replace(/^[\w.-]+:/, '');
  const base = resolveOr404(call, repository, withoutOwner(baseName));
  const head = resolveOr404(call, repository, withoutOwner(headName));
  const common = mergeBase(git, base, head);
  if (common === undefined) throw new Fault(404, `No common ancestor between ${baseName} and ${headName}.`);
  if (call.accept.includes('.diff') || call.accept.includes('.patch')) {
    return { status: 200, raw: { type: 'application/vnd.github.diff; charset=utf-8', data: await diffText(git, common, head) } };
  }
  const ahead = commitsBetween(git, base, head).reverse();
  const behind = commitsBetween(git, head, base).length;
  const { slice, headers } = pageOf(call, ahead);
  const files = await forge.diff(repository, common, head);
  const page = `${pageUrl(forge, repository)}/compare/${baseName}...${headName}`;
  const json = {
    url: `${apiUrl(forge, repository)}/compare/${baseName}...${headName}`,
    html_url: page,
    permalink_url: page,
    diff_url: `${page}.diff`,
    patch_url: `${page}.patch`,
    base_commit: renderCommit(forge, repository, base),
    merge_base_commit: renderCommit(forge, repository, common),
    status: ahead.length > 0 ? (behind > 0 ? 'diverged' : 'ahead') : behind > 0 ? 'behind' : 'identical',
    ahead_by: ahead.length,
    behind_by: behind,
    total_commits: ahead.length,
    commits: slice.map((sha) => renderCommit(forge, repository, sha)),
    files: files.map((file) => renderDiffFile(forge, repository, { file, head })),
  };
  return { status: 200, json, headers };
}

function shortBranch(call: Call, repository: Repository, { name, sha }: { name: string; sha: string }): JsonObject {
  return {
    name,
    commit: { sha, url: `${apiUrl(call.forge, repository)}/commits/${sha}` },
    protected: repository.protections[name] !== undefined,
  };
}

function listBranches(call: Call, repository: Repository): Reply {
  const heads = [...call.forge.git(repository).refs.list('refs/heads/')].map(([ref, sha]) => ({ name: ref.slice('refs/heads/'.length), sha }));
  const wanted = call.query.get('protected');
  const shown = heads.filter(({ name }) => wanted === null || (wanted === 'true') === (repository.protections[name] !== undefined));
  return listReply(call, shown, (head) => shortBranch(call, repository, head));
}

function branchSha(call: Call, repository: Repository): string {
  const sha = call.forge.git(repository).branch(param(call, 'branch'));
  if (sha === undefined) throw new Fault(404, 'Branch not found');
  return sha;
}

function readBranch(call: Call, repository: Repository): Reply {
  const name = param(call, 'branch');
  const sha = branchSha(call, repository);
  const url = `${apiUrl(call.forge, repository)}/branches/${name}`;
  return ok({
    ...shortBranch(call, repository, { name, sha }),
    commit: renderCommit(call.forge, repository, sha),
    _links: { self: url, html: `${pageUrl(call.forge, repository)}/tree/${name}` },
    protection: { enabled: repository.protections[name] !== undefined, required_status_checks: { enforcement_level: 'off', contexts: [], checks: [] } },
    protection_url: `${url}/protection`,
  });
}

function readProtection(call: Call, repository: Repository): Reply {
  const protection = repository.protections[param(call, 'branch')];
  if (protection === undefined) throw new Fault(404, 'Branch not protected');
  return ok(protection);
}

function protect(call: Call, repository: Repository): Reply {
  branchSha(call, repository);
  const name = param(call, 'branch');
  const url = `${apiUrl(call.forge, repository)}/branches/${name}/protection`;
  const { required_status_checks: checks, required_pull_request_reviews: reviews, enforce_admins: admins } = call.body;
  const protection: JsonObject = {
    url,
    ...(checks === null || checks === undefined ? {} : { required_status_checks: checks }),
    ...(reviews === null || reviews === undefined ? {} : { required_pull_request_reviews: reviews }),
    enforce_admins: { url: `${url}/enforce_admins`, enabled: admins === true },
  };
  repository.protections[name] = protection;
  return ok(protection);
}

function unprotect(call: Call, repository: Repository): Reply {
  readProtection(call, repository);
  delete repository.protections[param(call, 'branch')];
  return noContent();
}

function listTags(call: Call, repository: Repository): Reply {
  const api = apiUrl(call.forge, repository);
  const git = call.forge.git(repository);
  return listReply(call, [...git.refs.list('refs/tags/').keys()], (ref) => {
    const name = ref.slice('refs/tags/'.length);
    const sha = git.resolve(ref) ?? '';
    return {
      name,
      commit: { sha, url: `${api}/commits/${sha}` },
      zipball_url: `${api}/zipball/${ref}`,
      tarball_url: `${api}/tarball/${ref}`,
      node_id: `${repository.id}:${ref}`,
    };
  });
}

async function mergeBranches(call: Call, repository: Repository): Promise<Reply> {
  const { forge } = call;
  const git = forge.git(repository);
  const base = requiredText(call.body, 'base', 'Merge');
  const head = git.resolve(requiredText(call.body, 'head', 'Merge'));
  const scope = scopeOf(call, repository);
  return forge.exclusive(repository, async () => {
    const tip = git.branch(base);
    if (tip === undefined) throw new Fault(404, 'Base does not exist');
    if (head === undefined) throw new Fault(404, 'Head does not exist');
    if (isAncestor(git, head, tip)) return noContent();
    const common = mergeBase(git, tip, head);
    const treeOf = (sha: string) => git.commit(sha)?.tree ?? EMPTY_TREE;
    const merged = mergeTrees(git, { base: common === undefined ? null : treeOf(common), ours: treeOf(tip), theirs: treeOf(head) });
    if ('conflicts' in merged) throw new Fault(409, 'Merge conflict');
    const now = timestamp();
    const message = optionalText(call.body, 'commit_message') ?? `Merge ${requiredText(call.body, 'head', 'Merge')} into ${base}`;
    const platform = { name: PLATFORM_NAME, email: PLATFORM_EMAIL, date: now };
    const sha = git.writeCommit({ tree: merged.tree, parents: [tip, head], author: signatureOf(scope.by, now), committer: platform, message });
    await moveRef(scope, `refs/heads/${base}`, sha);
    return created(renderCommit(forge, repository, sha));
  });
}

async function tarball(call: Call, repository: Repository): Promise<Reply> {
  const ref = call.params.ref ?? repository.defaultBranch;
  const sha = resolveOr404(call, repository, ref);
  const format = call.path.includes('/zipball') ? 'zip' : 'tar.gz';
  const folder = `${repository.owner}-${repository.name}-${sha.slice(0, 7)}`;
  const data = await archive(call.forge.git(repository), { sha, folder, format });
  return {
    status: 200,
    raw: { type: format === 'zip' ? 'application/zip' : 'application/x-gzip', data },
    headers: { 'content-disposition': `attachment; filename=${folder}.${format}` },
  };
}
