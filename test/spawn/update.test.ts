import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BOOK_PATH, readBook } from '../../src/spawn/book.ts';
import { banyan, commitAll, freshRender, git, makeChild, makeMother, snapshot, write, type Mother } from './mother.ts';

const PACKAGE = (versions: Record<string, string>) =>
  `${JSON.stringify({ name: '{{name}}', version: '0.1.0', private: true, dependencies: { banyan: 'SPEC', ...versions } }, null, 2).replace('"SPEC"', '{{json:banyan}}')}\n`;

const V1: Mother = {
  version: '0.1.0',
  classes: { 'api/**': 'managed', 'README.md': 'seed', 'notes/**': 'local' },
  files: {
    'README.md': '# {{name}}\n',
    'api/webhook.ts': "export { POST } from 'banyan/api/webhook';\n",
    'api/health.ts': "export { GET } from 'banyan/api/health';\n",
    'config.ts': 'export const name = 1;\n// middle\nexport const last = 1;\n',
    'old-name.ts': 'const a = 1;\nconst b = 2;\nconst c = 3;\nexport { a, b, c };\n',
    'dropped.ts': 'export const dropped = true;\n',
    'dropped-edited.ts': 'export const kept = true;\n',
    'tool.sh': '#!/bin/sh\necho one\n',
    '.gitignore': 'node_modules/\n.banyan/*\n!.banyan/template.json\n',
    'package.json': PACKAGE({ left: '1.0.0' }),
  },
};

const V2: Mother = {
  ...V1,
  version: '0.2.0',
  renames: [{ from: 'old-name.ts', to: 'src/new-name.ts', version: '0.2.0' }],
  changelog: '# Changelog\n\n## [0.2.0] - 2026-11-01\n\n### Changed\n\n- Names are better.\n\n## [0.1.0]\n\n- First.\n',
  files: {
    'README.md': '# {{name}}, better\n',
    'api/webhook.ts': "// v2\nexport { POST } from 'banyan/api/webhook';\n",
    'api/health.ts': "export { GET } from 'banyan/api/health';\n",
    'api/metrics.ts': "export { GET } from 'banyan/api/metrics';\n",
    'config.ts': 'export const name = 1;\n// middle\nexport const last = 2;\n',
    'src/new-name.ts': 'const a = 1;\nconst b = 2;\nconst c = 4;\nexport { a, b, c };\n',
    'docs/new-seed.md': 'seed\n',
    'tool.sh': '#!/bin/sh\necho two\n',
    '.gitignore': 'node_modules/\n.banyan/*\n!.banyan/template.json\ncoverage/\n',
    'package.json': PACKAGE({ left: '1.1.0', right: '2.0.0' }),
  },
};

let place = '';
let child = '';
let one = '';
let two = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'update test '));
  one = makeMother(join(place, 'mother one'), V1);
  two = makeMother(join(place, 'mother two'), V2);
  child = join(place, 'my child');
  mkdirSync(child);
});

afterEach(() => rmSync(place, { recursive: true, force: true }));

const read = (path: string) => readFileSync(join(child, path), 'utf8');
const book = () => readBook(read(BOOK_PATH));
const update = (...args: string[]) => banyan(['update', '--no-install', ...args], { cwd: child });

function expectFresh(mother: string, version: string): void {
  const files = Object.fromEntries([...freshRender(mother, version)].filter(([path]) => path !== 'README.md'));
  const seen = Object.fromEntries(Object.keys(snapshot(child)).map((path) => [path, path.endsWith('.tgz') ? '' : read(path)]));
  expect(seen).toEqual({ ...files, 'README.md': seen['README.md'], [BOOK_PATH]: read(BOOK_PATH), [`vendor/banyan-${version}.tgz`]: '' });
}

