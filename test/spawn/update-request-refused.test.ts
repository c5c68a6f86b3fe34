import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BOOK_PATH, writeBook } from '../../src/spawn/book.ts';
import { refusal } from '../../src/spawn/update/request/answers.ts';
import { startStand, type Stand } from '../local-github/harness.ts';
import type { Asked, Fault } from './faults.ts';
import { makeMother, packMother, type Mother } from './mother.ts';
import { Releases } from './releases.ts';
import { noWorkflows, openShop, type Shop } from './request-support.ts';

const CI = '.github/workflows/ci.yml';
const V1: Mother = { version: '0.1.0', files: { 'config.ts': 'export const b = 1;\n', [CI]: 'name: CI\non: push\n' } };
const V2: Mother = { version: '0.2.0', files: { ...V1.files, 'config.ts': 'export const b = 2;\n' } };
const BRANCH = 'banyan/template-v0.2.0';

let stand: Stand;
let shop: Shop;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());
beforeEach(async () => {
  shop = await openShop(stand, V1);
  shop.offer(V2);
});
afterEach(() => shop.close());

describe('a repository whose issues are turned off, or not for this token', () => {
  const refusing =
    (status: number, message: string) =>
    (asked: Asked): Fault | null => {
      const isIssue = /\/issues(?:\?|$)|\/issues\/\d+(?:\/(?:labels|events))?(?:\?|$)/.test(asked.url);
      return isIssue ? { status, body: JSON.stringify({ message }) } : null;
    };
  const OFF = refusing(410, 'Issues has been disabled in this repository.');
  const DENIED = refusing(403, 'Resource not accessible by integration');

  it.each([
    { what: 'off', fault: OFF, line: /turned off[^\n]*Settings > General > Features > Issues/ },
    { what: 'denied', fault: DENIED, line: /may not read and write issues[^\n]*issues: write/ },
  ])('asks nothing about a new major version, says so in one line, and ends well ($what)', async ({ fault, line }) => {
    shop.offer({ ...V2, version: '1.0.0' });
    const { action, notes } = await shop.run({}, fault);
    expect(action).toBe('ask');
    expect(notes.filter((note) => line.test(note))).toHaveLength(1);
    expect(await shop.pulls()).toEqual([]);
    expect(await shop.run({ major: true }, fault)).toMatchObject({ action: 'push', to: '1.0.0' });
  });

  it('gets the newest minor version, though a major one could not be asked for', async () => {
    const releases = await Releases.start('acme/banyan');
    for (const version of ['0.2.0', '1.0.0']) {
      const folder = makeMother(join(shop.place, version), { ...V2, version });
      packMother(folder, join(folder, 'packed'));
      releases.publish(version, readFileSync(join(folder, `packed/banyan-${version}.tgz`)));
    }
    const running = join(shop.child, 'node_modules/banyan');
    mkdirSync(join(shop.child, 'node_modules'));
    symlinkSync(join(shop.place, 'one'), running);
    await shop.edit({ '.gitignore': 'node_modules\n', [BOOK_PATH]: writeBook({ ...shop.book(), mother: 'acme/banyan' }) });
    const variables = { GITHUB_API_URL: releases.api };
    const { action, to, notes } = await shop.run({ to: undefined }, OFF, { running, variables });
    releases.close();
    expect({ action, to }).toEqual({ action: 'push', to: '0.2.0' });
    expect(notes.filter((note) => note.includes('turned off'))).toHaveLength(1);
  });

  it('gets its pull request, without a word about issues where none is needed', async () => {
    const { pull, notes } = await shop.run({}, OFF);
    expect(notes).toEqual([`Opened #${pull}.`]);
  });

  it('gets a pull request with its conflicts, which people resolve', async () => {
    await stand.maintainer.rest.issues.createLabel({ ...shop.at, name: 'ready-for-dev' });
    await shop.edit({ 'config.ts': 'export const b = 77;\n' });
    const { pull, notes } = await shop.run({}, OFF);
    expect((await shop.pull(pull)).body).toContain('**Who resolves them:** you.');
    expect(notes.join('\n')).toMatch(/turned off/);
  });

  it('is told in the log of workflows that wait', async () => {
    shop.offer({ ...V2, files: { ...V2.files, [CI]: 'name: CI\non: [push]\n' } });
    const fault = (asked: Asked) => noWorkflows(asked) ?? OFF(asked);
    await shop.merge((await shop.run({}, fault)).pull);
    const { action, notes } = await shop.run({}, fault);
    expect(action).toBe('push');
    expect(notes.join('\n')).toMatch(/wait to be applied by hand: `npx banyan update` brings them/);
  });
});

describe('a branch that a rule of the repository keeps', () => {
  const ruled = ({ method, url }: Asked): Fault | null =>
    method !== 'GET' && /\/git\/refs(?:\/|$)/.test(url)
      ? { status: 422, body: '{"message":"Repository rule violations found: Cannot create ref due to creations being restricted."}' }
      : null;

  it('ends the run with the setting, where it may not be created and where it may not be moved', async () => {
    const refused = { code: 'forbidden', message: expect.stringContaining(BRANCH) as string, fix: expect.stringContaining('Rulesets') as string };
    await expect(shop.run({}, ruled)).rejects.toMatchObject(refused);
    await shop.run();
    await shop.edit({ 'own.ts': 'mine\n' });
    await expect(shop.run({}, ruled)).rejects.toMatchObject(refused);
  });
});

it('says to run it again only where that can help', () => {
  const fixOf = (status: number) => refusal(Object.assign(new Error('No.'), { status })).fix;
  expect(fixOf(502)).toMatch(/^Run it again/);
  expect(fixOf(409)).toMatch(/^Run it again/);
  for (const status of [400, 410, 422]) expect(fixOf(status)).toMatch(/^Mend what GitHub names/);
  expect(fixOf(403)).toContain('write');
});

it('does not call the update tested: CI of what the token of Actions has opened waits for a person', async () => {
  const { pull } = await shop.run();
  expect((await shop.pull(pull)).body).toContain('"Approve and run"');
});
