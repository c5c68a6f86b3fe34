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

  const cart = (where: string) =>
    `When a customer opens the cart page and applies a coupon, the total that is shown at the ${where} of the page is wrong by the amount of the tax.`;
  const others: [title: string, other: string, body?: string, otherBody?: string][] = [
    ['Convert JSON to YAML', 'Convert YAML to JSON'],
    ['Log passwords on failure', 'Do not log passwords on failure'],
    ['Support C++ files', 'Support C# files'],
    ['Support C files', 'Support C++ files'],
    ['Show prices with tax', 'Show prices without tax'],
    ['Show prices in the cart if logged in', 'Show prices in the cart when not logged in'],
    ['Move the header above the footer', 'Move the footer above the header'],
    ['Wrong total at the top of the cart', 'Wrong total at the bottom of the cart'],
    ['Wrong total at the top of the cart', 'Wrong total at the bottom of the cart', cart('top'), cart('bottom')],
    ['Error in the cart', 'Error in the invoice', `${cart('top')} The cart fails.`, `${cart('top')} The invoice fails.`],
    ['Total of the cart is wrong', 'Total of the receipt is wrong', cart('top'), cart('top').replace('cart', 'receipt')],
    ['Import customers from CSV', 'Import customers to CSV'],
    ['Add a dark mode', 'Remove the dark mode'],
    ['Enable the cache by default', 'Disable the cache by default'],
    ['Lock the account after three tries', 'Unlock the account after three tries'],
    ['Turn the alarm on', 'Turn the alarm off'],
    ['The page loads', "The page doesn't load"],
    ['The client calls the server twice', 'The server calls the client twice'],
    ['The orders service depends on the users service', 'The users service depends on the orders service'],
    ['Rename the branch of the fork', 'Rename the fork of the branch'],
    ['Login fails on iOS', 'Login fails on Android'],
  ];
  it.each(others)('are others where one turns it around: %s | %s', (title, other, body = '', otherBody = body) => {
    expect(found([title, body], [other, otherBody])).toEqual([]);
    expect(found([title, body || LOGIN], [other, otherBody || LOGIN])).toEqual([]);
  });

  it('are others where the little that is said is something else', () => {
    const android = 'On Android the keyboard hides the button of the form, and after rotating the phone everything typed so far is lost for good.';
    expect(found(['Login bug', 'On Safari it shows a blank page.'], ['Login bug', android])).toEqual([]);
    expect(found(['Login bug', 'The keyboard hides the button.'], ['Login bug', android])).toEqual([[2, 1]]);
    expect(found(['Login bug', 'Thanks!'], ['Login bug', android])).toEqual([[2, 1]]);
  });

  const same: [title: string, other: string, body?: string, otherBody?: string][] = [
    ['Blank page after login', 'After login the page is blank', LOGIN, LOGIN],
    ['Login page does not load', "The login page doesn't load", LOGIN, `${LOGIN} It began today.`],
    ['Blank login page', 'Blank page at login in Safari', LOGIN, LOGIN],
    ['Login page is not loading', 'Login page fails to load', LOGIN, LOGIN],
    ['Wrong total at the top of the cart', 'Wrong total at the top of the shopping cart', cart('top'), cart('top')],
    ['Wrong total in the cart', 'Total is wrong', cart('top'), `${cart('top')} Also with two coupons.`],
    ['Support C++ files', 'Please support c++ files'],
    ['Convert JSON to YAML', 'Convert JSON to YAML, please'],
    ['Do not log passwords', 'Passwords should not be logged', LOGIN, LOGIN],
  ];
  it.each(same)('are the same in other words: %s | %s', (title, other, body = '', otherBody = body) => {
    expect(found([title, body], [other, otherBody])).toEqual([[2, 1]]);
  });

  it('bears any text', () => {
    expect(found(['', ''], ['', ''], ['\u{1F600}', '```'], ['a'.repeat(300), 'b '.repeat(2000)])).toEqual([]);
  });
});
