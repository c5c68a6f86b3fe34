import { editText, emitIssue, setState } from '../actions/issues.ts';
import type { MergeRequest } from '../actions/pulls.ts';
import { createPull, mergePull, removeReviewers, requestReviewers } from '../actions/pulls.ts';
import { moveRef } from '../actions/refs.ts';
import { timestamp } from '../core/forge.ts';
import { actorRole, atLeast } from '../core/access.ts';
import { Fault, invalid, notFound } from '../core/fault.ts';
import type { Repository } from '../core/model.ts';
import { MERGE, READ_PULLS, REVIEW, WRITE_CONTENTS, WRITE_PULLS } from '../core/needs.ts';
import { diffText } from '../git/diff.ts';
import { isAncestor, mergeBase } from '../git/history.ts';
import { mergeTrees } from '../git/merge.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { created, listReply, noContent, numberParam, ok, repositoryRoute, scopeOf } from '../http/call.ts';
import { checkBody, checkTitle, oneOf, optionalBoolean, optionalText, requiredText, textList, textOrNull } from '../http/input.ts';
import { renderLogin } from '../render/accounts.ts';
import { PLATFORM_EMAIL, PLATFORM_NAME, renderCommit, renderDiffFile, signatureOf } from '../render/commits.ts';
import type { PullIssue } from '../render/pulls.ts';
import { diffBaseOf, isPull, pullCommits, pullFiles, renderPull, renderSimplePull } from '../render/pulls.ts';

export const pullRoutes: Route[] = [
  repositoryRoute({ method: 'GET', path: '/pulls', need: READ_PULLS }, list),
  repositoryRoute({ method: 'POST', path: '/pulls', need: REVIEW }, create),
  repositoryRoute({ method: 'GET', path: '/pulls/{number}', need: READ_PULLS }, read),
  repositoryRoute({ method: 'PATCH', path: '/pulls/{number}', need: REVIEW }, change),
  repositoryRoute({ method: 'GET', path: '/pulls/{number}/files', need: READ_PULLS }, async (call, repository) => {
    const issue = pullOf(call, repository);
    const files = await pullFiles(call.forge, repository, issue);
    return listReply(call, files, (file) => renderDiffFile(call.forge, repository, { file, head: issue.pull.headSha }));
  }),
  repositoryRoute({ method: 'GET', path: '/pulls/{number}/commits', need: READ_PULLS }, (call, repository) => {
    const shas = pullCommits(call.forge, repository, pullOf(call, repository));
    return listReply(call, shas, (sha) => renderCommit(call.forge, repository, sha));
  }),
  repositoryRoute({ method: 'GET', path: '/pulls/{number}/merge', need: READ_PULLS }, (call, repository) => {
    if (pullOf(call, repository).pull.mergedAt === null) throw notFound();
    return noContent();
  }),
  repositoryRoute({ method: 'PUT', path: '/pulls/{number}/merge', need: MERGE }, merge),
  repositoryRoute({ method: 'PUT', path: '/pulls/{number}/update-branch', need: WRITE_CONTENTS }, updateBranch),
  repositoryRoute({ method: 'GET', path: '/pulls/{number}/requested_reviewers', need: READ_PULLS }, (call, repository) => {
    const { requestedReviewers } = pullOf(call, repository).pull;
    return ok({ users: requestedReviewers.map((login) => renderLogin(call.forge, login)), teams: [] });
  }),
  repositoryRoute({ method: 'POST', path: '/pulls/{number}/requested_reviewers', need: WRITE_PULLS }, async (call, repository) => {
    const issue = pullOf(call, repository);
    await requestReviewers(scopeOf(call, repository), issue, textList(call.body, 'reviewers') ?? []);
    return created(renderSimplePull(call.forge, repository, issue));
  }),
  repositoryRoute({ method: 'DELETE', path: '/pulls/{number}/requested_reviewers', need: WRITE_PULLS }, async (call, repository) => {
    const issue = pullOf(call, repository);
    await removeReviewers(scopeOf(call, repository), issue, textList(call.body, 'reviewers') ?? []);
    return ok(renderSimplePull(call.forge, repository, issue));
  }),
];

export function pullOf(call: Call, repository: Repository): PullIssue {
  const number = numberParam(call, 'number');
  const issue = repository.issues.find((candidate) => candidate.number === number);
  if (issue === undefined || !isPull(issue)) throw notFound();
  return issue;
}

function list(call: Call, repository: Repository): Reply {
  const { query } = call;
  const state = query.get('state') ?? 'open';
  const [head, base] = [query.get('head'), query.get('base')];
  const shown = repository.issues.filter(isPull).filter((issue) => {
    const label = `${repository.owner}:${issue.pull.headRef}`;
    return (
      (state === 'all' || issue.state === state) &&
      (head === null || head.toLowerCase() === label.toLowerCase()) &&
      (base === null || issue.pull.baseRef === base)
    );
  });
  const sort = query.get('sort') ?? 'created';
  const key = sort === 'updated' ? (issue: PullIssue) => Date.parse(issue.updatedAt) : (issue: PullIssue) => issue.number;
  const ascending = (query.get('direction') ?? (sort === 'created' ? 'desc' : 'asc')) === 'asc';
  const sorted = shown.sort((a, b) => key(a) - key(b) || a.number - b.number);
  return listReply(call, ascending ? sorted : sorted.reverse(), (issue) => renderSimplePull(call.forge, repository, issue));
}

