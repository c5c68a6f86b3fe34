import { afterEach, describe, expect, it } from 'vitest';
import { createLocalSandboxProvider } from '../sandbox/local/provider.ts';
import { pythonTest } from './python-tests.ts';
import { snapshotOf } from './snapshot.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

let made: Workspace | null = null;
afterEach(async () => made?.dispose());

const TEST = 'import unittest\nfrom shop import f\n\nclass Shop(unittest.TestCase):\n    def test_f(self):\n        self.assertEqual(f(), 1)\n';
const SHOP = { 'shop.py': 'def f():\n    return 1\n' };

describe('tests of unittest are found', () => {
  it.each<[string, Record<string, string>, string, number]>([
    ['in a folder that is no package', { 'tests/test_a.py': TEST }, 'python3 -m unittest discover -s tests', 1],
    ['at the top', { 'test_shop.py': TEST }, 'python3 -m unittest discover', 1],
    ['below a folder that is no package', { 'tests/unit/test_a.py': TEST }, 'python3 -m unittest discover -s tests/unit', 1],
    ['by the other pattern', { 'test/shop_test.py': TEST }, "python3 -m unittest discover -s test -p '*_test.py'", 1],
    ['in a folder with an odd name', { "my tests'/test_a.py": TEST }, "python3 -m unittest discover -s './my tests'\\'''", 1],
    [
      'in packages that import each other',
      { 'tests/__init__.py': '', 'tests/unit/__init__.py': '', 'tests/help.py': 'V = 1\n', 'tests/unit/test_a.py': `from ..help import V\n${TEST}` },
      'python3 -m unittest discover',
      1,
    ],
    [
      'in several folders',
      { 'tests/a/test_a.py': TEST, 'tests/a/test_b.py': TEST, 'tests/b/test_b.py': TEST },
      'python3 -m unittest discover -s tests/a && python3 -m unittest discover -s tests/b',
      3,
    ],
  ])('%s', async (_name, files, command, count) => {
    const snapshot = snapshotOf({ ...SHOP, ...files });
    expect(pythonTest(snapshot)).toBe(command);
    made = createWorkspace({ snapshot, sandboxProvider: createLocalSandboxProvider() });
    const { exitCode, output } = await made.run({ command, timeoutSeconds: 60 });
    const ran = [...output.matchAll(/^Ran (\d+) tests? in/gm)].reduce((total, [, found]) => total + Number(found), 0);
    expect({ exitCode, ran }).toEqual({ exitCode: 0, ran: count });
    expect(made.changes()).toEqual([]);
  });
});

describe('pytest is taken where it is named', () => {
  it.each<[string, Record<string, string>]>([
    ['by pyproject.toml', { 'pyproject.toml': '[tool.pytest.ini_options]' }],
    ['by requirements', { 'requirements-dev.txt': 'pytest==9\n' }],
    ['by pytest.ini', { 'pytest.ini': '' }],
    ['by a conftest.py', { 'tests/conftest.py': '' }],
  ])('%s', (_name, files) => {
    expect(pythonTest(snapshotOf({ ...files, 'tests/test_a.py': '' }))).toBe('python3 -m pytest');
  });

  it('and nothing where there is no test of Python', () => {
    expect(pythonTest(snapshotOf({ 'latest.py': '', 'tests/data.py': '' }))).toBeNull();
  });
});
