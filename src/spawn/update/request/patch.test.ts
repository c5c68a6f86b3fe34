import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { patchOf } from './patch.ts';

let place = '';
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'patch-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const PATHS = ['ci.yml', 'dät ei.yml'];
const CHANGES: [string, string | null, string | null][] = [
  ['a line', 'one\ntwo\n', 'one\nzwei\ntwo\n'],
  ['a new file', null, 'one\n'],
  ['a new file without an end', null, 'one'],
  ['a new file that is empty', null, ''],
  ['a file that goes', 'one\ntwo\n', null],
  ['a file that goes, without an end', 'one\ntwo', null],
  ['an end that comes', 'one\ntwo', 'one\ntwo\n'],
  ['an end that goes', 'one\ntwo\n', 'one\ntwo'],
  ['neither with an end', 'one\ntwo', 'zwei\ntwo'],
  ['CRLF', 'one\r\ntwo\r\n', 'one\r\nzwei\r\ntwo\r\n'],
  ['CRLF that goes', 'one\r\ntwo', 'one\ntwo\n'],
  ['a text that becomes empty', 'one\n', ''],
];

describe('patchOf', () => {
  it.each(CHANGES.flatMap((change) => PATHS.map((path) => [...change, path] as const)))('git applies %s (%j to %j, %s)', (_what, before, after, path) => {
    const file = join(place, path);
    if (before !== null) writeFileSync(file, before);
    writeFileSync(join(place, 'x.patch'), patchOf(path, before, after));
    execFileSync('git', ['apply', 'x.patch'], { cwd: place, env: { ...process.env, GIT_DIR: join(place, 'none'), GIT_CEILING_DIRECTORIES: tmpdir() } });
    expect(existsSync(file) ? readFileSync(file, 'utf8') : null).toBe(after);
  });

  it('is nothing where nothing changes', () => {
    expect(patchOf('a.yml', 'x\n', 'x\n')).toBe('');
  });
});
