import type { Decisions } from './demo.ts';

/** Joins what applies; null leaves no trace. */
function lines(...parts: (string | null)[]): string {
  return parts.filter((part) => part !== null).join('\n');
}

function typeOf({ percent, fixed, expiry }: Decisions): string {
  const either = percent && fixed ? '[' : '';
  const end = either ? ']' : '';
  return lines(
    '/**',
    ' * @typedef {object} Discount',
    ' * @property {string} code',
    percent ? ` * @property {number} ${either}percent${end} share of the total that it takes off, 0 to 100` : null,
    fixed ? ` * @property {number} ${either}amount${end} what it takes off, in the unit of the total` : null,
    expiry ? ' * @property {string} [lastDay] the last day on which it counts, YYYY-MM-DD' : null,
    ' */',
  );
}

function reduction({ percent, fixed }: Decisions, cents: boolean): string {
  const share = cents ? 'Math.round((total * discount.percent) / 100)' : 'Math.round(total * discount.percent) / 100';
  if (percent && fixed) return `discount.amount ?? ${share}`;
  return fixed ? 'discount.amount' : share;
}

/** The content of `src/discount.js`. */
export function discountModule(decisions: Decisions, cents: boolean): string {
  const { expiry } = decisions;
  return `${lines(
    typeOf(decisions),
    '',
    '/**',
    ' * The discount that belongs to a code.',
    ' * @param {Discount[]} discounts',
    ' * @param {string} code',
    ' * @returns {Discount}',
    ' * @throws {RangeError} where no discount has this code',
    ' */',
    'export function findDiscount(discounts, code) {',
    '  const wanted = code.trim().toUpperCase();',
    '  const found = discounts.find((discount) => discount.code.toUpperCase() === wanted);',
    '  if (!found) throw new RangeError(`unknown discount code: ${code}`);',
    '  return found;',
    '}',
    '',
    '/**',
    ' * What a discount takes off a total: never more than the total.',
    ' * @param {number} total',
    ' * @param {Discount} discount',
    expiry ? ' * @param {string} today YYYY-MM-DD' : null,
    ' * @returns {number}',
    ' */',
    `export function reductionOf(total, discount${expiry ? ', today' : ''}) {`,
    expiry ? '  if (discount.lastDay !== undefined && today > discount.lastDay) return 0;' : null,
    `  return Math.min(total, ${reduction(decisions, cents)});`,
    '}',
  )}\n`;
}

function percentTests(today: string, cents: boolean): string[] {
  const [odd, share] = cents ? ['333', '33'] : ['3.33', '0.33'];
  return [
    "test('a percentage code takes its share off, rounded to the cent', () => {",
    `  assert.equal(reductionOf(200, { code: 'TEN', percent: 10 }${today}), 20);`,
    `  assert.equal(reductionOf(${odd}, { code: 'TEN', percent: 10 }${today}), ${share});`,
    '});',
    '',
    "test('a percentage over 100 never takes off more than the total', () => {",
    `  assert.equal(reductionOf(50, { code: 'ALL', percent: 150 }${today}), 50);`,
    '});',
    '',
  ];
}

function fixedTests(today: string): string[] {
  return [
    "test('a fixed code takes its amount off, and never more than the total', () => {",
    `  assert.equal(reductionOf(50, { code: 'FIVE', amount: 5 }${today}), 5);`,
    `  assert.equal(reductionOf(3, { code: 'FIVE', amount: 5 }${today}), 3);`,
    '});',
    '',
  ];
}

function expiryTests({ percent }: Decisions): string[] {
  const kind = percent ? 'percent: 10' : 'amount: 10';
  return [
    "test('a code counts on its last day and takes nothing off after it', () => {",
    `  const discount = { code: 'MAY', ${kind}, lastDay: '2030-05-31' };`,
    "  assert.equal(reductionOf(100, discount, '2030-05-31'), 10);",
    "  assert.equal(reductionOf(100, discount, '2030-06-01'), 0);",
    '});',
    '',
  ];
}

/** The content of `test/discount.test.js`: a test for each criterion, and those of the cart where it is changed. */
export function discountTests(decisions: Decisions, cents: boolean, cart: { importLine: string; lines: string[] } | null): string {
  const { percent, fixed, expiry } = decisions;
  const today = expiry ? ", '2030-05-01'" : '';
  return `${lines(
    "import assert from 'node:assert/strict';",
    "import { test } from 'node:test';",
    cart?.importLine ?? null,
    "import { findDiscount, reductionOf } from '../src/discount.js';",
    '',
    ...(percent ? percentTests(today, cents) : []),
    ...(fixed ? fixedTests(today) : []),
    ...(expiry ? expiryTests(decisions) : []),
    "test('a code is found whatever its case, and the spaces around it do not matter', () => {",
    "  const discount = { code: 'Spring', percent: 10 };",
    "  assert.equal(findDiscount([discount], ' spRING '), discount);",
    '});',
    '',
    "test('a code that does not exist is refused by name', () => {",
    "  assert.throws(() => findDiscount([], 'NOPE'), /NOPE/);",
    '});',
    ...(cart ? ['', ...cart.lines] : []),
  )}\n`;
}
