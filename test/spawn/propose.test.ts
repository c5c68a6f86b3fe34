import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/kernel/package-root.ts';
import { parseAnswers } from '../../src/spawn/answers.ts';
import { BOOK_PATH, createBook, writeBook } from '../../src/spawn/book.ts';
import { renderTemplate } from '../../src/spawn/render.ts';
import { readTemplate } from '../../src/spawn/template.ts';
import { startStand, type Stand } from '../local-github/harness.ts';

const ROOT = packageRoot();
const ORIGINS = ['child-template/files/vitest.config.ts', 'child-template/files/AGENTS.md'];
const answers = parseAnswers({ name: 'velo-works', domain: 'custom', agents: ['qa'], owner: 'radhaus', description: 'Bicycles made to measure' }, 'answers');

let stand: Stand;
let child: string;
let count = 0;
let mother: string;

beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

/** A child as it is after an install, of which only the template is needed here. */
function renderChild(): string {
  const folder = mkdtempSync(join(tmpdir(), 'banyan propose '));
  const template = readTemplate(ROOT);
  const files = renderTemplate(template, answers, { banyan: 'file:vendor/banyan.tgz' });
  const book = createBook({ template, commit: null, banyan: 'file:vendor/banyan.tgz', answers, files });
  for (const { path, content } of [...files, { path: BOOK_PATH, content: writeBook({ ...book, mother }) }]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/banyan'));
  return folder;
}

beforeEach(async () => {
  mother = `acme/mother-${++count}`;
  const [owner = '', repo = ''] = mother.split('/');
  await stand.maintainer.repos.createInOrg({ org: owner, name: repo, auto_init: true });
  for (const path of ORIGINS) {
    const content = readFileSync(join(ROOT, path)).toString('base64');
    await stand.maintainer.repos.createOrUpdateFileContents({ owner, repo, path, message: 'chore: template', content });
  }
  child = renderChild();
});
afterEach(() => rmSync(child, { recursive: true, force: true }));

interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** The command as a process of its own; the local GitHub answers from this one, so it is not waited for in a blocking way. */
async function propose(args: string[], token: string | null = 'visitor-token'): Promise<Outcome> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: child,
    GIT_CONFIG_NOSYSTEM: '1',
    GITHUB_API_URL: stand.url,
    ...(token === null ? {} : { GITHUB_TOKEN: token }),
  };
  const running = spawn(process.execPath, [join(ROOT, 'scripts/banyan.js'), 'propose', ...args], { cwd: child, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  running.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  running.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  return new Promise((resolve) => running.once('close', (status) => resolve({ status, stdout, stderr })));
}

function edit(path: string, change: (text: string) => string): void {
  writeFileSync(join(child, path), change(readFileSync(join(child, path), 'utf8')));
}

const slower = (text: string) => text.replace('hookTimeout: 60_000', 'hookTimeout: 90_000');

async function issues() {
  const [owner = '', repo = ''] = mother.split('/');
  return (await stand.maintainer.issues.listForRepo({ owner, repo, state: 'all' })).data;
}

/** What the process said as data. */
function sent(outcome: Outcome): { what: string; way: string; url: string; notes: string[] } {
  expect(outcome.stderr).toBe('');
  return (JSON.parse(outcome.stdout) as { sent: ReturnType<typeof sent> }).sent;
}

describe('banyan propose, for who may only read the mother', () => {
  it('shows everything first, sends nothing in a dry run or without a yes, then one issue whose patch applies', async () => {
    edit('vitest.config.ts', slower);
    const dry = await propose(['vitest.config.ts', '--dry-run'], null);
    expect(dry).toMatchObject({ status: 0, stderr: '' });
    expect(dry.stdout).toContain('90_000');
    const unasked = await propose(['vitest.config.ts']);
    expect([unasked.status, unasked.stderr]).toEqual([1, expect.stringContaining('--yes')]);
    expect(await issues()).toEqual([]);

    expect(sent(await propose(['vitest.config.ts', '--yes', '--json']))).toMatchObject({ what: 'created', way: 'issue' });
    const [issue] = await issues();
    expect(issue?.body).not.toMatch(/velo|radhaus/i);
    const patch = /```diff\n([\s\S]*?)```/.exec(issue?.body ?? '')?.[1] ?? '';
    const checkout = mkdtempSync(join(tmpdir(), 'banyan-mother-'));
    mkdirSync(join(checkout, 'child-template/files'), { recursive: true });
    writeFileSync(join(checkout, ORIGINS[0] ?? ''), readFileSync(join(ROOT, ORIGINS[0] ?? '')));
    const applied = spawnSync('git', ['apply', '-'], { cwd: checkout, input: patch, encoding: 'utf8' });
    expect(applied).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(checkout, ORIGINS[0] ?? ''), 'utf8')).toContain('90_000');
    rmSync(checkout, { recursive: true });
  });

  it('finds its issue again: says so, brings it up to date, and leaves a closed one closed', async () => {
    edit('vitest.config.ts', slower);
    const first = sent(await propose(['vitest.config.ts', '--yes', '--json']));
    expect(sent(await propose(['vitest.config.ts', '--yes', '--json']))).toMatchObject({ what: 'there', url: first.url });
    edit('vitest.config.ts', (text) => text.replace('90_000', '95_000'));
    expect(sent(await propose(['vitest.config.ts', '--yes', '--json']))).toMatchObject({ what: 'updated', url: first.url });
    const [issue, ...more] = await issues();
    expect(more).toEqual([]);
    expect(issue?.body).toContain('95_000');
    const [owner = '', repo = ''] = mother.split('/');
    await stand.maintainer.issues.update({ owner, repo, issue_number: issue?.number ?? 0, state: 'closed' });
    expect(sent(await propose(['vitest.config.ts', '--yes', '--json']))).toMatchObject({ what: 'declined', url: first.url });
    expect(await issues()).toHaveLength(1);
  });

  it('says what a pull request needs, what a seed is, and what would name the child', async () => {
    edit('vitest.config.ts', slower);
    expect((await propose(['vitest.config.ts', '--pull-request', '--yes'])).stderr).toMatch(/may not push[\s\S]*--issue/);
    edit('README.md', (text) => `${text}More.\n`);
    expect((await propose(['README.md', '--yes'])).stderr).toMatch(/README\.md is of the class seed[\s\S]*vitest\.config\.ts/);
    edit('vitest.config.ts', (text) => `${text}// Velo Works, ask rosa@radhaus.ch\n`);
    const named = await propose(['vitest.config.ts', '--yes']);
    expect([named.status, named.stderr]).toEqual([1, expect.stringMatching(/Velo Works[\s\S]*rosa@radhaus\.ch[\s\S]*--allow/)]);
    expect((await propose(['vitest.config.ts', '--yes'], null)).stderr).not.toContain('GITHUB_TOKEN');
    expect(await issues()).toEqual([]);
  });
});

