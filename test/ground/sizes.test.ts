import { describe, expect, it } from 'vitest';
import { findOversized, measureFunctions } from '../../scripts/checks/sizes.ts';

const text = `
export function outer(a: number, b: number): number {
  if (a > b) {
    for (const x of [a]) {
      if (x > 1) return x;
    }
  } else if (a < b) {
    return [1].map((y) => y)[0] ?? 0;
  }
  return 0;
}
`;

describe('the table of sizes', () => {
  it('measures lines, nesting and parameters of each function', () => {
    const file = { path: 'src/x.ts', text };
    expect(measureFunctions(file)).toEqual([
      { path: 'src/x.ts', line: 2, lines: 10, nesting: 3, parameters: 2 },
      { path: 'src/x.ts', line: 8, lines: 1, nesting: 0, parameters: 1 },
    ]);
  });

  it('names what passes a limit, and only that', () => {
    const file = { path: 'src/long.ts', text: `function f() {\n${'  g();\n'.repeat(99)}}\nfunction h() {\n${'  g();\n'.repeat(98)}}\n` };
    expect(findOversized([file], measureFunctions(file))).toEqual(['src/long.ts:1: a function of 101 lines, the limit is 100']);
    expect(findOversized([{ path: 'src/large.ts', text: 'a;\n'.repeat(401) }], [])).toEqual(['src/large.ts: 401 lines, the limit is 400']);
  });
});
