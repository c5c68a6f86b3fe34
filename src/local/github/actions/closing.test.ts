import { expect, it } from 'vitest';
import { closingReferences } from './closing.ts';

const SHOP = { owner: 'acme', name: 'shop' };

it.each([
  ['Fixes #1', [1]],
  ['closes #2, resolves: #3 and Fixed acme/shop#4', [2, 3, 4]],
  ['CLOSED #5\nresolve #5', [5]],
  ['fixes acme/other#6', []],
  ['prefixes #7, see #8, fixes 9', []],
  ['not `fixes #10` in code\n```\ncloses #11\n```\n<!-- fixes #12 -->', []],
])('reads %j', (text, numbers) => {
  expect(closingReferences(text, SHOP)).toEqual(numbers);
});
