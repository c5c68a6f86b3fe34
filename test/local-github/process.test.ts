import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

let folder: string;
let options: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-github-process-'));
  options = join(folder, 'options.json');
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  await writeFile(options, JSON.stringify({ port: 0, dataDir: join(folder, 'data'), app: { id: 1, privateKey, webhookSecret: 's' }, webhookUrl: null }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function start(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['src/local/github/main.ts', options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const url = /^listening (\S+)/.exec(line.toString())?.[1];
  if (url === undefined) throw new Error(`unexpected output: ${line.toString()}`);
  return { child, url };
}

async function createIssue(url: string, title: string): Promise<number> {
  const response = await fetch(`${url}/repos/acme/shop/issues`, {
    method: 'POST',
    headers: { authorization: 'token maintainer-token' },
    body: JSON.stringify({ title }),
  });
  return ((await response.json()) as { number: number }).number;
}

/** The file on disk is what a killed process leaves behind. */
async function waitForSaved(title: string): Promise<void> {
  await expect.poll(async () => (await readFile(join(folder, 'data', 'repositories', '10000.json'), 'utf8')).includes(title), { timeout: 5000 }).toBe(true);
}

it('keeps its state over SIGKILL and ends cleanly on SIGTERM', async () => {
  const first = await start();
  const number = await createIssue(first.url, 'before the kill');
  await waitForSaved('before the kill');
  const killed = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  await killed;
  const second = await start();
  const response = await fetch(`${second.url}/repos/acme/shop/issues/${number}`);
  expect(await response.json()).toMatchObject({ title: 'before the kill' });
  expect(await createIssue(second.url, 'after the kill')).toBe(number + 1);
  const ended = once(second.child, 'exit');
  second.child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
