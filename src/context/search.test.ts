import { describe, expect, it } from 'vitest';
import { searchFiles } from './search.ts';

const files = [
  { path: 'a.ts', text: 'export function Total(cart) {\n  return sum(cart.items);\n}\n' },
  { path: 'b.ts', text: "import { total } from './a.ts';\n// a|b\nconst x = /a.*b/;\n" },
];

function find(query: string): string[] {
  return searchFiles(query, () => files).matches.map(({ path, line }) => `${path}:${line}`);
}

describe('searchFiles', () => {
  it('finds text in any case', () => {
    expect(find('TOTAL')).toEqual(['a.ts:1', 'b.ts:1']);
    expect(searchFiles('cart.items', () => files).matches).toEqual([{ path: 'a.ts', line: 2, text: '  return sum(cart.items);' }]);
  });

  it('prefers the query as it is written to what it may mean', () => {
    expect(find('a|b')).toEqual(['b.ts:2']);
    expect(find('a.*b')).toEqual(['b.ts:3']);
  });

  it('understands either, in order, and all words', () => {
    expect(find('sum\\(|import')).toEqual(['a.ts:2', 'b.ts:1']);
    expect(find('/function\\s.*cart/')).toEqual([]);
    expect(find('/function.*cart\\)/')).toEqual(['a.ts:1']);
    expect(find('cart function')).toEqual(['a.ts:1']);
    expect(find('nothing here')).toEqual([]);
  });

  it('is bounded and counts all', () => {
    const result = searchFiles('x', () => [{ path: 'big', text: 'x\n'.repeat(5_000) }]);
    expect(result.matches).toHaveLength(100);
    expect(result.total).toBe(5_000);
  });

  it('takes hostile patterns in its stride', () => {
    const text = 'a'.repeat(100_000);
    expect(searchFiles('/(a+)+$.*(a*)*b|.*.*.*.*c/', () => [{ path: 'a', text }]).total).toBe(0);
  });
});
