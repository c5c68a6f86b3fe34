import { quote } from './shell.ts';
import { snapshotText, type RepositorySnapshot } from './snapshot.ts';

/** What names pytest where it is used; requirements of any name come on top. */
const MANIFESTS = ['pyproject.toml', 'setup.py', 'setup.cfg', 'tox.ini', 'Pipfile'];

/** Of the two patterns by which Python projects name their tests, unittest looks for the first unless it is told otherwise. */
const PATTERNS: readonly { name: RegExp; option: string }[] = [
  { name: /^(?:test_\w+|tests?)\.py$/i, option: '' },
  { name: /^\w+_test\.py$/i, option: " -p '*_test.py'" },
];

function partsOf(path: string): { folder: string; name: string } {
  const at = path.lastIndexOf('/');
  return { folder: path.slice(0, Math.max(at, 0)), name: path.slice(at + 1) };
}

/** Discovery goes down into packages only: it finds a test from the folder that holds the outermost package around it. */
function startOf(snapshot: RepositorySnapshot, folder: string): string {
  let start = folder;
  while (start !== '' && snapshot.files.has(`${start}/__init__.py`)) start = partsOf(start).folder;
  return start;
}

function discover(start: string, option: string): string {
  const word = /^[\w./][\w./-]*$/.test(start) ? start : quote(`./${start}`);
  return `python3 -m unittest discover${start === '' ? '' : ` -s ${word}`}${option}`;
}

function unittestCommand(snapshot: RepositorySnapshot): string | null {
  const files = [...snapshot.files.keys()].toSorted().map(partsOf);
  const commands = PATTERNS.flatMap(({ name, option }) => {
    const starts = files.filter((file) => name.test(file.name)).map((file) => startOf(snapshot, file.folder));
    return starts.map((start) => discover(start, option));
  });
  return commands.length === 0 ? null : [...new Set(commands)].join(' && ');
}

function usesPytest(snapshot: RepositorySnapshot): boolean {
  const paths = [...snapshot.files.keys()];
  if (paths.some((path) => ['pytest.ini', 'conftest.py'].includes(partsOf(path).name))) return true;
  const requirements = paths.filter((path) => /^requirements[\w./-]*\.(?:txt|in)$/.test(path));
  return [...MANIFESTS, ...requirements].some((path) => /pytest/.test(snapshotText(snapshot, path) ?? ''));
}

/** How the Python tests of a repository are run; null where it has none. */
export function pythonTest(snapshot: RepositorySnapshot): string | null {
  return usesPytest(snapshot) ? 'python3 -m pytest' : unittestCommand(snapshot);
}
