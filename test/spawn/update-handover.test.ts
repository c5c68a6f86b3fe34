import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BOOK_PATH } from '../../src/spawn/book.ts';
import { banyan, makeChild, makeMother, packMother, snapshot, write, type Mother } from './mother.ts';

/** A version that only its own code can render, which tells what it was asked for, and ends with 7. */
describe('a version with questions of its own', () => {
  const OWN = `#!/usr/bin/env node
import { writeFileSync } from 'node:fs';
writeFileSync('asked.json', JSON.stringify({ args: process.argv.slice(2), handed: process.env.BANYAN_UPDATE_HANDED_OVER !== undefined, code: import.meta.dirname }));
process.exitCode = 7;
`;
  const V1: Mother = { version: '0.1.0', files: { 'config.ts': 'export {};\n' } };
  const NEWER: Mother = {
    version: '99.0.0',
    changelog: '# Changelog\n\n## [99.0.0]\n\n- Regions.\n\n## [0.1.0]\n\n- First.\n',
    files: { 'config.ts': "export const region = '{{region}}';\n" },
  };
  let [place, child, newer] = ['', '', ''];
  const update = (...args: string[]) => banyan(['update', '--no-install', ...args], { cwd: child });

  function withCode(): string {
    const touch = `touch ${JSON.stringify(join(place, 'script ran'))}`;
    const pkg = JSON.parse(readFileSync(join(newer, 'package.json'), 'utf8')) as object;
    write(newer, {
      'package.json': JSON.stringify({ ...pkg, bin: { banyan: './scripts/banyan.js' }, scripts: { preinstall: touch, install: touch, postinstall: touch } }),
      'scripts/banyan.js': OWN,
    });
    return newer;
  }

  function packed(): string {
    packMother(newer, join(place, 'packed'));
    return join(place, 'packed/banyan-99.0.0.tgz');
  }

  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'update handover '));
    child = join(place, 'my child');
    mkdirSync(child);
    newer = makeMother(join(place, 'mother newer'), NEWER);
    makeChild(child, makeMother(join(place, 'mother'), V1));
  });
  afterEach(() => rmSync(place, { recursive: true, force: true }));

  const asked = () => JSON.parse(readFileSync(join(child, 'asked.json'), 'utf8')) as { args: string[]; handed: boolean; code: string };

  it('is updated to by its own code, of a checkout', async () => {
    withCode();
    expect((await update('--dry-run', '--yes', '--data', 'answers.json', '--to', newer)).code).toBe(7);
    const args = ['update', '--no-install', '--dry-run', '--yes', '--data', 'answers.json', '--to', newer];
    expect(asked()).toEqual({ args, handed: true, code: join(newer, 'scripts') });
  });

  it('is updated to by its own code, of a tarball, which leaves nothing behind', async () => {
    withCode();
    const tarball = packed();
    const { code, stdout, stderr } = await update('--json', '--force', '--to', tarball);
    expect([code, stdout, stderr]).toEqual([7, '', '']);
    expect(asked()).toMatchObject({ args: ['update', '--no-install', '--json', '--force', '--to', tarball], handed: true });
    expect(existsSync(asked().code)).toBe(false);
    expect(existsSync(join(place, 'script ran'))).toBe(false);
  });

  it('is known to wait, without any of its code being run', async () => {
    withCode();
    for (const to of [newer, packed()]) {
      const { code, stdout } = await banyan(['update', '--check', '--json', '--to', to], { cwd: child });
      expect(code).toBe(10);
      expect(JSON.parse(stdout)).toMatchObject({ update: { from: '0.1.0', to: '99.0.0', waits: true, changelog: [{ version: '99.0.0' }] } });
    }
    expect((await banyan(['update', '--check', '--to', newer], { cwd: child })).stdout).toContain('v0.1.0 -> v99.0.0');
    expect(existsSync(join(child, 'asked.json'))).toBe(false);
  });

  it('tells machines what went wrong, too', async () => {
    const { code, stdout } = await banyan(['update', '--json', '--to', './nothing.tgz'], { cwd: child });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'not_found', message: expect.stringContaining('nothing.tgz') } });
  });

  it('is refused with its own command where it cannot be run', async () => {
    const before = snapshot(child);
    const { code, stderr } = await update('--to', packed());
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot render the template v99\.0\.0[^]*\{\{region\}\}[^]*npm exec --package .*99\.0\.0\.tgz -- banyan update/);
    expect(snapshot(child)).toEqual(before);
  });

  it('leaves a book that older code goes on reading, and says what is beyond it', async () => {
    const path = join(child, BOOK_PATH);
    const book = JSON.parse(readFileSync(path, 'utf8')) as { answers: object };
    writeFileSync(path, JSON.stringify({ ...book, zone: 1, answers: { ...book.answers, region: 'fra1' } }));
    const { code, stdout } = await banyan(['update', '--check', '--local'], { cwd: child });
    expect([code, stdout]).toEqual([0, expect.stringContaining('zone, answers.region in .banyan/template.json. npm install')]);
    const next = makeMother(join(place, 'next'), { ...V1, version: '0.1.1', files: { 'config.ts': 'export const a = 1;\n' } });
    expect((await update('--force', '--to', next)).code).toBe(0);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ version: '0.1.1', zone: 1, answers: { region: 'fra1' } });
  });

  it('never hands on what was handed to it', async () => {
    withCode();
    const { code, stderr } = await banyan(['update', '--no-install', '--to', newer], { cwd: child, env: { BANYAN_UPDATE_HANDED_OVER: '0.1.0' } });
    expect([code, existsSync(join(child, 'asked.json'))]).toEqual([1, false]);
    expect(stderr).toContain('{{region}}');
  });
});
