import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stand } from './harness.ts';
import { failure, pushFile, SHOP, startStand } from './harness.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

const DISCOUNT = 'export function discount(cents) {\n  return cents;\n}\n';

async function openPull(branch: string, options: { body?: string; draft?: boolean; content?: string } = {}) {
  await pushFile(stand.maintainer, { ...SHOP, branch, path: `src/${branch.replace(/\W/g, '-')}.js`, content: options.content ?? DISCOUNT });
  const { data } = await stand.maintainer.rest.pulls.create({
    ...SHOP,
    title: `add ${branch}`,
    head: branch,
    base: 'main',
    body: options.body ?? '',
    draft: options.draft ?? false,
  });
  return data;
}

describe('a pull request', () => {
  it('has real files, commits and a diff', async () => {
    const pull = await openPull('feature/1-files');
    expect(pull).toMatchObject({ mergeable: true, commits: 1, changed_files: 1, additions: 3, deletions: 0, head: { label: 'acme:feature/1-files' } });
    const target = { ...SHOP, pull_number: pull.number };
    const { data: files } = await stand.maintainer.rest.pulls.listFiles(target);
    expect(files).toMatchObject([
      { filename: 'src/feature-1-files.js', status: 'added', patch: `@@ -0,0 +1,3 @@\n+${DISCOUNT.trim().split('\n').join('\n+')}` },
    ]);
    const diff = await stand.maintainer.rest.pulls.get({ ...target, mediaType: { format: 'diff' } });
    expect(diff.data).toContain('diff --git a/src/feature-1-files.js b/src/feature-1-files.js');
    const { data: commits } = await stand.maintainer.rest.pulls.listCommits(target);
    expect(commits.map(({ commit }) => commit.message)).toEqual(['change src/feature-1-files.js']);
    const { data: byHead } = await stand.maintainer.rest.pulls.list({ ...SHOP, head: 'acme:feature/1-files' });
    expect(byHead.map(({ number }) => number)).toEqual([pull.number]);
  });

  it('refuses a second one for the branch, an unknown branch and one without commits', async () => {
    await openPull('feature/2-twice');
    const twice = await failure(stand.maintainer.rest.pulls.create({ ...SHOP, title: 'again', head: 'feature/2-twice', base: 'main' }));
    expect(twice).toMatchObject({ status: 422, data: { errors: [{ message: 'A pull request already exists for acme:feature/2-twice.' }] } });
    expect((await failure(stand.maintainer.rest.pulls.create({ ...SHOP, title: 'none', head: 'nowhere', base: 'main' }))).data).toMatchObject({
      errors: [{ field: 'head', code: 'invalid' }],
    });
    const { data: main } = await stand.maintainer.rest.git.getRef({ ...SHOP, ref: 'heads/main' });
    await stand.maintainer.rest.git.createRef({ ...SHOP, ref: 'refs/heads/same', sha: main.object.sha });
    expect((await failure(stand.maintainer.rest.pulls.create({ ...SHOP, title: 'same', head: 'same', base: 'main' }))).data).toMatchObject({
      errors: [{ message: 'No commits between main and same' }],
    });
  });

  it('follows its branch', async () => {
    const pull = await openPull('feature/3-sync');
    await stand.delivered();
    const sha = await pushFile(stand.maintainer, { ...SHOP, branch: 'feature/3-sync', path: 'src/more.js', content: 'export {};\n' });
    expect(await stand.delivered()).toEqual(['push', 'check_suite.requested', 'pull_request.synchronize']);
    expect((await stand.last('pull_request', 'synchronize')).payload).toMatchObject({ before: pull.head.sha, after: sha, number: pull.number });
    expect((await stand.maintainer.rest.pulls.get({ ...SHOP, pull_number: pull.number })).data).toMatchObject({ commits: 2, changed_files: 2 });
  });

  it('closes when its branch goes', async () => {
    const pull = await openPull('feature/4-gone');
    await stand.delivered();
    await stand.maintainer.rest.git.deleteRef({ ...SHOP, ref: 'heads/feature/4-gone' });
    expect(await stand.delivered()).toEqual(['delete', 'push', 'pull_request.closed']);
    expect((await stand.maintainer.rest.pulls.get({ ...SHOP, pull_number: pull.number })).data).toMatchObject({ state: 'closed', merged: false });
  });
});

