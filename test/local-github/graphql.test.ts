import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Stand } from './harness.ts';
import { pushFile, SHOP, startStand } from './harness.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

interface Answer {
  data?: Record<string, unknown> | null;
  errors?: { type?: string; message: string; path?: string[] }[];
}

async function ask(token: string, query: string, variables: Record<string, unknown> = {}, path = '/graphql'): Promise<Answer> {
  const response = await fetch(stand.url + path, { method: 'POST', headers: { authorization: `bearer ${token}` }, body: JSON.stringify({ query, variables }) });
  return (await response.json()) as Answer;
}

const COMMIT = `mutation ($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid message author { user { login } name } signature { isValid } } ref { name } } }`;
const base64 = (text: string) => Buffer.from(text).toString('base64');

async function branch(name: string): Promise<string> {
  const { data } = await stand.maintainer.rest.git.getRef({ ...SHOP, ref: 'heads/main' });
  await stand.maintainer.rest.git.createRef({ ...SHOP, ref: `refs/heads/${name}`, sha: data.object.sha });
  return data.object.sha;
}

it('commits on a branch as the bot, keeping modes, only on the expected head', async () => {
  const head = await branch('feature/1-graphql');
  const { data: parent } = await stand.maintainer.rest.git.getCommit({ ...SHOP, commit_sha: head });
  const { data: made } = await stand.maintainer.rest.git.createTree({
    ...SHOP,
    base_tree: parent.tree.sha,
    tree: [{ path: 'tool.sh', mode: '100755', type: 'blob', content: 'old\n' }],
  });
  const { data: withTool } = await stand.maintainer.rest.git.createCommit({ ...SHOP, message: 'tool', tree: made.sha, parents: [head] });
  await stand.maintainer.rest.git.updateRef({ ...SHOP, ref: 'heads/feature/1-graphql', sha: withTool.sha });
  const { token } = await stand.installation({ repositories: ['shop'] });
  await stand.delivered();
  const input = {
    branch: { repositoryNameWithOwner: 'acme/shop', branchName: 'feature/1-graphql' },
    expectedHeadOid: withTool.sha,
    message: { headline: 'feat: x', body: 'why' },
    fileChanges: {
      additions: [
        { path: 'tool.sh', contents: base64('new\n') },
        { path: 'src/deep/er.js', contents: base64('export {};\n') },
      ],
      deletions: [{ path: '.gitignore' }],
    },
  };
  const answer = await ask(token, COMMIT, { input });
  expect(answer).toMatchObject({
    data: {
      createCommitOnBranch: {
        commit: { message: 'feat: x\n\nwhy', author: { name: 'banyan[bot]' }, signature: { isValid: true } },
        ref: { name: 'feature/1-graphql' },
      },
    },
  });
  expect(await stand.delivered()).toEqual(['push', 'check_suite.requested']);
  expect((await stand.last('push')).payload).toMatchObject({
    sender: { login: 'banyan[bot]' },
    commits: [{ added: ['src/deep/er.js'], modified: ['tool.sh'], removed: ['.gitignore'] }],
  });
  const { data: listed } = await stand.maintainer.rest.git.getTree({ ...SHOP, tree_sha: 'feature/1-graphql', recursive: '1' });
  expect(listed.tree.find(({ path }) => path === 'tool.sh')?.mode).toBe('100755');
  const stale = await ask(token, COMMIT, { input }, '/api/graphql');
  expect(stale).toMatchObject({ data: { createCommitOnBranch: null }, errors: [{ type: 'STALE_DATA', path: ['createCommitOnBranch'] }] });
  expect(stale.errors?.[0]?.message).toContain(`Expected branch to point to "${withTool.sha}" but it did not`);
});

it('refuses a commit of a reader and of a token without contents', async () => {
  const head = await branch('feature/2-refused');
  const input = {
    branch: { repositoryNameWithOwner: 'acme/shop', branchName: 'feature/2-refused' },
    expectedHeadOid: head,
    message: { headline: 'no' },
    fileChanges: { additions: [{ path: 'a', contents: base64('a') }] },
  };
  const narrow = await stand.installation({ permissions: { issues: 'write' } });
  for (const token of ['visitor-token', narrow.token]) expect((await ask(token, COMMIT, { input })).errors?.[0]?.type).toBe('FORBIDDEN');
  const { token } = await stand.installation();
  const climbing = { ...input, fileChanges: { additions: [{ path: '../x', contents: base64('a') }] } };
  expect((await ask(token, COMMIT, { input: climbing })).errors?.[0]?.type).toBe('UNPROCESSABLE');
});

