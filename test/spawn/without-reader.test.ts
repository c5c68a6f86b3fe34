import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeChild, makeMother, snapshot } from './mother.ts';

const COMMAND = fileURLToPath(new URL('../../scripts/banyan.js', import.meta.url));

let place = '';
let child = '';
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'without-reader-'));
  child = join(place, 'child');
  mkdirSync(child);
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

/** As in `banyan ... | head -0`: nobody reads from the beginning. */
function unread(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, [COMMAND, ...args], { cwd: child, stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    running.stdout.destroy();
    running.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    running.on('error', reject);
    running.on('close', (code) => resolve({ code, stderr }));
  });
}

it('ends quietly, with the code of a pipe that was closed', async () => {
  expect(await unread(['--help'])).toEqual({ code: 141, stderr: '' });
});

it('undoes an update whose reader has gone', async () => {
  makeChild(child, makeMother(join(place, 'one'), { version: '0.1.0', files: { 'a.ts': 'one\n' } }));
  const two = makeMother(join(place, 'two'), { version: '0.2.0', files: { 'a.ts': 'two\n' } });
  const before = snapshot(child);
  const { code, stderr } = await unread(['update', '--no-install', '--to', two]);
  expect([code, stderr]).toEqual([141, expect.not.stringContaining('EPIPE')]);
  expect(snapshot(child)).toEqual(before);
});
