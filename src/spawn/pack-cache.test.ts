import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packOnce } from './pack-cache.ts';

let root: string;
let built: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banyan-pack-'));
  built = 0;
  for (const folder of ['src', 'docs', 'out']) mkdirSync(join(root, folder));
  writeFileSync(join(root, 'package.json'), JSON.stringify({ files: ['dist', 'docs', '!**/*.test.*'] }));
  writeFileSync(join(root, 'src/a.ts'), 'a');
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function pack(): Promise<string> {
  const out = join(root, 'out');
  return packOnce(root, out, (folder) => {
    built += 1;
    writeFileSync(join(folder, 'banyan-1.0.0.tgz'), `build ${built}`);
    return Promise.resolve('banyan-1.0.0.tgz');
  });
}

it('builds the same sources once', async () => {
  expect(await pack()).toBe('banyan-1.0.0.tgz');
  rmSync(join(root, 'out/banyan-1.0.0.tgz'));
  expect(await pack()).toBe('banyan-1.0.0.tgz');
  expect([built, readFileSync(join(root, 'out/banyan-1.0.0.tgz'), 'utf8')]).toEqual([1, 'build 1']);
});

it.each(['src/a.ts', 'src/b.ts', 'docs/new.md', 'package-lock.json'])('builds again after a change of %s, and keeps one only', async (path) => {
  await pack();
  writeFileSync(join(root, path), 'changed');
  await pack();
  expect(built).toBe(2);
  expect(readdirSync(join(root, 'node_modules/.cache/banyan-pack')).length).toBe(1);
});
