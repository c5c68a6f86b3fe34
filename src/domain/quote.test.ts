import { describe, expect, it } from 'vitest';
import { quoteForCell, quoteForComment, quoteForItem } from './quote.ts';

describe('quoteForComment', () => {
  it('leaves ordinary Markdown as it is', () => {
    const text = '# Title\n\n- **a** & b < c, mail me: a@b.example\n\n```html\n<b>@me</b>\n```\nand `<b>@me</b>`.';
    expect(quoteForComment(text)).toBe(text);
  });

  it.each([
    ['@maintainer look', '@\u200bmaintainer look'],
    ['(@acme/team)', '(@\u200bacme/team)'],
    ['`code`@maintainer', '`code`@\u200bmaintainer'],
    ['\\`@maintainer\\`', '\\`@\u200bmaintainer\\`'],
    ['``@a`@maintainer', '``@\u200ba`@\u200bmaintainer'],
    ['`@scope/package`', '`@scope/package`'],
  ])('notifies nobody: %s', (text, quoted) => {
    expect(quoteForComment(text)).toBe(quoted);
  });

  it.each(['</details>', '<DETAILS>', '<!-- banyan:status:1 -->', '<?x', '<img src=x>'])('writes no HTML: %s', (text) => {
    expect(quoteForComment(`a ${text} b`)).toBe(`a &lt;${text.slice(1)} b`);
  });

  it('forges no marker, in a code block neither', () => {
    expect(quoteForComment('```\n<!-- banyan:status:1 -->\n```')).not.toContain('<!--');
    expect(quoteForComment('`<!-- banyan:status:1 -->`')).not.toContain('<!--');
  });

  it.each([
    ['```js\ncode', '```js\ncode\n```'],
    ['~~~~\n~~~\ncode', '~~~~\n~~~\ncode\n~~~~'],
    ['````\n```\n', '````\n```\n\n````'],
    ['```\na\n```', '```\na\n```'],
    ['``` not a fence ```', '``` not a fence ```'],
  ])('leaves no code block open: %j', (text, quoted) => {
    expect(quoteForComment(text)).toBe(quoted);
  });
});

it('keeps an item of a list one item', () => {
  expect(quoteForItem('Which?\n2. forged\n\n### Done')).toBe('Which?\n   2. forged\n   \n   ### Done');
});

it('keeps a cell of a table one cell', () => {
  expect(quoteForCell('a | b\n| c | @d')).toBe('a \\| b \\| c \\| @\u200bd');
});
