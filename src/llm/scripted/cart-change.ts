import type { Decisions } from './demo.ts';

export interface Edit {
  old_string: string;
  new_string: string;
}

/** How the cart is changed, found out from the cart's own source. */
export interface CartChange {
  edits: Edit[];
  /** True where the cart counts in whole cents. */
  cents: boolean;
  /** Lines for the tests: the import of the cart, and the tests of its new function. */
  testImport: string | null;
  tests: string[];
}

const TOTAL = /^export function (\w*[tT]otal\w*)\((\w+)\) \{$/;

function parameters({ expiry, combine }: Decisions): string {
  return [combine ? 'codes' : 'code', 'discounts', ...(expiry ? ['today'] : [])].join(', ');
}

function documentation({ expiry, combine }: Decisions): string[] {
  return [
    '/**',
    ` * What is to be paid with ${combine ? 'discount codes' : 'a discount code'} applied; the plain total is as before.`,
    combine ? ' * @param {string[]} codes each takes its part off what is left' : ' * @param {string} code',
    " * @param {import('./discount.js').Discount[]} discounts those that exist",
    ...(expiry ? [' * @param {string} today YYYY-MM-DD'] : []),
    ' */',
  ];
}

function body({ expiry, combine }: Decisions, total: string): string[] {
  const today = expiry ? ', today' : '';
  if (combine) {
    return [`  return codes.reduce((left, code) => left - reductionOf(left, findDiscount(discounts, code)${today}), ${total});`];
  }
  return [`  const total = ${total};`, `  return total - reductionOf(total, findDiscount(discounts, code)${today});`];
}

/** Where the edit goes: after the whole function, whose text occurs once because its name is in it. */
function addition(lines: string[], at: number, name: string, decisions: Decisions): Edit {
  const end = lines.findIndex((line, index) => index > at && line === '}');
  const existing = lines.slice(at, end + 1).join('\n');
  const cart = TOTAL.exec(lines[at] ?? '')?.[2] ?? 'cart';
  const added = [
    ...documentation(decisions),
    `export function ${name}WithDiscount(${cart}, ${parameters(decisions)}) {`,
    ...body(decisions, `${name}(${cart})`),
    '}',
  ];
  return { old_string: existing, new_string: `${existing}\n\n${added.join('\n')}` };
}

/** The import goes before the first line of code or comment. */
function importEdit(lines: string[]): Edit {
  const first = lines.find((line) => line.trim() !== '') ?? '';
  const gap = first.startsWith('import ') ? '\n' : '\n\n';
  return { old_string: first, new_string: `import { findDiscount, reductionOf } from './discount.js';${gap}${first}` };
}

/** Null where the source is not a cart that the script understands: an exported function that adds up a total. */
export function cartChange(source: string, decisions: Decisions): CartChange | null {
  const lines = source.split('\n');
  const at = lines.findIndex((line) => TOTAL.test(line) && !line.includes('WithDiscount'));
  const name = TOTAL.exec(lines[at] ?? '')?.[1];
  if (name === undefined) return null;
  const done = source.includes(`${name}WithDiscount(`);
  return {
    edits: done ? [] : [importEdit(lines), addition(lines, at, name, decisions)],
    cents: /\bcents?\b/i.test(source),
    testImport: null,
    tests: [],
  };
}
