import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startStack } from '../../src/testing/index.ts';
import { untilStatus } from '../e2e/watch.ts';
import { isRunning, waitFor } from '../local/support.ts';

function processesOf(dataDir: string): number[] {
  const { pids } = JSON.parse(readFileSync(join(dataDir, 'stack.json'), 'utf8')) as { pids: Record<string, number> };
  return Object.values(pids);
}

it('is what `npm start` starts: an issue gets its status comment, and nothing of it is left', { timeout: 180_000 }, async () => {
  const notes: string[] = [];
  const stack = await startStack({ cwd: import.meta.dirname, env: { BANYAN_LEASE_SECONDS: '30' }, note: (line) => notes.push(line) });
  const pids = processesOf(stack.dataDir);
  try {
    expect(pids.filter(isRunning)).toHaveLength(3);
    stack.cast.in('shoes', { files: [{ 'GREETING.md': 'Hello!\n' }] });
    const repository = await stack.repository('shoes');
    const { data: issue } = await repository.octokit.rest.issues.create({ owner: 'acme', repo: 'shoes', title: 'Greet the customer' });
    expect(await untilStatus(repository, issue.number, '')).toContain('<!-- banyan:status:');
    await waitFor('the model to be asked', () => stack.models.requests[0], 60_000);
    expect((await fetch(`${stack.functions.url}/api/health`)).status).toBe(200);
  } catch (error) {
    throw new Error([String(error), ...notes, ...stack.models.errors.map(String)].join('\n'), { cause: error });
  } finally {
    await stack.close();
  }
  expect(pids.filter(isRunning)).toEqual([]);
  expect(existsSync(stack.dataDir)).toBe(false);
});

it('leaves no process behind when the test is killed', { timeout: 120_000 }, async () => {
  const test = spawn(process.execPath, [fileURLToPath(new URL('./fixture-stack.ts', import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  test.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  await waitFor('the stack of the test', () => (said.includes('\n') ? true : test.exitCode === null ? undefined : true), 90_000);
  const { dataDir, url } = JSON.parse(said) as { dataDir: string; url: string };
  const pids = processesOf(dataDir);
  expect(pids.filter(isRunning)).toHaveLength(3);
  test.kill('SIGKILL');
  await waitFor('its services to end', () => (pids.some(isRunning) ? undefined : true));
  await expect(fetch(`${url}/api/health`)).rejects.toThrow('fetch failed');
  rmSync(dataDir, { recursive: true, force: true });
});

it('says what is wrong with the folder, and leaves nothing', async () => {
  await expect(startStack({ cwd: tmpdir() })).rejects.toMatchObject({ code: 'not_found' });
});
