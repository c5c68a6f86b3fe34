import { describe, expect, it } from 'vitest';
import { findMarkers, labelsOf } from './markers.ts';
import { mergeText, type Sides } from './merge-text.ts';

const labels = labelsOf('0.1.0', '0.2.0');
const lines = (...words: string[]) => words.map((word) => `${word}\n`).join('');
const found = (...args: Parameters<typeof findMarkers>) => findMarkers(...args).map(({ line }) => line);

describe('in a file of which nothing is known', () => {
  it.each([
    ['the underline of a heading', 'README.md', lines('Title', '=======', 'text <<<<<<< x'), []],
    ['whole markers', 'a.ts', lines('<<<<<<< HEAD', 'a', '=======', 'b', '>>>>>>> x'), [1, 5]],
    ['markers whose label is gone', 'a.ts', lines('<<<<<<<', '|||||||', '>>>>>>>'), [1, 2, 3]],
    ['longer rulers', 'a.ts', lines('<<<<<<<<', '========', '>>>>>>>x'), []],
    ['an example between fences', 'docs/merge.md', lines('How:', '```text', '<<<<<<< HEAD', '=======', '>>>>>>> x', '```', 'End.'), []],
    ['an example between tildes, with a fence in it', 'x.MD', lines('~~~~', '```', '<<<<<<< HEAD', '~~~', '~~~~'), []],
    ['what follows a fence', 'x.md', lines('```', 'a', '```', '<<<<<<< HEAD'), [4]],
    ['a fence that nothing closes', 'x.md', lines('```', '<<<<<<< HEAD'), [2]],
    ['code that is no block', 'x.md', lines('``` a ``` b', '<<<<<<< HEAD', '```'), [2]],
    ['fences of what is no Markdown', 'x.ts', lines('```', '<<<<<<< HEAD', '```'), [2]],
    ["an update's own markers, also between fences", 'x.md', lines('```', '<<<<<<< your child', '>>>>>>> template v0.2.0', '```'), [2, 3]],
  ])('judges %s', (_what, path, text, expected) => {
    expect(found(path, text, undefined)).toEqual(expected);
    expect(found(path, text, { 'other.md': { count: 1 } })).toEqual(expected);
    expect(found(path, text.replaceAll('\n', '\r\n'), undefined)).toEqual(expected);
  });
});

/** What an update leaves, and what its book says of it. */
function conflictOf(sides: Sides, path = 'README.md') {
  const { text, conflicts: count, lookalikes } = mergeText(sides, labels);
  return { text, book: { [path]: { count, ...(lookalikes === undefined ? {} : { lookalikes }) } } };
}

describe('in a file that an update has left in conflict', () => {
  const plain = conflictOf({ base: lines('a', 'b', 'c'), ours: lines('a', 'x', 'c'), theirs: lines('a', 'y', 'c') });

  it('counts every line that can be a marker, wherever it stands', () => {
    expect(found('README.md', plain.text, plain.book)).toEqual([2, 4, 6, 8]);
    for (const left of ['=======', '<<<<<<< your child', '|||||||', '>>>>>>> template v0.2.0', '=======  ', '=======\r']) {
      expect(found('README.md', lines('a', '```', 'x', left, '```', 'c'), plain.book)).toEqual([4]);
    }
    expect(found('README.md', lines('a', 'x', 'c'), plain.book)).toEqual([]);
  });

  const heading = (...rest: string[]) => lines('Title', '=======', 'text', ...rest);
  const headed = conflictOf({ base: heading('b'), ours: heading('x'), theirs: heading('y') });

  it('knows the headings that were there before', () => {
    expect(headed.book).toEqual({ 'README.md': { count: 1, lookalikes: ['======='] } });
    expect(found('README.md', headed.text, headed.book)).toEqual([4, 6, 8, 10]);
    expect(found('README.md', heading('x'), headed.book)).toEqual([]);
    // Either of the two may be what is left.
    expect(found('README.md', heading('x', '=======', 'y'), headed.book)).toEqual([2, 5]);
  });

  it('knows a heading that both sides have in the conflict, once', () => {
    const both = conflictOf({ base: lines('a', 'b'), ours: lines('Mine', '=======', 'x', 'b'), theirs: lines('Theirs', '=======', 'y', 'b') });
    expect(both.book).toEqual({ 'README.md': { count: 1, lookalikes: ['======='] } });
    expect(found('README.md', lines('Mine', '=======', 'x', 'b'), both.book)).toEqual([]);
    expect(found('README.md', lines('Mine', '=======', 'x', '=======', 'b'), both.book)).toEqual([2, 4]);
  });

  it('knows a heading that the template brings elsewhere, and an example that was there', () => {
    const example = ['```', '<<<<<<< HEAD', '=======', '>>>>>>> x', '```'];
    const sides = {
      base: lines('a', 'm', 'n', 'z'),
      ours: lines('x', 'm', ...example, 'n', 'z'),
      theirs: lines('y', 'm', 'n', 'New', '=======', 'z'),
    };
    const { text, book } = conflictOf(sides);
    expect(book['README.md']?.count).toBe(1);
    const solved = lines('x', 'm', ...example, 'n', 'New', '=======', 'z');
    expect(found('README.md', solved, book)).toEqual([]);
    const marked = new Set(found('README.md', text, book).map((line) => text.split('\n')[line - 1]));
    for (const marker of ['<<<<<<< your child', '||||||| template v0.1.0', '>>>>>>> template v0.2.0']) expect(marked).toContain(marker);
    expect(marked).not.toContain('<<<<<<< HEAD');
  });

  it('believes whoever says that it is text', () => {
    expect(found('README.md', plain.text, { 'README.md': false })).toEqual([]);
    expect(found('constructor', lines('<<<<<<<'), {})).toEqual([1]);
  });
});
