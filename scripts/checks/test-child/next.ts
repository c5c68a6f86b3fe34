/** A child's installed package hands an update over to the package of the next version, whose codemod mends the child's own code. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import semver from 'semver';
import { BOOK_PATH, readBook } from '../../../src/spawn/book.ts';
import type { Stage } from './stage.ts';

const OWN = 'src/own.ts';
const CODEMOD = `export const title = 'oldName is called newName';
export default ({ read, write }) => {
  const text = read('${OWN}');
  if (text !== null) write('${OWN}', text.replace('oldName', 'newName'));
  return ['${OWN}: see whether it still fits.'];
};
`;

/** This version's package as that of the next one. */
async function packNext(stage: Stage, version: string): Promise<string> {
  const folder = join(stage.scratch, 'next');
  mkdirSync(folder);
  await stage.run(folder, ['tar', '-xzf', stage.tarball]);
  const root = join(folder, 'package');
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object;
  writeFileSync(join(root, 'package.json'), JSON.stringify({ ...manifest, version }));
  mkdirSync(join(root, 'codemods'), { recursive: true });
  writeFileSync(join(root, `codemods/${version}-new-name.mjs`), CODEMOD);
  await stage.run(root, ['npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder]);
  return join(folder, `banyan-${version}.tgz`);
}

export async function updateToNext(stage: Stage, { child, from }: { child: string; from: string }): Promise<void> {
  const version = semver.inc(from, 'patch') ?? '';
  await stage.step(`update to ${version} by its own code, with a codemod`, async () => {
    const tarball = await packNext(stage, version);
    writeFileSync(join(child, OWN), 'export const oldName = 1;\n');
    const said = await stage.run(child, ['npx', '--no-install', 'banyan', 'update', '--no-install', '--force', '--to', tarball]);
    for (const words of [`v${version} updates to itself`, 'codemod  oldName is called newName', 'see whether it still fits']) {
      if (!said.includes(words)) throw new Error(`the update did not say "${words}":\n${said}`);
    }
    const text = readFileSync(join(child, OWN), 'utf8');
    if (text !== 'export const newName = 1;\n') throw new Error(`the codemod left ${text}`);
    const book = readBook(readFileSync(join(child, BOOK_PATH), 'utf8'));
    if (book.version !== version || !existsSync(join(child, `vendor/banyan-${version}.tgz`))) throw new Error(`the child is at ${book.version}`);
  });
}
