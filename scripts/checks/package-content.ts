import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** Single files without which the package is none. */
const NEEDED = [
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'package.json',
  'scripts/banyan.js',
  'dist/scripts/banyan.js',
  'supabase/config.toml',
  'supabase/cron.sql',
];
/** Folders that are shipped whole: what is read at run time. A child's own tests are among it. */
const WHOLE = ['supabase/migrations', 'templates', 'child-template'];
/** Whose modules are shipped compiled, with their types. */
const COMPILED = ['api', 'src'];
const UNWANTED =
  /(^dist\/.*\.test\.|^test\/|^src\/|^api\/|^scripts\/(?!banyan\.js$)|^\.|(^|\/)\.env(?!\.example)|\.log$|(^|\/)node_modules\/|\.pem$|\.tgz$|^dist\/scripts\/(checks|bench|chaos|generate))/;

const SHIPPED_PARTS = [...WHOLE, ...COMPILED];

/** The project's own files below what is shipped, with slashes. */
export function filesOf(root: string): string[] {
  return SHIPPED_PARTS.flatMap((folder) => {
    const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return entries.map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));
  });
}

/** What must be in the package for the sources that are there. */
function neededFor(path: string): string[] {
  if (WHOLE.some((folder) => path.startsWith(`${folder}/`))) return [path];
  if (!path.endsWith('.ts') || path.endsWith('.test.ts') || path.endsWith('.d.ts')) return [];
  const compiled = `dist/${path.slice(0, -'.ts'.length)}`;
  return [`${compiled}.js`, `${compiled}.d.ts`];
}

/** What is in a package and should not be, and what is missing in it. */
export function contentProblems(packed: readonly string[], sources: readonly string[]): string[] {
  const there = new Set(packed);
  const wanted = new Set([...NEEDED, ...sources.flatMap(neededFor)]);
  // A source that is gone must not live on in what was compiled of it.
  const stale = packed.filter((path) => /^dist\/(src|api)\//.test(path) && !wanted.has(path));
  return [
    ...packed.filter((path) => UNWANTED.test(path)).map((path) => `unwanted: ${path}`),
    ...stale.map((path) => `stale: ${path}`),
    ...[...wanted].filter((path) => !there.has(path)).map((path) => `missing: ${path}`),
  ];
}
