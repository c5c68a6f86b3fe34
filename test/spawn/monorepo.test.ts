import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/kernel/package-root.ts';
import { parseAnswers } from '../../src/spawn/answers.ts';
import { BOOK_PATH, createBook, readBook, writeBook } from '../../src/spawn/book.ts';
import { renderTemplate } from '../../src/spawn/render.ts';
import { readTemplate } from '../../src/spawn/template.ts';
import { startStand, type Stand } from '../local-github/harness.ts';
import { addOrigin, banyan, commitAll, git, makeChild, makeMother, type Mother, snapshot, write } from './mother.ts';

const V1: Mother = {
  version: '0.1.0',
  files: { 'config.ts': 'export const a = 1;\n', 'dropped.ts': 'export {};\n', '.github/workflows/ci.yml': 'name: CI\n' },
};
const V2: Mother = {
  ...V1,
  version: '0.2.0',
  files: { 'config.ts': 'export const a = 2;\n', 'new.ts': 'export const b = 1;\n', '.github/workflows/ci.yml': 'name: CI 2\n' },
};

let place = '';
/** The repository, with files of the same names as the child's. */
let whole = '';
let child = '';
let two = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'monorepo '));
  whole = join(place, 'whole');
  child = join(whole, 'services/my shop');
  two = makeMother(join(place, 'two'), V2);
  mkdirSync(child, { recursive: true });
  git(whole, 'init', '-q', '-b', 'main');
  write(whole, { 'config.ts': 'not of the child\n', 'dropped.ts': 'not of the child\n', 'package.json': '{}\n' });
  makeChild(child, makeMother(join(place, 'one'), V1), { repository: false });
  commitAll(whole, 'all');
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

/** All but the child. */
function outside(): Record<string, string> {
  return Object.fromEntries(Object.entries(snapshot(whole)).filter(([path]) => !path.startsWith('services/')));
}

describe('a child in a folder of a repository', () => {
  it('is updated, and nothing beside it; only its own changes are in the way', async () => {
    write(whole, { 'config.ts': 'edited, and not committed\n' });
    const before = outside();
    expect((await banyan(['update', '--check', '--json', '--to', two], { cwd: child })).code).toBe(10);
    const { code, stderr } = await banyan(['update', '--no-install', '--to', two], { cwd: child });
    expect([code, stderr]).toEqual([0, '']);
    expect(outside()).toEqual(before);
    expect(readFileSync(join(child, 'config.ts'), 'utf8')).toBe(V2.files['config.ts']);
    expect(readBook(readFileSync(join(child, BOOK_PATH), 'utf8')).version).toBe('0.2.0');
    expect(git(whole, '-c', 'core.quotePath=false', 'status', '--porcelain', '--untracked-files=all').trim().split('\n').toSorted()).toEqual([
      ' D "services/my shop/dropped.ts"',
      ' D "services/my shop/vendor/banyan-0.1.0.tgz"',
      ' M "services/my shop/.banyan/template.json"',
      ' M "services/my shop/.github/workflows/ci.yml"',
      ' M "services/my shop/config.ts"',
      '?? "services/my shop/new.ts"',
      '?? "services/my shop/vendor/banyan-0.2.0.tgz"',
      'M config.ts',
    ]);
    const again = await banyan(['update', '--no-install', '--to', two], { cwd: child });
    expect(again.stderr + again.stdout).toMatch(/not committed: .*my shop/);
  });
});

describe('at GitHub', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await startStand();
  });
  afterAll(() => stand.stop());

  const environment = (repository: string) => ({ GITHUB_API_URL: stand.url, GITHUB_TOKEN: 'maintainer-token', GITHUB_REPOSITORY: repository });

  async function publish(name: string): Promise<{ owner: string; repo: string }> {
    const { data } = await stand.maintainer.rest.repos.createForAuthenticatedUser({ name });
    addOrigin(whole, stand.url, data.full_name);
    // Not waited for in this thread: the server that answers lives in it.
    await promisify(execFile)('git', ['push', '-q', 'origin', 'main'], { cwd: whole });
    return { owner: data.owner.login, repo: data.name };
  }

  it('its pull request changes files below its folder, and no other', async () => {
    const at = await publish('one-child');
    const before = snapshot(whole);
    const { code, stdout, stderr } = await banyan(['update', '--pull-request', '--json', '--to', two], {
      cwd: child,
      env: environment(`${at.owner}/${at.repo}`),
    });
    expect([code, stderr]).toEqual([0, '']);
    const { pull } = JSON.parse(stdout) as { pull: number };
    const { data } = await stand.maintainer.rest.pulls.listFiles({ ...at, pull_number: pull });
    expect(data.map(({ filename, status }) => `${status} ${filename}`).toSorted()).toEqual([
      'added services/my shop/new.ts',
      'added services/my shop/vendor/banyan-0.2.0.tgz',
      'modified services/my shop/.banyan/template.json',
      'modified services/my shop/.github/workflows/ci.yml',
      'modified services/my shop/config.ts',
      'removed services/my shop/dropped.ts',
      'removed services/my shop/vendor/banyan-0.1.0.tgz',
    ]);
    expect(snapshot(whole)).toEqual(before);
  });

  it('two of them are told apart by nothing, so that none gets a pull request', async () => {
    makeChild(join(whole, 'services/other'), join(place, 'one'), { repository: false });
    commitAll(whole, 'another');
    const at = await publish('two-children');
    const { code, stderr } = await banyan(['update', '--pull-request', '--to', two], { cwd: child, env: environment(`${at.owner}/${at.repo}`) });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/the repository has 2 children: services\/my shop\/\.banyan\/template\.json, services\/other/)]);
    expect((await stand.maintainer.rest.pulls.list({ ...at, state: 'all' })).data).toEqual([]);
    expect((await stand.maintainer.rest.repos.listBranches(at)).data.map(({ name }) => name)).toEqual(['main']);
  });

  it('what it proposes goes to the place of the template, whatever folder it lies in', async () => {
    const root = packageRoot();
    const own = join(whole, 'services/velo');
    const answers = parseAnswers({ name: 'velo-works', domain: 'custom', agents: ['qa'], owner: 'radhaus', description: 'Bicycles' }, 'answers');
    const template = readTemplate(root);
    const files = renderTemplate(template, answers, { banyan: 'file:vendor/banyan.tgz' });
    const book = createBook({ template, commit: null, banyan: 'file:vendor/banyan.tgz', answers, files });
    write(own, { ...Object.fromEntries(files.map(({ path, content }) => [path, content])), [BOOK_PATH]: writeBook(book) });
    mkdirSync(join(own, 'node_modules'));
    symlinkSync(root, join(own, 'node_modules/banyan'));
    const config = join(own, 'vitest.config.ts');
    write(own, { 'vitest.config.ts': readFileSync(config, 'utf8').replace('hookTimeout: 60_000', 'hookTimeout: 90_000') });
    const { code, stdout, stderr } = await banyan(['propose', 'vitest.config.ts', '--to', 'acme/mother', '--dry-run', '--json'], { cwd: own });
    expect([code, stderr]).toEqual([0, '']);
    const { patch } = JSON.parse(stdout) as { patch: string };
    expect(patch).toMatch(/^\+\+\+ b\/child-template\/files\/vitest\.config\.ts$/m);
    expect(patch).not.toContain('services/');
  });
});
