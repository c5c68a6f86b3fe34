import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Change, isHalfway, recover, type FileWrite } from './apply.ts';
import { filesBelow } from './tree.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'apply-'));
  mkdirSync(join(root, 'folder'));
  writeFileSync(join(root, 'file'), 'old file\n');
  writeFileSync(join(root, 'folder/inner'), 'old inner\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const texts = () => Object.fromEntries(filesBelow(root, '').map((path) => [path, readFileSync(join(root, path), 'utf8')]));
const put = (path: string, content: string | null): FileWrite => ({ path, content, mode: 0o644 });
const BEFORE = { file: 'old file\n', 'folder/inner': 'old inner\n' };
const SWAP = [put('file', null), put('file/inner', 'new inner\n'), put('folder/inner', null), put('folder', 'new file\n')];

describe('Change', () => {
  it('turns a file into a folder and a folder into a file, and back', () => {
    const change = Change.open(root);
    change.move(SWAP);
    expect(Object.entries(texts()).filter(([path]) => !path.startsWith('.banyan'))).toEqual([
      ['file/inner', 'new inner\n'],
      ['folder', 'new file\n'],
    ]);
    change.undo();
    expect(texts()).toEqual(BEFORE);
    change.undo();
    expect(texts()).toEqual(BEFORE);
  });

  it('is undone when one of its moves fails', () => {
    const change = Change.open(root);
    expect(() => change.move([put('new', 'new\n'), put('folder/inner', 'changed\n'), put('file/below', 'no room\n')])).toThrowError(/cannot be written/);
    expect(texts()).toEqual(BEFORE);
  });

  it('brings back what another has written meanwhile', () => {
    const change = Change.open(root);
    change.remember('file');
    change.remember('lock');
    change.move([put('new', 'new\n')]);
    writeFileSync(join(root, 'file'), 'by npm\n');
    writeFileSync(join(root, 'lock'), 'by npm\n');
    change.undo();
    expect(texts()).toEqual(BEFORE);
  });

  it('refuses a path that leaves the folder', () => {
    expect(() => Change.open(root).move([put('../out', 'x')])).toThrowError(/leaves the folder/);
    expect(texts()).toEqual(BEFORE);
  });

  it('is undone by the next run after a kill, whatever had been moved', () => {
    Change.open(root).move(SWAP);
    expect(recover(root, false)).toBe(true);
    expect(texts()).toEqual(BEFORE);
    expect(recover(root, false)).toBe(false);
  });

  it('is kept when all went well', () => {
    const change = Change.open(root);
    change.move([put('file', 'new\n')]);
    change.keep();
    expect(texts()).toEqual({ ...BEFORE, file: 'new\n' });
    expect(recover(root, false)).toBe(false);
  });

  it('lets another update that is at work be, unless somebody is sure that there is none', () => {
    Change.open(root).move(SWAP);
    const [stage = ''] = readdirSync(join(root, '.banyan'));
    renameSync(join(root, '.banyan', stage), join(root, `.banyan/update-${process.ppid}-x`));
    const during = texts();
    expect(() => recover(root, false)).toThrowError(/Another update is at work/);
    expect(texts()).toEqual(during);
    expect(isHalfway(root)).toBe(true);
    expect(recover(root, true)).toBe(true);
    expect(isHalfway(root)).toBe(false);
    expect(texts()).toEqual(BEFORE);
  });
});
