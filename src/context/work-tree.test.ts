import { describe, expect, it } from 'vitest';
import { inCommands, quote } from './shell.ts';
import { parseRawDiff } from './work-tree.ts';

describe('parseRawDiff', () => {
  it('reads what git diff-index --raw -z prints', () => {
    const zero = '0'.repeat(40);
    const sha = 'a'.repeat(40);
    const output = `:100644 100755 ${sha} ${sha} M\0with space\nand line\0:100644 000000 ${sha} ${zero} D\0gone\0:000000 120000 ${zero} ${sha} A\0link\0`;
    expect(parseRawDiff(output)).toEqual([
      { path: 'with space\nand line', mode: '100755', sha },
      { path: 'gone', mode: null, sha: zero },
      { path: 'link', mode: '120000', sha },
    ]);
    expect(parseRawDiff('')).toEqual([]);
  });
});

describe('shell words', () => {
  it('are quoted so that nothing in them is special', () => {
    expect(quote("it's $HOME `x`")).toBe("'it'\\''s $HOME `x`'");
  });

  it('are split into commands that are not too long', () => {
    expect(inCommands([])).toEqual([]);
    const words = Array.from({ length: 3 }, () => 'x'.repeat(40_000));
    expect(inCommands(words).map((command) => command.trim())).toEqual(words);
    expect(inCommands(['a', 'b'])).toEqual([' a b']);
  });
});
