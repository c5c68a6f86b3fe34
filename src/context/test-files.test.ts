import { describe, expect, it } from 'vitest';
import { snapshotOf } from './snapshot.ts';
import { detectCommands, isTestFile } from './test-files.ts';

describe('isTestFile', () => {
  it.each([
    'a.test.ts',
    'src/a.spec.jsx',
    'test/helper.js',
    'tests/unit/x.py',
    'pkg/a_test.go',
    'test_a.py',
    'conftest.py',
    'spec/a_spec.rb',
    'src/test/java/ATest.java',
    'ATests.cs',
    '__tests__/a.js',
    'e2e/login.ts',
    'test.js',
  ])('%s is one', (path) => {
    expect(isTestFile(path)).toBe(true);
  });

  it.each(['src/a.ts', 'src/latest.ts', 'contest/a.go', 'attest.py', 'src/testimonials.tsx', 'Contest.java', 'README.md'])('%s is none', (path) => {
    expect(isTestFile(path)).toBe(false);
  });
});

const TESTED = '{"scripts":{"test":"node --test"}}';
const LOCKED = '{"dependencies":{"a":"1"}}';
const NPM_CI = 'npm ci --ignore-scripts --no-audit --no-fund';
const PIP_INSTALL = 'pip install --no-input --disable-pip-version-check -r requirements.txt';

describe('detectCommands', () => {
  it('reads the scripts of a package', () => {
    const manifest = { scripts: { test: 'node --test', lint: 'oxlint', build: 'tsc' }, devDependencies: { oxlint: '1' } };
    const files = { 'package.json': JSON.stringify(manifest), 'package-lock.json': '{}' };
    expect(detectCommands(snapshotOf(files))).toEqual({
      install: NPM_CI,
      test: 'npm test',
      lint: 'npm run lint',
      build: 'npm run build',
    });
    expect(detectCommands(snapshotOf({ ...files, 'pnpm-lock.yaml': '' })).test).toBe('pnpm test');
  });

  it('takes the placeholder of npm init for no test, and no dependencies for nothing to install', () => {
    const manifest = { scripts: { test: 'echo "Error: no test specified" && exit 1' }, dependencies: {} };
    expect(detectCommands(snapshotOf({ 'package.json': JSON.stringify(manifest) }))).toEqual({});
  });

  it.each<[string, Record<string, string>, string | undefined]>([
    ['one ecosystem', { 'package.json': LOCKED, 'package-lock.json': '{}' }, NPM_CI],
    ['tests of a package that needs nothing', { 'package.json': TESTED, 'requirements.txt': 'flask\n' }, undefined],
    ['tests of Python beside a package without', { 'package.json': LOCKED, 'package-lock.json': '{}', 'requirements.txt': 'pytest\n' }, PIP_INSTALL],
    ['tests of a Makefile', { Makefile: 'test:\n', 'package.json': LOCKED, 'package-lock.json': '{}' }, NPM_CI],
  ])('installs what the tests need: %s', (_name, files, install) => {
    expect(detectCommands(snapshotOf(files)).install).toBe(install);
  });

  it('survives a broken manifest', () => {
    expect(detectCommands(snapshotOf({ 'package.json': '{' }))).toEqual({});
    expect(detectCommands(snapshotOf({ 'package.json': '{"scripts":{"test":3},"dependencies":"all"}', 'package-lock.json': '' }))).toEqual({});
    expect(detectCommands(snapshotOf({ 'package.json': 'null' }))).toEqual({});
  });

  it.each([
    [{ 'go.mod': 'module x' }, 'go test ./...'],
    [{ 'Cargo.toml': '[package]' }, 'cargo test'],
    [{ 'pyproject.toml': '[tool.pytest.ini_options]' }, 'python3 -m pytest'],
    [{ 'setup.py': '', 'tests/test_a.py': '' }, 'python3 -m unittest discover -s tests'],
    [{ 'shop.py': '', 'test/test_a.py': '' }, 'python3 -m unittest discover -s test'],
    [{ 'shop.py': '', 'test_shop.py': '' }, 'python3 -m unittest discover'],
    [{ 'go.mod': 'module x', 'tests/test_a.py': '' }, 'go test ./...'],
    [{ Makefile: 'test:\n', 'tests/test_a.py': '' }, 'make test'],
    [{ 'README.md': 'x', 'tests/data.py': '' }, undefined],
    [{ Makefile: 'build:\n\tcc\ntest: build\n\t./t\n' }, 'make test'],
    [{ Makefile: 'test := x\n' }, undefined],
    [{ Makefile: 'test:\n', 'package.json': '{"scripts":{"test":"vitest"}}' }, 'npm test'],
    [{ 'README.md': 'x' }, undefined],
  ])('%j is tested by %j', (files, test) => {
    expect(detectCommands(snapshotOf(files as Record<string, string>)).test).toBe(test);
  });
});
