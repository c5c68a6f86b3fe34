import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Stand } from './harness.ts';
import { failure, SHOP, startStand } from './harness.ts';

const run = promisify(execFile);
let stand: Stand;
let folder: string;
beforeAll(async () => {
  stand = await startStand();
  folder = await mkdtemp(join(tmpdir(), 'local-github-clone-'));
});
afterAll(async () => {
  await stand.stop();
  await rm(folder, { recursive: true, force: true });
});

const IDENTITY = [
  '-c',
  'user.name=Mae',
  '-c',
  'user.email=maintainer@example.com',
  '-c',
  'commit.gpgsign=false',
  '-c',
  'credential.helper=',
  '-c',
  'core.askpass=true',
];

async function git(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', [...IDENTITY, ...args], { cwd });
  return stdout.trim();
}

async function clone(credentials: string, name: string): Promise<string> {
  const { host } = new URL(stand.url);
  await git(folder, 'clone', '--quiet', `http://${credentials}${host}/acme/shop.git`, name);
  return join(folder, name);
}

it('lets anybody clone a public repository whose tests pass', async () => {
  const dir = await clone('', 'anonymous');
  expect((await readdir(dir)).sort()).toEqual(['.git', '.gitignore', 'README.md', 'package.json', 'src', 'test']);
  const { stdout } = await run(process.execPath, ['--test'], { cwd: dir, env: { PATH: process.env['PATH'] } });
  expect(stdout).toMatch(/# fail 0|fail 0/);
});

it('takes a push of a writer and sends what it means', async () => {
  const dir = await clone('x-access-token:maintainer-token@', 'writer');
  await git(dir, 'checkout', '--quiet', '-b', 'feature/9-push');
  await writeFile(join(dir, 'run.sh'), '#!/bin/sh\necho hi\n');
  await chmod(join(dir, 'run.sh'), 0o755);
  await git(dir, 'add', 'run.sh');
  await git(dir, 'commit', '--quiet', '-m', 'add a script');
  await stand.delivered();
  await git(dir, 'push', '--quiet', 'origin', 'feature/9-push');
  const sha = await git(dir, 'rev-parse', 'HEAD');
  expect(await stand.delivered()).toEqual(['create', 'push', 'check_suite.requested']);
  expect((await stand.last('push')).payload).toMatchObject({
    ref: 'refs/heads/feature/9-push',
    created: true,
    after: sha,
    commits: [{ id: sha, added: ['run.sh'], author: { username: 'maintainer' } }],
    pusher: { name: 'maintainer' },
  });
  const { data: tree } = await stand.maintainer.rest.git.getTree({ ...SHOP, tree_sha: sha });
  expect(tree.tree.find(({ path }) => path === 'run.sh')?.mode).toBe('100755');
  await git(dir, 'commit', '--quiet', '--amend', '-m', 'another message');
  await expect(git(dir, 'push', '--quiet', 'origin', 'feature/9-push')).rejects.toThrow(/non-fast-forward|fetch first|rejected/);
  await git(dir, 'push', '--quiet', '--force', 'origin', 'feature/9-push');
  expect((await stand.last('push')).payload.forced).toBe(true);
  await git(dir, 'push', '--quiet', 'origin', ':feature/9-push');
  expect((await stand.last('push')).payload).toMatchObject({ deleted: true, head_commit: null });
});

it('closes an issue by a commit on the default branch', async () => {
  const { data: issue } = await stand.maintainer.rest.issues.create({ ...SHOP, title: 'closed by git' });
  const dir = await clone('maintainer:maintainer-token@', 'closer');
  await writeFile(join(dir, 'fixed.txt'), 'fixed\n');
  await git(dir, 'add', '.');
  await git(dir, 'commit', '--quiet', '-m', `repair it\n\nFixes #${issue.number}`);
  await git(dir, 'push', '--quiet', 'origin', 'main');
  expect((await stand.maintainer.rest.issues.get({ ...SHOP, issue_number: issue.number })).data.state).toBe('closed');
});

it('refuses pushes of readers, strangers and bad tokens', async () => {
  for (const [index, credentials] of ['visitor:visitor-token@', 'x:wrong@'].entries()) {
    const dir = await clone('', `refused-${index}`);
    await git(dir, 'commit', '--quiet', '--allow-empty', '-m', 'no');
    await git(dir, 'remote', 'set-url', 'origin', `http://${credentials}${new URL(stand.url).host}/acme/shop.git`);
    await expect(git(dir, 'push', '--quiet', 'origin', 'main')).rejects.toThrow(/403|401|denied|Authentication|could not read/);
  }
  const dir = await clone('', 'refused-nobody');
  await git(dir, 'commit', '--quiet', '--allow-empty', '-m', 'no');
  await expect(run('git', [...IDENTITY, 'push', 'origin', 'main'], { cwd: dir, env: { PATH: process.env['PATH'], GIT_TERMINAL_PROMPT: '0' } })).rejects.toThrow(
    /could not read|Authentication/,
  );
});

it('serves an archive with one folder on top', async () => {
  const { data } = await stand.anonymous.rest.repos.downloadTarballArchive({ ...SHOP, ref: 'main' });
  const path = join(folder, 'archive.tar.gz');
  await writeFile(path, Buffer.from(data as ArrayBuffer));
  const { stdout } = await run('tar', ['-tzf', path]);
  const sha = (await stand.maintainer.rest.git.getRef({ ...SHOP, ref: 'heads/main' })).data.object.sha;
  expect(
    new Set(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split('/')[0]),
    ),
  ).toEqual(new Set([`acme-shop-${sha.slice(0, 7)}`]));
});

