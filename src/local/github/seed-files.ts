/**
 * The example package that a new local GitHub starts with. It has tests that pass, an obvious place for discounts, and one honest mistake
 * for people to find: `toCents` cuts off instead of rounding, so 19.99 becomes 1998.
 */
export const SHOP_FILES: Record<string, string> = {
  'package.json': `{
  "name": "shop",
  "version": "1.0.0",
  "description": "A small shopping cart.",
  "type": "module",
  "exports": "./src/index.js",
  "scripts": {
    "test": "node --test"
  },
  "engines": {
    "node": ">=20"
  },
  "license": "MIT"
}
`,
  '.gitignore': `node_modules/
coverage/
*.log
`,
  'README.md': `# shop

A small shopping cart without dependencies.

\`\`\`js
import { createCart, addItem, total, formatCents } from 'shop';

const cart = createCart();
addItem(cart, { sku: 'tea', name: 'Green tea', price: 4.5, quantity: 2 });
formatCents(total(cart)); // '9.00 EUR'
\`\`\`

- \`src/cart.js\`: the cart and what is in it
- \`src/price.js\`: money in whole cents

Run the tests with \`npm test\`.
`,
  'src/index.js': `export { addItem, createCart, itemCount, removeItem, total } from './cart.js';
export { formatCents, toCents } from './price.js';
`,
  'src/price.js': `/** Prices come in as decimal numbers and are kept in whole cents, so that sums stay exact. */
export function toCents(amount) {
  if (typeof amount !== 'number' || !Number.isFinite(amount) || amount < 0) {
    throw new TypeError('a price must be a number that is not negative');
  }
  return Math.trunc(amount * 100);
}

/** Cents as people read them: 1250 becomes "12.50 EUR". */
export function formatCents(cents, currency = 'EUR') {
  return \`\${(cents / 100).toFixed(2)} \${currency}\`;
}
`,
  'src/cart.js': `import { toCents } from './price.js';

export function createCart() {
  return { items: [] };
}

/** Adds an item; one that is in the cart already gets a higher quantity. */
export function addItem(cart, { sku, name, price, quantity = 1 }) {
  if (!Number.isInteger(quantity) || quantity < 1) {
    throw new RangeError('quantity must be a whole number above zero');
  }
  const existing = cart.items.find((item) => item.sku === sku);
  if (existing) {
    existing.quantity += quantity;
    return existing;
  }
  const item = { sku, name, unitCents: toCents(price), quantity };
  cart.items.push(item);
  return item;
}

/** Removes an item and says whether it was there. */
export function removeItem(cart, sku) {
  const before = cart.items.length;
  cart.items = cart.items.filter((item) => item.sku !== sku);
  return cart.items.length < before;
}

export function itemCount(cart) {
  return cart.items.reduce((count, item) => count + item.quantity, 0);
}

/** The sum of all items in cents. */
export function total(cart) {
  return cart.items.reduce((sum, item) => sum + item.unitCents * item.quantity, 0);
}
`,
  'test/cart.test.js': `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addItem, createCart, itemCount, removeItem, total } from '../src/index.js';

test('a new cart is empty', () => {
  const cart = createCart();
  assert.equal(itemCount(cart), 0);
  assert.equal(total(cart), 0);
});

test('items add up', () => {
  const cart = createCart();
  addItem(cart, { sku: 'tea', name: 'Green tea', price: 4.5, quantity: 2 });
  addItem(cart, { sku: 'cup', name: 'Cup', price: 12 });
  assert.equal(itemCount(cart), 3);
  assert.equal(total(cart), 2100);
});

test('the same item again raises its quantity', () => {
  const cart = createCart();
  addItem(cart, { sku: 'tea', name: 'Green tea', price: 4.5 });
  addItem(cart, { sku: 'tea', name: 'Green tea', price: 4.5, quantity: 3 });
  assert.equal(cart.items.length, 1);
  assert.equal(total(cart), 1800);
});

test('an item can be removed', () => {
  const cart = createCart();
  addItem(cart, { sku: 'tea', name: 'Green tea', price: 4.5 });
  assert.equal(removeItem(cart, 'tea'), true);
  assert.equal(removeItem(cart, 'tea'), false);
  assert.equal(total(cart), 0);
});

test('a quantity must be a whole number above zero', () => {
  assert.throws(() => addItem(createCart(), { sku: 'tea', name: 'Green tea', price: 4.5, quantity: 0 }), RangeError);
});
`,
  'test/price.test.js': `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCents, toCents } from '../src/index.js';

test('prices become cents', () => {
  assert.equal(toCents(4.5), 450);
  assert.equal(toCents(12), 1200);
});

test('a price must be a number that is not negative', () => {
  assert.throws(() => toCents(-1), TypeError);
  assert.throws(() => toCents('4.50'), TypeError);
});

test('cents are shown with a currency', () => {
  assert.equal(formatCents(1250), '12.50 EUR');
  assert.equal(formatCents(99, 'USD'), '0.99 USD');
});
`,
};
