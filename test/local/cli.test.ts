import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = (name: string) => fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));
let dataDir: string;

function run(file: string, args: string[], env: Record<string, string> = {}): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [script(file), ...args], { encoding: 'utf8', env: { PATH: process.env['PATH'], BANYAN_DATA_DIR: dataDir, ...env } });
}

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'banyan-cli-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

describe('the command banyan', () => {
  it('lists its commands, also through its launcher', () => {
    const { status, stdout } = run('banyan.js', ['--help']);
    expect(status).toBe(0);
    expect(stdout).toContain('npx banyan <command>');
    expect(stdout).toMatch(/^ {2}demo /m);
  });

  it('refuses a command that there is not, and passes the code on through its launcher', () => {
    const { status, stderr } = run('banyan.js', ['dance']);
    expect(status).toBe(2);
    expect(stderr).toContain('There is no command "dance".\n');
    expect(run('banyan.ts', ['constructor']).status).toBe(2);
  });

  it.each([
    ['updat', 'update'],
    ['spwan', 'spawn'],
    ['Fleet', 'fleet'],
  ])('%s: names the command that may have been meant', (typed, meant) => {
    expect(run('banyan.ts', [typed])).toMatchObject({ status: 2, stderr: expect.stringContaining(`Did you mean "${meant}"?`) as string });
  });

  it.each([[['update', '--help']], [['help', 'update']]])('%j: the help of that command alone', (args) => {
    const { status, stdout } = run('banyan.ts', args);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^Usage: npx banyan update \[options\]\n\nBring a child[^]*--dry-run/)]);
    expect(stdout).not.toContain('--domain');
  });

  it.each(['demo', 'status'])('%s says what to do when nothing runs', (command) => {
    const { status, stderr } = run('banyan.ts', [command]);
    expect(status).toBe(1);
    expect(stderr).toContain(`there is no ${join(dataDir, 'stack.json')}`);
    expect(stderr).toContain('npm start');
  });
});

describe('banyan agent', () => {
  it('keeps a private key for its owner alone, over nothing that is there, and prints the public one', () => {
    const out = join(dataDir, 'agent.key');
    const { status, stdout, stderr } = run('banyan.ts', ['agent', 'keygen', '--out', out]);
    expect([status, stderr]).toEqual([0, '']);
    const pem = readFileSync(out, 'utf8');
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const { x } = createPublicKey(createPrivateKey(pem)).export({ format: 'jwk' });
    expect(stdout.trim()).toBe(x);
    expect(run('banyan.ts', ['agent', 'keygen', '--out', out])).toMatchObject({ status: 1, stdout: '' });
    expect(readFileSync(out, 'utf8')).toBe(pem);
  });

  it('takes a public key that begins with a dash, whatever letters follow', () => {
    const send = (...key: string[]) =>
      run('banyan.ts', ['agent', 'register', '--url', 'http://127.0.0.1:1', '--organization', 'acme', '--role', 'qa', ...key, '--name', 'x'], {
        CRON_SECRET: 'a secret of the test',
      });
    for (const key of [['--key', '-Ld6hvhqQ'], ['--key', '--hvLd6qQ'], ['--key=-Ld6hvhqQ']]) {
      expect(send(...key)).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('http://127.0.0.1:1 could not be reached.\n') as string });
    }
    expect(send()).toMatchObject({ status: 1, stderr: expect.stringContaining('--key is missing.') as string });
    expect(run('banyan.ts', ['agent', '--help']).stdout).toContain('Usage: npx banyan agent');
  });

  it('says what is wrong with what it is given, without the stack of a program', () => {
    const [key, text, body] = ['agent.key', 'no.pem', 'body.json'].map((name) => join(dataDir, name)) as [string, string, string];
    expect(run('banyan.ts', ['agent', 'keygen', '--out', key]).status).toBe(0);
    writeFileSync(text, 'no key');
    const send = (change: Record<string, string>) => {
      const options = { '--url': 'http://127.0.0.1:1', '--agent': 'x', '--key-file': key, '--action': 'heartbeat', ...change };
      return run('banyan.ts', ['agent', 'send', ...Object.entries(options).flat()]);
    };
    for (const [change, message] of [
      [{ '--key-file': `${key}.gone` }, `The file ${key}.gone cannot be read.`],
      [{ '--key-file': text }, `${text} is no private key of \`banyan agent keygen\`.`],
      [{ '--body': body }, `The file ${body} cannot be read.`],
      [{ '--url': 'banyan.test' }, '--url is no address.'],
      [{}, 'http://127.0.0.1:1 could not be reached.'],
    ] as const) {
      const { status, stderr } = send(change);
      expect([status, stderr.split('\n')[0]]).toEqual([1, message]);
      expect(stderr).not.toMatch(/^ {4}at /m);
    }
  });

  it('says what is missing, with the usage', () => {
    for (const [args, message] of [
      [['agent'], 'Say what to do.'],
      [['agent', 'dance'], 'There is no action "dance".'],
      [['agent', 'register', '--organization', 'acme'], '--role is missing.'],
      [['agent', 'retire', '--agent', 'x'], 'CRON_SECRET is not set.'],
      [['agent', 'retire', '--agnet', 'x'], expect.stringContaining('--agnet')],
    ] as const) {
      const { status, stderr } = run('banyan.ts', [...args]);
      expect([status, stderr.split('\n')[0]]).toEqual([1, message]);
      expect(stderr).toContain('npx banyan agent <action>');
    }
  });
});

describe('npm run serve', () => {
  it('names every variable that is missing, in one message', () => {
    const { status, stderr } = run('serve.ts', []);
    expect(status).toBe(1);
    for (const name of [
      'GITHUB_APP_ID',
      'GITHUB_APP_PRIVATE_KEY',
      'GITHUB_WEBHOOK_SECRET',
      'SUPABASE_URL',
      'SUPABASE_SECRET_KEY',
      'SUPABASE_PUBLISHABLE_KEY',
      'CRON_SECRET',
    ]) {
      expect(stderr).toContain(`${name} is not set`);
    }
  });
});

describe('npm start', () => {
  it('names a variable that is wrong', () => {
    const { status, stderr } = run('start.ts', [], { BANYAN_PORT: 'many' });
    expect(status).toBe(1);
    expect(stderr).toContain('BANYAN_PORT');
  });
});