it('keeps trees, modes and deletions through the Git data API', async () => {
  const { rest } = stand.maintainer;
  const { data: main } = await rest.git.getRef({ ...SHOP, ref: 'heads/main' });
  const { data: commit } = await rest.git.getCommit({ ...SHOP, commit_sha: main.object.sha });
  const { data: blob } = await rest.git.createBlob({ ...SHOP, content: Buffer.from([0, 255, 1]).toString('base64'), encoding: 'base64' });
  const { data: tree } = await rest.git.createTree({
    ...SHOP,
    base_tree: commit.tree.sha,
    tree: [
      { path: 'bin/tool', mode: '100755', type: 'blob', content: '#!/bin/sh\n' },
      { path: 'data/x.bin', mode: '100644', type: 'blob', sha: blob.sha },
      { path: 'README.md', mode: '100644', type: 'blob', sha: null },
    ],
  });
  const { data: made } = await rest.git.createCommit({ ...SHOP, message: 'by hand', tree: tree.sha, parents: [main.object.sha] });
  await rest.git.createRef({ ...SHOP, ref: 'refs/heads/by-hand', sha: made.sha });
  const { data: whole } = await rest.git.getTree({ ...SHOP, tree_sha: 'by-hand', recursive: 'true' });
  const modes = Object.fromEntries(whole.tree.map((entry) => [entry.path, entry.mode]));
  expect(modes).toMatchObject({ 'bin/tool': '100755', 'data/x.bin': '100644', src: '040000' });
  expect(modes).not.toHaveProperty('README.md');
  const dir = await clone('', 'by-hand');
  await git(dir, 'checkout', '--quiet', 'by-hand');
  await git(dir, 'fsck', '--strict');
  expect([...(await readFile(join(dir, 'data/x.bin')))]).toEqual([0, 255, 1]);
});

it('checks refs before it moves them', async () => {
  const { rest } = stand.maintainer;
  const { data: main } = await rest.git.getRef({ ...SHOP, ref: 'heads/main' });
  const { data: commit } = await rest.git.getCommit({ ...SHOP, commit_sha: main.object.sha });
  const { data: side } = await rest.git.createCommit({ ...SHOP, message: 'elsewhere', tree: commit.tree.sha, parents: [] });
  await rest.git.createRef({ ...SHOP, ref: 'refs/heads/moving', sha: main.object.sha });
  expect(await failure(rest.git.updateRef({ ...SHOP, ref: 'heads/moving', sha: side.sha }))).toMatchObject({
    status: 422,
    data: { message: 'Update is not a fast forward' },
  });
  expect((await rest.git.updateRef({ ...SHOP, ref: 'heads/moving', sha: side.sha, force: true })).data.object.sha).toBe(side.sha);
  expect(await failure(rest.git.createRef({ ...SHOP, ref: 'refs/heads/moving', sha: side.sha }))).toMatchObject({
    status: 422,
    data: { message: 'Reference already exists' },
  });
  for (const ref of ['refs/heads/../../x', 'refs/heads/-x', 'refs/heads/a b', 'heads/x', 'refs/heads/moving/below']) {
    expect((await failure(rest.git.createRef({ ...SHOP, ref, sha: side.sha }))).status).toBe(422);
  }
  expect((await failure(rest.git.createRef({ ...SHOP, ref: 'refs/heads/none', sha: 'f'.repeat(40) }))).status).toBe(422);
  expect((await failure(rest.git.getRef({ ...SHOP, ref: 'heads/none' }))).status).toBe(404);
});

it('guards contents by the sha of the file', async () => {
  const { rest } = stand.maintainer;
  const { data: file } = await rest.repos.getContent({ ...SHOP, path: 'package.json' });
  if (Array.isArray(file) || file.type !== 'file') throw new Error('a file was expected');
  expect(JSON.parse(Buffer.from(file.content, 'base64').toString())).toMatchObject({ scripts: { test: 'node --test' } });
  const put = (sha?: string) =>
    rest.repos.createOrUpdateFileContents({ ...SHOP, path: 'package.json', message: 'x', content: 'e30K', ...(sha === undefined ? {} : { sha }) });
  expect((await failure(put())).status).toBe(422);
  expect((await failure(put('0'.repeat(40)))).status).toBe(409);
  expect((await put(file.sha)).status).toBe(200);
  expect((await failure(rest.repos.createOrUpdateFileContents({ ...SHOP, path: '.git/config', message: 'x', content: 'e30K' }))).status).toBe(422);
  const { data: compared } = await rest.repos.compareCommitsWithBasehead({ ...SHOP, basehead: 'by-hand...main' });
  expect(compared).toMatchObject({ status: 'diverged', ahead_by: 1, behind_by: 1 });
});
