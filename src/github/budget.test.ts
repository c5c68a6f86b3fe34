import { expect, it } from 'vitest';
import { costOf } from './budget.ts';

const READS = { points: 1, creations: 0 };
const WRITES = { points: 5, creations: 0 };
const CREATES = { points: 5, creations: 1 };

it.each([
  ['GET', '/repos/{owner}/{repo}/issues/{issue_number}/comments', READS],
  ['HEAD', '/repos/acme/shop', READS],
  ['POST', '/repos/{owner}/{repo}/issues', CREATES],
  ['POST', '/repos/{owner}/{repo}/issues/{issue_number}/comments', CREATES],
  ['POST', 'https://host/api/v3/repos/acme/shop/issues/12/comments?x=1', CREATES],
  ['POST', '/repos/{owner}/{repo}/pulls', CREATES],
  ['POST', '/repos/{owner}/{repo}/pulls/{pull_number}/reviews', CREATES],
  ['POST', '/repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies', CREATES],
  ['POST', '/repos/{owner}/{repo}/git/commits', CREATES],
  ['POST', '/repos/{owner}/{repo}/git/blobs', WRITES],
  ['POST', '/repos/{owner}/{repo}/issues/{issue_number}/labels', WRITES],
  ['POST', '/repos/{owner}/{repo}/issues/{issue_number}/reactions', WRITES],
  ['POST', '/repos/{owner}/{repo}/check-runs', WRITES],
  ['PATCH', '/repos/{owner}/{repo}/issues/comments/{comment_id}', WRITES],
  ['DELETE', '/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}', WRITES],
])('counts %s %s as GitHub does', (method, url, cost) => {
  expect(costOf(method, url)).toEqual(cost);
});

it.each([
  ['query { viewer { login } }', READS],
  ['{ viewer { login } }', READS],
  ['mutation($input: X!) { createCommitOnBranch(input: $input) { commit { oid } } }', CREATES],
  ['  mutation M { markPullRequestReadyForReview(input: {}) { clientMutationId } }', WRITES],
])('counts GraphQL by what it does: %s', (query, cost) => {
  expect(costOf('POST', 'https://api.github.com/graphql', query)).toEqual(cost);
});
