import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/kernel/package-root.ts';
import { BOOK_PATH, readBook, writeBook, type Book } from '../../src/spawn/book.ts';
import { startStand, type Stand } from '../local-github/harness.ts';
import { withFaults } from './faults.ts';
import { addOrigin, banyan, commitAll, ENV, git, makeChild, makeMother, packMother, write, type Mother } from './mother.ts';
import { Releases, startRegistry, type Registry } from './releases.ts';

/** A child that has its package in `vendor/`, whose installed package runs, while a stranger has the name `banyan` in the registry. */

const V1: Mother = {
  version: '0.0.9',
  files: {
    '.gitignore': 'node_modules\n',
    'config.ts': 'export const a = 1;\n',
    'package.json': '{\n  "name": "my-shop",\n  "dependencies": { "banyan": "{{banyan}}" }\n}\n',
  },
};
const V2: Mother = { ...V1, version: '0.2.0', files: { ...V1.files, 'config.ts': 'export const a = 2;\n' } };
const COMMAND = join(packageRoot(), 'scripts/banyan.js');

let [place, child] = ['', ''];
let releases: Releases;
let registry: Registry;

/** The package of a version; with code of its own where `script` is given. */
function packageOf(mother: Mother, script?: string): Buffer {
  const folder = mkdtempSync(join(place, 'mother-'));
  makeMother(folder, mother);
  if (script !== undefined) {
    const pkg = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as object;
    write(folder, { 'package.json': JSON.stringify({ ...pkg, bin: { banyan: 'scripts/banyan.js' } }), 'scripts/banyan.js': script });
  }
  packMother(folder, join(folder, 'packed'));
  return readFileSync(join(folder, `packed/banyan-${mother.version}.tgz`));
}

const marked = (name: string) =>
  `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(join(place, name))}, process.argv.slice(2).join(' '));\n`;

function editBook(change: (book: Book) => Book): void {
  write(child, { [BOOK_PATH]: writeBook(change(theBook())) });
  commitAll(child);
}
const theBook = () => readBook(readFileSync(join(child, BOOK_PATH), 'utf8'));

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'update source '));
  child = join(place, 'my child');
  mkdirSync(child);
  makeChild(child, makeMother(join(place, 'one'), V1));
  editBook((book) => ({ ...book, mother: 'acme/banyan' }));
  mkdirSync(join(child, 'node_modules'));
  symlinkSync(packageRoot(), join(child, 'node_modules/banyan'));
  releases = await Releases.start('acme/banyan');
  registry = await startRegistry('99.0.0', packageOf({ ...V1, version: '99.0.0' }, marked('stranger')));
});
afterEach(() => {
  releases.close();
  registry.close();
  rmSync(place, { recursive: true, force: true });
});

const env = (more: Record<string, string> = {}) => ({
  npm_config_registry: registry.url,
  npm_config_cache: join(place, 'cache'),
  GITHUB_TOKEN: 'ours',
  GH_TOKEN: '',
  GITHUB_API_URL: releases.api,
  ...more,
});
const update = (...args: string[]) => banyan(['update', ...args], { cwd: child, env: env() });

/** Nobody has asked the registry, and none of its code has run. */
function expectNoStranger(): void {
  expect(registry.asked).toEqual([]);
  expect(existsSync(join(place, 'stranger'))).toBe(false);
}