describe('merging', () => {
  it.each(['merge', 'squash', 'rebase'] as const)('makes real commits by %s and closes the issue', async (method) => {
    const { data: issue } = await stand.maintainer.rest.issues.create({ ...SHOP, title: `for ${method}` });
    const pull = await openPull(`feature/${method}`, { body: `Fixes #${issue.number}` });
    const target = { ...SHOP, pull_number: pull.number };
    expect((await failure(stand.maintainer.rest.pulls.checkIfMerged(target))).status).toBe(404);
    await stand.delivered();
    const { data: merged } = await stand.maintainer.rest.pulls.merge({ ...target, merge_method: method, sha: pull.head.sha });
    expect(merged.merged).toBe(true);
    const { data: commit } = await stand.maintainer.rest.repos.getCommit({ ...SHOP, ref: 'main' });
    expect(commit.sha).toBe(merged.sha);
    expect(commit.parents).toHaveLength(method === 'merge' ? 2 : 1);
    expect((await stand.maintainer.rest.pulls.checkIfMerged(target)).status).toBe(204);
    expect((await stand.maintainer.rest.issues.get({ ...SHOP, issue_number: issue.number })).data).toMatchObject({
      state: 'closed',
      state_reason: 'completed',
    });
    const sent = await stand.delivered();
    expect(sent.filter((name) => !name.startsWith('check_suite'))).toEqual(['pull_request.closed', 'issues.closed', 'push']);
    expect((await stand.last('pull_request', 'closed')).payload).toMatchObject({
      pull_request: { merged: true, merged_by: { login: 'maintainer' }, merge_commit_sha: merged.sha },
    });
    expect((await stand.maintainer.rest.pulls.get(target)).data).toMatchObject({ merged: true, changed_files: 1, commits: 1 });
  });

  it('is refused for a draft, a moved head, a reader and a conflict', async () => {
    const draft = await openPull('feature/draft', { draft: true });
    expect(await failure(stand.maintainer.rest.pulls.merge({ ...SHOP, pull_number: draft.number }))).toMatchObject({ status: 405 });
    const pull = await openPull('feature/moved');
    expect(await failure(stand.maintainer.rest.pulls.merge({ ...SHOP, pull_number: pull.number, sha: draft.head.sha }))).toMatchObject({ status: 409 });
    expect(await failure(stand.visitor.rest.pulls.merge({ ...SHOP, pull_number: pull.number }))).toMatchObject({ status: 403 });
    await pushFile(stand.maintainer, { ...SHOP, branch: 'feature/conflict', path: 'README.md', content: 'one\n' });
    await pushFile(stand.maintainer, { ...SHOP, branch: 'main', path: 'README.md', content: 'two\n' });
    const { data: conflict } = await stand.maintainer.rest.pulls.create({ ...SHOP, title: 'conflict', head: 'feature/conflict', base: 'main' });
    expect(conflict).toMatchObject({ mergeable: false, mergeable_state: 'dirty' });
    expect(await failure(stand.maintainer.rest.pulls.merge({ ...SHOP, pull_number: conflict.number }))).toMatchObject({ status: 405 });
  });

  it('joins changes to different lines of one file', async () => {
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
    await pushFile(stand.maintainer, { ...SHOP, branch: 'main', path: 'notes.txt', content: lines.join('\n') });
    await pushFile(stand.maintainer, { ...SHOP, branch: 'feature/top', path: 'notes.txt', content: lines.with(0, 'top').join('\n') });
    await pushFile(stand.maintainer, { ...SHOP, branch: 'main', path: 'notes.txt', content: lines.with(19, 'bottom').join('\n') });
    const { data: pull } = await stand.maintainer.rest.pulls.create({ ...SHOP, title: 'top', head: 'feature/top', base: 'main' });
    await stand.maintainer.rest.pulls.merge({ ...SHOP, pull_number: pull.number });
    const raw = await stand.maintainer.rest.repos.getContent({ ...SHOP, path: 'notes.txt', mediaType: { format: 'raw' } });
    expect(raw.data).toBe(lines.with(0, 'top').with(19, 'bottom').join('\n'));
  });
});

