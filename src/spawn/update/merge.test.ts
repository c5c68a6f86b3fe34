import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mergeJson } from './merge-json.ts';
import { findMarkers, labelsOf } from './markers.ts';
import { mergeText, type Sides } from './merge-text.ts';

const labels = labelsOf('1', '2');
const lines = (...words: string[]) => words.map((word) => `${word}\n`).join('');

describe('mergeText', () => {
  it.each([
    ['ours alone', lines('a', 'b'), lines('a', 'x', 'b'), lines('a', 'b'), lines('a', 'x', 'b')],
    ['theirs alone', lines('a', 'b'), lines('a', 'b'), lines('a', 'b', 'c'), lines('a', 'b', 'c')],
    ['both, apart', lines('a', 'b', 'c'), lines('x', 'b', 'c'), lines('a', 'b', 'y'), lines('x', 'b', 'y')],
    ['both the same', lines('a', 'b'), lines('a', 'z'), lines('a', 'z'), lines('a', 'z')],
    ['a removal and an addition', lines('a', 'b', 'c', 'd'), lines('b', 'c', 'd'), lines('a', 'b', 'c', 'd', 'e'), lines('b', 'c', 'd', 'e')],
    ['no end of the last line', 'a\nb', 'x\na\nb', 'a\nb\nc\n', 'x\na\nb\nc\n'],
    ['line ends of the child', lines('a', 'b', 'c'), 'x\r\nb\r\nc\r\n', lines('a', 'b', 'y'), 'x\r\nb\r\ny\r\n'],
    ['a byte order mark', lines('a', 'b'), '\uFEFFa\nb\n', lines('a', 'c'), '\uFEFFa\nc\n'],
    ['empty texts', '', '', lines('a'), lines('a')],
  ])('merges %s', (_what, base, ours, theirs, text) => {
    expect(mergeText({ base, ours, theirs }, labels)).toEqual({ text, conflicts: 0 });
  });

  it('marks what both changed, with what it was', () => {
    const { text, conflicts } = mergeText({ base: lines('a', 'b', 'c'), ours: lines('a', 'x', 'c'), theirs: lines('a', 'y', 'c') }, labels);
    expect(conflicts).toBe(1);
    expect(text).toBe(lines('a', '<<<<<<< your child', 'x', '||||||| template v1', 'b', '=======', 'y', '>>>>>>> template v2', 'c'));
    expect(findMarkers('a.ts', text, undefined).map(({ line }) => line)).toEqual([2, 4, 8]);
    expect(findMarkers('a.ts', text, { 'a.ts': { count: 1 } }).map(({ line }) => line)).toEqual([2, 4, 6, 8]);
  });

  it('takes what two new files share out of the conflict', () => {
    const { text } = mergeText({ base: '', ours: lines('a', 'x', 'z'), theirs: lines('a', 'y', 'z') }, labels);
    expect(text).toBe(lines('a', '<<<<<<< your child', 'x', '||||||| template v1', '=======', 'y', '>>>>>>> template v2', 'z'));
  });
});

