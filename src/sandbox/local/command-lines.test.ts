import { describe, expect, it } from 'vitest';
import { bubblewrapInvocation } from './bubblewrap.ts';
import { INSIDE, type IsolationPlan } from './plan.ts';
import { seatbeltInvocation, seatbeltProfile } from './seatbelt.ts';
import { unsafeInvocation } from './unsafe.ts';
import { mountTable, unshareInvocation } from './unshare.ts';

function plan(changes: Partial<IsolationPlan> = {}): IsolationPlan {
  const base = '/tmp/my box';
  return {
    folders: { base, work: `${base}/work`, home: `${base}/home`, tmp: `${base}/tmp`, etc: `${base}/etc`, root: `${base}/root` },
    host: {
      node: '/srv/node',
      npm: '/srv/npm',
      system: [
        { path: '/bin', link: 'usr/bin' },
        { path: '/lib', link: null },
      ],
      etcFolders: ['/etc/alternatives'],
    },
    limits: { memoryMb: 100, fileMb: 10, diskMb: 50, processes: 64 },
    dropTo: null,
    cwd: 'packages/a',
    env: { PATH: '/usr/bin', WORD: "it's" },
    command: 'echo "$WORD"; rm -rf /',
    ...changes,
  };
}

describe('command lines', () => {
  it('hand the command over as one argument, after limits and a cleared environment', () => {
    for (const invocation of [bubblewrapInvocation(plan(), true), unshareInvocation(plan())]) {
      expect(invocation.args.at(-1)).toBe('echo "$WORD"; rm -rf /');
      expect(invocation.args.at(-2)).toBe(`${INSIDE.work}/packages/a`);
      const text = invocation.args.join('\n');
      expect(text).toContain('prlimit\n--nproc=64\n--data=104857600\n--fsize=10485760');
      expect(text).toContain("env\n-i\nPATH=/usr/bin\nWORD=it's\nsh");
      expect(text).toContain('--no-new-privs');
    }
  });

  it('mount the system read-only and only the own folders writable', () => {
    const table = mountTable(plan()).trim().split('\n');
    const writable = table.filter((line) => !/\bro\b/.test(line) && !line.includes('/dev/'));
    expect(writable.map((line) => line.split(' ')[0])).toEqual(['/tmp/my\\040box/work', '/tmp/my\\040box/home', '/tmp/my\\040box/tmp']);
    expect(table.every((line) => line.includes('nosuid'))).toBe(true);
    expect(table).toContain('/lib /tmp/my\\040box/root/lib none bind,ro,nosuid,nodev 0 0');
    expect(table.some((line) => line.startsWith('/bin '))).toBe(false);
    const { args } = bubblewrapInvocation(plan(), false);
    expect(args.flatMap((arg, index) => (arg === '--bind' ? [args[index + 1]] : []))).toEqual(['/tmp/my box/work', '/tmp/my box/home', '/tmp/my box/tmp']);
  });

  it('give root away where we are root, and a user namespace where we are not', () => {
    const asRoot = plan({ dropTo: 23_456 });
    for (const { args } of [bubblewrapInvocation(asRoot, true), unshareInvocation(asRoot)]) {
      expect(args.join(' ')).toContain('--reuid 23456 --regid 23456 --clear-groups --bounding-set -all --inh-caps -all');
      expect(args).not.toContain('--unshare-user');
      expect(args).not.toContain('--map-root-user');
    }
    expect(bubblewrapInvocation(plan(), true).args).toEqual(expect.arrayContaining(['--unshare-user', '--disable-userns']));
    expect(bubblewrapInvocation(plan(), false).args).not.toContain('--disable-userns');
    expect(unshareInvocation(plan()).args).toContain('--map-root-user');
  });

  it('on macOS deny by default, without network, and write to the own folders only', () => {
    const profile = seatbeltProfile(plan());
    expect(profile).toContain('(deny default)');
    expect(profile).not.toContain('network');
    expect(profile).toContain('(allow file-write* (subpath "/tmp/my box/work") (subpath "/tmp/my box/home") (subpath "/tmp/my box/tmp"))');
    expect(seatbeltInvocation(plan()).args.at(-2)).toBe('/tmp/my box/work/packages/a');
    const quoted = seatbeltProfile({ ...plan(), folders: { ...plan().folders, work: '/a") (allow default' } });
    expect(quoted).toContain('(subpath "/a\\") (allow default")');
  });

  it('without a wall still clear the environment', () => {
    expect(unsafeInvocation(plan())).toMatchObject({ file: 'env', args: expect.arrayContaining(['-i']) });
  });
});