describe('a review', () => {
  it('takes comments on lines of the diff only', async () => {
    const pull = await openPull('feature/review');
    const target = { ...SHOP, pull_number: pull.number };
    const { octokit } = await stand.installation();
    await stand.delivered();
    const path = 'src/feature-review.js';
    const outside = await failure(
      octokit.rest.pulls.createReview({ ...target, event: 'COMMENT', body: 'hm', comments: [{ path, line: 40, body: 'far away' }] }),
    );
    expect(outside).toMatchObject({ status: 422, data: { message: 'Unprocessable Entity', errors: ['Line could not be resolved'] } });
    const elsewhere = await failure(
      octokit.rest.pulls.createReview({ ...target, event: 'COMMENT', body: 'hm', comments: [{ path: 'README.md', line: 1, body: 'not changed' }] }),
    );
    expect(elsewhere.data).toMatchObject({ errors: ['Path could not be resolved'] });
    const { data: review } = await octokit.rest.pulls.createReview({
      ...target,
      event: 'REQUEST_CHANGES',
      body: 'please',
      comments: [
        { path, line: 2, side: 'RIGHT', body: 'round it' },
        { path, start_line: 1, line: 3, side: 'RIGHT', body: 'all of it' },
      ],
    });
    expect(review).toMatchObject({ state: 'CHANGES_REQUESTED', user: { login: 'banyan[bot]' } });
    expect(await stand.delivered()).toEqual(['pull_request_review.submitted', 'pull_request_review_comment.created', 'pull_request_review_comment.created']);
    const { data: comments } = await stand.maintainer.rest.pulls.listReviewComments(target);
    expect(comments).toMatchObject([
      { path, line: 2, diff_hunk: '@@ -0,0 +1,3 @@\n+export function discount(cents) {\n+  return cents;' },
      { start_line: 1, line: 3 },
    ]);
    const reply = await stand.maintainer.rest.pulls.createReplyForReviewComment({ ...target, comment_id: comments[0]?.id ?? 0, body: 'done' });
    expect(reply.data.in_reply_to_id).toBe(comments[0]?.id);
  });

  it('is not for the author, unless it only comments', async () => {
    const pull = await openPull('feature/own');
    const target = { ...SHOP, pull_number: pull.number };
    expect(await failure(stand.maintainer.rest.pulls.createReview({ ...target, event: 'APPROVE' }))).toMatchObject({
      status: 422,
      data: { errors: ['Can not approve your own pull request'] },
    });
    expect(await failure(stand.maintainer.rest.pulls.createReview({ ...target, event: 'REQUEST_CHANGES', body: 'no' }))).toMatchObject({ status: 422 });
    expect((await stand.maintainer.rest.pulls.createReview({ ...target, event: 'COMMENT', body: 'a note' })).data.state).toBe('COMMENTED');
    expect((await stand.visitor.rest.pulls.createReview({ ...target, event: 'APPROVE' })).data.state).toBe('APPROVED');
  });

  it('can be kept pending, submitted and dismissed', async () => {
    const pull = await openPull('feature/pending');
    const target = { ...SHOP, pull_number: pull.number };
    const { data: pending } = await stand.visitor.rest.pulls.createReview({ ...target, body: 'not yet' });
    expect((await stand.maintainer.rest.pulls.listReviews(target)).data).toEqual([]);
    await stand.visitor.rest.pulls.submitReview({ ...target, review_id: pending.id, event: 'REQUEST_CHANGES', body: 'now' });
    const { data: dismissed } = await stand.maintainer.rest.pulls.dismissReview({ ...target, review_id: pending.id, message: 'solved' });
    expect(dismissed.state).toBe('DISMISSED');
  });
});
