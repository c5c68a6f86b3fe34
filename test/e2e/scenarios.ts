import type { Answer, ChatRequest } from '../../src/testing/openai-server.ts';
import { simplePlayer } from '../../src/testing/openai-players.ts';
import type { SimplePlayerOptions } from '../../src/testing/openai-players.ts';

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

/** A cast of players, one for each repository: who is asked is found by the repository that the prompt names. */
export function createCast() {
  const parts = new Map<string, (request: ChatRequest) => Answer | Promise<Answer>>();
  return {
    /** Says how the agents play in `acme/<repo>`. */
    in(repo: string, part: SimplePlayerOptions | ((request: ChatRequest) => Answer | Promise<Answer>)): void {
      parts.set(repo, typeof part === 'function' ? part : simplePlayer(part));
    },
    play(request: ChatRequest): Answer | Promise<Answer> {
      const prompt = JSON.stringify(request.messages[0]?.content ?? '');
      const repo = /issue #\d+ of acme\/([\w.-]+)/.exec(prompt)?.[1] ?? '';
      const part = parts.get(repo);
      if (!part) throw new Error(`nobody plays in "${repo}"`);
      return part(request);
    },
  };
}
