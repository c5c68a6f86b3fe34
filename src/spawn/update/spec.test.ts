import { describe, expect, it } from 'vitest';
import { withDependency } from './spec.ts';

describe('another version of our package in a package.json', () => {
  it.each([
    ['a dependency', '{ "dependencies": { "a": "1", "banyan":  "0.1.0" } }', '{ "dependencies": { "a": "1", "banyan":  "0.2.0" } }'],
    ['of development', '{ "devDependencies": { "banyan": "file:vendor/x.tgz" } }', '{ "devDependencies": { "banyan": "0.2.0" } }'],
    [
      'after a script and a setting of its name',
      '{ "scripts": { "banyan": "banyan" }, "config": { "banyan": "keep" }, "dependencies": { "banyan": "0.1.0" } }',
      '{ "scripts": { "banyan": "banyan" }, "config": { "banyan": "keep" }, "dependencies": { "banyan": "0.2.0" } }',
    ],
    ['already there', '{ "dependencies": { "banyan": "0.2.0" } }', '{ "dependencies": { "banyan": "0.2.0" } }'],
    ['none', '{ "scripts": { "banyan": "banyan" } }', '{ "scripts": { "banyan": "banyan" } }'],
    ['no JSON', '{ "dependencies": { "banyan": "0.1.0" }', '{ "dependencies": { "banyan": "0.1.0" }'],
    ['of another form', '{ "dependencies": ["banyan"], "banyan": "0.1.0" }', '{ "dependencies": ["banyan"], "banyan": "0.1.0" }'],
  ])('%s', (_what, before, after) => {
    expect(withDependency(before, '0.2.0')).toBe(after);
  });
});
