import { describe, expect, it } from 'vitest';
import { cleanPath } from './paths.ts';

describe('cleanPath', () => {
  it.each([
    ['a', 'a'],
    ['./src//a.ts', 'src/a.ts'],
    ['a/./b/', 'a/b'],
    ['..a/b..c', '..a/b..c'],
    ['with space/ü.txt', 'with space/ü.txt'],
  ])('spells %j as %j', (path, clean) => {
    expect(cleanPath(path)).toBe(clean);
  });

  it.each(['', '.', './', '/', '/etc', '..', '../a', 'a/..', 'a/../b', 'a\0b', 'C:/x', 'c:\\x', '\ud800', 'x'.repeat(256), 'a/'.repeat(2_001)])(
    'refuses %j',
    (path) => {
      expect(() => cleanPath(path)).toThrow(expect.objectContaining({ code: 'path_invalid' }));
    },
  );
});
