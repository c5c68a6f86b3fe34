import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { packageFile } from '../../kernel/package-root.ts';
import { breakingEntries, changelogBetween } from './changelog.ts';
import { codemodsBetween } from './codemods.ts';

const CHANGELOG = `# Changelog

## [Unreleased]

- Not yet.

## [0.3.0] - 2026-12-01

- **BREAKING:** \`budget\` is called \`budgets\` (codemods/0.3.0-budgets.mjs).

## [0.2.0]

- Second.

## [0.1.0]

- First.

[0.1.0]: https://example.invalid
`;

describe('changelogBetween', () => {
  it('takes the sections after one version, up to another', () => {
    expect(changelogBetween(CHANGELOG, '0.1.0', '0.3.0').map(({ version }) => version)).toEqual(['0.3.0', '0.2.0']);
    expect(changelogBetween(CHANGELOG, '0.0.9', '0.1.0')).toEqual([{ version: '0.1.0', text: '- First.' }]);
    expect(changelogBetween(CHANGELOG, '0.3.0', '0.3.0')).toEqual([]);
  });
});

/** Entries that break something and name no codemod that is there. */
function withoutCodemod(text: string, exists: (path: string) => boolean): string[] {
  return breakingEntries(text).filter((entry) => !(entry.match(/codemods\/[\w.-]+\.mjs/g) ?? []).some(exists));
}

describe('what breaks', () => {
  it('has a codemod, which its entry names', () => {
    expect(withoutCodemod(readFileSync(packageFile('CHANGELOG.md'), 'utf8'), (path) => existsSync(packageFile(path)))).toEqual([]);
  });

  it('is seen where it has none', () => {
    expect(withoutCodemod(CHANGELOG, () => true)).toEqual([]);
    expect(withoutCodemod(CHANGELOG, () => false)).toHaveLength(1);
    expect(withoutCodemod('- BREAKING: without any.', () => true)).toHaveLength(1);
  });
});

describe('codemodsBetween', () => {
  it('takes those of the versions between, oldest first', () => {
    const files = ['0.10.0-c.mjs', '0.2.0-b.mjs', '0.2.0-a.mjs', '0.1.0-x.mjs', 'README.md', '1.0.0-y.mjs'];
    expect(codemodsBetween(files, '0.1.0', '0.10.0').map(({ file }) => file)).toEqual(['0.2.0-a.mjs', '0.2.0-b.mjs', '0.10.0-c.mjs']);
  });

  it('refuses a name without a version', () => {
    expect(() => codemodsBetween(['budgets.mjs'], '0.1.0', '0.2.0')).toThrowError(/its name has no version/);
  });
});
