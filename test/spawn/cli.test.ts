import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/kernel/version.generated.ts';
import { readBook } from '../../src/spawn/book.ts';
import { isRunning, makePlace, QUICK, readIfThere, start, type Place } from './support.ts';

let place: Place;

beforeEach(() => {
  place = makePlace();
});

afterEach(() => {
  place.remove();
});

const read = (...path: string[]) => readFileSync(join(place.cwd, ...path), 'utf8');
const git = (folder: string, ...args: string[]) => execFileSync('git', args, { cwd: join(place.cwd, folder), env: place.env, encoding: 'utf8' }).trim();

/** Programs of our own, found before those of the system. */
function withProgram(name: string, script: string, only = false): Record<string, string> {
  const bin = join(place.cwd, '..', 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return { ...place.env, PATH: only ? bin : `${bin}${delimiter}${place.env['PATH']}` };
}

describe('banyan spawn', () => {
  it('makes a child from flags alone, commits it, and says what is next', async () => {
    const { status, stdout, stderr } = await place.run('my-shop', '--domain', 'e-commerce', '--agents', 'developer,qa', '--owner', 'acme', ...QUICK);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/Next:\n {2}1\. cd my-shop && npm install && npm start.*\n {2}2\. .*\n {2}3\. /);
    expect(place.entries()).toEqual(['my-shop']);
    const book = readBook(read('my-shop/.banyan/template.json'));
    expect(book.answers).toMatchObject({ name: 'my-shop', domain: 'e-commerce', agents: ['developer', 'qa'], owner: 'acme' });
    mkdirSync(join(place.cwd, 'my-shop/supabase/.temp'));
    for (const path of ['.env.local', 'supabase/.temp/project-ref']) writeFileSync(join(place.cwd, 'my-shop', path), 'of the services');
    expect(git('my-shop', 'status', '--porcelain')).toBe('');
    expect(git('my-shop', 'ls-files').split('\n').toSorted()).toEqual([...Object.keys(book.files), '.banyan/template.json'].toSorted());
  });

  it('proposes a name and says so; the folder may be called as one likes', async () => {
    const { status, stdout } = await place.run('My Shop!', '--yes', '--dir', "it's a (shop) & more", ...QUICK);
    expect(status).toBe(0);
    expect(stdout).toContain('`my-shop`');
    expect(place.entries()).toEqual(["it's a (shop) & more"]);
    expect(JSON.parse(read("it's a (shop) & more", 'package.json'))).toMatchObject({ name: 'my-shop' });
    expect(stdout).toContain(String.raw`cd 'it'\''s a (shop) & more' &&`);
  });

  it('takes answers from a file, and flags over them', async () => {
    writeFileSync(join(place.cwd, 'answers.json'), JSON.stringify({ name: 'a', domain: 'saas', agents: ['qa'], description: 'From "the" file.' }));
    const { status } = await place.run('b', '--data', 'answers.json', '--agents', 'all', '--json', ...QUICK);
    expect(status).toBe(0);
    expect(readBook(read('b/.banyan/template.json')).answers).toMatchObject({
      name: 'b',
      description: 'From "the" file.',
      agents: ['product-owner', 'developer', 'qa', 'reviewer'],
    });
  });

  it.each([
    [[], /name is missing/],
    [['my-shop'], /domain is missing.*\n.*--domain/],
    [['my-shop', '--domain', 'bakery'], /no domain "bakery"[^]*e-commerce, fintech/],
    [['my-shop', '--domain', 'saas', '--agents', 'baker'], /agents: [^]*product-owner, developer/],
    [['my-shop', '--domain', 'saas', '--agents', 'all,qa'], /`all` stands alone[^]*--agents all, or name roles: product-owner, developer/],
    [['my-shop', '--domain', 'saas', '--owner', 'no spaces'], /owner: /],
    [['../up', '--yes'], /is a path[^]*--dir/],
    [['日本', '--yes'], /nothing of "日本"/],
    [['a', 'b', '--yes'], /"a b"/],
    [['my-shop', '--yes', '--colour', 'red'], /--colour/],
    [['my-shop', '--yes', '--data', 'none.json'], /none\.json cannot be read/],
    [['my-shop', '--yes', '--banyan', '999.0.0'], /cannot depend on 999\.0\.0[^]*npx banyan@999\.0\.0 spawn/],
    [['my-shop', '--yes', '--banyan', '^9.9.0'], /cannot depend on \^9\.9\.0[^]*npx banyan@'\^9\.9\.0' spawn/],
    [['my-shop', '--yes', '--banyan', 'banyan@"; rm'], /nothing that a child can depend on/],
    [['my-shop', '--yes', '--banyan', './none.tgz'], /nothing at .*none\.tgz/],
  ])('refuses %j with a message that names the fix, and writes nothing', async (args, message) => {
    const { status, stderr } = await place.run(...args, '--no-install');
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(status).toBe(1);
    expect(place.entries()).toEqual([]);
  });

  it('prints everything in a dry run, and writes nothing', async () => {
    const { status, stdout } = await place.run('my-shop', '--domain', 'saas', '--dry-run', '--github', '--app', '--vercel', '--supabase');
    expect(status).toBe(0);
    for (const word of ['managed  src/functions.ts', 'npm install', 'first commit', 'push main', '.env.local', 'DATABASE_URL', 'Nothing was written']) {
      expect(stdout).toContain(word);
    }
    expect(place.entries()).toEqual([]);
  });

  it('writes into an empty folder, also one with a fresh repository, and into "."', async () => {
    mkdirSync(join(place.cwd, 'empty'));
    execFileSync('git', ['init', '-q'], { cwd: join(place.cwd, 'empty'), env: place.env });
    const { status } = await start(['.', '--yes', ...QUICK], { cwd: join(place.cwd, 'empty'), env: place.env }).ended;
    expect(status).toBe(0);
    expect(JSON.parse(read('empty/package.json'))).toMatchObject({ name: 'empty' });
    expect(git('empty', 'log', '--format=%s')).toBe('feat: spawn empty');
  });

  it('leaves a folder that is not empty alone, unless told to write beside; never over a file', async () => {
    mkdirSync(join(place.cwd, 'full'));
    writeFileSync(join(place.cwd, 'full/notes.txt'), 'mine');
    const refused = await place.run('full', '--yes', ...QUICK);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringMatching(/not empty: it has notes\.txt[^]*--into/) as string });
    expect((await place.run('full', '--yes', '--into', ...QUICK)).status).toBe(0);
    expect(read('full/notes.txt')).toBe('mine');
    expect(read('full/README.md')).toContain('# full');
    expect(git('full', 'ls-files')).not.toContain('notes.txt');
    const again = await place.run('full', '--yes', '--into', ...QUICK);
    expect(again).toMatchObject({ status: 1, stderr: expect.stringMatching(/child of Banyan already[^]*npx banyan update/) as string });
    mkdirSync(join(place.cwd, 'taken'));
    writeFileSync(join(place.cwd, 'taken/README.md'), 'mine');
    expect(await place.run('taken', '--yes', '--into', ...QUICK)).toMatchObject({ status: 1, stderr: expect.stringMatching(/README\.md/) as string });
    expect(read('taken/README.md')).toBe('mine');
    writeFileSync(join(place.cwd, 'file'), '');
    expect(await place.run('file', '--yes', ...QUICK)).toMatchObject({ status: 1, stderr: expect.stringMatching(/is no folder/) as string });
  });

  it('names a folder that cannot be written', async () => {
    const { status, stderr } = await place.run('my-shop', '--yes', '--dir', '/proc/my-shop', ...QUICK);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/\/proc\/my-shop cannot be written[^]*--dir/)]);
    writeFileSync(join(place.cwd, 'file'), '');
    symlinkSync('nowhere', join(place.cwd, 'dangling'));
    expect((await place.run('my-shop', '--yes', '--dir', 'dangling', ...QUICK)).stderr).toMatch(/dangling is a link that leads nowhere\.\n.*--dir/);
    expect((await place.run('my-shop', '--yes', '--dir', 'file/below', ...QUICK)).stderr).toMatch(/a part of the path is no folder/);
  });

  it('commits without an identity as nobody else, and says so', async () => {
    const { stdout } = await place.run('my-shop', '--yes', ...QUICK);
    expect(git('my-shop', 'log', '--format=%ae')).toMatch(/^[\w-]+@my-shop\.invalid$/);
    expect(stdout).toContain('--reset-author');
    writeFileSync(join(place.env['GIT_CONFIG_GLOBAL']!), '[user]\n\tname = Ada\n\temail = ada@example.com\n');
    const known = await place.run('second', '--yes', ...QUICK);
    expect(git('second', 'log', '--format=%an <%ae>')).toBe('Ada <ada@example.com>');
    expect(known.stdout).not.toContain('--reset-author');
  });

  it('says so where a hook refuses the commit without a word', async () => {
    const hooks = join(place.cwd, '..', 'hooks');
    mkdirSync(hooks);
    writeFileSync(join(hooks, 'pre-commit'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    writeFileSync(join(place.env['GIT_CONFIG_GLOBAL']!), `[core]\n\thooksPath = ${hooks}\n`);
    const { status, stdout } = await place.run('my-shop', '--yes', ...QUICK);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/Nothing was committed\. Git said: nothing, but ended with 1: a hook/)]);
  });

  it('does not commit into a repository around it, and makes one of its own when told', async () => {
    execFileSync('git', ['init', '-q'], { cwd: place.cwd, env: place.env });
    const { status, stdout } = await place.run('inner', '--yes', ...QUICK);
    expect(status).toBe(0);
    expect(stdout).toMatch(/lies in the repository .*: nothing was committed[^]*--nested-git.*workflows does nothing there/);
    expect((await place.run('own', '--yes', '--nested-git', ...QUICK)).status).toBe(0);
    expect(git('own', 'log', '--format=%s')).toBe('feat: spawn own');
  });

  it('goes on without git, and says so', async () => {
    const env = withProgram('unused', 'true', true);
    symlinkSync('/bin/sh', join(env['PATH']!, 'sh'));
    const { status, stdout } = await start(['my-shop', '--yes', ...QUICK], { cwd: place.cwd, env }).ended;
    expect([status, stdout]).toEqual([0, expect.stringContaining('no git on this machine')]);
    expect(place.entries()).toEqual(['my-shop']);
  });

  it('undoes everything when a step fails, also folders on the way', async () => {
    const env = withProgram('npm', 'echo "npm error of the test"; exit 3');
    const { status, stderr } = await start(['my-shop', '--yes', '--banyan', VERSION, '--dir', 'a/b/c'], { cwd: place.cwd, env }).ended;
    expect([status, stderr]).toEqual([1, expect.stringMatching(/npm error of the test[^]*Nothing was left behind/)]);
    expect(place.entries()).toEqual([]);
    mkdirSync(join(place.cwd, 'kept'));
    await start(['my-shop', '--yes', '--banyan', VERSION, '--dir', 'kept'], { cwd: place.cwd, env }).ended;
    expect(place.entries()).toEqual(['kept']);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing behind after %s in the middle, not even what npm started', async (signal) => {
    const pidFile = join(place.cwd, '..', 'pid');
    // A grandchild holds on, as installers do.
    const env = withProgram('npm', `sleep 300 & echo $! > '${pidFile}'; echo ready; wait`);
    const running = start(['my-shop', '--yes', '--banyan', VERSION], { cwd: place.cwd, env });
    await expect.poll(() => readIfThere(pidFile), { timeout: 20_000 }).toMatch(/^\d+\n$/);
    running.child.kill(signal);
    const { status, stderr } = await running.ended;
    expect([status, stderr]).toEqual([130, expect.stringContaining('Nothing was left behind')]);
    expect(place.entries()).toEqual([]);
    await expect.poll(() => isRunning(Number(readIfThere(pidFile))), { timeout: 10_000 }).toBe(false);
  });
});
