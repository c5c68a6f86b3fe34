import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashOf } from '../book.ts';
import { checkLocally } from './check.ts';

const TEXT = 'export {};\n';
const BOOK = { files: { 'api/webhook.ts': { class: 'managed', sha256: hashOf(TEXT) }, 'merged.ts': { class: 'merged', sha256: hashOf(TEXT) } } } as const;

let root = '';
let path = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'check-'));
  path = join(root, 'api/webhook.ts');
  mkdirSync(join(root, 'api'));
  for (const name of ['api/webhook.ts', 'merged.ts', 'own.ts']) writeFileSync(join(root, name), TEXT);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it('finds nothing wrong with a child as it was made, whatever its line ends', () => {
  expect(checkLocally(root, BOOK)).toEqual({ problems: [], deleted: [] });
  writeFileSync(path, TEXT.replace('\n', '\r\n'));
  expect(checkLocally(root, BOOK)).toEqual({ problems: [], deleted: [] });
});

it('lets a person delete what the template brought', () => {
  rmSync(join(root, 'api'), { recursive: true });
  rmSync(join(root, 'merged.ts'));
  expect(checkLocally(root, BOOK)).toEqual({ problems: [], deleted: ['api/webhook.ts', 'merged.ts'] });
});

it.each<[string, () => void]>([
  ['a text with a NUL', () => writeFileSync(path, `${TEXT}\0`)],
  ['bytes that are no UTF-8', () => writeFileSync(path, Buffer.from([0x2f, 0x2f, 0xff]))],
  ['the word that a check might use for a deleted file', () => writeFileSync(path, 'gone')],
  [
    'a link to the same text',
    () => {
      rmSync(path);
      symlinkSync(join(root, 'own.ts'), path);
    },
  ],
  [
    'a link that leads nowhere',
    () => {
      rmSync(path);
      symlinkSync(join(root, 'nowhere.ts'), path);
    },
  ],
  [
    'a folder',
    () => {
      rmSync(path);
      mkdirSync(path);
    },
  ],
  [
    'a folder above that is a link',
    () => {
      renameSync(join(root, 'api'), join(root, 'elsewhere'));
      symlinkSync(join(root, 'elsewhere'), join(root, 'api'));
    },
  ],
  [
    'a folder above that is a file',
    () => {
      rmSync(join(root, 'api'), { recursive: true });
      writeFileSync(join(root, 'api'), '');
    },
  ],
])('takes %s in the place of a managed file for an edit', (_what, edit) => {
  edit();
  expect(checkLocally(root, BOOK)).toMatchObject({ problems: [{ kind: 'managed_edited', path: 'api/webhook.ts' }], deleted: [] });
});

it('says nothing of a managed file any more that was moved away, as its fix says', () => {
  writeFileSync(path, 'mine\n');
  const [problem] = checkLocally(root, BOOK).problems;
  expect(problem?.fix).toContain('move yours to another path');
  renameSync(path, join(root, 'mine.ts'));
  expect(checkLocally(root, BOOK)).toMatchObject({ problems: [], deleted: ['api/webhook.ts'] });
});

describe('conflicts', () => {
  const LISTED = { ...BOOK, conflicts: { 'merged.ts': { count: 1 } } };
  const left = (book: Parameters<typeof checkLocally>[1]) =>
    checkLocally(root, book).problems.map((problem) => `${problem.kind} ${problem.path}:${problem.line}`);

  it('are left while one line of a marker is, in the files that the book lists', () => {
    writeFileSync(join(root, 'merged.ts'), 'a\n=======\nb\n');
    expect(left(BOOK)).toEqual([]);
    expect(left(LISTED)).toEqual(['conflict_left merged.ts:2']);
    const [problem] = checkLocally(root, LISTED).problems;
    expect(problem?.fix).toContain('"conflicts": { "merged.ts": false }');
    expect(left({ ...BOOK, conflicts: { 'merged.ts': false } })).toEqual([]);
  });

  it('are no fault of a file that was deleted, and found in one that was moved', () => {
    rmSync(join(root, 'merged.ts'));
    writeFileSync(join(root, 'other.ts'), '<<<<<<< HEAD\n');
    expect(checkLocally(root, LISTED)).toEqual({ problems: [], deleted: ['merged.ts'] });
    mkdirSync(join(root, 'src'));
    writeFileSync(join(root, 'src/moved.ts'), 'a\r\n>>>>>>> template v0.2.0\r\n');
    expect(left(LISTED)).toEqual(['conflict_left src/moved.ts:2']);
    expect(left({ ...LISTED, conflicts: { ...LISTED.conflicts, 'src/moved.ts': false } })).toEqual([]);
  });
});
