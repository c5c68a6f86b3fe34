import { describe, expect, it } from 'vitest';
import { overlappingPaths, reachesOf, sizeOf } from './overlap.ts';
import type { ChangedFile } from './overlap.ts';

const change = (line: number) => `@@ -${line - 1},3 +${line - 1},3 @@\n before\n-old\n+new\n after`;
const insertAfter = (line: number) => `@@ -${line},2 +${line},3 @@ function\n before\n+new\n after`;
const overlap = (a: string | null, b: string | null) => overlappingPaths([{ path: 'a', patch: a }], [{ path: 'a', patch: b }]).length > 0;

describe('two changes of one file', () => {
  it('reach from gap to gap', () => {
    expect(reachesOf(change(5))).toEqual([{ from: 4, to: 5 }]);
    expect(reachesOf(insertAfter(5))).toEqual([{ from: 5, to: 5 }]);
    expect(reachesOf('@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file')).toEqual([{ from: 0, to: 0 }]);
    expect(reachesOf(`${change(5)}\n${change(50)}`)).toEqual([
      { from: 4, to: 5 },
      { from: 49, to: 50 },
    ]);
  });

  it('meet as git would say: on the same and on neighbouring lines, not with a line between', () => {
    expect([4, 5, 6, 7].map((line) => overlap(change(5), change(line)))).toEqual([true, true, true, false]);
    expect([4, 5, 6].map((line) => overlap(change(5), insertAfter(line)))).toEqual([true, true, false]);
    expect([overlap(insertAfter(5), insertAfter(5)), overlap(insertAfter(5), insertAfter(6))]).toEqual([true, false]);
  });

  it('meet where the whole file is changed, and not in different files', () => {
    expect(overlap(null, change(9))).toBe(true);
    expect(overlappingPaths([{ path: 'a', patch: null }], [{ path: 'b', patch: null }])).toEqual([]);
  });

  it('meet under the name that a file has in the base, wherever one of them moves it', () => {
    const paths = (a: ChangedFile, b: ChangedFile) => [overlappingPaths([a], [b]), overlappingPaths([b], [a])];
    const moved = (patch: string | null, path = 'new') => ({ path, status: 'renamed', previousPath: 'old', patch });
    const edited = (line: number) => ({ path: 'old', status: 'modified', patch: change(line) });
    const removed = { path: 'old', status: 'removed', patch: '@@ -1,1 +0,0 @@\n-a' };
    expect(paths(moved(change(5)), edited(5))).toEqual([['new'], ['old']]);
    expect(paths(moved(change(5)), edited(50))).toEqual([[], []]);
    expect(paths(moved(''), edited(5))).toEqual([[], []]);
    expect(paths(moved(''), removed)).toEqual([['new'], ['old']]);
    expect(paths(moved(''), moved('', 'elsewhere'))).toEqual([['new'], ['elsewhere']]);
    expect(paths(moved(''), moved(''))).toEqual([[], []]);
    expect(paths(moved(''), { path: 'new', status: 'added', patch: change(5) })).toEqual([['new'], ['new']]);
    expect(paths(removed, removed)).toEqual([['old'], ['old']]);
  });

  it('have a size', () => {
    expect(sizeOf([{ path: 'a', patch: change(5) }])).toBe(2);
  });
});
