import { createHash } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import semver from 'semver';
import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import type { CommandOptions } from '../command.ts';
import { hubAs, rowsOf } from '../hub.ts';
import { setbackOf, type Outcome, type Setback } from '../patience.ts';
import { unanswered, type Api } from '../services/http.ts';

/*
 * Where a child gets updates that has its package in `vendor/`: the releases of its mother at GitHub. A registry is never asked: who has the name of the
 * package there need not be the mother, and what comes runs with the child's token.
 */

const releaseSchema = z.object({
  tag_name: z.string(),
  draft: z.boolean(),
  prerelease: z.boolean(),
  assets: z.array(z.object({ id: z.number().int(), name: z.string(), size: z.number().int().nonnegative(), digest: z.string().nullish() })),
});

type Asset = z.infer<typeof releaseSchema>['assets'][number];

interface Release {
  version: string;
  prerelease: boolean;
  assets: Asset[];
}

const MOST_PAGES = 10;
const MOST_BYTES = 50_000_000;
const MOST_HOPS = 5;
const DOWNLOAD_MS = 2 * 60_000;

const OTHERWISE = 'npx banyan update --to <tarball or checkout>';

/** A child that asks nobody, since it does not know whom. */
export function noMother(): BanyanError {
  return new BanyanError('config_invalid', '.banyan/template.json names no mother, from whose releases this child is updated.', {
    fix: `Write "mother": "owner/repository" there and commit it, or: ${OTHERWISE}`,
    data: { field: 'mother' },
  });
}

function apiOf({ env, signal }: CommandOptions): Api {
  return hubAs(env['MOTHER_TOKEN'] || env['GH_TOKEN'] || env['GITHUB_TOKEN'], env, signal ?? new AbortController().signal);
}

function unseen(mother: string, api: Api, cause: BanyanError): BanyanError {
  return new BanyanError('not_found', `${mother} cannot be seen at ${api.base}: it is not there, or it is private and the token may not read it.`, {
    fix: `See whether "mother" in .banyan/template.json is its owner/repository. For a private one set MOTHER_TOKEN, GH_TOKEN or GITHUB_TOKEN to a token that may read its contents. Or: ${OTHERWISE}`,
    data: { field: 'mother' },
    cause,
  });
}

/** Whatever is published under the tag of a version. */
async function releasesOf(mother: string, api: Api): Promise<Release[]> {
  const list = { path: `/repos/${mother}/releases`, most: MOST_PAGES };
  const rows = await rowsOf(api, `the releases of ${mother}`, list).catch((error: unknown) => {
    throw error instanceof BanyanError && error.data['status'] === 404 ? unseen(mother, api, error) : error;
  });
  return rows.flatMap((row) => {
    const { data } = releaseSchema.safeParse(row);
    const version = semver.valid(data?.tag_name);
    if (!data || data.draft || version === null || data.tag_name !== `v${version}`) return [];
    return [{ version, prerelease: data.prerelease || semver.prerelease(version) !== null, assets: data.assets }];
  });
}

/** All versions that are for everybody. */
export async function releasedVersions(mother: string, commands: CommandOptions): Promise<string[]> {
  const releases = await releasesOf(mother, apiOf(commands));
  return releases.flatMap((release) => (release.prerelease || packageOf(release) === undefined ? [] : [release.version]));
}

function packageName(version: string): string {
  return `banyan-${version}.tgz`;
}

function packageOf({ version, assets }: Release): Asset | undefined {
  return assets.find(({ name }) => name === packageName(version));
}

function choose(releases: readonly Release[], wanted: string): Release | undefined {
  if (semver.valid(wanted) !== null) return releases.find(({ version }) => version === wanted);
  // One whose package is not there yet is no release so far.
  const offered = releases.filter((release) => (wanted === 'next' || !release.prerelease) && packageOf(release) !== undefined);
  return offered.toSorted((a, b) => semver.rcompare(a.version, b.version))[0];
}

/** No more than was announced is read. */
async function readBytes(response: Response, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > most) break;
  }
  return Buffer.concat(chunks);
}

interface Got {
  status: number;
  headers: Record<string, string>;
  bytes: Buffer;
}

