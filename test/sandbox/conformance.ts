import { createServer, type Server } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Sandbox, SandboxNetwork, SandboxOptions, SandboxProvider, SandboxResult } from '../../src/sandbox/types.ts';

/** What every sandbox must do and, more so, must not let happen. */
export function describeSandbox(name: string, makeProvider: () => SandboxProvider | Promise<SandboxProvider>): void {
  describe(`sandbox: ${name}`, { timeout: 60_000 }, () => {
    const open: Sandbox[] = [];

    async function create(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
      const sandbox = await (await makeProvider()).create({ timeoutSeconds: 120, ...options });
      open.push(sandbox);
      return sandbox;
    }

    function sh(sandbox: Sandbox, command: string, timeoutSeconds = 30): Promise<SandboxResult> {
      return sandbox.run({ command, timeoutSeconds, maxOutputBytes: 20_000 });
    }

    afterEach(async () => {
      await Promise.all(open.splice(0).map((sandbox) => sandbox.destroy()));
    });

    describeWork(create, sh);
    describeWalls(create, sh);
    describeLimits(create, sh);
    describePaths(create, sh);
  });
}

type Create = (options?: Partial<SandboxOptions>) => Promise<Sandbox>;
type Shell = (sandbox: Sandbox, command: string, timeoutSeconds?: number) => Promise<SandboxResult>;

function describeWork(create: Create, sh: Shell): void {
  it('runs a command over files and gives back what it wrote', async () => {
    const sandbox = await create();
    await sandbox.writeFiles([
      { path: 'src/a b.txt', content: 'hello\n' },
      { path: 'run.sh', content: '#!/bin/sh\necho ran\n', mode: 0o755 },
      { path: 'bytes', content: new Uint8Array([0, 255, 10]) },
    ]);
    const result = await sh(sandbox, './run.sh && cat "src/a b.txt" && mkdir out && echo made > out/x && exit 3');
    expect(result).toMatchObject({ exitCode: 3, output: 'ran\nhello\n', timedOut: false, truncated: false });
    expect(Buffer.from((await sandbox.readFile('out/x')) ?? []).toString()).toBe('made\n');
    expect([...((await sandbox.readFile('bytes')) ?? [])]).toEqual([0, 255, 10]);
    expect(await sandbox.readFile('out/none')).toBeNull();
  });

  it('keeps stdout and stderr in order and files between commands', async () => {
    const sandbox = await create();
    const result = await sh(sandbox, 'echo one; echo two >&2; echo three; echo kept > kept');
    expect(result.output).toBe('one\ntwo\nthree\n');
    expect((await sh(sandbox, 'cat kept')).output).toBe('kept\n');
  });

  it('overwrites a file and runs in a folder with variables', async () => {
    const sandbox = await create();
    await sandbox.writeFiles([{ path: 'd/f', content: 'old' }]);
    await sandbox.writeFiles([{ path: 'd/f', content: 'new' }]);
    const result = await sandbox.run({ command: 'cat f; echo " $WORD $CI"', cwd: 'd', env: { WORD: "it's" }, timeoutSeconds: 30, maxOutputBytes: 1_000 });
    expect(result.output).toBe("new it's true\n");
  });

  it("runs a package's tests with node and npm, offline", async () => {
    const sandbox = await create();
    await sandbox.writeFiles([
      { path: 'package.json', content: JSON.stringify({ scripts: { test: 'node --test' } }) },
      { path: 'sum.test.js', content: "require('node:test').test('adds', () => require('node:assert').equal(1 + 1, 2));" },
    ]);
    const result = await sh(sandbox, 'npm test');
    expect(result.output).toContain('pass 1');
    expect(result.exitCode).toBe(0);
  });

  it('lets a test talk to its own server over loopback', async () => {
    const sandbox = await create();
    const code =
      "const s=require('http').createServer((q,r)=>r.end('yes')).listen(0,'127.0.0.1',async()=>{console.log(await(await fetch('http://127.0.0.1:'+s.address().port)).text());process.exit()})";
    await sandbox.writeFiles([{ path: 's.js', content: code }]);
    expect((await sh(sandbox, 'node s.js')).output).toBe('yes\n');
  });

  it('can be destroyed twice and refuses to go on', async () => {
    const sandbox = await create();
    await sandbox.destroy();
    await sandbox.destroy();
    await expect(sh(sandbox, 'true')).rejects.toMatchObject({ code: 'sandbox_timeout' });
    await expect(sandbox.readFile('x')).rejects.toMatchObject({ code: 'sandbox_timeout' });
  });

  it('keeps two sandboxes apart', async () => {
    const [one, two] = await Promise.all([create(), create()]);
    await sh(one, 'echo mine > secret; echo mine > /tmp/secret; echo mine > "$HOME/secret"');
    expect((await sh(two, 'cat secret /tmp/secret "$HOME/secret" 2>/dev/null; ls')).output).toBe('');
  });
}

