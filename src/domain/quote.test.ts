import { parse } from 'marked';
import { describe, expect, it } from 'vitest';
import { quoteAsCode, quoteForCell, quoteForComment, quoteForItem, quoteForLine, quoteForPull } from './quote.ts';

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

/** Whether a reader of Markdown finds a mention outside of code. */
function mentions(markdown: string): boolean {
  const html = parse(markdown, { async: false });
  return /(?<![a-z0-9])@maintainer/.test(html.replaceAll(/<pre>[^]*?<\/pre>|<code>[^]*?<\/code>/g, ''));
}

describe('where lines and Markdown differ about code, nothing is code', () => {
  it.each([
    ['a span over two lines', 'Greet ` more\n` @maintainer `, warmly.'],
    ['a span that a list begins in', '- a ` b\n- c\n  ` @maintainer `'],
    ['a backslash that is escaped itself', '\\\\` x ` @maintainer `'],
    ['an escaped backtick before a span', '\\`` x ` @maintainer `'],
    ['a carriage return', '` a\r\r@maintainer `'],
    ['cells of a table', '| a | b |\n| --- | --- |\n| ` | @maintainer ` |'],
    ['a block of an item that ends with it', '- a\n\n  ```\n  code\n@maintainer'],
    ['a block of an item, closed outside of it', '- a\n\n  ```\n  code\n```\ncode\n```\n@maintainer'],
    ['a block in a quote', '> ```\n\n```\ncode\n```\n@maintainer'],
    ['a block that an item begins with', '- ```\n\n@maintainer\n```'],
    ['a block deep in a list', '- a\n\n    ```\n  ```\n@maintainer'],
    ['an emphasis', '_@maintainer_'],
  ])('%s', (_, text) => {
    expect(mentions(quoteForComment(text))).toBe(false);
    expect(mentions(`1. ${quoteForItem(text)}`)).toBe(false);
  });

  it('a block of an item ends with it, written out', () => {
    expect(quoteForComment('- a\n\n  ```\n  code\n@maintainer')).toBe('- a\n\n  ```\n  code\n  ```\n@\u200bmaintainer');
  });

  it('whatever is written', () => {
    const pieces = [
      '`',
      '`',
      '``',
      '```',
      '~~~',
      '\n',
      '\n',
      '\n\n',
      '- ',
      '> ',
      '1. ',
      '  ',
      '   ',
      '    ',
      '\\',
      '|',
      '@maintainer',
      '@maintainer',
      'a',
      ' ',
    ];
    let seed = 7;
    const random = (below: number) => Math.floor(((seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31) * below);
    let live = 0;
    for (let round = 0; round < 1_000; round += 1) {
      const text = Array.from({ length: 3 + random(18) }, () => pieces[random(pieces.length)]).join('');
      if (mentions(text)) live += 1;
      expect([text, ...[quoteForComment(text), `1. ${quoteForItem(text)}`, `- a ${quoteForItem(text)}`].filter(mentions)]).toEqual([text]);
    }
    expect(live).toBeGreaterThan(300);
  });

  it('an entity', () => {
    expect(quoteForComment('&#64;maintainer &#x40;maintainer &commat;maintainer &amp; b')).toBe(
      '&amp;#64;maintainer &amp;#x40;maintainer &amp;commat;maintainer &amp; b',
    );
  });

  it('but what both take for code stays as it is', () => {
    const text = '1. Run `npm i @scope/a`:\n\n   ```sh\n   npm i @scope/b\n\n   npm test <in\n   ```\n\n2. ``a`@b`` and\n\n~~~\n@c `\n~~~\n\n- `d`\n- `@e`';
    expect(quoteForComment(text)).toBe(text);
  });
});

describe('one line', () => {
  it.each([
    ['[Sign in](https://evil.example/login)', '\\[Sign in](https:\u200b//evil.example/login)'],
    ['![x](//evil.example/p.png)', '!\\[x](//evil.example/p.png)'],
    ['\\[a](b) \\![c](d)', '\\\\\\[a](b) \\\\!\\[c](d)'],
    ['acme/other#1, #2, GH-3 and C#', 'acme/other#\u200b1, #\u200b2, GH-\u200b3 and C#'],
    ['www.evil.example <https://evil.example> @maintainer', 'www\u200b.evil.example &lt;https:\u200b//evil.example> @\u200bmaintainer'],
    ['`npm i @scope/a` fails, ` @maintainer', '`npm i @scope/a` fails, \\` @\u200bmaintainer'],
    ['\\` @maintainer `', '\\\\` @maintainer `'],
    ['`<!-- banyan:status -->`', '`&lt;!-- banyan:status -->`'],
  ])('%s is text, and opens nothing behind it', (text, quoted) => {
    expect(quoteForLine(text)).toBe(quoted);
  });

  it('as code is code to its end', () => {
    expect(quoteAsCode('echo `@maintainer`\n[a](b) <!-- x -->')).toBe("`echo '@maintainer' [a](b) &lt;!-- x -->`");
    expect(quoteForCell('a | b\n| c')).toBe('`a \\| b \\| c`');
  });
});

it('keeps an item of a list one item', () => {
  expect(quoteForItem('Which?\n2. forged\n\n### Done')).toBe('Which?\n   2. forged\n   \n   ### Done');
  expect(quoteForItem('```\n@a\n```\n@b')).toBe('\n   ```\n   @a\n   ```\n   @\u200bb');
});

describe('quoteForPull', () => {
  it.each([
    ['Fixes #1, closes acme/x#3.', 'Fixes\u200b #\u200b1, closes\u200b acme/x#\u200b3.'],
    ['resolved: https://github.com/acme/x/issues/3', 'resolved\u200b: https://github.com/acme/x/issues/3'],
    ['Fixes', 'Fixes\u200b'],
    ['see GH-12 and (#4)', 'see GH-\u200b12 and (#\u200b4)'],
    ['[#5](https://github.com/acme/x/pull/5#1) fixes it', '[#\u200b5](https://github.com/acme/x/pull/5#1) fixes it'],
    ['`Fixes #1` by @maintainer <b>', '`Fixes #1` by @\u200bmaintainer &lt;b>'],
    ['```\nFixes #1', '```\nFixes #1\n```'],
  ])('closes, names and refers to nothing: %j', (text, quoted) => {
    expect(quoteForPull(text)).toBe(quoted);
    expect(quoteForPull(quoted)).toBe(quoted);
  });
});
