import { createHash, randomBytes } from 'node:crypto';
import { copyFile, lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** What the build reads beside the files that the package lists. */
const SOURCES = ['src', 'api', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'README.md', 'LICENSE'];

async function filesBelow(root: string, path: string): Promise<string[]> {
  const found = await lstat(join(root, path)).catch(() => undefined);
  if (found?.isFile()) return [path];
  if (!found?.isDirectory()) return [];
  const names = (await readdir(join(root, path))).toSorted();
  return (await Promise.all(names.map((name) => filesBelow(root, `${path}/${name}`)))).flat();
}

/** The name of what a checkout packs to: another byte anywhere that the build or the package reads is another name. */
async function keyOf(root: string): Promise<string> {
  const { files } = z.object({ files: z.array(z.string()) }).parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  // `dist` is what the build makes of the sources.
  const listed = files.filter((path) => !/^[!]|[*]/.test(path) && path !== 'dist');
  const paths = (await Promise.all([...new Set([...SOURCES, ...listed])].map((path) => filesBelow(root, path)))).flat();
  const hash = createHash('sha256');
  for (const path of [...new Set(paths)].toSorted())
    hash.update(`${path}\0`).update(
      createHash('sha256')
        .update(await readFile(join(root, path)))
        .digest(),
    );
  return hash.digest('hex').slice(0, 32);
}

/**
 * The tarball of a checkout is kept, because building takes longer than all the rest of a spawn but the installation.
 * @param build packs into the folder that it is given and says the name of the file
 * @returns the name of the file in `to`
 */
export async function packOnce(root: string, to: string, build: (folder: string) => Promise<string>): Promise<string> {
  const cache = join(root, 'node_modules/.cache/banyan-pack');
  const own = join(cache, await keyOf(root));
  const [kept] = await readdir(own).catch(() => []);
  if (kept !== undefined) {
    await copyFile(join(own, kept), join(to, kept));
    return kept;
  }
  const name = await build(to);
  const next = join(cache, `.${randomBytes(6).toString('hex')}`);
  try {
    await rm(cache, { recursive: true, force: true });
    await mkdir(next, { recursive: true });
    await copyFile(join(to, name), join(next, name));
    await rename(next, own);
  } catch {
    // A checkout that is read-only, or two that pack at once: the next one builds again.
  }
  return name;
}
