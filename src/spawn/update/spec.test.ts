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
    [
      'in two sections and an override',
      '{ "dependencies": { "banyan": "0.1.0" }, "devDependencies": { "banyan": "0.1.0" }, "overrides": { "banyan": "0.1.0" } }',
      '{ "dependencies": { "banyan": "0.2.0" }, "devDependencies": { "banyan": "0.2.0" }, "overrides": { "banyan": "0.2.0" } }',
    ],
    [
      'of peers, and an override of its own',
      '{ "peerDependencies": { "banyan": "*" }, "overrides": { "banyan": "$banyan" } }',
      '{ "peerDependencies": { "banyan": "*" }, "overrides": { "banyan": "$banyan" } }',
    ],
    ['after a byte order mark', '\uFEFF{ "dependencies": { "banyan": "0.1.0" } }', '\uFEFF{ "dependencies": { "banyan": "0.2.0" } }'],
    ['already there', '{ "dependencies": { "banyan": "0.2.0" } }', '{ "dependencies": { "banyan": "0.2.0" } }'],
    ['none', '{ "scripts": { "banyan": "banyan" } }', '{ "scripts": { "banyan": "banyan" } }'],
    ['no JSON', '{ "dependencies": { "banyan": "0.1.0" }', '{ "dependencies": { "banyan": "0.1.0" }'],
    ['of another form', '{ "dependencies": ["banyan"], "banyan": "0.1.0" }', '{ "dependencies": ["banyan"], "banyan": "0.1.0" }'],
  ])('%s', (_what, before, after) => {
    expect(withDependency(before, { spec: '0.2.0', old: '0.1.0' })).toBe(after);
  });
});
