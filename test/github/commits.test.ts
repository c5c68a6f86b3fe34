import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CommitChange } from '../../src/github/commits.ts';
import { startStand } from '../local-github/harness.ts';
import type { Stand } from '../local-github/harness.ts';
import { clientOf } from './support.ts';
import type { Client } from './support.ts';

let stand: Stand;
let client: Client;
let repo = '';
let base = '';
let count = 0;

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64');
const BYTES = Uint8Array.from([0, 255, 1, 254, 13, 10, 0]);

beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

beforeEach(async () => {
  count += 1;
  repo = `commits-${count}`;
  await stand.maintainer.rest.repos.createInOrg({ org: 'acme', name: repo, auto_init: true });
  client = await clientOf(stand, repo);
  base = (await client.repository.source.head('main')) ?? '';
  await client.repository.commits.createBranch('feature/1-x', base);
});

function commit(changes: CommitChange[], options: { parent?: string; modesChange?: boolean } = {}): Promise<{ sha: string }> {
  const { parent = base, modesChange = false } = options;
  return client.repository.commits.commit({ branch: 'feature/1-x', parent, headline: 'feat: x', body: 'Because.\n\nBanyan-Task: t/1', changes, modesChange });
}

/** Mode and path of every file at a commit. */
async function treeAt(sha: string): Promise<string[]> {
  const { data } = await stand.maintainer.rest.git.getTree({ owner: 'acme', repo, tree_sha: sha, recursive: '1' });
  return data.tree.filter((entry) => entry.type === 'blob').map((entry) => `${entry.mode} ${entry.path}`);
}

async function bytesAt(sha: string, path: string): Promise<Buffer> {
  const { data } = await stand.maintainer.rest.repos.getContent({ owner: 'acme', repo, path, ref: sha });
  return Buffer.from('content' in data ? data.content : '', 'base64');
}

