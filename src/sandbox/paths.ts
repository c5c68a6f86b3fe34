import { BanyanError } from '../kernel/errors.ts';

const MAX_PATH_BYTES = 4000;
const MAX_NAME_BYTES = 255;

function problemOf(path: string): string | null {
  if (path === '') return 'is empty';
  if (path.includes('\0')) return 'has a NUL byte';
  if (!path.isWellFormed()) return 'is not valid Unicode';
  if (path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path)) return 'is absolute';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  const parts = path.split('/');
  if (parts.includes('..')) return 'leaves the work folder';
  if (parts.some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES)) return `has a name longer than ${MAX_NAME_BYTES} bytes`;
  return null;
}

/**
 * A relative path in its one spelling: `./src//a.ts` becomes `src/a.ts`. Purely textual: symlinks are the business of whoever opens it.
 * @throws BanyanError `path_invalid` for an absolute path, one with `..` or NUL, or one that names the folder itself.
 */
export function cleanPath(path: string): string {
  const problem = problemOf(path);
  const clean = path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
  if (problem === null && clean !== '') return clean;
  const shown = JSON.stringify(path.slice(0, 120));
  throw new BanyanError('path_invalid', `The path ${shown} ${problem ?? 'names the work folder itself'}; give a path relative to the repository's root.`, {
    data: { path: path.slice(0, 120) },
  });
}
