import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Build {
  /** The compiled server of a contender. */
  entry: (contender: string) => string;
  dispose(): Promise<void>;
}

/**
 * The servers as JavaScript, file by file, as the platform makes it of a function: a process that strips types itself pays 40 MB and
 * some milliseconds for that, and all contenders would look alike.
 */
export async function buildServers(): Promise<Build> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'banyan-bench-build-')));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const config = join(folder, 'tsconfig.json');
  await writeFile(join(folder, 'package.json'), '{"type":"module"}\n');
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const compilerOptions = { noEmit: false, rootDir: ROOT, outDir: folder, declaration: false, typeRoots: [join(ROOT, 'node_modules/@types')] };
  await writeFile(
    config,
    JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: [join(ROOT, 'scripts/bench/intake/servers/*.ts')] }),
  );
  await run(process.execPath, [tsc, '-p', config], { cwd: ROOT });
  return {
    entry: (contender) => join(folder, 'scripts/bench/intake/servers', `${contender}.js`),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}
