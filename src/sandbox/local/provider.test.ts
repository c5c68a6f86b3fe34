import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalSandboxProvider } from './provider.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-test-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('createLocalSandboxProvider', () => {
  it('refuses where the way does not work, and says what to do', async ({ skip }) => {
    skip(process.platform === 'darwin', 'needs a system without seatbelt');
    const creating = createLocalSandboxProvider({ way: 'seatbelt', folder }).create({ timeoutSeconds: 5 });
    await expect(creating).rejects.toMatchObject({ code: 'sandbox_unavailable', retry: 'needs_human', fix: expect.stringContaining('bubblewrap') });
    expect(await readdir(folder)).toEqual([]);
  });

  it('without a wall runs, with a clean environment, and kills what it started', async () => {
    const sandbox = await createLocalSandboxProvider({ way: 'unsafe', folder }).create({ timeoutSeconds: 30 });
    await sandbox.writeFiles([{ path: 'a', content: 'x' }]);
    expect(await sandbox.run({ command: 'cat a; echo "$VITEST"', timeoutSeconds: 5, maxOutputBytes: 100 })).toMatchObject({ exitCode: 0, output: 'x\n' });
    const late = await sandbox.run({ command: 'sleep 30 & sleep 30', timeoutSeconds: 1, maxOutputBytes: 100 });
    expect(late).toMatchObject({ exitCode: 137, timedOut: true });
    expect(late.durationMs).toBeLessThan(10_000);
    await sandbox.destroy();
  });

  it('leaves no folder behind', async () => {
    const sandbox = await createLocalSandboxProvider({ folder }).create({ timeoutSeconds: 30 });
    expect(await readdir(folder)).toHaveLength(1);
    await sandbox.run({ command: 'mkdir -p a/b; chmod 000 a; touch /tmp/x', timeoutSeconds: 5, maxOutputBytes: 100 });
    await sandbox.destroy();
    expect(await readdir(folder)).toEqual([]);
  });

  it('removes what a killed process left, and nothing else', async () => {
    const { pid } = spawnSync('true');
    const folders = { dead: String(pid), alive: String(process.pid), fresh: null };
    for (const [name, owner] of Object.entries(folders)) {
      await mkdir(join(folder, `banyan-sandbox-${name}`));
      if (owner !== null) await writeFile(join(folder, `banyan-sandbox-${name}`, 'owner'), owner);
    }
    const nobody = { before: new Date(), abandoned: () => Promise.resolve([]), until: Number.MAX_SAFE_INTEGER };
    const provider = createLocalSandboxProvider({ way: 'unsafe', folder });
    expect([await provider.sweep(nobody), await provider.sweep(nobody)]).toEqual([1, 0]);
    await mkdir(join(folder, 'banyan-sandbox-dead'));
    await writeFile(join(folder, 'banyan-sandbox-dead', 'owner'), String(pid));
    const sandbox = await provider.create({ timeoutSeconds: 5 });
    await sandbox.destroy();
    expect((await readdir(folder)).toSorted()).toEqual(['banyan-sandbox-alive', 'banyan-sandbox-fresh']);
  });

  it('ends with its own time', async () => {
    const sandbox = await createLocalSandboxProvider({ folder }).create({ timeoutSeconds: 1 });
    const running = sandbox.run({ command: 'sleep 30', timeoutSeconds: 30, maxOutputBytes: 100 });
    await expect(running).rejects.toMatchObject({ code: 'sandbox_timeout' });
    await expect(sandbox.readFile('x')).rejects.toMatchObject({ code: 'sandbox_timeout' });
  });

  it('counts the memory of all processes together', async () => {
    const sandbox = await createLocalSandboxProvider({ folder, limits: { memoryMb: 300 } }).create({ timeoutSeconds: 60 });
    // The timer holds on to the memory, or it might be collected before anybody looks.
    const hog = 'const a=Buffer.alloc(120<<20,1);console.log("has",a.length);setTimeout(()=>console.log(a[0]),20000)';
    await sandbox.writeFiles([{ path: 'hog.js', content: hog }]);
    const result = await sandbox.run({ command: 'node hog.js & node hog.js & node hog.js & wait', timeoutSeconds: 30, maxOutputBytes: 1_000 });
    expect(result).toMatchObject({ exitCode: 137, timedOut: false, output: expect.stringContaining('300 MB of memory') });
    await sandbox.destroy();
  });

  it('counts the disk of many files together', async () => {
    const sandbox = await createLocalSandboxProvider({ folder, limits: { diskMb: 20, fileMb: 8 } }).create({ timeoutSeconds: 60 });
    const command = 'i=0; while [ $i -lt 12 ]; do head -c 4000000 /dev/zero > f$i; i=$((i+1)); done; sleep 20';
    const result = await sandbox.run({ command, timeoutSeconds: 30, maxOutputBytes: 1_000 });
    expect(result).toMatchObject({ exitCode: 137, timedOut: false, output: expect.stringContaining('20 MB of disk') });
    await sandbox.destroy();
  });
});
