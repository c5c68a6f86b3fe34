import { describe, expect, it } from 'vitest';
import { findDuplicates } from './similarity.ts';

const LOGIN =
  'After the session has expired the login page shows a blank screen in Safari. Reloading helps, but the form has lost everything that was typed in.';
const issues = (...texts: [title: string, body: string][]) => texts.map(([title, body], index) => ({ number: index + 1, title, body }));
const found = (...texts: [title: string, body: string][]) => [...findDuplicates(issues(...texts))];

describe('issues that ask for the same', () => {
  it('are found by their words, whatever their order and case; all refer to the oldest', () => {
    expect(found(['Blank login page', LOGIN], ['Something else', 'Another matter altogether.'], ['Login page is BLANK', LOGIN.toLowerCase()])).toEqual([
      [3, 1],
    ]);
    expect(found(['Blank login page', LOGIN], ['Blank login page in Safari', `${LOGIN} Please fix.`], ['The blank login page', LOGIN])).toEqual([
      [2, 1],
      [3, 1],
    ]);
  });

  it('with hardly a body are the same only by the same title', () => {
    expect(found(['Greet more warmly', 'Please.'], ['Please greet more warmly!', ''])).toEqual([[2, 1]]);
    expect(found(['Add a sum function', ''], ['Add a product function', ''])).toEqual([]);
    expect(found(['Discounts', ''], ['Discount', ''])).toEqual([]);
  });

  it('are others where a number or a name differs', () => {
    expect(found(['Support Postgres 17', LOGIN], ['Support Postgres 18', LOGIN])).toEqual([]);
    expect(found(['`sum()` is slow', LOGIN], ['`product()` is slow', LOGIN])).toEqual([]);
    expect(found(['Rename userName', LOGIN], ['Rename lastName', LOGIN])).toEqual([]);
  });

  it('are others where only their template is the same', () => {
    const template = (what: string) =>
      `### What happens?\n${what}\n### What did you expect to happen instead of that, and why?\n### Version, browser and operating system\n`;
    const texts: [string, string][] = ['cart', 'invoice', 'search', 'upload'].map((what) => [`Error in the ${what} page`, template(`The ${what} fails.`)]);
    expect(found(...texts)).toEqual([]);
  });

  it('bears any text', () => {
    expect(found(['', ''], ['', ''], ['\u{1F600}', '```'], ['a'.repeat(300), 'b '.repeat(2000)])).toEqual([]);
  });
});
