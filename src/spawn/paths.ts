import { BanyanError } from '../kernel/errors.ts';

const WINDOWS_RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

function problemOf(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (path.startsWith('/') || /^[a-z]:/i.test(path)) return 'is absolute';
  // oxlint-disable-next-line no-control-regex -- a control character in a path is what is looked for
  if (/[\\\u0000-\u001f\u007f<>:"|?*]/.test(path)) return 'has a character that not every file system takes';
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..') return 'leaves the folder of the child';
    if (part.toLowerCase() === '.git') return "lies in git's own folder";
    if (part.endsWith('.') || part.endsWith(' ') || WINDOWS_RESERVED.test(part)) return 'has a name that not every file system takes';
  }
  return undefined;
}

/**
 * A path below a child's folder, with `/`, that means the same file everywhere.
 * @throws BanyanError `path_invalid` for anything that is absolute, leaves the folder, or reaches into `.git`
 */
export function childPath(path: string): string {
  const problem = problemOf(path);
  if (problem === undefined) return path;
  throw new BanyanError('path_invalid', `The path "${path.slice(0, 200)}" ${problem}.`, {
    fix: 'Paths of a template are relative to the child, with "/" between folders.',
    data: { path: path.slice(0, 200) },
  });
}