describe('a child with its package in vendor/', () => {
  it('asks no registry for its name, whatever the command is', async () => {
    for (const args of [[], ['--check'], ['--dry-run'], ['--to', 'latest'], ['--to', 'next'], ['--to', 'v99.0.0'], ['--check', '--to', 'v99.0.0']]) {
      const { code } = await update(...args);
      expect([args, code]).toEqual([args, args.includes('--check') ? 2 : 1]);
      expectNoStranger();
    }
    rmSync(join(child, 'vendor'), { recursive: true });
    const lost = await update('--force', '--to', makeMother(join(place, 'two'), V2));
    expect([lost.code, lost.stderr]).toEqual([1, expect.stringContaining('not among the releases of acme/banyan')]);
    expectNoStranger();
  });

  it("takes its mother's newest release, by that one's own code", async () => {
    const own = `${marked('handed over')}await import(${JSON.stringify(COMMAND)});\n`;
    releases.publish('0.2.0', packageOf(V2, own));
    releases.publish('0.0.9', packageOf(V1));
    expect(await update('--check')).toMatchObject({ code: 10, stdout: expect.stringContaining('Template v0.0.9 -> v0.2.0') });
    expect(existsSync(join(place, 'handed over'))).toBe(false);
    const { code, stdout, stderr } = await update('--no-install');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/banyan v0\.2\.0 updates to itself[^]*Now at template v0\.2\.0\./);
    expect(readFileSync(join(place, 'handed over'), 'utf8')).toMatch(/^update --no-install --to .*banyan-0\.2\.0\.tgz$/);
    expect(readFileSync(join(child, 'config.ts'), 'utf8')).toBe('export const a = 2;\n');
    expect(theBook()).toMatchObject({ version: '0.2.0', banyan: 'file:vendor/banyan-0.2.0.tgz', mother: 'acme/banyan' });
    expect(readdirSync(join(child, 'vendor'))).toEqual(['banyan-0.2.0.tgz']);
    rmSync(join(child, 'node_modules'), { recursive: true });
    const { npm_config_registry, npm_config_cache } = env();
    await promisify(execFile)('npm', ['install', '--no-audit'], { cwd: child, env: { ...ENV, npm_config_registry, npm_config_cache } });
    expect(readFileSync(join(child, 'node_modules/banyan/package.json'), 'utf8')).toContain('"0.2.0"');
    expectNoStranger();
  });

  it('takes the newest whose package is there, and names what another lacks', async () => {
    releases.publish('0.2.0', packageOf(V2));
    releases.publish('0.3.0', packageOf(V2), { name: 'notes.txt' });
    expect((await update('--check')).stdout).toContain('Template v0.0.9 -> v0.2.0');
    expect((await update('--to', 'v0.3.0')).stderr).toMatch(/v0\.3\.0 of acme\/banyan has no banyan-0\.3\.0\.tgz/);
  });

  it('is up to date where the newest release is older than it', async () => {
    releases.publish('0.0.8', packageOf({ ...V1, version: '0.0.8' }));
    for (const args of [[], ['--to', 'latest']]) {
      expect((await update('--check', ...args)).code).toBe(0);
      expect(await update(...args)).toMatchObject({ code: 0, stdout: expect.stringContaining('Up to date: template v0.0.9') as string });
    }
    expect((await update('--to', 'v0.0.8')).stderr).toContain('newer than 0.0.8');
  });

  it('gives its token to GitHub, and not to the host of the files', async () => {
    releases.publish('0.2.0', packageOf(V2));
    expect((await update('--dry-run')).code).toBe(0);
    expect(new Set(releases.asked.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer ours']));
    expect(releases.fetched).toEqual([{ url: '/1', authorization: undefined }]);
    const anonymous = await banyan(['update', '--check'], { cwd: child, env: env({ GITHUB_TOKEN: '' }) });
    expect([anonymous.code, releases.asked.at(-1)?.authorization]).toEqual([10, undefined]);
  });

  it('says what to do where it knows no mother', async () => {
    editBook(({ mother: _mother, ...book }) => book);
    for (const [args, code] of [[[], 1] as const, [['--check'], 2] as const]) {
      const outcome = await update(...args);
      expect([outcome.code, outcome.stdout + outcome.stderr]).toEqual([
        code,
        expect.stringMatching(/"mother": "owner\/repository"[^]*--to <tarball or checkout>/),
      ]);
    }
    expect(releases.asked).toEqual([]);
    expectNoStranger();
    expect((await update('--no-install', '--to', makeMother(join(place, 'two'), V2))).code).toBe(0);
  });

  it.each([
    [
      'cannot be seen',
      () => (releases.fault = { status: 404, body: '{"message":"Not Found"}' }),
      /acme\/banyan cannot be seen[^]*"mother" in .banyan\/template.json[^]*GITHUB_TOKEN/,
    ],
    ['has no release', () => undefined, /acme\/banyan has no release/],
    [
      'is behind a limit that lasts',
      () => (releases.fault = { status: 403, headers: { 'x-ratelimit-remaining': '0', 'retry-after': '900' }, body: '{"message":"API rate limit exceeded"}' }),
      /rate limit is used up[^]*Run it again in 15 min/,
    ],
    ['has no release with a package', () => releases.publish('0.2.0', packageOf(V2), { name: 'notes.txt' }), /acme\/banyan has no release/],
    ['says that it is too large', () => releases.publish('0.2.0', packageOf(V2), { size: 500_000_000 }), /larger than/],
    ['sends more than it has said', () => releases.publish('0.2.0', Buffer.concat([packageOf(V2), Buffer.alloc(5)]), { size: 10 }), /is not what GitHub has/],
    ['sends other bytes than it has', () => releases.publish('0.2.0', packageOf(V2), { digest: `sha256:${'0'.repeat(64)}` }), /is not what GitHub has/],
    [
      'has another version in its package',
      () => releases.publish('0.2.0', packageOf({ ...V2, version: '0.3.0' })),
      /is the package of banyan 0\.3\.0, not of banyan 0\.2\.0/,
    ],
    ['has what is no package', () => releases.publish('0.2.0', Buffer.from('text')), /cannot be read as a package/],
  ])('is not updated where the mother %s', async (_what, arrange, message) => {
    arrange();
    const before = git(child, 'status', '--short');
    const { code, stderr } = await update();
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect([git(child, 'status', '--short'), theBook().version]).toEqual([before, '0.0.9']);
    expectNoStranger();
  });

  it('refuses the package of another name', async () => {
    const other = makeMother(join(place, 'other'), V2);
    write(other, { 'package.json': readFileSync(join(other, 'package.json'), 'utf8').replace('"banyan"', '"other"') });
    packMother(other, join(place, 'packed'));
    releases.publish('0.2.0', readFileSync(join(place, 'packed/other-0.2.0.tgz')));
    expect(await update()).toMatchObject({ code: 1, stderr: expect.stringMatching(/is the package of other 0\.2\.0, not of banyan 0\.2\.0/) });
  });

  it('takes prereleases where they are asked for, and never a draft', async () => {
    releases.publish('0.1.1', packageOf({ ...V2, version: '0.1.1' }));
    releases.publish('0.2.0-beta.1', packageOf({ ...V2, version: '0.2.0-beta.1' }));
    releases.publish('0.1.9', packageOf({ ...V2, version: '0.1.9' }), { prerelease: true });
    releases.publish('0.3.0', packageOf({ ...V2, version: '0.3.0' }), { draft: true });
    releases.publish('0.4.0', packageOf({ ...V2, version: '0.4.0' }), { tag_name: 'nightly' });
    const to = async (...args: string[]) => (await update('--check', ...args)).stdout;
    expect(await to()).toContain('-> v0.1.1');
    expect(await to('--to', 'next')).toContain('-> v0.2.0-beta.1');
    expect(await to('--to', 'v0.1.9')).toContain('-> v0.1.9');
    expect(await to('--to', '0.3.0')).toContain('acme/banyan has no release v0.3.0');
  });

  it("brings the old template from its mother's releases where it has lost it", async () => {
    rmSync(join(child, 'vendor'), { recursive: true });
    commitAll(child);
    releases.publish('0.0.9', packageOf(V1));
    releases.publish('0.2.0', packageOf(V2));
    expect((await update('--no-install')).code).toBe(0);
    expect(theBook().version).toBe('0.2.0');
    expect(releases.fetched.map(({ url }) => url)).toEqual(['/2', '/1']);
    expectNoStranger();
  });
});

describe('the weekly pull request of such a child', () => {
  let stand: Stand;
  let count = 0;
  let at = { owner: 'maintainer', repo: '' };
  beforeAll(async () => {
    stand = await startStand();
  });
  afterAll(() => stand.stop());
  beforeEach(async () => {
    const { data } = await stand.maintainer.rest.repos.createForAuthenticatedUser({ name: `my-source-${count++}` });
    at = { owner: data.owner.login, repo: data.name };
    addOrigin(child, stand.url, data.full_name);
  });

  async function request() {
    // Not waited for in this thread: the server that answers lives in it.
    await promisify(execFile)('git', ['push', '-q', 'origin', 'main'], { cwd: child });
    return withFaults(
      stand.url,
      ({ url }) => releases.answer(url),
      (api) => {
        const actions = { GITHUB_TOKEN: 'maintainer-token', GITHUB_REPOSITORY: `${at.owner}/${at.repo}`, GITHUB_API_URL: api };
        return banyan(['update', '--pull-request', '--json'], { cwd: child, env: env(actions) });
      },
    );
  }

  it("proposes the mother's newest release", async () => {
    releases.publish('0.2.0', packageOf(V2));
    const { code, stdout } = await request();
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ action: 'push', to: '0.2.0', pull: 1 })]);
    const { data } = await stand.maintainer.rest.pulls.listFiles({ ...at, pull_number: 1 });
    expect(data.map(({ filename }) => filename)).toEqual([BOOK_PATH, 'config.ts', 'package.json', 'vendor/banyan-0.0.9.tgz', 'vendor/banyan-0.2.0.tgz']);
    expectNoStranger();
  });

  it('is none where nothing waits', async () => {
    releases.publish('0.0.9', packageOf(V1));
    const { code, stdout } = await request();
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ action: 'nothing', pull: null, notes: ['acme/banyan has no newer release.'] })]);
    expectNoStranger();
  });

  it('is none, and says why, where no mother is known', async () => {
    editBook(({ mother: _mother, ...book }) => book);
    const { code, stdout } = await request();
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      expect.objectContaining({ action: 'nothing', pull: null, notes: [expect.stringMatching(/names no mother.*"mother": "owner\/repository"/)] }),
    ]);
    expectNoStranger();
  });
});
