/**
 * The internal test child. A child is spawned from the packed package, checked, tested, started, and takes an issue to a pull request with a model
 * that shows what the prompts hold; a test of it starts the whole stack, and it is updated to a next version, by that one's own code, with a
 * codemod. Another, made from the previous release's template, is updated to this one with local edits of each class in place, and what the pull
 * request of that update holds is installed. One line per step, with its seconds; the first that fails ends it.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import semver from 'semver';
import { packageRoot } from '../../src/kernel/package-root.ts';
import { vendor } from '../../src/spawn/package.ts';
import { playFlow } from './test-child/flow.ts';
import { playKit } from './test-child/kit.ts';
import { updateToNext } from './test-child/next.ts';
import { makeStage, step, type Stage } from './test-child/stage.ts';
import { updateChild } from './test-child/update.ts';

/** The newest release before this version. */
function previousRelease(version: string): { version: string; path: string } {
  const folder = join(packageRoot(), 'test/fixtures/releases');
  const releases = readdirSync(folder).map((name) => name.replace(/\.tgz$/, ''));
  const [newest] = releases.filter((release) => semver.valid(release) && semver.lt(release, version)).toSorted(semver.rcompare);
  if (newest === undefined) throw new Error(`${folder} holds no release before ${version}: npm run release:fixture, at each release`);
  return { version: newest, path: join(folder, `${newest}.tgz`) };
}

const DESCRIPTION = 'Bicycles made to measure';

async function spawnChild(stage: Stage): Promise<string> {
  const child = join(stage.scratch, 'a child');
  const args = ['velo-works', '--domain', 'e-commerce', '--agents', 'all', '--description', DESCRIPTION, '--dir', child, '--banyan', stage.tarball, '--yes'];
  const output = await stage.step('spawn from the package, with its install, types and tests', () => stage.banyan(stage.scratch, ['spawn', ...args]));
  for (const line of output.split('\n').filter((said) => /\(\d+\.\d s\)$/.test(said))) console.log(`            ${line.trim()}`);
  return child;
}

async function main(): Promise<void> {
  const began = Date.now();
  const scratch = mkdtempSync(join(tmpdir(), 'banyan-child-'));
  try {
    const bare = makeStage(scratch);
    const commands = { cwd: packageRoot(), env: bare.env };
    const spec = await step('pack the mother', () => vendor({ kind: 'folder', path: packageRoot() }, scratch, commands));
    const stage: Stage = { ...bare, tarball: join(scratch, spec.replace(/^file:/, '')) };
    const child = await spawnChild(stage);
    await stage.step('npm run check', () => stage.run(child, ['npm', 'run', '-s', 'check']));
    await playFlow(stage, { child, description: DESCRIPTION });
    await playKit(stage, child);
    const version = semver.parse((await stage.banyan(child, ['--version'])).trim())?.version ?? '';
    await updateToNext(stage, { child, from: version });
    const old = previousRelease(version);
    // As a child keeps it.
    const tarball = join(scratch, 'releases', `banyan-${old.version}.tgz`);
    mkdirSync(dirname(tarball));
    copyFileSync(old.path, tarball);
    await updateChild(stage, { from: { version: old.version, tarball }, to: version, installed: join(child, 'node_modules') });
    console.log(`test child: everything holds, ${((Date.now() - began) / 1000).toFixed(0)} s`);
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

await main();
