import { describe, expect, it } from 'vitest';
import { cargoInstall, goInstall, packageInstall, pythonInstall } from './install.ts';
import { snapshotOf } from './snapshot.ts';

const NEEDS = { dependencies: { a: '1' } };

function install(manifest: Record<string, unknown>, ...others: string[]): string | null {
  return packageInstall(snapshotOf(Object.fromEntries(others.map((path) => [path, '']))), manifest);
}

describe('packageInstall', () => {
  it.each([
    ['package-lock.json', 'npm ci --ignore-scripts --no-audit --no-fund'],
    ['npm-shrinkwrap.json', 'npm ci --ignore-scripts --no-audit --no-fund'],
    ['pnpm-lock.yaml', 'pnpm install --frozen-lockfile --ignore-scripts'],
    ['yarn.lock', 'yarn install --frozen-lockfile --ignore-scripts --non-interactive'],
    ['bun.lock', 'bun install --frozen-lockfile --ignore-scripts'],
    ['bun.lockb', 'bun install --frozen-lockfile --ignore-scripts'],
  ])('by %s is %j', (lock, command) => {
    expect(install(NEEDS, lock)).toBe(command);
  });

  it('tells the two Yarns apart', () => {
    const modern = 'yarn install --immutable --mode=skip-build';
    expect(install(NEEDS, 'yarn.lock', '.yarnrc.yml')).toBe(modern);
    expect(packageInstall(snapshotOf({ 'yarn.lock': '# generated\n\n__metadata:\n  version: 8\n' }), NEEDS)).toBe(modern);
  });

  it.each([
    { dependencies: { a: '1' } },
    { devDependencies: { a: '1' } },
    { optionalDependencies: { a: '1' } },
    { workspaces: ['packages/*'] },
    { workspaces: { packages: ['a'] } },
  ])('is needed by %j', (manifest) => {
    expect(install(manifest, 'package-lock.json')).toMatch(/^npm ci/);
  });

  it.each([{}, { dependencies: {}, devDependencies: {}, workspaces: [] }, { dependencies: 'all' }, { dependencies: null }])(
    'is none for %j, whatever the lock file',
    (manifest) => {
      expect(install(manifest, 'package-lock.json')).toBeNull();
      expect(install(manifest, 'yarn.lock')).toBeNull();
    },
  );

  it('is none without a lock file, and where the dependencies are committed', () => {
    expect(install(NEEDS)).toBeNull();
    expect(install(NEEDS, 'package-lock.json', 'node_modules/a/index.js')).toBeNull();
  });
});

it.each([
  ['flask==3\n', true],
  ['-r base.txt', true],
  ['', false],
  ['# none\n\n', false],
])('pythonInstall for %j: %j', (requirements, needs) => {
  expect(pythonInstall(snapshotOf({ 'requirements.txt': requirements }))?.startsWith('pip install') ?? false).toBe(needs);
});

it('goInstall downloads what is required, with sums, and not vendored', () => {
  const needs = { 'go.mod': 'module x\n\nrequire (\n\texample.org/a v1.0.0\n)\n', 'go.sum': 'x' };
  expect(goInstall(snapshotOf(needs))).toBe('go mod download');
  expect(goInstall(snapshotOf({ ...needs, 'vendor/modules.txt': '' }))).toBeNull();
  expect(goInstall(snapshotOf({ 'go.mod': needs['go.mod'] }))).toBeNull();
  expect(goInstall(snapshotOf({ 'go.mod': 'module x\n', 'go.sum': '' }))).toBeNull();
});

it('cargoInstall fetches what is not of the repository itself, and not vendored', () => {
  const own = '[[package]]\nname = "x"\nversion = "0.1.0"\n';
  const needs = { 'Cargo.lock': `${own}\n[[package]]\nname = "a"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\n` };
  expect(cargoInstall(snapshotOf(needs))).toBe('cargo fetch --locked');
  expect(cargoInstall(snapshotOf({ ...needs, 'vendor/a/Cargo.toml': '' }))).toBeNull();
  expect(cargoInstall(snapshotOf({ 'Cargo.lock': own }))).toBeNull();
  expect(cargoInstall(snapshotOf({}))).toBeNull();
});