describe('the plain case', () => {
  it('is one createCommitOnBranch: files made, changed, moved and deleted, bytes as they are', async () => {
    const first = await commit([
      { path: 'src/a.js', mode: '100644', content: base64('a\n') },
      { path: 'logo.png', mode: '100644', content: base64(BYTES) },
      { path: 'empty.txt', mode: '100644', content: '' },
    ]);
    const second = await commit(
      [
        { path: 'src/a.js', deleted: true },
        { path: 'lib/a.js', mode: '100644', content: base64('a\n') },
        { path: 'README.md', mode: '100644', content: base64('# Mine\n') },
      ],
      { parent: first.sha },
    );
    expect(await treeAt(second.sha)).toEqual(['100644 README.md', '100644 empty.txt', '100644 lib/a.js', '100644 logo.png']);
    expect(await bytesAt(second.sha, 'logo.png')).toEqual(Buffer.from(BYTES));
    expect(await client.repository.source.head('feature/1-x')).toBe(second.sha);
    const { data } = await stand.maintainer.rest.git.getCommit({ owner: 'acme', repo, commit_sha: second.sha });
    expect(data.message).toBe('feat: x\n\nBecause.\n\nBanyan-Task: t/1');
    expect(data.author.name).toBe('banyan[bot]');
    expect(client.sent.filter((request) => /graphql|git\/(trees|blobs|commits)/.test(request))).toEqual(['POST /graphql', 'POST /graphql']);
  });

  it('is refused as a conflict where somebody else moved the branch', async () => {
    await commit([{ path: 'a', mode: '100644', content: base64('a') }]);
    await expect(commit([{ path: 'b', mode: '100644', content: base64('b') }])).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('modes', () => {
  it('are set through Git data: executable files, symbolic links, deletions', async () => {
    const { sha } = await commit(
      [
        { path: 'bin/run.sh', mode: '100755', content: base64('#!/bin/sh\n') },
        { path: 'latest', mode: '120000', content: base64('bin/run.sh') },
        { path: 'README.md', deleted: true },
        { path: 'logo.png', mode: '100644', content: base64(BYTES) },
      ],
      { modesChange: true },
    );
    expect(await treeAt(sha)).toEqual(['100755 bin/run.sh', '120000 latest', '100644 logo.png']);
    expect(await bytesAt(sha, 'logo.png')).toEqual(Buffer.from(BYTES));
    const { data } = await stand.maintainer.rest.git.getCommit({ owner: 'acme', repo, commit_sha: sha });
    expect(data.parents.map((parent) => parent.sha)).toEqual([base]);
    expect(client.sent).not.toContain('POST /graphql');
  });

  it('a file that becomes executable keeps its content, and the plain way keeps its mode afterwards', async () => {
    const first = await commit([{ path: 'run.sh', mode: '100755', content: base64('one\n') }], { modesChange: true });
    const second = await commit([{ path: 'run.sh', mode: '100755', content: base64('two\n') }], { parent: first.sha });
    expect(await treeAt(second.sha)).toEqual(['100644 README.md', '100755 run.sh']);
    const third = await commit([{ path: 'run.sh', mode: '100644', content: base64('two\n') }], { parent: second.sha, modesChange: true });
    expect(await treeAt(third.sha)).toEqual(['100644 README.md', '100644 run.sh']);
  });

  it('are refused as a conflict too where somebody else moved the branch', async () => {
    await commit([{ path: 'a', mode: '100644', content: base64('a') }]);
    await expect(commit([{ path: 'run.sh', mode: '100755', content: base64('x') }], { modesChange: true })).rejects.toMatchObject({
      code: 'conflict',
      retry: 'transient',
    });
  });
});

describe('branches', () => {
  it('that are there already stay where they are', async () => {
    const { sha } = await commit([{ path: 'a', mode: '100644', content: base64('a') }]);
    await client.repository.commits.createBranch('feature/1-x', base);
    expect(await client.repository.source.head('feature/1-x')).toBe(sha);
  });

  it('are made once where two make them at the same moment, and so is their pull request', async () => {
    const { commits, pulls, source } = client.repository;
    await Promise.all([commits.createBranch('feature/2-y', base), commits.createBranch('feature/2-y', base), commits.createBranch('feature/2-y', base)]);
    expect(await source.head('feature/2-y')).toBe(base);
    await commit([{ path: 'a', mode: '100644', content: base64('a') }]);
    const open = () => pulls.open({ title: 'x', body: 'Because.', branch: 'feature/1-x', base: 'main' });
    const made = await Promise.all([open(), open()]);
    expect(made[0]).toEqual(made[1]);
    expect((await stand.maintainer.rest.pulls.list({ owner: 'acme', repo, state: 'all' })).data).toHaveLength(1);
  });

  it('show the commits of an earlier try by their message, only as far back as asked', async () => {
    const first = await commit([{ path: 'a', mode: '100644', content: base64('a') }]);
    const { commits } = client.repository;
    expect(await commits.findByMessage('feature/1-x', 'Banyan-Task: t/1', 30)).toEqual({ sha: first.sha });
    expect(await commits.findByMessage('feature/1-x', 'Banyan-Task: t/2', 30)).toBeNull();
    expect(await commits.findByMessage('nowhere', 'Banyan-Task: t/1', 30)).toBeNull();
    await stand.maintainer.rest.repos.createOrUpdateFileContents({
      owner: 'acme',
      repo,
      branch: 'feature/1-x',
      path: 'b',
      message: 'mine',
      content: base64('b'),
    });
    expect(await commits.findByMessage('feature/1-x', 'Banyan-Task: t/1', 1)).toBeNull();
  });
});

describe('reading', () => {
  it('asks once for what is not there', async () => {
    expect(await client.repository.source.file('nowhere.txt', 'main')).toBeNull();
    expect(client.sent.filter((request) => request.endsWith('nowhere.txt'))).toHaveLength(1);
  });

  it('names the commit from which a branch went', async () => {
    const { sha } = await commit([{ path: 'a', mode: '100644', content: base64('a') }]);
    expect(await client.repository.source.mergeBase('main', sha)).toBe(base);
  });
});
