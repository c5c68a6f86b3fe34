import { HumanMessage } from '@langchain/core/messages';
import { afterEach, describe, expect, test } from 'vitest';
import { openStage, opening, type Stage } from '../support/scripted-stage.ts';

const ISSUE = 'Title: Add discount codes to the cart\n\nCustomers ask for it.';
const MANIFEST = JSON.stringify({ name: 'shop', type: 'module', scripts: { test: 'node --test' } });

const AS_FUNCTIONS = {
  'package.json': MANIFEST,
  'src/cart.js': `/** Prices are in cents. */

export function createCart() {
  return { items: [] };
}

export function addItem(cart, item) {
  return { ...cart, items: [...cart.items, item] };
}

/** What is to be paid. */
export function cartTotal(cart) {
  return cart.items.reduce((sum, item) => sum + item.price * item.quantity, 0);
}
`,
  'test/cart.test.js': `import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addItem, cartTotal, createCart } from '../src/cart.js';

describe('cart', () => {
  it('adds up', () => {
    let cart = createCart();
    cart = addItem(cart, { price: 1050, quantity: 2 });
    assert.equal(cartTotal(cart), 2100);
  });
});
`,
};

const AS_CLASS = {
  'package.json': MANIFEST,
  'src/cart.js': `import { lineTotal } from './price.js';

export class Cart {
  #lines = [];

  add(price, quantity = 1) {
    this.#lines.push({ price, quantity });
    return this;
  }

  /** What is to be paid. */
  total() {
    return this.#lines.map(lineTotal).reduce((sum, part) => sum + part, 0);
  }
}
`,
  'src/price.js': 'export const lineTotal = ({ price, quantity }) => price * quantity;\n',
  'test/cart.test.js': `import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Cart } from '../src/cart.js';

test('adds up', () => {
  const cart = new Cart();
  cart.add(0.1, 3);
  assert.ok(Math.abs(cart.total() - 0.3) < 1e-9);
});
`,
};

const AS_GETTER = {
  ...AS_CLASS,
  'src/cart.js': AS_CLASS['src/cart.js'].replace('  total() {', '  get total() {'),
  'test/cart.test.js': AS_CLASS['test/cart.test.js'].replace('cart.total()', 'cart.total'),
};

let stage: Stage | undefined;

afterEach(() => {
  stage?.dispose();
  stage = undefined;
});

interface Refined {
  needs_clarification: boolean;
  questions: string[];
  refined_description: string;
  acceptance_criteria: string[];
}

async function refine(on: Stage, answer: string): Promise<Refined> {
  const asked = await on.play('product-owner', opening(ISSUE));
  const refined = await on.play('product-owner', [...asked.messages, new HumanMessage(answer)]);
  return refined.result as unknown as Refined;
}

function briefOf(refined: Refined): string {
  return `${ISSUE}\n\n${refined.refined_description}\n\nAcceptance criteria:\n${refined.acceptance_criteria.map((criterion) => `- ${criterion}`).join('\n')}`;
}

