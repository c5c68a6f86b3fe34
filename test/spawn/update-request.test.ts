import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BOOK_PATH, readBook } from '../../src/spawn/book.ts';
import { requestUpdate, type RequestOptions } from '../../src/spawn/update/request/request.ts';
import { withScratch } from '../../src/spawn/update/target.ts';
import { startStand, type Stand } from '../local-github/harness.ts';
import { withFaults, type Asked } from './faults.ts';
import { addOrigin, commitAll, git, makeChild, makeMother, type Mother, snapshot, write } from './mother.ts';

const WORKFLOW = '.github/workflows/ci.yml';
const V1: Mother = {
  version: '0.1.0',
  files: { 'config.ts': 'export const a = 1;\n// middle\nexport const b = 1;\n', 'tool.ts': 'export {};\n', [WORKFLOW]: 'name: CI\non: push\n' },
};
const V2: Mother = {
  ...V1,
  version: '0.2.0',
  changelog: '# Changelog\n\n## [0.2.0]\n\n- Better b, because it was worse.\n\n## [0.1.0]\n\n- First.\n',
  files: { ...V1.files, 'config.ts': 'export const a = 1;\n// middle\nexport const b = 2;\n' },
};

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

let place = '';
let child = '';
let two = '';
let count = 0;
let at = { owner: 'maintainer', repo: '' };

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'update-request-'));
  two = makeMother(join(place, 'two'), V2);
  child = join(place, 'child');
  mkdirSync(child);
  makeChild(child, makeMother(join(place, 'one'), V1));
  const { data } = await stand.maintainer.rest.repos.createForAuthenticatedUser({ name: `my-shop-${count++}` });
  at = { owner: data.owner.login, repo: data.name };
  addOrigin(child, stand.url, data.full_name);
  await push();
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

async function run(options: Partial<RequestOptions> = {}) {
  const env = { ...process.env, npm_config_cache: undefined };
  const request = {
    token: 'maintainer-token',
    repository: `${at.owner}/${at.repo}`,
    api: stand.url,
    to: two,
    major: false,
    handover: () => Promise.resolve(null),
    ...options,
  };
  const outcome = await withScratch((scratch) => requestUpdate(request, { root: child, running: two, scratch, commands: { cwd: child, env } }));
  if (typeof outcome === 'number') throw new Error(`another version has done it, and ended with ${outcome}`);
  return outcome;
}

/** Not waited for in this thread: the server that answers lives in it. */
async function push(): Promise<void> {
  await promisify(execFile)('git', ['push', '-q', 'origin', 'main'], { cwd: child });
}

/** A commit of a person on the default branch. */
async function edit(files: Record<string, string>): Promise<void> {
  write(child, files);
  commitAll(child);
  await push();
}

const BRANCH = 'banyan/template-v0.2.0';
const pulls = async () => (await stand.maintainer.rest.pulls.list({ ...at, state: 'all' })).data;
const thePull = async (number: number | null) => (await stand.maintainer.rest.pulls.get({ ...at, pull_number: number ?? 0 })).data;
const comments = async (number: number | null) =>
  (await stand.maintainer.rest.issues.listComments({ ...at, issue_number: number ?? 0 })).data.map(({ body }) => body ?? '');
const head = async (branch = BRANCH) => (await stand.maintainer.rest.git.getRef({ ...at, ref: `heads/${branch}` })).data.object.sha;

async function text(path: string, ref = BRANCH): Promise<string> {
  const { data } = await stand.maintainer.rest.repos.getContent({ ...at, path, ref });
  if (Array.isArray(data) || data.type !== 'file') throw new Error(`${path} is no file`);
  return Buffer.from(data.content, 'base64').toString();
}

/** A person pushes a file to the branch. */
async function pushTo(branch: string, path: string, content: string): Promise<void> {
  const { data } = await stand.maintainer.rest.repos.getContent({ ...at, path, ref: branch });
  const sha = Array.isArray(data) ? '' : data.sha;
  await stand.maintainer.rest.repos.createOrUpdateFileContents({ ...at, branch, path, sha, message: 'mine', content: Buffer.from(content).toString('base64') });
}