function describeWalls(create: Create, sh: Shell): void {
  let host: Server;
  let hostFolder: string;

  beforeAll(async () => {
    host = createServer((socket) => socket.end('from the host'));
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    hostFolder = await mkdtemp(join(tmpdir(), 'banyan-host-'));
    await writeFile(join(hostFolder, 'secret'), 'host secret');
    vi.stubEnv('BANYAN_TEST_SECRET', 'host secret');
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await new Promise((resolve) => host.close(resolve));
    await rm(hostFolder, { recursive: true });
  });

  it('has nothing of our environment', async () => {
    const sandbox = await create();
    const result = await sh(sandbox, 'env; cat /proc/self/environ /proc/1/environ 2>/dev/null | tr "\\0" "\\n"');
    expect(result.output).not.toContain('host secret');
    expect(result.output).not.toMatch(/TOKEN|SECRET|API_KEY|VITEST|npm_package/);
    expect(result.output).toContain('PATH=');
  });

  it.each<SandboxNetwork>(['none', 'registries'])('reaches neither the outside nor the host, with %s', async (network) => {
    const sandbox = await create();
    const { port } = host.address() as { port: number };
    const code = `const net=require('net');let left=2;for(const [h,p] of [['127.0.0.1',${port}],['1.1.1.1',443]]){const s=net.connect(p,h);const t=setTimeout(()=>done('timeout'),3000);
      const done=(w)=>{clearTimeout(t);console.log(h,w);s.destroy();if(!--left)process.exit()};s.on('connect',()=>done('CONNECTED'));s.on('error',(e)=>done(e.code))}`;
    await sandbox.writeFiles([{ path: 'net.js', content: code }]);
    const result = await sandbox.run({ command: 'node net.js; getent hosts example.com', timeoutSeconds: 30, maxOutputBytes: 1_000, network });
    expect(result.output).toContain('127.0.0.1 ECONNREFUSED');
    expect(result.output).not.toContain('CONNECTED');
  });

  it('cannot see files of the host', async () => {
    const sandbox = await create();
    const paths = [
      hostFolder,
      `${hostFolder}/secret`,
      process.cwd(),
      `${process.cwd()}/package.json`,
      '/root/.bashrc',
      '/etc/shadow',
      '/etc/hostname.host',
      '/var/log',
      '/sys/kernel',
      '/boot',
    ];
    const result = await sh(
      sandbox,
      `for p in ${paths.map((path) => `'${path}'`).join(' ')}; do [ -e "$p" ] && [ -r "$p" ] && echo "SEEN $p"; done; ls -A /proc/${process.pid} 2>&1 | head -1; true`,
    );
    expect(result.output).not.toContain('SEEN');
    expect((await sh(sandbox, `tr '\\0' ' ' < /proc/${process.pid}/cmdline`)).output).not.toContain('vitest');
  });

  it('cannot write outside of its folders', async () => {
    const sandbox = await create();
    const targets = [
      '/x',
      '/usr/x',
      '/usr/bin/x',
      '/etc/x',
      '/etc/passwd',
      '/opt/x',
      '/proc/sys/kernel/hostname',
      `${process.cwd()}/x`,
      `${hostFolder}/x`,
      '/home/x',
      '/dev/x',
    ];
    const result = await sh(
      sandbox,
      `for p in ${targets.map((path) => `'${path}'`).join(' ')}; do (echo bad >> "$p") 2>/dev/null && echo "WROTE $p"; done; true`,
    );
    expect(result.output).toBe('');
  });

  it('is nobody special and cannot become it', async () => {
    const sandbox = await create();
    const result = await sh(sandbox, 'id -u; grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status; mount -t tmpfs x /tmp 2>&1; umount /proc 2>&1; echo end');
    expect(result.output.split('\n')[0]).not.toBe('0');
    expect(result.output).toMatch(/CapEff:\s+0+\n/);
    expect(result.output).toMatch(/NoNewPrivs:\s+1\n/);
    expect(result.output).toContain('end');
    expect((await sh(sandbox, 'mount 2>/dev/null | grep -c " /tmp type tmpfs"')).output.trim()).toBe('0');
  });
}

