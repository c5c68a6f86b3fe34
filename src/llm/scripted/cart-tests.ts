import type { CartChange } from './cart-change.ts';
import type { Decisions } from './demo.ts';

/** How the existing tests make a cart: their import of it, and the lines before their first look at a total. */
interface Setup {
  importLine: string;
  lines: string[];
  /** The name of the cart in them. */
  cart: string;
}

const TEST_HEAD = /^(?:test|it)\(|^ +(?:test|it)\(/;

/** The statements of a test up to its first assertion, or null where that assertion is not about the total of a named cart. */
function setupOf(body: string[], change: CartChange): Pick<Setup, 'lines' | 'cart'> | null {
  const at = body.findIndex((line) => line.includes('assert'));
  const asked = change.form === 'function' ? new RegExp(`\\b${change.total}\\((\\w+)\\)`) : new RegExp(`\\b(\\w+)\\.${change.total}\\b`);
  const cart = asked.exec(body[at] ?? '')?.[1];
  if (cart === undefined) return null;
  const lines = body.slice(0, at).map((line) => `  ${line.trim()}`);
  return lines.some((line) => new RegExp(`\\b(?:const|let) ${cart}\\b`).test(line)) ? { lines, cart } : null;
}

function findSetup(tests: string, change: CartChange): Setup | null {
  const lines = tests.split('\n');
  const importLine = lines.find((line) => /^import \{[^}]*\} from '[^']*\/cart\.js';$/.test(line));
  if (!importLine) return null;
  for (const [at, line] of lines.entries()) {
    if (!TEST_HEAD.test(line)) continue;
    const indent = /^ */.exec(line)?.[0] ?? '';
    const end = lines.findIndex((later, index) => index > at && later.startsWith(`${indent}}`));
    const setup = setupOf(lines.slice(at + 1, end), change);
    if (setup) return { importLine, ...setup };
  }
  return null;
}

/** The existing import with what the new tests use: the names that occur in the setup, and the new function. */
function importOf({ importLine, lines }: Setup, change: CartChange): string {
  const names = (/\{([^}]*)\}/.exec(importLine)?.[1] ?? '').split(',').map((name) => name.trim());
  const setup = lines.join('\n');
  const used = names.filter((name) => (name === change.total && change.form === 'function') || new RegExp(`\\b${name}\\b`).test(setup));
  const all = change.form === 'function' ? [...used, change.discounted] : used;
  return importLine.replace(/\{[^}]*\}/, `{ ${all.toSorted().join(', ')} }`);
}

function testsOf({ lines, cart }: Setup, change: CartChange, decisions: Decisions): string[] {
  const kind = decisions.percent ? 'percent: 150' : 'amount: 1_000_000';
  const call = (code: string, discounts: string, day: string) => {
    const rest = [decisions.combine ? `[${code}]` : code, discounts, ...(decisions.expiry ? [`'${day}'`] : [])];
    return change.form === 'function' ? `${change.discounted}(${[cart, ...rest].join(', ')})` : `${cart}.${change.discounted}(${rest.join(', ')})`;
  };
  const plain = { function: `${change.total}(${cart})`, method: `${cart}.${change.total}()`, getter: `${cart}.${change.total}` }[change.form];
  const all = `[{ code: 'ALL', ${kind}${decisions.expiry ? ", lastDay: '2030-05-31'" : ''} }]`;
  return [
    "test('the cart takes a discount off its total, down to nothing and not below', () => {",
    ...lines,
    `  assert.equal(${call("'all'", all, '2030-05-31')}, 0);`,
    '});',
    '',
    ...(decisions.expiry
      ? [
          "test('a code after its last day leaves the total of the cart as it is', () => {",
          ...lines,
          `  assert.equal(${call("'all'", all, '2030-06-01')}, ${plain});`,
          '});',
          '',
        ]
      : []),
    "test('the cart refuses a code that does not exist', () => {",
    ...lines,
    `  assert.throws(() => ${call("'NOPE'", '[]', '2030-05-01')}, /NOPE/);`,
    '});',
  ];
}

/** Tests of the cart's new function, in the way of the existing ones; null where those give no hold. */
export function cartTests(existing: string, change: CartChange, decisions: Decisions): { importLine: string; lines: string[] } | null {
  const setup = findSetup(existing, change);
  return setup ? { importLine: importOf(setup, change), lines: testsOf(setup, change, decisions) } : null;
}
