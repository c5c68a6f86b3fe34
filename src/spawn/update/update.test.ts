import { expect, it } from 'vitest';
import { lockWithout } from './update.ts';

const lock = (...paths: string[]) => JSON.stringify({ lockfileVersion: 3, packages: Object.fromEntries(paths.map((path) => [path, { version: '1.0.0' }])) });

it('takes our package out of a lock file, with all that lies below it, and nothing else', () => {
  const others = ['', 'node_modules/banyan-tree', 'node_modules/x/node_modules/banyan', 'node_modules/zod'];
  const text = lockWithout(lock(...others, 'node_modules/banyan', 'node_modules/banyan/node_modules/zod'));
  expect(JSON.parse(text ?? '')).toEqual(JSON.parse(lock(...others)));
  expect(lockWithout(lock(...others))).toBeNull();
});