it('moves pull requests in and out of draft by node id', async () => {
  await pushFile(stand.maintainer, { ...SHOP, branch: 'feature/3-draft', path: 'src/draft.js', content: 'export {};\n' });
  const { data: pull } = await stand.maintainer.rest.pulls.create({ ...SHOP, title: 'draft', head: 'feature/3-draft', base: 'main', draft: true });
  const { token } = await stand.installation();
  await stand.delivered();
  const ready = await ask(token, 'mutation ($id: ID!) { done: markPullRequestReadyForReview(input: { pullRequestId: $id }) { pullRequest { isDraft } } }', {
    id: pull.node_id,
  });
  expect(ready).toEqual({ data: { done: { pullRequest: { isDraft: false } } } });
  await ask(token, 'mutation ($id: ID!) { convertPullRequestToDraft(input: { pullRequestId: $id }) { pullRequest { isDraft } } }', { id: pull.node_id });
  expect(await stand.delivered()).toEqual(['pull_request.ready_for_review', 'pull_request.converted_to_draft']);
  const read = `query ($number: Int!) { repository(owner: "acme", name: "shop") { id pullRequest(number: $number) { id isDraft headRefOid mergeable changedFiles author { login } } object(expression: "main:src/price.js") { ... on Blob { text } } } }`;
  expect(await ask(token, read, { number: pull.number })).toMatchObject({
    data: {
      repository: {
        pullRequest: { id: pull.node_id, isDraft: true, headRefOid: pull.head.sha, mergeable: 'MERGEABLE', changedFiles: 1 },
        object: { text: expect.stringContaining('toCents') as string },
      },
    },
  });
});

it('finds anything by its node id and says so when it cannot', async () => {
  const { data: issue } = await stand.maintainer.rest.issues.create({ ...SHOP, title: 'a node' });
  const query = 'query ($id: ID!) { node(id: $id) { id ... on Issue { number title } } }';
  expect(await ask('visitor-token', query, { id: issue.node_id })).toEqual({ data: { node: { id: issue.node_id, number: issue.number, title: 'a node' } } });
  expect(await ask('visitor-token', query, { id: 'I_nothing' })).toMatchObject({ data: { node: null }, errors: [{ type: 'NOT_FOUND' }] });
  expect((await ask('visitor-token', '{ viewer { login } nonsense }')).errors).toHaveLength(1);
  expect(await ask('wrong', '{ viewer { login } }')).toMatchObject({ message: 'Bad credentials' });
});

it('resolves review threads', async () => {
  await pushFile(stand.maintainer, { ...SHOP, branch: 'feature/4-thread', path: 'src/thread.js', content: 'export {};\n' });
  const { data: pull } = await stand.maintainer.rest.pulls.create({ ...SHOP, title: 'thread', head: 'feature/4-thread', base: 'main' });
  await stand.maintainer.rest.pulls.createReviewComment({
    ...SHOP,
    pull_number: pull.number,
    commit_id: pull.head.sha,
    path: 'src/thread.js',
    line: 1,
    body: 'why',
  });
  const read = `query ($number: Int!) { repository(owner: "acme", name: "shop") { pullRequest(number: $number) { reviewThreads(first: 10) { totalCount nodes { id isResolved path line comments(first: 5) { nodes { body } } } } } } }`;
  const before = await ask('maintainer-token', read, { number: pull.number });
  const threads = before.data as { repository: { pullRequest: { reviewThreads: { nodes: { id: string; isResolved: boolean }[] } } } };
  const thread = threads.repository.pullRequest.reviewThreads.nodes[0];
  expect(thread).toMatchObject({ isResolved: false, path: 'src/thread.js', line: 1 });
  const done = await ask('maintainer-token', 'mutation ($id: ID!) { resolveReviewThread(input: { threadId: $id }) { thread { isResolved } } }', {
    id: thread?.id,
  });
  expect(done).toEqual({ data: { resolveReviewThread: { thread: { isResolved: true } } } });
});