describe('the demo issue', () => {
  test('the Product Owner looks, asks once with assumptions, and understands the answer', async () => {
    stage = openStage(AS_FUNCTIONS);
    const asked = await stage.play('product-owner', opening(ISSUE));
    const questions = (asked.result as unknown as Refined).questions;
    expect(questions).toHaveLength(3);
    for (const question of questions) expect(question).toMatch(/\? \(Otherwise: .+\.\)$/);
    const refined = await refine(stage, '1. both\n2. yes, combine them\n3. no');
    expect(refined).toMatchObject({ needs_clarification: false, questions: [] });
    expect(refined.refined_description).toContain('a percentage or a fixed amount');
    expect(refined.acceptance_criteria.join('\n')).toMatch(/percentage[^]*fixed-amount[^]*Several codes/);
    expect(refined.acceptance_criteria.join('\n')).not.toContain('last day');
  });

  test.each([
    ['Percentage only, one code per cart, and they expire.', ['percentage', 'One code', 'last day'], ['fixed-amount']],
    ['Fixed amounts please. Codes never expire.', ['fixed-amount', 'One code'], ['percentage', 'last day']],
    ['whatever you think', ['percentage', 'One code', 'last day'], ['fixed-amount']],
  ])('%j', async (answer, present, absent) => {
    stage = openStage(AS_FUNCTIONS);
    const criteria = (await refine(stage, answer)).acceptance_criteria.join('\n');
    for (const word of present) expect(criteria).toContain(word);
    for (const word of absent) expect(criteria).not.toContain(word);
  });

  const shapes = [
    ['functions', AS_FUNCTIONS, 'cartTotalWithDiscount(cart'],
    ['a class', AS_CLASS, '  totalWithDiscount('],
    ['a getter', AS_GETTER, '  totalWithDiscount('],
  ] as const;
  const answers = ['1. percentage 2. no 3. yes', '1. both\n2. yes\n3. yes', '1. a fixed amount\n2. no\n3. no'];

  test.each(shapes.flatMap((shape) => answers.map((answer) => [...shape, answer] as const)))(
    'a cart of %s gets codes, and its suite passes (%#)',
    async (_shape, files, signature, answer) => {
      stage = openStage(files);
      const brief = briefOf(await refine(stage, answer));
      const { result } = await stage.play('developer', opening(brief));
      expect(stage.read('src/cart.js')).toContain(signature);
      expect(stage.read('test/discount.test.js')).toContain('the cart refuses a code');
      const suite = stage.suite();
      expect(suite.output).toMatch(/fail 0/);
      expect(suite.passed).toBe(true);
      expect(result['commit_message']).toMatch(/^feat: /);
      expect(result['pr_body']).toContain('`npm test` passed');
    },
  );

  test('the same messages give the same step, calls have ids of their own', async () => {
    stage = openStage(AS_FUNCTIONS);
    const first = await stage.play('developer', opening(ISSUE));
    const ids = first.messages.flatMap((message) => (Reflect.get(message, 'tool_calls') as { id: string }[] | undefined)?.map((call) => call.id) ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    const again = await stage.play('developer', first.messages.slice(0, -2));
    expect(again.result).toEqual(first.result);
  });

  test('QA takes the verdict of the suite from the brief, or runs it', async () => {
    stage = openStage(AS_FUNCTIONS);
    await stage.play('developer', opening(ISSUE));
    const given = (line: string) => stage?.play('qa', opening(`${ISSUE}\n\n- Suite on the head: ${line}`)).then(({ result }) => result['passed']);
    expect(await given('`npm test` passed (1.2 s)')).toBe(true);
    expect(await given('`npm test` failed with exit code 1 (1.2 s)')).toBe(false);
    expect(await given('`npm test` ran out of time (300 s)')).toBe(false);
    expect((await stage.play('qa', opening(ISSUE))).result['passed']).toBe(true);
  });

  test('the Reviewer comments on a real line and suggests a replacement', async () => {
    stage = openStage(AS_FUNCTIONS);
    await stage.play('developer', opening(ISSUE));
    const { result } = await stage.play('reviewer', opening(ISSUE));
    expect(result['decision']).toBe('approve');
    const [comment] = result['comments'] as { path: string; line: number; suggestion: string }[];
    const line = stage.read(comment?.path ?? '').split('\n')[(comment?.line ?? 0) - 1] ?? '';
    expect(line).toBe(' * @param {string} code');
    expect(comment?.suggestion.startsWith(line)).toBe(true);
  });

  test('a cart that it does not understand is left alone, and that is said', async () => {
    stage = openStage({ ...AS_FUNCTIONS, 'src/cart.js': 'export const cart = [];\n', 'test/cart.test.js': '' });
    const { result } = await stage.play('developer', opening(ISSUE));
    expect(stage.read('src/cart.js')).toBe('export const cart = [];\n');
    expect(result['pr_body']).toContain('not recognised');
    expect(stage.suite().passed).toBe(true);
  });
});

describe('any other issue', () => {
  const other = opening('Title: Support dark mode\n\nPlease.');

  test('the Product Owner says what to set, in one question', async () => {
    stage = openStage(AS_FUNCTIONS);
    const { result } = await stage.play('product-owner', other);
    expect(result['needs_clarification']).toBe(true);
    expect(result['questions']).toEqual([expect.stringContaining('OPENAI_BASE_URL')]);
  });

  test('the others say that they did nothing', async () => {
    stage = openStage(AS_FUNCTIONS);
    expect((await stage.play('developer', other)).result['summary']).toContain('Nothing was changed');
    expect((await stage.play('qa', other)).result).toMatchObject({ passed: false, summary: expect.stringContaining('Nothing was checked') as string });
    expect((await stage.play('reviewer', other)).result).toMatchObject({ decision: 'comment', comments: [] });
    expect(stage.read('src/cart.js')).toBe(AS_FUNCTIONS['src/cart.js']);
  });
});
