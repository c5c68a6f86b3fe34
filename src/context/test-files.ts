import type { RepositorySnapshot } from './snapshot.ts';

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

function text(snapshot: RepositorySnapshot, path: string): string | null {
  const file = snapshot.files.get(path);
  return file && file.mode !== '120000' ? Buffer.from(file.content).toString('utf8') : null;
}

function scriptsOf(manifest: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(manifest);
    const scripts = typeof parsed === 'object' && parsed !== null && 'scripts' in parsed ? parsed.scripts : null;
    return typeof scripts === 'object' && scripts !== null ? { ...scripts } : {};
  } catch {
    return {};
  }
}

function packageManager(snapshot: RepositorySnapshot): { run: string; install: string } {
  if (snapshot.files.has('pnpm-lock.yaml')) return { run: 'pnpm', install: 'pnpm install --frozen-lockfile' };
  if (snapshot.files.has('yarn.lock')) return { run: 'yarn', install: 'yarn install --frozen-lockfile' };
  if (snapshot.files.has('bun.lock') || snapshot.files.has('bun.lockb')) return { run: 'bun', install: 'bun install --frozen-lockfile' };
  return { run: 'npm', install: snapshot.files.has('package-lock.json') ? 'npm ci' : 'npm install' };
}

function hasDependencies(manifest: string): boolean {
  return /"(dependencies|devDependencies|workspaces)"\s*:\s*[{[]\s*"/.test(manifest);
}

/** What `npm init` writes is a placeholder, not a test. */
function isPlaceholder(script: string): boolean {
  return script.includes('no test specified');
}

function fromPackageJson(snapshot: RepositorySnapshot): RepositoryCommands {
  const manifest = text(snapshot, 'package.json');
  if (manifest === null) return {};
  const scripts = scriptsOf(manifest);
  const { run, install } = packageManager(snapshot);
  const has = (name: string) => typeof scripts[name] === 'string' && scripts[name] !== '' && !isPlaceholder(scripts[name]);
  return {
    ...(hasDependencies(manifest) ? { install } : {}),
    ...(has('test') ? { test: run === 'bun' ? 'bun run test' : `${run} test` } : {}),
    ...(has('lint') ? { lint: `${run} run lint` } : {}),
    ...(has('build') ? { build: `${run} run build` } : {}),
  };
}

function fromPython(snapshot: RepositorySnapshot): RepositoryCommands {
  const pyproject = text(snapshot, 'pyproject.toml');
  const isPython = pyproject !== null || ['setup.py', 'setup.cfg', 'tox.ini', 'requirements.txt'].some((path) => snapshot.files.has(path));
  if (!isPython) return {};
  const usesPytest = /pytest/.test(
    `${pyproject ?? ''}${text(snapshot, 'requirements.txt') ?? ''}${text(snapshot, 'setup.cfg') ?? ''}${text(snapshot, 'tox.ini') ?? ''}`,
  );
  const hasTests = [...snapshot.files.keys()].some((path) => path.endsWith('.py') && isTestFile(path));
  return {
    ...(snapshot.files.has('requirements.txt') ? { install: 'pip install -r requirements.txt' } : {}),
    ...(usesPytest || snapshot.files.has('pytest.ini') ? { test: 'python -m pytest' } : hasTests ? { test: 'python -m unittest discover' } : {}),
    ...(pyproject !== null && /\[tool\.ruff/.test(pyproject) ? { lint: 'ruff check .' } : {}),
  };
}

function fromMakefile(snapshot: RepositorySnapshot): RepositoryCommands {
  const makefile = text(snapshot, 'Makefile') ?? text(snapshot, 'makefile') ?? '';
  const has = (target: string) => new RegExp(`^${target}\\s*:(?!=)`, 'm').test(makefile);
  return {
    ...(has('test') ? { test: 'make test' } : has('check') ? { test: 'make check' } : {}),
    ...(has('lint') ? { lint: 'make lint' } : {}),
    ...(has('build') ? { build: 'make build' } : {}),
  };
}

/** The commands that a repository's own files name; each taken from the first that knows it. */
export function detectCommands(snapshot: RepositorySnapshot): RepositoryCommands {
  const go: RepositoryCommands = snapshot.files.has('go.mod') ? { test: 'go test ./...', lint: 'go vet ./...', build: 'go build ./...' } : {};
  const rust: RepositoryCommands = snapshot.files.has('Cargo.toml') ? { test: 'cargo test', build: 'cargo build' } : {};
  return { ...fromMakefile(snapshot), ...rust, ...go, ...fromPython(snapshot), ...fromPackageJson(snapshot) };
}