describe('banyan propose, for who may push to the mother', () => {
  it('opens one pull request on what the mother has by now, and moves it on', async () => {
    const [owner = '', repo = ''] = mother.split('/');
    const path = ORIGINS[0] ?? '';
    const { data } = await stand.maintainer.repos.getContent({ owner, repo, path });
    const sha = Array.isArray(data) ? '' : data.sha;
    const ours = `// The mother went on.\n${readFileSync(join(ROOT, path), 'utf8')}`;
    await stand.maintainer.repos.createOrUpdateFileContents({
      owner,
      repo,
      path,
      sha,
      message: 'docs: a comment',
      content: Buffer.from(ours).toString('base64'),
    });

    edit('vitest.config.ts', slower);
    const first = sent(await propose(['vitest.config.ts', '--yes', '--json'], 'maintainer-token'));
    expect(first).toMatchObject({ what: 'created', way: 'pull-request' });
    edit('vitest.config.ts', (text) => text.replace('90_000', '95_000'));
    const second = sent(await propose(['vitest.config.ts', '--yes', '--json'], 'maintainer-token'));
    expect(second).toMatchObject({ what: 'updated', url: first.url });
    const { data: pulls } = await stand.maintainer.pulls.list({ owner, repo, state: 'all' });
    expect(pulls).toHaveLength(1);
    const { data: files } = await stand.maintainer.pulls.listFiles({ owner, repo, pull_number: pulls[0]?.number ?? 0 });
    expect(files.map(({ filename, additions, deletions }) => [filename, additions, deletions])).toEqual([[path, 1, 1]]);
    expect(files[0]?.patch).toContain('95_000');
  });

  it('leaves a branch alone to which somebody has pushed', async () => {
    const [owner = '', repo = ''] = mother.split('/');
    edit('vitest.config.ts', slower);
    sent(await propose(['vitest.config.ts', '--yes', '--json'], 'maintainer-token'));
    const [pull] = (await stand.maintainer.pulls.list({ owner, repo })).data;
    await stand.maintainer.repos.createOrUpdateFileContents({
      owner,
      repo,
      path: 'NOTE.md',
      branch: pull?.head.ref ?? '',
      message: 'docs: a note',
      content: 'aGk=',
    });
    edit('vitest.config.ts', (text) => text.replace('90_000', '95_000'));
    const refused = await propose(['vitest.config.ts', '--yes'], 'maintainer-token');
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringMatching(/pushed to banyan\/propose-/)]);
  });

  it('sends an issue where the mother has changed the same lines', async () => {
    const [owner = '', repo = ''] = mother.split('/');
    const path = ORIGINS[0] ?? '';
    const { data } = await stand.maintainer.repos.getContent({ owner, repo, path });
    const content = Buffer.from(readFileSync(join(ROOT, path), 'utf8').replace('60_000', '61_000')).toString('base64');
    await stand.maintainer.repos.createOrUpdateFileContents({ owner, repo, path, sha: Array.isArray(data) ? '' : data.sha, message: 'test: longer', content });
    edit('vitest.config.ts', slower);
    const outcome = sent(await propose(['vitest.config.ts', '--yes', '--json'], 'maintainer-token'));
    expect(outcome).toMatchObject({ what: 'created', way: 'issue', notes: [expect.stringContaining('same lines')] });
  });
});

describe('banyan propose, wrongly called', () => {
  it('names what is missing', async () => {
    expect((await propose([])).stderr).toContain('No file is named');
    expect((await propose(['vitest.config.ts', '--issue', '--pull-request'])).stderr).toContain('exclude');
    expect((await propose(['vitest.config.ts', '--to', 'nowhere'])).stderr).toContain('owner/repository');
    expect((await propose(['../outside.ts', '--dry-run'])).stderr).toContain('leaves the folder of the child');
    execFileSync('rm', ['-r', join(child, '.banyan')]);
    expect((await propose(['vitest.config.ts', '--dry-run'])).stderr).toContain('no child of Banyan');
  });
});
