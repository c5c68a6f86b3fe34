import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runCodemods } from '../../src/spawn/update/codemods.ts';
import { banyan, commitAll, makeChild, makeMother, snapshot, write, type Mother } from './mother.ts';

const FILES = { '.gitignore': '.banyan/*\n!.banyan/template.json\n', 'config.ts': 'export const one = 1;\n' };
const V1: Mother = { version: '0.0.9', files: FILES };
const codemod = (body: string) => `export const title = 'X';\nexport default async ({ read, write, list, remove }) => { ${body} };\n`;

let [place, child, one] = ['', '', ''];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'update codemods '));
  child = join(place, 'my child');
  mkdirSync(child);
  one = makeMother(join(place, 'one'), V1);
  makeChild(child, one);
  write(child, { 'own.ts': 'oldName();\n' });
  commitAll(child);
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const read = (path: string) => readFileSync(join(child, path), 'utf8');
const update = (...args: string[]) => banyan(['update', '--no-install', ...args], { cwd: child });
const target = (version: string, codemods: Record<string, string>) => makeMother(join(place, `v${version}`), { version, files: FILES, codemods });

const RENAME = codemod("const text = read('own.ts'); if (text !== null) write('own.ts', text.replace('oldName', 'newName') + '// mended\\n');");

it('run once, whatever is run again, and not where they are left out', async () => {
  const two = target('0.1.0', { '0.1.0-rename.mjs': RENAME });
  expect((await update('--dry-run', '--no-codemods', '--to', two)).stdout).not.toContain('codemod  X');
  expect((await update('--to', two)).code).toBe(0);
  expect(read('own.ts')).toBe('newName();\n// mended\n');
  expect((await update('--force', '--to', two)).code).toBe(0);
  commitAll(child);
  const three = target('0.1.1', { '0.1.0-rename.mjs': RENAME });
  expect((await update('--to', three)).code).toBe(0);
  expect(read('own.ts')).toBe('newName();\n// mended\n');
});

it('run in a child and from a mother behind links', async () => {
  target('0.1.0', { '0.1.0-rename.mjs': RENAME });
  symlinkSync(place, `${place} linked`);
  const { code, stderr } = await banyan(['update', '--no-install', '--to', `${place} linked/v0.1.0`], { cwd: `${place} linked/my child` });
  rmSync(`${place} linked`);
  expect([code, stderr]).toEqual([0, '']);
  expect(read('own.ts')).toBe('newName();\n// mended\n');
});

it('leave the code of the child as it is with --no-codemods', async () => {
  expect((await update('--no-codemods', '--to', target('0.1.0', { '0.1.0-rename.mjs': RENAME }))).code).toBe(0);
  expect(read('own.ts')).toBe('oldName();\n');
});

it('say nothing where machines read, and get nothing of the environment', async () => {
  const two = target('0.1.0', { '0.1.0-x.mjs': codemod("console.log('hello'); return Object.keys(process.env);") });
  const { code, stdout, stderr } = await banyan(['update', '--no-install', '--json', '--to', two], { cwd: child, env: { GITHUB_TOKEN: 'x' } });
  expect([code, stderr]).toEqual([0, 'hello\n']);
  expect(JSON.parse(stdout)).toMatchObject({ applied: true, codemods: [{ codemod: '0.1.0-x.mjs', title: 'X', notes: [] }] });
});