describe('the pull request of an update', () => {
  it('leaves everything to the code of the version that is proposed, where that is newer', async () => {
    await expect(run({ handover: ({ version }) => Promise.resolve(version === '0.2.0' ? 7 : null) })).rejects.toThrow('ended with 7');
    const { data } = await stand.maintainer.rest.pulls.list({ ...at, state: 'all' });
    expect(data).toEqual([]);
  });

  it('is opened once with what changed and why, and leaves the working tree as it is', async () => {
    const before = snapshot(child);
    const outcome = await run();
    expect(outcome).toMatchObject({ action: 'push', branch: BRANCH, conflicts: 0 });
    const pull = await thePull(outcome.pull);
    expect(pull).toMatchObject({ title: 'chore: template v0.2.0', draft: false, commits: 1 });
    expect(pull.body).toContain('Better b, because it was worse.');
    expect(pull.body).not.toContain('- First.');
    expect(await text('config.ts')).toBe(V2.files['config.ts']);
    expect(readBook(await text(BOOK_PATH))).toMatchObject({ version: '0.2.0', banyan: 'file:vendor/banyan-0.2.0.tgz' });
    const tree = await stand.maintainer.rest.git.getTree({ ...at, tree_sha: BRANCH, recursive: '1' });
    expect(tree.data.tree.map(({ path }) => path).filter((path) => path.endsWith('.tgz'))).toEqual(['vendor/banyan-0.2.0.tgz']);
    expect(snapshot(child)).toEqual(before);
    const sha = await head();
    expect((await run()).pull).toBe(outcome.pull);
    expect(await head()).toBe(sha);
    expect(await pulls()).toHaveLength(1);
  });

  it('is refreshed when the default branch or the template moves', async () => {
    const { pull } = await run();
    await edit({ 'own.ts': 'mine\n' });
    await run();
    expect((await thePull(pull)).base.sha).toBe(await head('main'));
    expect(await text('own.ts')).toBe('mine\n');
    makeMother(two, { ...V2, files: { ...V2.files, 'tool.ts': 'export const tool = 2;\n' } });
    expect((await run()).pull).toBe(pull);
    expect(await text('tool.ts')).toBe('export const tool = 2;\n');
    expect((await thePull(pull)).body).toContain('tool.ts');
    expect((await thePull(pull)).commits).toBe(1);
  });

  it('is left alone once somebody has pushed to it, which is said once', async () => {
    const { pull } = await run();
    await pushTo(BRANCH, 'config.ts', 'mine\n');
    const sha = await head();
    await edit({ 'own.ts': 'mine\n' });
    expect((await run()).action).toBe('leave');
    await run();
    expect(await head()).toBe(sha);
    expect((await comments(pull)).filter((body) => body.includes('Somebody has pushed'))).toHaveLength(1);
  });

  it('is not opened again after it was closed, until there is a newer version, which remembers that', async () => {
    const { pull } = await run();
    await stand.maintainer.rest.pulls.update({ ...at, pull_number: pull ?? 0, state: 'closed' });
    expect(await run()).toMatchObject({ action: 'refused', pull });
    expect(await pulls()).toHaveLength(1);
    makeMother(two, { ...V2, version: '0.3.0' });
    const next = await run();
    expect(next.action).toBe('push');
    expect(readBook(await text(BOOK_PATH, 'banyan/template-v0.3.0')).refused).toEqual(['0.2.0']);
  });

  it('supersedes an older one, which is no refusal', async () => {
    const { pull } = await run();
    makeMother(two, { ...V2, version: '0.2.1' });
    const next = await run();
    expect(await thePull(pull)).toMatchObject({ state: 'closed' });
    expect((await comments(pull)).join()).toContain(`Superseded by #${next.pull}`);
    await run();
    expect(readBook(await text(BOOK_PATH, 'banyan/template-v0.2.1')).refused).toBeUndefined();
  });

  it('refuses a checkout that is not the newest commit, and one that is not clean', async () => {
    write(child, { 'own.ts': 'x\n' });
    await expect(run()).rejects.toThrow(/not committed/);
    commitAll(child);
    await expect(run()).rejects.toThrow(/not the newest commit of main/);
    expect(await pulls()).toEqual([]);
  });
});

