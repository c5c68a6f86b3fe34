import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packageModule } from '../../src/kernel/package-root.ts';
import { VERSION } from '../../src/kernel/version.generated.ts';
import { makeMother } from './mother.ts';
import { isRunning, makePlace, readIfThere, type Place } from './support.ts';

let place: Place;
let base: string;

beforeEach(() => {
  place = makePlace();
  base = join(place.cwd, '..');
  mkdirSync(join(base, 'bin'));
  mkdirSync(join(base, 'tmp'));
});

afterEach(() => place.remove());

const text = (name: string) => readIfThere(join(base, name));

/** The command in a terminal of its own: `script` holds its other side, and is that window. */
function inTerminal(args: readonly string[]) {
  const npm = join(base, 'bin/npm');
  // A grandchild holds on, as installers do.
  writeFileSync(npm, `#!/bin/sh\nsleep 300 & echo $! > '${join(base, 'grandchild')}'; wait\n`);
  chmodSync(npm, 0o755);
  const quoted = [process.execPath, packageModule('scripts/banyan'), 'spawn', ...args].map((arg) => `'${arg}'`).join(' ');
  const env = { ...place.env, PATH: `${join(base, 'bin')}${delimiter}${place.env['PATH']}`, TMPDIR: join(base, 'tmp'), SHELL: '/bin/sh', TERM: 'xterm' };
  // `script` gives its terminal the size of its own, of which there is none here.
  const command = `stty cols 80 rows 24; echo $$ > '${join(base, 'pid')}'; exec ${quoted} 2> '${join(base, 'stderr')}'`;
  const window = spawn('script', ['-qfc', command, '/dev/null'], { cwd: place.cwd, env, stdio: ['pipe', 'pipe', 'ignore'] });
  let shown = '';
  window.stdout.setEncoding('utf8').on('data', (chunk: string) => (shown += chunk));
  return { window, shown: () => shown };
}

it.runIf(process.platform === 'linux').each([
  ['at npm install', ['my-shop', '--yes', '--banyan', VERSION], () => text('grandchild') !== ''],
  ['at npm pack', ['my-shop', '--domain', 'custom', '--yes', '--banyan', 'MOTHER'], () => text('grandchild') !== ''],
  ['at a question', ['my-shop', '--domain', 'saas', '--agents', 'qa', '--owner', 'acme', '--description', 'x'], (shown: string) => shown.includes('Go ahead?')],
] as const)('leaves nothing when the window is closed %s', async (_moment, args, reached) => {
  const mother = makeMother(join(base, 'mother'), { version: VERSION, files: { 'a.ts': 'a\n' } });
  const { window, shown } = inTerminal(args.map((arg) => (arg === 'MOTHER' ? mother : arg)));
  await expect.poll(() => reached(shown()), { timeout: 20_000 }).toBe(true);
  window.kill('SIGKILL');
  await expect.poll(() => isRunning(Number(text('pid'))), { timeout: 15_000 }).toBe(false);
  expect(place.entries()).toEqual([]);
  expect(readdirSync(join(base, 'tmp'))).toEqual([]);
  expect(text('stderr')).not.toMatch(/^\s+at |Error|EIO|EPIPE/m);
  await expect.poll(() => isRunning(Number(text('grandchild'))), { timeout: 10_000 }).toBe(false);
});
