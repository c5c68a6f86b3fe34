import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/kernel/version.generated.ts';
import { BOOK_PATH, readBook } from '../../src/spawn/book.ts';
import { isRunning, waitFor } from '../local/support.ts';
import { banyan, commitAll, ENV, git, makeChild, makeMother, snapshot, write, type Mother } from './mother.ts';
import { QUICK } from './support.ts';
import { atTerminal, KEY, type Terminal } from './terminal.ts';

/** The command of this checkout, as the code that another version brings. */
const OWN_CODE = `#!/usr/bin/env node\nawait import(${JSON.stringify(new URL('../../scripts/banyan.js', import.meta.url).href)});\n`;

const V1: Mother = { version: '0.0.1', files: { 'config.ts': 'export const one = 1;\n' } };
const V2: Mother = { version: '0.0.2', files: { 'config.ts': "export const about = '{{description}}';\n" } };

let [place, child, two] = ['', '', ''];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'update questions '));
  child = join(place, 'my child');
  mkdirSync(child);
  two = makeMother(join(place, 'two'), V2);
  makeChild(child, makeMother(join(place, 'one'), V1));
  forget('description', 'effort');
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const read = (path: string) => readFileSync(join(child, path), 'utf8');
const answers = () => readBook(read(BOOK_PATH)).answers;
const update = (...args: string[]) => banyan(['update', '--no-install', ...args], { cwd: child });
const terminal = (...args: string[]) => atTerminal(['update', '--no-install', ...args], { cwd: child, env: ENV });

/** As a version that did not have these questions left the book. */
function forget(...questions: string[]): void {
  const book = JSON.parse(read(BOOK_PATH)) as { answers: Record<string, unknown> };
  const known = Object.entries(book.answers).filter(([question]) => !questions.includes(question));
  writeFileSync(join(child, BOOK_PATH), `${JSON.stringify({ ...book, answers: Object.fromEntries(known) }, null, 2)}\n`);
  commitAll(child, 'an older book');
}