function describeLimits(create: Create, sh: Shell): void {
  it('kills an endless command with all that it started', async () => {
    const sandbox = await create();
    const mark = `6${Math.floor(Math.random() * 1e6)}`;
    const result = await sh(sandbox, `(setsid sleep ${mark} &) ; sleep ${mark} & echo started; while :; do :; done`, 1);
    expect(result).toMatchObject({ exitCode: 137, timedOut: true });
    expect(result.output).toContain('started');
    expect((await sh(sandbox, `cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '`)).output).not.toContain(`sleep ${mark}`);
  });

  it('leaves nothing running after a command that ended', async () => {
    const sandbox = await create();
    const result = await sh(sandbox, '(while :; do date +%s%N > beat; sleep 0.02; done) & sleep 0.2; echo done');
    expect(result).toMatchObject({ exitCode: 0, output: 'done\n' });
    const first = (await sh(sandbox, 'cat beat; sleep 0.2')).output;
    expect((await sh(sandbox, 'cat beat')).output).toBe(first);
  });

  it('ends at an abort', async () => {
    const sandbox = await create();
    const controller = new AbortController();
    const running = sandbox.run({ command: 'sleep 60', timeoutSeconds: 60, maxOutputBytes: 1_000, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 150);
    await expect(running).rejects.toThrow('enough');
    expect((await sh(sandbox, 'echo alive')).output).toBe('alive\n');
  });

  it('cuts a flood of output and keeps its head and tail', async () => {
    const sandbox = await create();
    const result = await sh(sandbox, 'echo HEAD; yes 0123456789 | head -c 5000000; echo TAIL');
    expect(result.truncated).toBe(true);
    expect(Buffer.byteLength(result.output)).toBeLessThan(20_200);
    expect(result.output.startsWith('HEAD\n')).toBe(true);
    expect(result.output.endsWith('TAIL\n')).toBe(true);
    expect(result.output).toMatch(/bytes cut/);
  });

  it('bounds a fork bomb', async () => {
    const sandbox = await create();
    await sandbox.writeFiles([{ path: 'bomb.sh', content: 'b() { b | b & }; b; sleep 30\n' }]);
    const result = await sh(sandbox, 'sh bomb.sh', 3);
    expect(result.exitCode).not.toBe(0);
    expect((await sh(sandbox, 'echo alive')).output).toBe('alive\n');
  });

  it('stops a memory hog', async () => {
    const sandbox = await create({ memoryMb: 512 });
    const code = 'const a=[];for(let i=0;i<4000;i++)a.push(Buffer.alloc(1<<20,1));console.log("ATE ALL")';
    await sandbox.writeFiles([{ path: 'hog.js', content: code }]);
    const one = await sh(sandbox, 'node hog.js');
    expect(one.output).not.toContain('ATE ALL');
    expect(one.exitCode).not.toBe(0);
  });

  it('stops a file that grows without end', async () => {
    const sandbox = await create();
    const result = await sh(sandbox, 'head -c 3000000000 /dev/zero > big; wc -c < big');
    expect(Number(result.output.trim().split('\n').at(-1)) || 0).toBeLessThan(1_000_000_000);
  });
}

function describePaths(create: Create, sh: Shell): void {
  it.each(['/etc/passwd', '../x', 'a/../../x', '', '.', 'a\0b', 'C:\\x', `${'n'.repeat(300)}/x`])('refuses the path %j', async (path) => {
    const sandbox = await create();
    await expect(sandbox.readFile(path)).rejects.toMatchObject({ code: 'path_invalid' });
    await expect(sandbox.writeFiles([{ path, content: 'x' }])).rejects.toMatchObject({ code: 'path_invalid' });
  });

  it('follows no symlink, neither when reading nor when writing', async () => {
    const sandbox = await create();
    await sh(sandbox, 'ln -s /etc etc; ln -s /etc/passwd passwd; mkdir -p real/in; ln -s real alias; ln -s /tmp/target dangling');
    for (const path of ['etc/passwd', 'passwd', 'alias/x', 'dangling']) {
      await expect(sandbox.readFile(path)).rejects.toMatchObject({ code: 'path_invalid' });
      await expect(sandbox.writeFiles([{ path, content: 'bad' }])).rejects.toMatchObject({ code: 'path_invalid' });
    }
    expect((await sh(sandbox, 'ls -A real /tmp/target 2>/dev/null; ls real/in')).output).not.toContain('x\n');
  });

  it('reads no folder and waits for no pipe', async () => {
    const sandbox = await create();
    await sh(sandbox, 'mkdir folder; mkfifo pipe');
    expect(await sandbox.readFile('folder')).toBeNull();
    expect(await sandbox.readFile('pipe')).toBeNull();
  });
}
