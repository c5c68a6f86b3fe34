import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A checkout runs from its sources, the package from what was compiled of them: whatever is loaded beside this file has its extension. */
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

function nameIn(folder: string): unknown {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }).name;
  } catch {
    return undefined;
  }
}

/** The nearest folder, from this one upwards, that `fits`. */
export function folderAbove(from: string, fits: (folder: string) => boolean): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (fits(folder)) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

/** The folder of Banyan's own package.json: of the checkout, or of `node_modules/banyan`. */
export function packageRoot(): string {
  const own = dirname(fileURLToPath(import.meta.url));
  return folderAbove(own, (folder) => nameIn(folder) === 'banyan') ?? own;
}

/** A file or folder of the package that is no module: `packageFile('supabase/migrations')`. */
export function packageFile(path: string): string {
  return join(packageRoot(), path);
}

/** A module of the package that a process of its own runs: `packageModule('scripts/serve')`. */
export function packageModule(path: string): string {
  return join(packageRoot(), EXTENSION === '.ts' ? '' : 'dist', `${path}${EXTENSION}`);
}