describe('banyan update', () => {
  it('makes of a child without edits what a spawn of the new version makes', async () => {
    makeChild(child, one);
    const { code, stdout, stderr } = await update('--to', two);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('Now at template v0.2.0');
    expectFresh(two, '0.2.0');
    expect(read('README.md')).toBe('# my-shop\n');
    expect(statSync(join(child, 'tool.sh')).mode & 0o111).toBe(0o111);
    expect(book()).toMatchObject({ version: '0.2.0', banyan: 'file:vendor/banyan-0.2.0.tgz' });
    expect(readdirSync(join(child, '.banyan'))).toEqual(['template.json']);
    const before = snapshot(child);
    commitAll(child);
    expect((await update('--to', two)).stdout).toContain('Up to date');
    expect(snapshot(child)).toEqual(before);
  });

  it('keeps an edit of each class, moves it along, and lets deleted files be', async () => {
    makeChild(child, one);
    write(child, {
      'README.md': 'mine\n',
      'api/webhook.ts': '// my edit\n',
      'config.ts': 'export const name = 9;\n// middle\nexport const last = 1;\n',
      'old-name.ts': 'const a = 9;\nconst b = 2;\nconst c = 3;\nexport { a, b, c };\n',
      'dropped-edited.ts': 'export const kept = "mine";\n',
      'own.ts': 'export {};\n',
      'package.json': read('package.json')
        .replace('"left": "1.0.0"', '"left": "1.0.0",\n    "mine": "7.0.0"')
        .replace('"private"', '"license": "MIT",\n  "private"'),
    });
    rmSync(join(child, 'api/health.ts'));
    commitAll(child);
    const { code, stdout } = await update('--to', two);
    expect(code).toBe(0);
    expect(read('README.md')).toBe('mine\n');
    expect(read('api/webhook.ts')).toContain('// v2');
    expect(read('.banyan/replaced/v0.1.0/api/webhook.ts')).toBe('// my edit\n');
    expect(read('config.ts')).toBe('export const name = 9;\n// middle\nexport const last = 2;\n');
    expect(read('src/new-name.ts')).toBe('const a = 9;\nconst b = 2;\nconst c = 4;\nexport { a, b, c };\n');
    expect(read('dropped-edited.ts')).toBe('export const kept = "mine";\n');
    expect(JSON.parse(read('package.json'))).toEqual({
      name: 'my-shop',
      version: '0.1.0',
      license: 'MIT',
      private: true,
      dependencies: { banyan: 'file:vendor/banyan-0.2.0.tgz', left: '1.1.0', mine: '7.0.0', right: '2.0.0' },
    });
    expect(['api/health.ts', 'old-name.ts', 'dropped.ts', 'vendor/banyan-0.1.0.tgz'].filter((path) => existsSync(join(child, path)))).toEqual([]);
    for (const word of ['deleted api/health.ts', 'no dropped-edited.ts any more', 'api/webhook.ts is managed']) expect(stdout).toContain(word);
    expect((await banyan(['update', '--check', '--local'], { cwd: child })).code).toBe(0);
  });

  it("calls local a file of the child's own where the template brings one, until it has left the place", async () => {
    const next = (version: string, text: string) =>
      makeMother(join(place, version), { ...V2, version, files: { ...V2.files, 'api/mine.ts': text, 'mine.ts': text } });
    const [three, four] = [next('0.3.0', '// template\n'), next('0.4.0', '// newer template\n')];
    makeChild(child, one);
    write(child, { 'api/mine.ts': '// mine\n', 'mine.ts': '// mine, too\n' });
    commitAll(child);
    for (const mother of [three, four]) {
      const { code, stdout } = await update('--to', mother);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/its own api\/mine\.ts; yours is local[^]*its own mine\.ts; yours is local/)]);
      expect([read('api/mine.ts'), read('mine.ts')]).toEqual(['// mine\n', '// mine, too\n']);
      expect([book().files['api/mine.ts']?.class, book().files['mine.ts']?.class]).toEqual(['local', 'local']);
      expect((await banyan(['update', '--check', '--local'], { cwd: child })).code).toBe(0);
      commitAll(child);
    }
    expect((await update('--to', four, '--check')).code).toBe(0);
    renameSync(join(child, 'api/mine.ts'), join(child, 'api/own.ts'));
    commitAll(child);
    expect((await update('--to', four, '--check')).code).toBe(10);
    expect((await update('--to', four)).code).toBe(0);
    expect([read('api/own.ts'), read('api/mine.ts'), read('mine.ts')]).toEqual(['// mine\n', '// newer template\n', '// mine, too\n']);
    expect([book().files['api/mine.ts']?.class, book().files['mine.ts']?.class]).toEqual(['managed', 'local']);
  });

  it('brings a new file as soon as nothing is in its way any more', async () => {
    makeChild(child, one);
    write(child, { docs: 'a file where a folder has to be\n' });
    commitAll(child);
    const { code, stdout } = await update('--to', two);
    expect([code, stdout]).toEqual([0, expect.stringContaining('docs is in the way of docs/new-seed.md: not written')]);
    expect(Object.keys(book().files)).not.toContain('docs/new-seed.md');
    commitAll(child);
    expect((await update('--to', two, '--check')).code).toBe(0);
    renameSync(join(child, 'docs'), join(child, 'notes.txt'));
    commitAll(child);
    expect((await update('--to', two, '--check')).code).toBe(10);
    expect((await update('--to', two)).stdout).not.toContain('deleted');
    expect(read('docs/new-seed.md')).toBe('seed\n');
    expect(Object.keys(book().files)).toContain('docs/new-seed.md');
  });

  it('catches up with a file that was no text for a while', async () => {
    makeChild(child, one);
    rmSync(join(child, 'config.ts'));
    symlinkSync('README.md', join(child, 'config.ts'));
    commitAll(child);
    expect((await update('--to', two)).stdout).toContain('At config.ts stands no file: not updated');
    commitAll(child);
    expect((await update('--to', two, '--check')).code).toBe(0);
    rmSync(join(child, 'config.ts'));
    write(child, { 'config.ts': '// mine\nexport const name = 1;\n// middle\nexport const last = 1;\n' });
    commitAll(child);
    expect((await update('--to', two, '--check')).code).toBe(10);
    expect((await update('--to', two)).stdout).toContain('Conflicts: config.ts (1)');
    expect(read('config.ts')).toMatch(/<{7} your child\n\/\/ mine\n[^]*={7}\n[^]*last = 2;\n>{7} template v0\.2\.0\n/);
    expect(book().files['config.ts']).not.toHaveProperty('older');
  });

  it('keeps what a person has called local, also where the template had dropped the file for a while', async () => {
    const { 'config.ts': _, ...without } = V2.files;
    const [gone, back] = [makeMother(join(place, '3'), { ...V2, version: '0.3.0', files: without }), makeMother(join(place, '4'), { ...V2, version: '0.4.0' })];
    makeChild(child, two);
    write(child, { [BOOK_PATH]: read(BOOK_PATH).replace(/("config\.ts": \{\s*"class": )"merged"/, '$1"local"') });
    commitAll(child);
    for (const mother of [gone, back]) {
      expect((await update('--to', mother)).code).toBe(0);
      expect([read('config.ts'), book().files['config.ts']?.class]).toEqual([V2.files['config.ts'], 'local']);
      commitAll(child);
    }
  });

  it('leaves alone a script and a setting that are called like the package', async () => {
    makeChild(child, one);
    const manifest = JSON.parse(read('package.json')) as Record<string, unknown>;
    write(child, { 'package.json': JSON.stringify({ scripts: { banyan: 'banyan' }, config: { banyan: 'keep' }, ...manifest }, null, 2) });
    commitAll(child);
    expect((await update('--to', two)).code).toBe(0);
    expect(JSON.parse(read('package.json'))).toMatchObject({
      scripts: { banyan: 'banyan' },
      config: { banyan: 'keep' },
      dependencies: { banyan: 'file:vendor/banyan-0.2.0.tgz' },
    });
  });

  it('sets how the child depends on the package wherever it has put that', async () => {
    makeChild(child, one);
    const { dependencies, ...rest } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const { banyan: spec, ...others } = dependencies;
    write(child, { 'package.json': `${JSON.stringify({ ...rest, dependencies: others, devDependencies: { banyan: spec } }, null, 2)}\n` });
    commitAll(child);
    expect((await update('--to', two)).code).toBe(0);
    const next = 'file:vendor/banyan-0.2.0.tgz';
    expect(JSON.parse(read('package.json'))).toMatchObject({ dependencies: { left: '1.1.0', right: '2.0.0' }, devDependencies: { banyan: next } });
    expect(read('package.json')).not.toContain('0.1.0.tgz');
    write(child, { 'package.json': read('package.json').replace('"dependencies": {', `"dependencies": {\n    "banyan": "${next}",`) });
    commitAll(child);
    expect((await update('--to', makeMother(join(place, '3'), { ...V2, version: '0.3.0' }))).code).toBe(0);
    expect(read('package.json').match(/file:vendor\/banyan-0\.3\.0\.tgz/g)).toHaveLength(2);
  });

  it.each([
    ['cut off', (whole: Buffer) => whole.subarray(0, 200)],
    ['of Git LFS', () => Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n')],
  ])('names a tarball that is %s, and says that it could not look', async (_what, damage) => {
    makeChild(child, one);
    commitAll(child);
    const vendored = join(child, 'vendor/banyan-0.1.0.tgz');
    writeFileSync(vendored, damage(readFileSync(vendored)));
    const { code, stdout, stderr } = await update('--to', two, '--check', '--json');
    expect([code, stderr]).toEqual([2, '']);
    expect(JSON.parse(stdout)).toMatchObject({ error: { message: expect.stringMatching(/banyan-0\.1\.0\.tgz cannot be read as a package/) as string } });
    const applied = await update('--to', two, '--force');
    expect([applied.code, applied.stderr]).toEqual([1, expect.stringMatching(/banyan-0\.1\.0\.tgz cannot be read as a package[^]*npm pack/)]);
    expect(applied.stderr).not.toContain('    at ');
  });

  it('writes a name of a tarball that its own book takes', async () => {
    makeChild(child, one);
    commitAll(child);
    makeChild(join(place, 'other'), two);
    const odd = join(place, '(1) b.tgz');
    renameSync(join(place, 'other/vendor/banyan-0.2.0.tgz'), odd);
    expect((await update('--to', odd)).code).toBe(0);
    expect(book().banyan).toBe('file:vendor/1--b.tgz');
    expect(existsSync(join(child, 'vendor/1--b.tgz'))).toBe(true);
    expect((await banyan(['update', '--check', '--local'], { cwd: child })).code).toBe(0);
  });

  it('names the option that has no meaning', async () => {
    makeChild(child, one);
    expect((await update('--to', '../none.tgz')).stderr).toMatch(/^--to: there is nothing at /);
    expect(await update('--local')).toMatchObject({ code: 1, stderr: expect.stringMatching(/--local.*--check/) });
    expect(book().version).toBe('0.1.0');
  });

  it('marks conflicts in the working tree, and neither checks nor updates until they are gone', async () => {
    makeChild(child, one);
    write(child, { 'config.ts': read('config.ts').replace('last = 1', 'last = 77'), 'package.json': read('package.json').replace('1.0.0', '1.0.5') });
    commitAll(child);
    const { code, stdout } = await banyan(['update', '--to', two, '--json', '--no-install'], { cwd: child });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      applied: true,
      conflicts: [
        { path: 'config.ts', count: 1 },
        { path: 'package.json', count: 1 },
      ],
    });
    expect(read('config.ts')).toContain(
      '<<<<<<< your child\nexport const last = 77;\n||||||| template v0.1.0\nexport const last = 1;\n=======\nexport const last = 2;\n>>>>>>> template v0.2.0\n',
    );
    expect(git(child, 'log', '--oneline').trim().split('\n')).toHaveLength(2);
    const checked = await banyan(['update', '--check', '--local', '--json'], { cwd: child });
    expect(checked.code).toBe(1);
    expect(JSON.parse(checked.stdout)).toMatchObject({
      problems: expect.arrayContaining([expect.objectContaining({ kind: 'conflict_left', path: 'config.ts', line: 3 })]),
    });
    const again = await update('--to', two, '--force');
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('config.ts:3') });
    expect(book().conflicts).toEqual({ 'config.ts': { count: 1 }, 'package.json': { count: 1 } });
    const solved = read('package.json').replaceAll(/<{7}[^]*?={7}\n|>{7}.*\n/g, '');
    write(child, { 'config.ts': 'export const last = 77;\n=======\n', 'package.json': solved });
    const lone = await banyan(['update', '--check', '--local'], { cwd: child });
    expect(lone).toMatchObject({ code: 1, stdout: expect.stringMatching(/config\.ts:2: a conflict[^]*"conflicts": \{ "config\.ts": false \}/) });
    expect((await update('--to', two, '--force')).stderr).toContain('config.ts:2');
    write(child, { 'config.ts': 'export const last = 77;\n', [BOOK_PATH]: read(BOOK_PATH).replace('"conflicts": {', '"conflicts": {\n"README.md": false,') });
    expect((await banyan(['update', '--check', '--local'], { cwd: child })).code).toBe(0);
    commitAll(child);
    expect((await update('--to', makeMother(join(place, 'three'), { ...V2, version: '0.3.0' }))).code).toBe(0);
    expect(book().conflicts).toEqual({ 'README.md': false });
    write(child, { [BOOK_PATH]: read(BOOK_PATH).replace('"README.md": false', '"config.ts": { "count": 1 }') });
    commitAll(child);
    expect((await update('--to', makeMother(join(place, 'four'), { ...V2, version: '0.4.0' }))).code).toBe(0);
    expect(book().conflicts).toBeUndefined();
  });

  it('goes through two versions in a row, and through both at once', async () => {
    const three = makeMother(join(place, 'three'), {
      ...V2,
      version: '0.3.0',
      renames: [...(V2.renames ?? []), { from: 'src/new-name.ts', to: 'lib/last-name.ts', version: '0.3.0' }],
      files: {
        ...Object.fromEntries(Object.entries(V2.files).filter(([path]) => path !== 'src/new-name.ts')),
        'lib/last-name.ts': 'const a = 1;\nconst b = 2;\nconst c = 5;\nexport { a, b, c };\n',
      },
    });
    const other = join(place, 'other child');
    mkdirSync(other);
    for (const root of [child, other]) {
      makeChild(root, one);
      write(root, { 'old-name.ts': 'const a = 9;\nconst b = 2;\nconst c = 3;\nexport { a, b, c };\n' });
      commitAll(root);
    }
    expect((await update('--to', two)).code).toBe(0);
    commitAll(child);
    expect((await update('--to', three)).code).toBe(0);
    expect((await banyan(['update', '--no-install', '--to', three], { cwd: other })).code).toBe(0);
    expect(read('lib/last-name.ts')).toBe('const a = 9;\nconst b = 2;\nconst c = 5;\nexport { a, b, c };\n');
    const texts = (root: string) => Object.entries(snapshot(root)).filter(([path]) => !path.endsWith('.tgz'));
    expect(texts(other)).toEqual(texts(child));
  });

  it('tells machines by its exit code whether an update waits, and writes nothing for that', async () => {
    makeChild(child, one);
    const before = snapshot(child);
    const waiting = await banyan(['update', '--check', '--json', '--to', two], { cwd: child });
    expect(waiting.code).toBe(10);
    expect(JSON.parse(waiting.stdout)).toMatchObject({
      version: '0.1.0',
      problems: [],
      update: { from: '0.1.0', to: '0.2.0', changelog: [{ version: '0.2.0' }] },
    });
    expect((await banyan(['update', '--check', '--to', one], { cwd: child })).code).toBe(0);
    expect((await update('--dry-run', '--to', two)).stdout).toContain('moved    old-name.ts -> src/new-name.ts');
    expect(snapshot(child)).toEqual(before);
    write(child, { 'api/webhook.ts': '// edited\n' });
    const edited = await banyan(['update', '--check', '--local', '--json'], { cwd: child });
    expect(edited.code).toBe(1);
    expect(JSON.parse(edited.stdout)).toMatchObject({
      problems: [{ kind: 'managed_edited', path: 'api/webhook.ts', fix: expect.stringContaining('banyan propose') }],
    });
  });

  it('counts a template that changed under the same version', async () => {
    makeChild(child, one);
    const changed = makeMother(join(place, 'changed'), { ...V1, files: { ...V1.files, 'config.ts': 'export const changed = 1;\n' } });
    expect((await banyan(['update', '--check', '--to', changed], { cwd: child })).code).toBe(10);
    expect((await update('--to', changed)).code).toBe(0);
    expect(read('config.ts')).toBe('export const changed = 1;\n');
    commitAll(child);
    expect((await banyan(['update', '--check', '--to', changed], { cwd: child })).code).toBe(0);
  });

  it('takes a tarball, and works without git', async () => {
    makeChild(child, one, { repository: false });
    const packed = join(place, 'packed');
    const tarball = join(packed, 'banyan-0.2.0.tgz');
    mkdirSync(packed);
    makeChild(join(place, 'throwaway'), two, { repository: false });
    renameSync(join(place, 'throwaway/vendor/banyan-0.2.0.tgz'), tarball);
    const { code, stdout } = await update('--to', tarball);
    expect(code).toBe(0);
    expect(stdout).toContain('not under git');
    expectFresh(two, '0.2.0');
  });

  it.each([
    ['what is not committed', () => write(child, { 'own.ts': 'x\n' }), /not committed: own\.ts[^]*git stash/],
    ['no child', () => rmSync(join(child, '.banyan'), { recursive: true }), /no child of Banyan/],
    ['a newer format', () => write(child, { [BOOK_PATH]: read(BOOK_PATH).replace('"format": 1', '"format": 9') }), /format 9 is newer/],
    ['a broken book', () => write(child, { [BOOK_PATH]: '{' }), /is not JSON/],
  ])('refuses %s and changes nothing', async (_what, spoil, message) => {
    makeChild(child, one);
    spoil();
    const before = snapshot(child);
    const { code, stderr } = await update('--to', two);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(snapshot(child)).toEqual(before);
  });

  it('runs nothing that a book names', async () => {
    makeChild(child, one);
    const elsewhere = join(place, 'elsewhere');
    const proof = join(place, 'proof');
    const script = `touch ${JSON.stringify(proof)}`;
    write(elsewhere, { 'package.json': JSON.stringify({ name: 'banyan', version: '0.1.0', scripts: { prepack: script, prepare: script } }) });
    write(child, { [BOOK_PATH]: read(BOOK_PATH).replace('"version": "0.1.0"', `"version": ${JSON.stringify(`file:${elsewhere}`)}`) });
    const { code, stderr } = await banyan(['update', '--check', '--to', two], { cwd: child });
    expect(code).toBe(1);
    expect(stderr).toContain('version: must be a version');
    expect(existsSync(proof)).toBe(false);
  });

  it('refuses to go back, and a target that is nothing', async () => {
    makeChild(child, two);
    expect((await update('--to', one)).stderr).toContain('newer than 0.1.0');
    expect((await update('--to', './nothing.tgz')).stderr).toContain('there is nothing at');
    expect((await update('--to', 'sometime')).stderr).toContain('no version, tarball or folder');
  });

  it('leads a link nowhere, and leaves what is in the way', async () => {
    makeChild(child, one);
    const outside = join(place, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, join(child, 'docs'));
    commitAll(child);
    const { code, stdout } = await update('--to', two);
    expect(code).toBe(0);
    expect(stdout).toContain('docs is in the way of docs/new-seed.md');
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe('all or nothing', () => {
  it('leaves the tree as it was when something fails in the middle', async () => {
    makeChild(child, one);
    const before = snapshot(child);
    const empty = { npm_config_offline: 'true', npm_config_cache: join(place, 'cache') };
    const { code, stderr } = await banyan(['update', '--to', two], { cwd: child, env: empty });
    expect(code).toBe(1);
    expect(stderr).toContain('npm install');
    expect(snapshot(child)).toEqual(before);
  });

  it('leaves the tree as it was where it may not write', async () => {
    makeChild(child, one);
    const before = snapshot(child);
    // Root may write anywhere: then somebody else tries.
    const uid = process.getuid?.() === 0 ? 65_534 : undefined;
    chmodSync(place, 0o755);
    if (uid === undefined) for (const folder of ['.', '.banyan', 'api', 'vendor']) chmodSync(join(child, folder), 0o555);
    const env = {
      HOME: tmpdir(),
      npm_config_cache: join(tmpdir(), 'npm-cache-of-nobody'),
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
    };
    const { code, stderr } = await banyan(['update', '--no-install', '--force', '--to', two], { cwd: child, env, ...(uid === undefined ? {} : { uid }) });
    if (uid === undefined) for (const folder of ['.', '.banyan', 'api', 'vendor']) chmodSync(join(child, folder), 0o755);
    expect(stderr).toMatch(/cannot be written[^]*Make its folder writable/);
    expect(code).toBe(1);
    expect(snapshot(child)).toEqual(before);
  });

  /** Ends an update with a signal while it installs, which never ends. */
  async function brokenOff(signal: NodeJS.Signals) {
    makeMother(two, { ...V2, files: { ...V2.files, 'package.json': PACKAGE({ left: 'http://127.0.0.1:9/never.tgz' }) } });
    makeChild(child, one);
    const before = snapshot(child);
    const outcome = await banyan(['update', '--to', two], {
      cwd: child,
      env: { npm_config_fetch_retries: '9', npm_config_fetch_retry_mintimeout: '60000' },
      onOutput: (text, kill) => text.includes('npm install') && kill(signal),
    });
    return { before, ...outcome };
  }

  it('leaves the tree as it was after Ctrl-C in the middle', async () => {
    const { before, code, stdout } = await brokenOff('SIGINT');
    expect(stdout).toContain('npm install');
    expect(code).toBe(130);
    expect(snapshot(child)).toEqual(before);
  });

  it('is undone by the next run after a kill in the middle', async () => {
    const { before } = await brokenOff('SIGKILL');
    const broken = snapshot(child);
    expect(broken).not.toEqual(before);
    for (const args of [
      ['--check', '--local'],
      ['--dry-run', '--to', two],
    ]) {
      const { code, stderr } = await banyan(['update', ...args], { cwd: child });
      expect(code).toBe(1);
      expect(stderr).toMatch(/was broken off[^]*npx banyan update undoes/);
    }
    expect(snapshot(child)).toEqual(broken);
    expect((await banyan(['update', '--to', one], { cwd: child })).stdout).toContain('has been undone');
    expect(snapshot(child)).toEqual(before);
  });
});

describe('codemods', () => {
  const codemod = (title: string, body: string) =>
    `export const title = ${JSON.stringify(title)};\nexport default async ({ read, write, list, remove }) => { ${body} };\n`;

  it('mends the own code of the child, in the order of versions, within its folder', async () => {
    makeMother(two, {
      ...V2,
      codemods: {
        '0.2.0-b-second.mjs': codemod('Second', "write('own.ts', read('own.ts') + '// second\\n');"),
        '0.1.5-first.mjs': codemod(
          'First',
          "for (const path of list()) if (path.endsWith('own.ts')) write(path, read(path).replace('oldName', 'newName')); return ['own.ts renamed'];",
        ),
        '0.1.0-before.mjs': codemod('Before', "write('own.ts', 'never');"),
        '0.9.0-later.mjs': codemod('Later', "write('own.ts', 'never');"),
      },
    });
    makeChild(child, one);
    write(child, { 'own.ts': 'oldName();\n' });
    commitAll(child);
    expect((await update('--dry-run', '--to', two)).stdout).toContain('codemod  First');
    expect(read('own.ts')).toBe('oldName();\n');
    expect((await update('--to', two)).stdout).toContain('own.ts renamed');
    expect(read('own.ts')).toBe('newName();\n// second\n');
  });

  it.each([
    ['leaves the folder', "write('../out.txt', 'x');", /leaves the folder/],
    ['fails', "throw new Error('no way');", /0\.2\.0-x\.mjs failed: no way/],
  ])('changes nothing where one %s', async (_what, body, message) => {
    makeMother(two, { ...V2, codemods: { '0.2.0-x.mjs': codemod('X', body) } });
    makeChild(child, one);
    const before = snapshot(child);
    const { code, stderr } = await update('--to', two);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(snapshot(child)).toEqual(before);
    expect(existsSync(join(place, 'out.txt'))).toBe(false);
  });
});
