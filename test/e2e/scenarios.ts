/** A small repository with a suite; `sum` has the bug that the bug-fix test is about. */
export const CALCULATOR: Record<string, string> = {
  'package.json': JSON.stringify({ name: 'calculator', version: '1.0.0', type: 'module', scripts: { test: 'node --test' } }, null, 2),
  'src/calculator.js': 'export function sum(...numbers) {\n  return numbers.slice(1).reduce((total, number) => total + number, 0);\n}\n',
  'test/exists.test.js':
    "import assert from 'node:assert/strict';\nimport { test } from 'node:test';\nimport { sum } from '../src/calculator.js';\n\ntest('there is a sum', () => assert.equal(typeof sum, 'function'));\n",
};

const SUM_RIGHT = 'export function sum(...numbers) {\n  return numbers.reduce((total, number) => total + number, 0);\n}\n';
const SUM_TEST =
  "import assert from 'node:assert/strict';\nimport { test } from 'node:test';\nimport { sum } from '../src/calculator.js';\n\ntest('sums all numbers', () => assert.equal(sum(1, 2, 3), 6));\n";

/** The bug fixed, with the test that shows it. */
export const SUM_FIXED: Record<string, string> = { 'src/calculator.js': SUM_RIGHT, 'test/sum.test.js': SUM_TEST };

const PRODUCT = `${SUM_RIGHT}\nexport function product(...numbers) {\n  return numbers.reduce((result, number) => result * number, 1);\n}\n`;
const PRODUCT_WRONG = PRODUCT.replace('result * number, 1', 'result * number, 0');
const PRODUCT_TEST =
  "import assert from 'node:assert/strict';\nimport { test } from 'node:test';\nimport { product } from '../src/calculator.js';\n\ntest('multiplies', () => assert.equal(product(2, 3), 6));\n";

/** A new function, with its test. */
export const PRODUCT_ADDED: Record<string, string> = { 'src/calculator.js': PRODUCT, 'test/product.test.js': PRODUCT_TEST };
/** The same, whose test fails. */
export const PRODUCT_BROKEN: Record<string, string> = { 'src/calculator.js': PRODUCT_WRONG, 'test/product.test.js': PRODUCT_TEST };