/** A generator of numbers that gives the same on each run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function edited(base: readonly string[], next: (below: number) => number): string[] {
  const words = [...base];
  for (let count = next(4); count > 0; count--) {
    const at = next(words.length + 1);
    const word = `new${next(50)}`;
    const kind = next(3);
    if (kind === 0) words.splice(at, 0, word);
    else if (kind === 1) words.splice(at, 1);
    else if (at < words.length) words[at] = word;
  }
  return words;
}

describe('mergeText beside git merge-file', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'merge-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function byGit({ base, ours, theirs }: Sides): { text: string; clean: boolean } {
    for (const [name, text] of Object.entries({ base, ours, theirs })) writeFileSync(join(folder, name), text);
    try {
      return { text: execFileSync('git', ['merge-file', '-p', '--diff3', '-q', 'ours', 'base', 'theirs'], { cwd: folder, encoding: 'utf8' }), clean: true };
    } catch {
      return { text: '', clean: false };
    }
  }

  it('gives the same text wherever git finds no conflict and the lines tell which is which', () => {
    const next = generator(42);
    const rounds = Array.from({ length: 150 }, () => {
      const base = Array.from({ length: 12 }, (_, index) => `line${index}`);
      return { base: lines(...base), ours: lines(...edited(base, next)), theirs: lines(...edited(base, next)) };
    });
    const clean = rounds
      .map((sides) => ({ sides, git: byGit(sides), own: mergeText(sides, labels) }))
      .filter(({ git, own }) => git.clean && own.conflicts === 0);
    expect(clean.filter(({ git, own }) => git.text !== own.text)).toEqual([]);
    expect(clean.length).toBeGreaterThan(50);
  });

  it('never loses a line that somebody added', () => {
    const next = generator(7);
    const lost = Array.from({ length: 500 }, () => {
      const base = Array.from({ length: next(15) }, (_, index) => `line${index % 6}`);
      const [ours, theirs] = [edited(base, next), edited(base, next)];
      const merged = new Set(mergeText({ base: lines(...base), ours: lines(...ours), theirs: lines(...theirs) }, labels).text.split('\n'));
      return [...ours, ...theirs].filter((line) => !base.includes(line) && !merged.has(line));
    });
    expect(lost.flat()).toEqual([]);
  });

  it('gives the other side where one changed nothing', () => {
    const next = generator(11);
    for (let round = 0; round < 300; round++) {
      const base = Array.from({ length: next(15) }, (_, index) => `line${index % 6}`);
      const other = lines(...edited(base, next));
      const same = lines(...base);
      expect(mergeText({ base: same, ours: same, theirs: other }, labels)).toEqual({ text: other, conflicts: 0 });
      expect(mergeText({ base: same, ours: other, theirs: same }, labels)).toEqual({ text: other, conflicts: 0 });
    }
  });
});

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

describe('mergeJson', () => {
  it('merges neighbours that a merge by lines would call a conflict', () => {
    const merged = mergeJson(
      {
        base: json({ name: 'x', dependencies: { a: '1.0.0', c: '1.0.0' } }),
        ours: json({ name: 'x', dependencies: { a: '1.0.0', b: '2.0.0', c: '1.0.0' }, license: 'MIT' }),
        theirs: json({ name: 'x', dependencies: { a: '1.1.0', c: '1.0.0', d: '3.0.0' } }),
      },
      labels,
    );
    expect(merged).toEqual({ text: json({ name: 'x', dependencies: { a: '1.1.0', b: '2.0.0', c: '1.0.0', d: '3.0.0' }, license: 'MIT' }), conflicts: 0 });
  });

  it('marks a version that both changed, and nothing else', () => {
    const { text, conflicts } = mergeJson(
      { base: json({ d: { a: '1', z: '1' } }), ours: json({ d: { a: '2', z: '1' } }), theirs: json({ d: { a: '3', z: '9' } }) },
      labels,
    );
    expect(conflicts).toBe(1);
    expect(text).toBe(
      lines(
        '{',
        '  "d": {',
        '<<<<<<< your child',
        '    "a": "2",',
        '||||||| template v1',
        '    "a": "1",',
        '=======',
        '    "a": "3",',
        '>>>>>>> template v2',
        '    "z": "9"',
        '  }',
        '}',
      ),
    );
  });

  it('marks what one side removed and the other changed', () => {
    const { conflicts, text } = mergeJson({ base: json({ a: 1, b: 2 }), ours: json({ b: 2 }), theirs: json({ a: 5, b: 2 }) }, labels);
    expect(conflicts).toBe(1);
    expect(text).toContain('"a": 5,');
  });

  it('keeps what is removed removed, and lists as sets', () => {
    const merged = mergeJson(
      { base: json({ a: 1, keep: ['x', 'y'] }), ours: json({ keep: ['x', 'y', 'own'] }), theirs: json({ a: 1, keep: ['y', 'new'], b: {} }) },
      labels,
    );
    expect(JSON.parse(merged.text)).toEqual({ keep: ['y', 'own', 'new'], b: {} });
  });

  it("keeps the child's indentation, line ends and one-line lists", () => {
    const ours = '{\r\n\t"list": ["a", "b"],\r\n\t"own": 1\r\n}\r\n';
    const merged = mergeJson({ base: '{\n\t"list": ["a", "b"]\n}\n', ours, theirs: '{\n\t"list": ["a", "b"],\n\t"new": 2\n}\n' }, labels);
    expect(merged).toEqual({ text: '{\r\n\t"list": ["a", "b"],\r\n\t"new": 2,\r\n\t"own": 1\r\n}\r\n', conflicts: 0 });
  });

  it('merges by lines what is no JSON', () => {
    const merged = mergeJson({ base: '{\n// a\n}\n', ours: '{\n// a\n"b": 1}\n', theirs: '// head\n{\n// a\n}\n' }, labels);
    expect(merged).toEqual({ text: '// head\n{\n// a\n"b": 1}\n', conflicts: 0 });
  });

  it('takes a key like __proto__ for a key', () => {
    const merged = mergeJson({ base: '{"a":1}', ours: '{"a":1,"__proto__":{"x":1}}', theirs: '{"a":2}' }, labels);
    expect(merged.text).toContain('__proto__');
    expect(Object.hasOwn({}, 'x')).toBe(false);
  });
});
