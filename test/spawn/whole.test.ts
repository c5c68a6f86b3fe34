import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hashOf, readBook } from '../../src/spawn/book.ts';
import { makePlace, start, type Place } from './support.ts';

let place: Place;

beforeEach(() => {
  place = makePlace();
});

afterEach(() => {
  place.remove();
});

/** How this machine reaches its registry, and nothing of who runs this test, neither git's identity nor the runner's own variables. */
function environment(): Record<string, string> {
  const machine = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || /^(?:VITEST|NODE_ENV$|TEST$|GIT_)/.test(name) ? [] : [[name, value] as const],
  );
  const { GIT_CONFIG_NOSYSTEM = '1', GIT_CONFIG_GLOBAL = '' } = place.env;
  return { ...Object.fromEntries(machine), GIT_CONFIG_NOSYSTEM, GIT_CONFIG_GLOBAL };
}

it(
  'spawns from the packed tarball, and the child installs, type-checks and tests by itself; without its domain its tests fail',
  { timeout: 600_000 },
  async () => {
    const folder = join(place.cwd, "Acme's shop");
    const { status, stdout, stderr } = await start(['acme-shop', '--domain', 'e-commerce', '--agents', 'developer,reviewer', '--dir', folder, '--yes'], {
      cwd: place.cwd,
      env: environment(),
    }).ended;
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/npm test \(.*\n.*First commit: done/);
    expect(place.entries()).toEqual(["Acme's shop"]);

    const book = readBook(readFileSync(join(folder, '.banyan/template.json'), 'utf8'));
    expect(book.banyan).toMatch(/^file:vendor\/banyan-.*\.tgz$/);
    expect(readdirSync(join(folder, 'vendor')).map((name) => `file:vendor/${name}`)).toEqual([book.banyan]);
    for (const [path, { sha256 }] of Object.entries(book.files)) expect([path, hashOf(readFileSync(join(folder, path), 'utf8'))]).toEqual([path, sha256]);
    const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, env: place.env, encoding: 'utf8' });
    expect(git('status', '--porcelain')).toBe('');
    expect(git('ls-files')).toMatch(/^package-lock\.json$/m);

    // Another domain's words in its place: the contract holds, and what reaches the model is not this domain.
    const agent = join(folder, 'src/agents/developer.ts');
    writeFileSync(agent, readFileSync(agent, 'utf8').replace('${DOMAIN}', ''));
    const without = spawnSync('npm', ['test', '-s'], { cwd: folder, env: environment(), encoding: 'utf8' });
    expect(without.status).not.toBe(0);
    expect(without.stdout).toContain('knows the domain, and what its role alone must know');
    // Nothing of this machine is in what is committed.
    expect(
      git('ls-files')
        .split('\n')
        .filter((path) => path.endsWith('.json') && readFileSync(join(folder, path), 'utf8').includes(place.cwd)),
    ).toEqual([]);
  },
);
