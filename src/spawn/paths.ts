import { BanyanError } from '../kernel/errors.ts';
import { stripInvisible } from '../kernel/text.ts';

const WINDOWS_RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

function problemOf(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (path.startsWith('/') || /^[a-z]:/i.test(path)) return 'is absolute';
  // oxlint-disable-next-line no-control-regex -- a control character in a path is what is looked for
  if (/[\\\u0000-\u001f\u007f<>:"|?*]/.test(path)) return 'has a character that not every file system takes';
  // What a terminal obeys, what turns the order of letters, and what looks like something else.
  if (stripInvisible(path) !== path || /[^\S ]|\p{Co}|\p{Cn}/u.test(path)) return 'has a character that not everybody sees';
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..') return 'leaves the folder of the child';
    if (part.toLowerCase() === '.git') return "lies in git's own folder";
    if (part.endsWith('.') || part.endsWith(' ') || WINDOWS_RESERVED.test(part)) return 'has a name that not every file system takes';
  }
  return undefined;
}

/** For a message: with each character that is not seen by its number. */
function shown(path: string): string {
  return path
    .slice(0, 200)
    .replaceAll(/[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu, (character) =>
      character === ' ' ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
    );
}

/**
 * A path below a child's folder, with `/`, that means the same file everywhere.
 * @throws BanyanError `path_invalid` for anything that is absolute, leaves the folder, or reaches into `.git`
 */
export function childPath(path: string): string {
  const problem = problemOf(path);
  if (problem === undefined) return path;
  throw new BanyanError('path_invalid', `The path "${shown(path)}" ${problem}.`, {
    fix: 'Paths of a template are relative to the child, with "/" between folders.',
    data: { path: shown(path) },
  });
}
