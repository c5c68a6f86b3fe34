import { expect, it } from 'vitest';
import { findLine, hunkUpTo, readPatch } from './diff-lines.ts';

const PATCH = '@@ -3,4 +3,5 @@ function a() {\n three\n-four\n+vier\n+fuenf\n six\n@@ -20,2 +21,2 @@\n twenty\n-last\n\\ No newline at end of file\n+end';

it('knows the number of every line on both sides', () => {
  const lines = readPatch(PATCH);
  expect(lines.map(({ kind, left, right }) => [kind, left, right])).toEqual([
    ['hunk', null, null],
    ['context', 3, 3],
    ['delete', 4, null],
    ['add', null, 4],
    ['add', null, 5],
    ['context', 5, 6],
    ['hunk', null, null],
    ['context', 20, 21],
    ['delete', 21, null],
    ['note', null, null],
    ['add', null, 22],
  ]);
  expect(lines.map(({ position }) => position)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

it('finds lines that are shown, on the side that is asked for, and no others', () => {
  const lines = readPatch(PATCH);
  expect(findLine(lines, 4, 'RIGHT')?.text).toBe('+vier');
  expect(findLine(lines, 4, 'LEFT')?.text).toBe('-four');
  expect(findLine(lines, 10, 'RIGHT')).toBeUndefined();
  expect(findLine(lines, 22, 'LEFT')).toBeUndefined();
});

it('cuts the hunk at the line', () => {
  const lines = readPatch(PATCH);
  const target = findLine(lines, 21, 'RIGHT');
  expect(target && hunkUpTo(lines, target)).toBe('@@ -20,2 +21,2 @@\n twenty');
});
