import { cargoInstall, goInstall, packageInstall, packageManager, pythonInstall } from './install.ts';
import { pythonTest } from './python-tests.ts';
import { snapshotText, type RepositorySnapshot } from './snapshot.ts';

/** How a repository is built and checked; what is absent is not known. */
export interface RepositoryCommands {
  install?: string;
  test?: string;
  lint?: string;
  build?: string;
}

const TEST_FOLDERS = new Set(['test', 'tests', '__tests__', 'spec', 'specs', 'e2e', 'testing', '__mocks__', '__fixtures__', '__snapshots__']);

const TEST_NAMES: readonly RegExp[] = [
  /[._-](test|tests|spec|e2e|cy)\.[a-z]+$/i, // a.test.ts, a_test.go, a_spec.rb, a-test.js
  /^test[_-].+\.[a-z]+$/i, // test_a.py
  /^(test|tests|spec|conftest)\.[a-z]+$/i,
  /(Test|Tests|TestCase|IT|Spec)\.(java|kt|kts|scala|groovy|cs|swift|php|cpp|cc|m|mm)$/,
];

/** By the conventions of JavaScript, Python, Go, Rust, Ruby, Java, Kotlin, C#, Swift, PHP, Elixir. */
export function isTestFile(path: string): boolean {
  const parts = path.split('/');
  const name = parts.at(-1) ?? '';
  return parts.slice(0, -1).some((part) => TEST_FOLDERS.has(part.toLowerCase())) || TEST_NAMES.some((pattern) => pattern.test(name));
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function manifestOf(json: string): Record<string, unknown> {
  try {
    return objectOf(JSON.parse(json));
  } catch {
    return {};
  }
}

/** What `npm init` writes is a placeholder, not a test. */
function isPlaceholder(script: string): boolean {
  return script.includes('no test specified');
}

function installed(command: string | null): RepositoryCommands {
  return command === null ? {} : { install: command };
}

function fromPackageJson(snapshot: RepositorySnapshot): RepositoryCommands {
  const json = snapshotText(snapshot, 'package.json');
  if (json === null) return {};
  const manifest = manifestOf(json);
  const scripts = objectOf(manifest['scripts']);
  const { run } = packageManager(snapshot);
  const has = (name: string) => typeof scripts[name] === 'string' && scripts[name] !== '' && !isPlaceholder(scripts[name]);
  return {
    ...installed(packageInstall(snapshot, manifest)),
    ...(has('test') ? { test: run === 'bun' ? 'bun run test' : `${run} test` } : {}),
    ...(has('lint') ? { lint: `${run} run lint` } : {}),
    ...(has('build') ? { build: `${run} run build` } : {}),
  };
}

const PYTHON_MANIFESTS = ['pyproject.toml', 'setup.py', 'setup.cfg', 'tox.ini', 'requirements.txt', 'pytest.ini'];

function fromPython(snapshot: RepositorySnapshot): RepositoryCommands {
  if (!PYTHON_MANIFESTS.some((path) => snapshot.files.has(path))) return {};
  const test = pythonTest(snapshot);
  return {
    ...installed(pythonInstall(snapshot)),
    ...(test === null ? {} : { test }),
    ...(/\[tool\.ruff/.test(snapshotText(snapshot, 'pyproject.toml') ?? '') ? { lint: 'ruff check .' } : {}),
  };
}

/** Without a manifest, tests in Python may be a side show of a repository in another language: they count where nobody else names a test. */
function fromPythonFiles(snapshot: RepositorySnapshot): RepositoryCommands {
  const test = pythonTest(snapshot);
  return test === null ? {} : { test };
}

function fromMakefile(snapshot: RepositorySnapshot): RepositoryCommands {
  const makefile = snapshotText(snapshot, 'Makefile') ?? snapshotText(snapshot, 'makefile') ?? '';
  const has = (target: string) => new RegExp(`^${target}\\s*:(?!=)`, 'm').test(makefile);
  return {
    ...(has('test') ? { test: 'make test' } : has('check') ? { test: 'make check' } : {}),
    ...(has('lint') ? { lint: 'make lint' } : {}),
    ...(has('build') ? { build: 'make build' } : {}),
  };
}

function fromGo(snapshot: RepositorySnapshot): RepositoryCommands {
  if (!snapshot.files.has('go.mod')) return {};
  return { ...installed(goInstall(snapshot)), test: 'go test ./...', lint: 'go vet ./...', build: 'go build ./...' };
}

function fromCargo(snapshot: RepositorySnapshot): RepositoryCommands {
  return snapshot.files.has('Cargo.toml') ? { ...installed(cargoInstall(snapshot)), test: 'cargo test', build: 'cargo build' } : {};
}

/**
 * The commands that a repository's own files name; each taken from the first that knows it. What is installed is what the tests
 * need: of the ecosystem that names them, or of the first with anything to install where that is a Makefile or nobody.
 */
export function detectCommands(snapshot: RepositorySnapshot): RepositoryCommands {
  const ecosystems = [fromPackageJson, fromPython, fromGo, fromCargo].map((detect) => detect(snapshot));
  const chosen = ecosystems.find(({ test }) => test !== undefined) ?? ecosystems.find(({ install }) => install !== undefined);
  const { install: _, ...found } = Object.assign({}, fromPythonFiles(snapshot), fromMakefile(snapshot), ...ecosystems.toReversed()) as RepositoryCommands;
  return { ...found, ...installed(chosen?.install ?? null) };
}