describe('conflicts', () => {
  beforeEach(() => edit({ 'config.ts': 'export const a = 1;\n// middle\nexport const b = 77;\n' }));

  it('make it a draft whose branch alone has the markers, until somebody has resolved them', async () => {
    const { pull, conflicts } = await run();
    expect(conflicts).toBe(1);
    expect(await thePull(pull)).toMatchObject({ draft: true, body: expect.stringContaining('`config.ts`: 1') });
    expect(await text('config.ts')).toContain(
      '<<<<<<< your child\nexport const b = 77;\n||||||| template v0.1.0\nexport const b = 1;\n=======\nexport const b = 2;\n>>>>>>> template v0.2.0',
    );
    expect(await text('config.ts', 'main')).not.toContain('<<<<<<<');
    await pushTo(BRANCH, 'tool.ts', 'something else\n');
    await run();
    expect((await thePull(pull)).draft).toBe(true);
    await pushTo(BRANCH, 'config.ts', 'export const b = 78;\n=======\n');
    await run();
    expect((await thePull(pull)).draft).toBe(true);
    await pushTo(BRANCH, 'config.ts', 'export const b = 78;\n');
    await run();
    expect((await thePull(pull)).draft).toBe(false);
  });

  it('are given to the Banyan of the child, once, where one runs', async () => {
    await run();
    const issues = async () => (await stand.maintainer.rest.issues.listForRepo({ ...at })).data.filter((issue) => !issue.pull_request);
    expect(await issues()).toEqual([]);
    await stand.maintainer.rest.issues.createLabel({ ...at, name: 'ready-for-dev' });
    const { pull } = await run();
    await run();
    const [issue, ...others] = await issues();
    expect(others).toEqual([]);
    expect(issue?.labels).toEqual([expect.objectContaining({ name: 'ready-for-dev' })]);
    for (const part of [`#${pull}`, BRANCH, 'export const b = 77;', '||||||| template v0.1.0', 'export const b = 2;']) expect(issue?.body).toContain(part);
  });
});

