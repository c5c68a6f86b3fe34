/** What the pull request of an update holds, installed as CI installs it. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { packageRoot } from '../../../src/kernel/package-root.ts';
import { prepareUpdate } from '../../../src/spawn/update/prepare.ts';
import { contentOf, type Content } from '../../../src/spawn/update/request/content.ts';
import { locateRelease, readRelease, withScratch } from '../../../src/spawn/update/target.ts';
import { committedPaths } from '../../../src/spawn/update/worktree.ts';
import type { Stage } from './stage.ts';

const LOCK = 'package-lock.json';
const QUIETLY = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

function contentFor(stage: Stage, root: string): Promise<Content> {
  return withScratch(async (scratch) => {
    const place = { root, running: packageRoot(), scratch, commands: { cwd: root, env: stage.env } };
    const release = readRelease(await locateRelease(stage.tarball, place));
    const prepared = await prepareUpdate(release, place, { codemods: true });
    return contentOf(release, prepared, place, { refused: [], committed: await committedPaths(place.commands) });
  });
}

function checkOut(root: string, { writes }: Content): void {
  for (const { path, content } of writes) {
    if (content === null) rmSync(join(root, path));
    else {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
  }
}

/** In a copy of the child, with a lock file that npm has made for the previous release. */
export async function installRequest(stage: Stage, { child, to }: { child: string; to: string }): Promise<void> {
  const copy = join(stage.scratch, 'a pull request');
  cpSync(child, copy, { recursive: true, filter: (path) => basename(path) !== 'node_modules' });
  const git = (...args: string[]) => stage.run(copy, ['git', '-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args]);
  await stage.run(copy, ['npm', 'install', '--package-lock-only', ...QUIETLY]);
  await git('add', '-A');
  await git('commit', '-q', '-m', 'chore: lock');
  const before = readFileSync(join(copy, LOCK), 'utf8');
  const content = await contentFor(stage, copy);
  if (content.notes.length > 0) throw new Error(content.notes.join('\n'));
  checkOut(copy, content);
  const after = readFileSync(join(copy, LOCK), 'utf8');
  if (after === before || after.includes(stage.scratch)) throw new Error('the lock file was not made anew, or names a folder of this machine');
  await stage.run(copy, ['npm', 'ci', '--omit=dev', '--omit=optional', ...QUIETLY]);
  const { version } = JSON.parse(readFileSync(join(copy, 'node_modules/banyan/package.json'), 'utf8')) as { version: string };
  if (version !== to) throw new Error(`npm ci installed banyan ${version}, not ${to}`);
  rmSync(copy, { recursive: true, force: true });
}
