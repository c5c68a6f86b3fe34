import { snapshotText, type RepositorySnapshot } from './snapshot.ts';

/** A package manager as its lock file names it: what runs scripts, and what installs exactly what the lock file says. */
interface PackageManager {
  run: 'npm' | 'pnpm' | 'yarn' | 'bun';
  /** Null without a lock file: what would be installed then is anybody's guess, and another one tomorrow. */
  install: string | null;
}

/** Scripts of packages stay off: an install is what reaches the network, so as little of strangers' code as possible runs in it. */
export function packageManager(snapshot: RepositorySnapshot): PackageManager {
  const has = (path: string) => snapshot.files.has(path);
  if (has('pnpm-lock.yaml')) return { run: 'pnpm', install: 'pnpm install --frozen-lockfile --ignore-scripts' };
  if (has('yarn.lock')) return { run: 'yarn', install: yarnInstall(snapshot) };
  if (has('bun.lock') || has('bun.lockb')) return { run: 'bun', install: 'bun install --frozen-lockfile --ignore-scripts' };
  const isLocked = has('package-lock.json') || has('npm-shrinkwrap.json');
  return { run: 'npm', install: isLocked ? 'npm ci --ignore-scripts --no-audit --no-fund' : null };
}

/** Yarn from 2 on has other options, and says in its lock file that it wrote it. */
function yarnInstall(snapshot: RepositorySnapshot): string {
  const isModern = /^__metadata:/m.test(snapshotText(snapshot, 'yarn.lock') ?? '') || snapshot.files.has('.yarnrc.yml');
  return isModern ? 'yarn install --immutable --mode=skip-build' : 'yarn install --frozen-lockfile --ignore-scripts --non-interactive';
}

function hasFolder(snapshot: RepositorySnapshot, folder: string): boolean {
  return [...snapshot.files.keys()].some((path) => path.startsWith(`${folder}/`));
}

function isFilled(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

const DEPENDENCY_FIELDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'workspaces'];

/** Null where there is nothing to install: no dependencies, no lock file, or dependencies that are committed (a frozen install would remove them first). */
export function packageInstall(snapshot: RepositorySnapshot, manifest: Record<string, unknown>): string | null {
  const needs = DEPENDENCY_FIELDS.some((field) => isFilled(manifest[field])) || snapshot.files.has('pnpm-workspace.yaml');
  return needs && !hasFolder(snapshot, 'node_modules') ? packageManager(snapshot).install : null;
}

/** Building a package from source cannot be switched off here: many have nothing else. */
export function pythonInstall(snapshot: RepositorySnapshot): string | null {
  const lines = (snapshotText(snapshot, 'requirements.txt') ?? '').split('\n').map((line) => line.trim());
  const needs = lines.some((line) => line !== '' && !line.startsWith('#'));
  return needs ? 'pip install --no-input --disable-pip-version-check -r requirements.txt' : null;
}

export function goInstall(snapshot: RepositorySnapshot): string | null {
  const needs = /^require\b/m.test(snapshotText(snapshot, 'go.mod') ?? '') && snapshot.files.has('go.sum');
  return needs && !hasFolder(snapshot, 'vendor') ? 'go mod download' : null;
}

/** Only packages from elsewhere have a source in the lock file. */
export function cargoInstall(snapshot: RepositorySnapshot): string | null {
  const needs = /^source = "/m.test(snapshotText(snapshot, 'Cargo.lock') ?? '');
  return needs && !hasFolder(snapshot, 'vendor') ? 'cargo fetch --locked' : null;
}