describe('the questions of a new template', () => {
  it('are asked at a terminal, once', async () => {
    const asked = terminal('--to', two);
    await asked.answer('What is the product, in one line? (empty: Something.)', `Shoes${KEY.enter}`);
    await asked.answer('balanced (default)', KEY.down + KEY.enter);
    expect([await asked.ended, asked.screen()]).toEqual([0, expect.stringContaining('Now at template')]);
    expect(answers()).toMatchObject({ description: 'Shoes', effort: 'thorough', owner: 'acme' });
    expect(read('config.ts')).toBe("export const about = 'Shoes';\n");
    commitAll(child);
    const three = makeMother(join(place, 'three'), { ...V2, version: '0.0.3' });
    const again = terminal('--to', three);
    expect([await again.ended, again.screen()]).toEqual([0, expect.stringContaining('Now at template')]);
    expect(again.screen()).toContain('Now at template v0.0.3');
    expect(again.screen()).not.toContain('What is the product');
    expect(answers()).toMatchObject({ description: 'Shoes', effort: 'thorough' });
  });

  it('take their defaults where Enter says so, and are asked by the code of the version that has them', async () => {
    const newer = makeMother(join(place, 'newer'), {
      ...V2,
      version: '99.0.0',
      codemods: { '99.0.0-x.mjs': 'export const title = "X";\nexport default ({ write }) => write("own.ts", "99\\n");\n' },
    });
    const pkg = JSON.parse(readFileSync(join(newer, 'package.json'), 'utf8')) as object;
    write(newer, { 'package.json': JSON.stringify({ ...pkg, bin: { banyan: './scripts/banyan.js' } }), 'scripts/banyan.js': OWN_CODE });
    const asked = terminal('--to', newer);
    await asked.answer('banyan v99.0.0 updates to itself', '');
    await asked.answer('What is the product', KEY.enter);
    await asked.answer('balanced (default)', KEY.enter);
    expect([await asked.ended, asked.screen()]).toEqual([0, expect.stringContaining('Now at template')]);
    expect(answers()).toMatchObject({ description: '', effort: 'balanced' });
    expect([read('config.ts'), read('own.ts')]).toEqual(["export const about = 'Something.';\n", '99\n']);
  });

  it.each<[string, (asked: Terminal) => unknown]>([
    ['leaves', (asked) => asked.answer('balanced (default)', KEY.interrupt)],
    ['ends the command', (asked) => asked.answer('balanced (default)', '').then(() => process.kill(asked.pid(), 'SIGTERM'))],
  ])('change nothing where somebody %s at one', async (_what, leave) => {
    const before = snapshot(child);
    const asked = terminal('--to', two);
    await asked.answer('What is the product', `Shoes${KEY.enter}`);
    await leave(asked);
    expect(await asked.ended).toBe(130);
    expect(asked.screen()).toContain('Nothing was written');
    expect(snapshot(child)).toEqual(before);
    expect(git(child, 'status', '--porcelain')).toBe('');
  });

  it('change nothing where the terminal is closed at one, and nobody waits for an answer any more', async () => {
    const before = snapshot(child);
    const asked = terminal('--to', two);
    await asked.answer('What is the product', 'Sho');
    expect(isRunning(asked.pid())).toBe(true);
    asked.close();
    await waitFor('the command to end', () => (isRunning(asked.pid()) ? undefined : true));
    expect(snapshot(child)).toEqual(before);
  });

  it('are not asked with --yes, nor where nothing waits or nothing is written', async () => {
    const dry = terminal('--dry-run', '--to', two);
    expect([await dry.ended, dry.screen()]).toEqual([0, expect.stringContaining('effort: "balanced" by default')]);
    const yes = terminal('--yes', '--to', two);
    expect([await yes.ended, yes.screen()]).toEqual([0, expect.stringContaining('effort: "balanced" by default')]);
    forget('effort');
    const nothing = terminal('--to', two);
    expect([await nothing.ended, nothing.screen()]).toEqual([0, expect.stringContaining('Up to date')]);
  });

  it('take their defaults without a terminal, and that is said', async () => {
    const { code, stdout } = await update('--to', two, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      questions: [
        { question: 'description', answer: '' },
        { question: 'effort', answer: 'balanced' },
      ],
    });
    expect(answers()).toMatchObject({ description: '', effort: 'balanced' });
  });

  it('are answered by a file; the rest take their defaults', async () => {
    write(place, { 'answers.json': JSON.stringify({ owner: 'acme', effort: 'frugal' }) });
    const { code, stdout, stderr } = await update('--to', two, '--data', join(place, 'answers.json'));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('description: "" by default');
    expect(stdout).not.toContain('effort:');
    expect(answers()).toMatchObject({ effort: 'frugal' });
  });

  it.each([
    [{ effort: 'much' }, /answers\.json: effort: /],
    [{ colour: 'red' }, /answers\.json: colour: not a question of the template/],
    [{ owner: 'other' }, /owner: answered otherwise already[^]*Leave owner out\. Not answered yet: description, effort/],
    ['effort', /answers\.json cannot be read: it is no object/],
  ])('refuse %j, and nothing is changed', async (data, message) => {
    write(place, { 'answers.json': JSON.stringify(data) });
    const before = snapshot(child);
    const { code, stderr } = await update('--to', two, '--data', '../answers.json');
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(snapshot(child)).toEqual(before);
  });

  it('cannot be answered where nothing is written here', async () => {
    for (const mode of ['--check', '--pull-request']) {
      expect(await update(mode, '--data', 'x.json')).toMatchObject({ code: 1, stderr: expect.stringContaining('--data answers what') });
    }
  });
});

it('asks the same when a child is spawned', async () => {
  const spawned = atTerminal(['spawn', ...QUICK, '--no-git'], { cwd: place, env: ENV });
  await spawned.answer('What is the child called?', `my-shop${KEY.enter}`);
  await spawned.answer('What does it build?', KEY.enter);
  await spawned.answer('Which roles are specialised?', KEY.enter);
  await spawned.answer('Which account on GitHub', `no account${KEY.enter}`);
  await spawned.answer('must be an account on GitHub', `${'\u007f'.repeat(10)}acme${KEY.enter}`);
  await spawned.answer('What is the product', `Shoes${KEY.enter}`);
  await spawned.answer('Go ahead?', KEY.enter);
  expect([await spawned.ended, spawned.screen()]).toEqual([0, expect.stringContaining('Next:')]);
  const { answers: given, version } = readBook(readFileSync(join(place, 'my-shop', BOOK_PATH), 'utf8'));
  expect(given).toMatchObject({ name: 'my-shop', owner: 'acme', description: 'Shoes', schedule: 'minute', effort: 'balanced' });
  expect(version).toBe(VERSION);
});