async function create(call: Call, repository: Repository): Promise<Reply> {
  const { body } = call;
  // There are no forks here, so a person needs to have pushed the branch.
  if (call.actor.kind === 'user' && !atLeast(actorRole(call.forge.store, repository, call.actor), 'write'))
    throw new Fault(403, 'Must have push access to repository');
  const issue = await createPull(scopeOf(call, repository), {
    title: checkTitle(requiredText(body, 'title', 'PullRequest'), 'PullRequest'),
    body: checkBody(textOrNull(body, 'body') ?? null, 'PullRequest'),
    head: requiredText(body, 'head', 'PullRequest'),
    base: requiredText(body, 'base', 'PullRequest'),
    draft: optionalBoolean(body, 'draft') ?? false,
  });
  return created(await renderPull(call.forge, repository, issue));
}

async function read(call: Call, repository: Repository): Promise<Reply> {
  const issue = pullOf(call, repository);
  if (!/\.(diff|patch)\b/.test(call.accept)) return ok(await renderPull(call.forge, repository, issue));
  const data = await diffText(call.forge.git(repository), diffBaseOf(call.forge, repository, issue), issue.pull.headSha);
  return { status: 200, raw: { type: `application/vnd.github.v3.${call.accept.includes('.diff') ? 'diff' : 'patch'}; charset=utf-8`, data } };
}

async function change(call: Call, repository: Repository): Promise<Reply> {
  const { body } = call;
  const issue = pullOf(call, repository);
  const scope = scopeOf(call, repository);
  const mayWrite = call.actor.kind === 'installation' || atLeast(actorRole(call.forge.store, repository, call.actor), 'write');
  if (!mayWrite && issue.author !== scope.by.login) throw new Fault(403, 'Must have push access to repository');
  const title = optionalText(body, 'title');
  const text = textOrNull(body, 'body');
  const state = oneOf(body, 'state', ['open', 'closed'] as const);
  const base = optionalText(body, 'base');
  await editText(scope, issue, {
    title: title === undefined ? undefined : checkTitle(requiredText(body, 'title', 'PullRequest'), 'PullRequest'),
    body: text === undefined ? undefined : checkBody(text, 'PullRequest'),
  });
  if (base !== undefined && base !== issue.pull.baseRef) await changeBase(call, repository, { issue, base });
  if (state !== undefined) await changeState(call, repository, { issue, state });
  return ok(await renderPull(call.forge, repository, issue));
}

async function changeBase(call: Call, repository: Repository, { issue, base }: { issue: PullIssue; base: string }): Promise<void> {
  const sha = call.forge.git(repository).branch(base);
  if (sha === undefined) throw invalid({ resource: 'PullRequest', field: 'base', code: 'invalid' });
  const changes = { base: { ref: { from: issue.pull.baseRef }, sha: { from: issue.pull.baseSha } } };
  issue.pull.baseRef = base;
  issue.pull.baseSha = sha;
  await emitIssue(scopeOf(call, repository), issue, { action: 'edited', extra: { changes } });
}

async function changeState(call: Call, repository: Repository, { issue, state }: { issue: PullIssue; state: 'open' | 'closed' }): Promise<void> {
  const { pull } = issue;
  const git = call.forge.git(repository);
  if (state === 'open' && issue.state === 'closed') {
    const head = git.branch(pull.headRef);
    if (pull.mergedAt !== null || head === undefined)
      throw invalid({ resource: 'PullRequest', code: 'custom', field: 'state', message: 'state cannot be changed. The pull request cannot be reopened.' });
    pull.headSha = head;
  }
  if (state === 'closed') pull.baseSha = git.branch(pull.baseRef) ?? pull.baseSha;
  await setState(scopeOf(call, repository), issue, { state });
}

async function merge(call: Call, repository: Repository): Promise<Reply> {
  const request: MergeRequest = {
    method: oneOf(call.body, 'merge_method', ['merge', 'squash', 'rebase'] as const) ?? 'merge',
    title: optionalText(call.body, 'commit_title'),
    message: optionalText(call.body, 'commit_message'),
    sha: optionalText(call.body, 'sha'),
  };
  const sha = await mergePull(scopeOf(call, repository), pullOf(call, repository), request);
  return ok({ sha, merged: true, message: 'Pull Request successfully merged' });
}

/** Merges the base into the head branch. */
async function updateBranch(call: Call, repository: Repository): Promise<Reply> {
  const { pull } = pullOf(call, repository);
  const git = call.forge.git(repository);
  const scope = scopeOf(call, repository);
  await call.forge.exclusive(repository, async () => {
    const expected = optionalText(call.body, 'expected_head_sha');
    if (expected !== undefined && expected !== pull.headSha) throw new Fault(422, `expected_head_sha was ${expected} but the head is ${pull.headSha}`);
    const base = git.branch(pull.baseRef);
    if (base === undefined || isAncestor(git, base, pull.headSha)) return;
    const common = mergeBase(git, base, pull.headSha);
    const treeOf = (sha: string | undefined) => (sha === undefined ? null : (git.commit(sha)?.tree ?? null));
    const merged = mergeTrees(git, { base: treeOf(common), ours: treeOf(pull.headSha) ?? '', theirs: treeOf(base) ?? '' });
    if ('conflicts' in merged) throw new Fault(422, 'merge conflict between base and head');
    const now = timestamp();
    const sha = git.writeCommit({
      tree: merged.tree,
      parents: [pull.headSha, base],
      author: signatureOf(scope.by, now),
      committer: { name: PLATFORM_NAME, email: PLATFORM_EMAIL, date: now },
      message: `Merge branch '${pull.baseRef}' into ${pull.headRef}\n`,
    });
    await moveRef(scope, `refs/heads/${pull.headRef}`, sha);
  });
  return {
    status: 202,
    json: { message: 'Updating pull request branch.', url: `${call.forge.url}/repos/${repository.owner}/${repository.name}/pulls/${call.params.number ?? ''}` },
  };
}
