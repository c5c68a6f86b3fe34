import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BanyanError } from '../kernel/errors.ts';
import { folderAbove, packageFile } from '../kernel/package-root.ts';

/** The nearest folder, from this one upwards, with functions to serve. */
export function findProject(from: string = process.cwd()): string | undefined {
  return folderAbove(from, (folder) => existsSync(join(folder, 'vercel.json')) && existsSync(join(folder, 'api')));
}

/**
 * The folder whose functions are served: a child, or Banyan's own checkout.
 * @throws BanyanError `not_found` outside of both
 */
export function projectRoot(from: string = process.cwd()): string {
  const found = findProject(from);
  if (found !== undefined) return found;
  throw new BanyanError('not_found', `There is no Banyan project in ${from}: no folder there or above has vercel.json and api/.`, {
    fix: 'Change into the folder of the project, or grow one: npx banyan spawn <name>',
  });
}

/** Where the migrations of a project lie: the package's, then its own. */
export function migrationFolders(project: string): string[] {
  return [...new Set([packageFile('supabase/migrations'), join(project, 'supabase/migrations')])];
}