/** Follows to wherever GitHub keeps its files. The token stays with GitHub: another host is asked without it, and nothing is asked in the clear after a host that was not. */
async function get(api: Api, path: string, most: number): Promise<Got> {
  const signal = AbortSignal.any([api.signal, AbortSignal.timeout(DOWNLOAD_MS)]);
  let url = new URL(`${api.base.replace(/\/$/, '')}${path}`);
  const { origin } = url;
  let headers: Record<string, string> = { ...api.headers, 'user-agent': 'banyan', accept: 'application/octet-stream', 'accept-encoding': 'identity' };
  for (let hops = 0; hops <= MOST_HOPS; hops++) {
    const response = await fetch(url, { headers, redirect: 'manual', signal });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) {
      return { status: response.status, headers: Object.fromEntries(response.headers), bytes: await readBytes(response, most) };
    }
    await response.body?.cancel();
    const next = new URL(location, url);
    if (next.protocol !== 'https:' && next.protocol !== url.protocol) break;
    if (next.origin !== origin) headers = { 'user-agent': 'banyan', accept: headers['accept'] ?? '', 'accept-encoding': 'identity' };
    url = next;
  }
  throw new BanyanError('github_rejected', `GitHub: ${path} leads nowhere that is safe to follow.`, { fix: `Run it again, or: ${OTHERWISE}` });
}

async function download(api: Api, path: string, { what, most }: { what: string; most: number }): Promise<Buffer> {
  const attempt = () =>
    get(api, path, most).catch((error: unknown) => {
      throw error instanceof BanyanError ? error : unanswered(api, error);
    });
  const judge = (outcome: Outcome<Got>): Setback => {
    if ('value' in outcome) return setbackOf(outcome.value);
    return outcome.error instanceof BanyanError && outcome.error.retry === 'transient' ? { kind: 'fault' } : null;
  };
  const answer = await (api.patience?.ask(true, attempt, judge) ?? attempt());
  if (answer.status === 200) return answer.bytes;
  throw new BanyanError('github_rejected', `GitHub: ${what} cannot be downloaded (${answer.status}).`, {
    retry: answer.status >= 500 ? 'transient' : 'permanent',
    fix: `Look at that release; then run it again, or: ${OTHERWISE}`,
    data: { status: answer.status },
  });
}

function requireWhole(bytes: Buffer, { size, digest }: Asset, what: string): void {
  const sha256 = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (bytes.length === size && (!digest?.startsWith('sha256:') || digest === sha256)) return;
  throw new BanyanError('github_rejected', `What came as ${what} is not what GitHub has: ${bytes.length} of ${size} bytes, ${sha256}.`, {
    retry: 'transient',
    fix: `Run it again, or: ${OTHERWISE}`,
  });
}

/**
 * The package of a release, as a file.
 * @param wanted a version, `latest`, or `next`, which may be a prerelease
 * @throws BanyanError `not_found`, `payload_too_large`, `github_rejected`, `github_rate_limited`
 */
export async function downloadRelease(
  mother: string,
  wanted: string,
  { to, commands }: { to: string; commands: CommandOptions },
): Promise<{ version: string; path: string }> {
  const api = apiOf(commands);
  const release = choose(await releasesOf(mother, api), wanted);
  if (release === undefined) {
    throw new BanyanError('not_found', `${mother} has no release${semver.valid(wanted) === null ? '' : ` v${wanted}`}.`, {
      fix: `Look at its releases for what there is; or: ${OTHERWISE}`,
      data: { field: 'to' },
    });
  }
  const { version } = release;
  const name = packageName(version);
  const asset = packageOf(release);
  if (asset === undefined) {
    throw new BanyanError('not_found', `The release v${version} of ${mother} has no ${name}.`, {
      fix: `Add what npm pack makes of it to that release, or name another one: --to v<version>. Or: ${OTHERWISE}`,
    });
  }
  const what = `${name} of ${mother}`;
  if (asset.size > MOST_BYTES) {
    throw new BanyanError('payload_too_large', `${what} is larger than ${MOST_BYTES / 1_000_000} MB.`, { fix: `Look at that release, or: ${OTHERWISE}` });
  }
  const bytes = await download(api, `/repos/${mother}/releases/assets/${asset.id}`, { what, most: asset.size });
  requireWhole(bytes, asset, what);
  const path = join(await mkdtemp(join(to, 'asset-')), name);
  await writeFile(path, bytes);
  return { version, path };
}