it.each([
  ['throws after others have written', "write('own.ts', 'half'); throw new Error('no way');", /0\.1\.0-x\.mjs failed: no way/],
  ['ends the process', 'process.exit(0);', /0\.1\.0-x\.mjs failed: it ended without/],
  ['waits for what never comes', 'await new Promise(() => undefined);', /0\.1\.0-x\.mjs failed: it ended without/],
  ['writes beside the child', "write('../out.txt', 'x');", /leaves the folder of the child/],
  ['writes by a whole path', "write('/tmp/out.txt', 'x');", /is absolute/],
  ["writes into git's own folder", "write('.git/hooks/pre-commit', 'x');", /git's own folder/],
  ['writes through a link', "write('link/out.txt', 'x');", /goes through link, which is no folder of the child/],
])('change nothing where one %s', async (_what, body, message) => {
  const outside = join(place, 'outside');
  mkdirSync(outside);
  symlinkSync(outside, join(child, 'link'));
  commitAll(child);
  const before = snapshot(child);
  const { code, stderr } = await update('--to', target('0.1.0', { '0.0.10-first.mjs': RENAME, '0.1.0-x.mjs': codemod(body) }));
  expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
  expect(snapshot(child)).toEqual(before);
  expect(readdirSync(outside)).toEqual([]);
  expect(existsSync(join(place, 'out.txt'))).toBe(false);
});

/** What a codemod could try in its own process, beside what it is given. */
it.each([
  [
    'reads the environment of the command',
    "return [fs.readFileSync(`/proc/${process.ppid}/environ`, 'utf8')];",
    /FileSystemRead|Access to this API has been restricted/,
  ],
  ['reads what is not the child', "return [fs.readFileSync(SECRET, 'utf8')];", /Access to this API has been restricted/],
  ['writes by itself', "fs.writeFileSync(OWN, 'gone'); throw new Error('no way');", /Access to this API has been restricted/],
  ['removes by itself', 'fs.rmSync(OWN);', /Access to this API has been restricted/],
  ['starts a process', "(await import('node:child_process')).execFileSync('sh', ['-c', `echo x > '${OWN}'`]);", /Access to this API has been restricted/],
  ['starts a thread', "new (await import('node:worker_threads')).Worker('1', { eval: true });", /Access to this API has been restricted/],
  ["writes the update's own book", "write('.banyan/template.json', '{}');", /\.banyan\/template\.json[^]*is the update's own/],
  ["removes what is the update's own", "remove('.Banyan/template.json');", /is the update's own/],
  ['writes what is no text', "write('own.ts', 5);", /is no text/],
  [
    'says by itself that it has written beside the child',
    "process.send({ kind: 'done', writes: [{ path: '../out.txt', content: 'x' }], notes: [] }); await new Promise(() => undefined);",
    /leaves the folder of the child/,
  ],
  ['says something else', "process.send({ kind: 'done' }); await new Promise(() => undefined);", /said what nobody understands/],
  ['says that others begin', "process.send({ kind: 'begins', codemod: 'x' }); await new Promise(() => undefined);", /said what nobody understands/],
  [
    'fails later',
    "setTimeout(() => { throw new Error('later'); }, 5); await new Promise((resolve) => setTimeout(resolve, 60_000));",
    /0\.1\.0-x\.mjs failed: later/,
  ],
  ['takes all memory', 'const all = []; for (;;) all.push(new Array(1e6).fill(1.5));', /it ended without/],
])('have no way around: one that %s', async (_what, body, message) => {
  write(place, { 'secret.txt': 'sesame' });
  const before = snapshot(child);
  const names = `import fs from 'node:fs';\nconst OWN = ${JSON.stringify(join(child, 'own.ts'))};\nconst SECRET = ${JSON.stringify(join(place, 'secret.txt'))};\n`;
  const two = target('0.1.0', { '0.1.0-x.mjs': names + codemod(body) });
  const { code, stdout, stderr } = await banyan(['update', '--no-install', '--to', two], { cwd: child, env: { GITHUB_TOKEN: 'sesame' } });
  expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
  expect(stdout + stderr).not.toContain('sesame');
  expect(snapshot(child)).toEqual(before);
  expect(existsSync(join(place, 'out.txt'))).toBe(false);
});

it('see what they have written, removed and moved', async () => {
  const body = `write('new.ts', 'one'); write('new.ts', read('new.ts') + ' two'); remove('own.ts'); write('own.ts', 'again'); remove('config.ts');
    return [String(read('config.ts')), list().join(' ')];`;
  const { code, stdout } = await banyan(['update', '--no-install', '--json', '--to', target('0.1.0', { '0.1.0-x.mjs': codemod(body) })], { cwd: child });
  expect(code).toBe(0);
  const said = JSON.parse(stdout) as { codemods: { notes: string[] }[] };
  expect(said.codemods[0]?.notes[0]).toBe('null');
  expect(said.codemods[0]?.notes[1]?.split(' ')).toEqual(expect.arrayContaining(['new.ts', 'own.ts']));
  expect(said.codemods[0]?.notes[1]?.split(' ')).not.toContain('config.ts');
  expect([read('new.ts'), read('own.ts'), existsSync(join(child, 'config.ts'))]).toEqual(['one two', 'again', false]);
});

const ENDLESS = codemod("console.log('it goes on'); for (;;);");

it('are ended where one does not end', async () => {
  const two = target('0.1.0', { '0.1.0-x.mjs': ENDLESS });
  const work = runCodemods(join(two, 'codemods'), { root: child, changes: [], classes: new Map() }, { from: '0.0.9', to: '0.1.0', limitMs: 1500 });
  await expect(work).rejects.toThrow('The codemod 0.1.0-x.mjs failed: it has not ended within 1.5 s.');
});

it('are ended by Ctrl-C, with everything as it was', async () => {
  const before = snapshot(child);
  const two = target('0.1.0', { '0.1.0-x.mjs': ENDLESS });
  const onOutput = (text: string, kill: (signal: NodeJS.Signals) => void) => text.includes('it goes on') && kill('SIGINT');
  const { code, stderr } = await banyan(['update', '--no-install', '--to', two], { cwd: child, onOutput });
  expect([code, stderr]).toEqual([130, expect.stringContaining('Nothing was left behind')]);
  expect(snapshot(child)).toEqual(before);
});
