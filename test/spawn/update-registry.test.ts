import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseAnswers } from '../../src/spawn/answers.ts';
import { BOOK_PATH, createBook, writeBook } from '../../src/spawn/book.ts';
import { handOver } from '../../src/spawn/update/handover.ts';
import { findRelease, locateRelease, offeredVersions, withScratch, type Place } from '../../src/spawn/update/target.ts';
import { makeChild, makeMother, packMother, write } from './mother.ts';

let place = '';
let registry: Server;
let url = '';
/** By version; a package that was never published has none. */
let tarballs = new Map<string, Buffer>();

/** As much of a registry as npm asks for. */
function packument(): string {
  const versions = [...tarballs.keys()];
  const entries = versions.map((version) => [version, { name: 'banyan', version, dist: { tarball: `${url}/banyan/-/banyan-${version}.tgz` } }]);
  return JSON.stringify({ name: 'banyan', 'dist-tags': { latest: versions.at(-1) }, versions: Object.fromEntries(entries) });
}

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'update-registry-'));
  tarballs = new Map();
  write(place, { [BOOK_PATH]: writeBook(BOOK) });
  registry = createServer((request, response) => {
    const version = /-(\d+\.\d+\.\d+)\.tgz$/.exec(request.url ?? '')?.[1];
    const body = version === undefined ? (tarballs.size > 0 ? packument() : undefined) : tarballs.get(version);
    if (body === undefined) response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not_found"}');
    else response.writeHead(200, { 'content-type': version === undefined ? 'application/json' : 'application/octet-stream' }).end(body);
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
});
/** A child that depends on a version of that registry: its owner has chosen it. */
const BOOK = createBook({
  template: { name: 'banyan', version: '0.1.0' },
  commit: null,
  banyan: '0.1.0',
  answers: parseAnswers({ name: 'my-shop', domain: 'custom', agents: ['developer'], owner: 'acme' }, 'answers'),
  files: [],
});
const versions = (at: Place) => offeredVersions(BOOK, at).then((offer) => offer.versions);

afterEach(() => {
  registry.close();
  rmSync(place, { recursive: true, force: true });
});

function publish(version: string): void {
  const child = join(place, `child-${version}`);
  mkdirSync(child);
  makeChild(child, makeMother(join(place, version), { version, files: { 'a.ts': `${version}\n` } }), { repository: false });
  tarballs.set(version, readFileSync(join(child, `vendor/banyan-${version}.tgz`)));
}

function within<T>(work: (at: Place) => Promise<T>): Promise<T> {
  const env = { PATH: process.env['PATH'], HOME: place, npm_config_registry: url, npm_config_cache: join(place, 'cache') };
  return withScratch((scratch) => work({ root: place, running: join(place, 'node_modules/banyan'), scratch, commands: { cwd: place, env } }));
}

it('finds the versions of a registry, the newest and a certain one', async () => {
  for (const version of ['0.1.0', '0.2.0', '1.0.0']) publish(version);
  expect(await within(versions)).toEqual(['0.1.0', '0.2.0', '1.0.0']);
  expect(await within((at) => findRelease('latest', at))).toMatchObject({ published: true, template: { version: '1.0.0' } });
  expect(await within((at) => findRelease('v0.2.0', at))).toMatchObject({ published: true, template: { version: '0.2.0' } });
});

it('takes one version for a list of one, and a package that was never published for none', async () => {
  expect(await within(versions)).toEqual([]);
  await expect(within((at) => findRelease('latest', at))).rejects.toThrow(/npm has no banyan@latest/);
  publish('0.1.0');
  expect(await within(versions)).toEqual(['0.1.0']);
});

it('hands an update to a newer version of a registry, which is told its number', async () => {
  const mother = makeMother(join(place, 'newer'), { version: '99.0.0', files: {} });
  const pkg = JSON.parse(readFileSync(join(mother, 'package.json'), 'utf8')) as object;
  const code =
    "#!/usr/bin/env node\nimport { writeFileSync } from 'node:fs';\nwriteFileSync('asked', process.argv.slice(2).join(' '));\nprocess.exitCode = 7;\n";
  write(mother, { 'package.json': JSON.stringify({ ...pkg, bin: { banyan: 'scripts/banyan.js' } }), 'scripts/banyan.js': code });
  packMother(mother, join(place, 'packed'));
  tarballs.set('99.0.0', readFileSync(join(place, 'packed/banyan-99.0.0.tgz')));
  publish('0.0.1');
  const handed = (version: string) =>
    within(async (at) => handOver(await locateRelease(version, at), at, { args: (to) => ['update', '--to', to], progress: () => undefined }));
  expect(await handed('0.0.1')).toBeNull();
  expect(existsSync(join(place, 'asked'))).toBe(false);
  expect(await handed('99.0.0')).toBe(7);
  expect(readFileSync(join(place, 'asked'), 'utf8')).toBe('update --to 99.0.0');
});