describe('a new major version', () => {
  beforeEach(() => {
    makeMother(two, { ...V2, version: '1.0.0', changelog: '# Changelog\n\n## [1.0.0]\n\n- **BREAKING:** b is a string (codemods/1.0.0-b.mjs).\n' });
  });
  const question = async () => (await stand.maintainer.rest.issues.listForRepo({ ...at, state: 'all' })).data.filter((issue) => !issue.pull_request);

  it('is asked for once, with what breaks, and proposed when somebody says so', async () => {
    expect((await run()).action).toBe('ask');
    await run();
    const [issue, ...others] = await question();
    expect(others).toEqual([]);
    expect(issue?.body).toContain('b is a string');
    const number = issue?.number ?? 0;
    await stand.visitor.rest.issues.createComment({ ...at, issue_number: number, body: '/banyan update' });
    expect((await run()).action).toBe('ask');
    await stand.maintainer.rest.issues.createComment({ ...at, issue_number: number, body: '/banyan update' });
    expect((await run()).action).toBe('push');
  });

  it('is one question for its line, brought up to date, and the answer holds for the line', async () => {
    const version = (to: string) =>
      makeMother(two, { ...V2, version: to, changelog: `# Changelog\n\n## [${to}]\n\n- **BREAKING:** fixes #1 in ${to} for @maintainer.\n` });
    version('1.0.0');
    await run();
    // Of a run of before: each version had its own.
    await stand.maintainer.rest.issues.create({ ...at, title: 'Template v1.0.0', body: 'Old.\n<!-- banyan-update: major v1.0.0 -->\n' });
    version('1.0.1');
    expect((await run()).action).toBe('ask');
    const open = (await question()).filter(({ state }) => state === 'open');
    expect(open).toHaveLength(1);
    expect(open[0]).toMatchObject({ title: expect.stringContaining('v1.0.1') as string, body: expect.stringContaining('in 1.0.1') as string });
    expect(open[0]?.body).not.toMatch(/fixes #1|@maintainer/);
    expect((await question()).filter(({ state }) => state === 'closed')).toHaveLength(1);
    expect((await run()).notes.join()).toContain(`waits for an answer in #${open[0]?.number}`);
    await stand.maintainer.rest.issues.createComment({ ...at, issue_number: open[0]?.number ?? 0, body: '/banyan update' });
    version('1.0.2');
    expect(await run()).toMatchObject({ action: 'push', to: '1.0.2' });
    expect(await question()).toHaveLength(2);
  });

  it('is declined for its line by closing the question, and the next line points to its own', async () => {
    makeMother(two, { ...V2, version: '1.0.0' });
    await run();
    const [first] = await question();
    await stand.maintainer.rest.issues.update({ ...at, issue_number: first?.number ?? 0, state: 'closed' });
    makeMother(two, { ...V2, version: '1.1.0' });
    expect((await run()).notes.join()).toContain(`declined in #${first?.number}`);
    expect(await question()).toHaveLength(1);
    await stand.maintainer.rest.issues.update({ ...at, issue_number: first?.number ?? 0, state: 'open' });
    makeMother(two, { ...V2, version: '2.0.0' });
    await run();
    const [second] = (await question()).filter(({ state }) => state === 'open');
    expect(second?.title).toContain('v2.0.0');
    expect((await comments(first?.number ?? 0)).join()).toContain(`#${second?.number} asks about template v2.0.0`);
  });

  it('is not agreed to by a collaborator who only reads', async () => {
    await run();
    const [issue] = await question();
    await stand.maintainer.rest.issues.createComment({ ...at, issue_number: issue?.number ?? 0, body: '/banyan update' });
    const reads = ({ url }: Asked) =>
      url.endsWith('/collaborators/maintainer/permission') ? { status: 200, body: '{"permission":"read","role_name":"read"}' } : null;
    expect((await withFaults(stand.url, reads, (api) => run({ api }))).action).toBe('ask');
    expect((await run()).action).toBe('push');
  });

  it('is proposed at once where the book says so', async () => {
    await edit({ [BOOK_PATH]: readFileSync(join(child, BOOK_PATH), 'utf8').replace('"files": {', '"majors": true,\n  "files": {') });
    expect((await run()).action).toBe('push');
    expect(await question()).toEqual([]);
  });
});

describe('workflows that the token may not push', () => {
  let proxy: Server;
  let api = '';

  /** Answers as GitHub does to a token of Actions. */
  beforeEach(async () => {
    makeMother(two, { ...V2, files: { ...V2.files, [WORKFLOW]: 'name: CI\non: [push, pull_request]\n' } });
    proxy = createServer((request, response) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const body = Buffer.concat(chunks).toString();
        if (request.url?.endsWith('/git/trees') && body.includes('"path":".github/workflows')) {
          response.writeHead(403, { 'content-type': 'application/json' }).end('{"message":"Resource not accessible by integration"}');
          return;
        }
        const headers = { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' };
        const answer = await fetch(`${stand.url}${request.url}`, { method: request.method ?? 'GET', headers, ...(body === '' ? {} : { body }) });
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(await answer.text());
      })();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    api = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterEach(() => proxy.close());

  it('stand as a patch in the body, and all else is pushed', async () => {
    const { pull } = await run({ api });
    const { body } = await thePull(pull);
    expect(body).toContain('+on: [push, pull_request]');
    expect(await text('config.ts')).toBe(V2.files['config.ts']);
    expect(await text(WORKFLOW)).toBe(V1.files[WORKFLOW]);
    const before = readBook(readFileSync(join(child, BOOK_PATH), 'utf8'));
    expect(readBook(await text(BOOK_PATH)).files[WORKFLOW]).toEqual(before.files[WORKFLOW]);
    const patch = /```diff\n([^]*?)```/.exec(body ?? '')?.[1] ?? '';
    write(place, { 'workflows.patch': patch });
    git(child, 'apply', join(place, 'workflows.patch'));
    expect(readFileSync(join(child, WORKFLOW), 'utf8')).toContain('pull_request');
  });
});
