/**
 * Keeps the template of this version as `test/fixtures/releases/<version>.tgz`: at a release, so that the next versions prove that a
 * child of this one can be updated to them. It holds no code: package.json, child-template/ and templates/. The same files give the same bytes.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { z } from 'zod';
import { packageRoot } from '../../src/kernel/package-root.ts';

const PARTS = ['package.json', 'child-template', 'templates'];

function filesIn(root: string, path: string): string[] {
  if (lstatSync(join(root, path)).isFile()) return [path];
  return readdirSync(join(root, path))
    .toSorted()
    .flatMap((name) => filesIn(root, `${path}/${name}`));
}

async function main(from: string | undefined): Promise<void> {
  const root = packageRoot();
  const source = from === undefined ? root : resolve(from);
  const { version } = z.object({ version: z.string().regex(/^\d+\.\d+\.\d+[\w.-]*$/) }).parse(JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')));
  const archive = pack();
  for (const path of PARTS.flatMap((part) => filesIn(source, part)))
    archive.entry({ name: `package/${path}`, mtime: new Date(0) }, readFileSync(join(source, path)));
  archive.finalize();
  const target = join(root, 'test/fixtures/releases', `${version}.tgz`);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, gzipSync(await buffer(archive), { level: 9 }));
  console.log(`test/fixtures/releases/${version}.tgz: ${(lstatSync(target).size / 1024).toFixed(0)} kB`);
}

await main(process.argv[2]);
