import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { createReadStream, existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import semver from 'semver';
import { extract } from 'tar-stream';
import { z } from 'zod';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';
import { runCommand, tailOf, type CommandOptions } from './command.ts';
import { packOnce } from './pack-cache.ts';
import { childPath } from './paths.ts';

/** Where the package comes from that a child depends on. */
export type PackageSource =
  /** A folder that is packed: a checkout, or the installed package itself. */
  | { kind: 'folder'; path: string }
  | { kind: 'tarball'; path: string }
  /** Whatever else npm takes: a version, a range, an address. */
  | { kind: 'spec'; spec: string };

/**
 * How a child may depend on the package. A book is whatever stands in somebody's repository: a path or an alias in it would let npm
 * take another package, or run what lies there.
 */
export function isPackageSpec(spec: string): boolean {
  if (spec.length > 500) return false;
  const isAddress = /^(?:https:\/\/|git\+(?:https|ssh):\/\/|github:[\w-])[\w@:/.%#~?=&+-]+$/.test(spec);
  return isOfRegistry(spec) || /^file:vendor\/\w[\w.-]*\.tgz$/.test(spec) || isAddress;
}

/** Whether a child has chosen a registry to take the package from by its name: a version, a range, or a tag. */
export function isOfRegistry(spec: string): boolean {
  return semver.validRange(spec) !== null || /^[a-z][\w.-]*$/i.test(spec);
}

function registrySpec(spec: string, field: string): PackageSource {
  if (isPackageSpec(spec)) return { kind: 'spec', spec };
  throw new BanyanError('config_invalid', `--${field}: "${spec.slice(0, 200)}" is nothing that a child can depend on.`, {
    fix: 'Name a version, a tarball, a checkout, or an address with https.',
    data: { field },
  });
}

/**
 * What `--banyan` means, or the option that is named; without it, the package whose command is running.
 * @throws BanyanError `not_found` for a path at which there is nothing
 */
export async function packageSource(
  spec: string | undefined,
  { root, cwd, field = 'banyan' }: { root: string; cwd: string; field?: string },
): Promise<PackageSource> {
  if (spec === undefined) return { kind: 'folder', path: root };
  const path = spec.startsWith('file:') ? spec.replace(/^file:(?:\/\/(?=\/))?/, '') : spec;
  const isPath = spec.startsWith('file:') || isAbsolute(path) || /^\.{1,2}(?:[/\\]|$)/.test(path) || path.endsWith('.tgz');
  if (!isPath || /^(?:https?|git(?:\+\w+)?):/.test(spec)) return registrySpec(spec, field);
  const full = resolve(cwd, path);
  const found = await stat(full).catch(() => undefined);
  if (found?.isDirectory()) return { kind: 'folder', path: full };
  if (found?.isFile()) return { kind: 'tarball', path: full };
  throw new BanyanError('not_found', `--${field}: there is nothing at ${full}.`, { fix: 'Name a tarball, a checkout, or a version.', data: { field } });
}

const packedSchema = z.array(z.object({ filename: z.string() })).min(1);

/** `npm pack --json` prints what its scripts say before its own answer. */
function packedName(output: string): string {
  const start = output.lastIndexOf('\n[\n');
  const json = output.slice(start === -1 ? output.indexOf('[') : start + 1, output.lastIndexOf(']') + 1);
  return basename(packedSchema.parse(JSON.parse(json))[0]?.filename ?? '');
}

async function npmPack(folder: string, to: string, options: CommandOptions, scripts: readonly string[] = []): Promise<string> {
  const { code, output } = await runCommand('npm', ['pack', '--json', '--loglevel=error', ...scripts, '--pack-destination', to, folder], {
    ...options,
    cwd: folder,
  });
  if (code !== 0)
    throw new BanyanError('internal', `npm pack failed in ${folder}:\n${tailOf(output)}`, {
      fix: 'Correct what npm says, or give a tarball: --banyan <file.tgz>',
    });
  try {
    return packedName(output);
  } catch (cause) {
    throw new BanyanError('internal', `npm pack said something unexpected: ${tailOf(output, 5)}`, { cause });
  }
}

/** A checkout builds itself; what is installed was built, and has nothing to build from. */
function pack(folder: string, to: string, options: CommandOptions): Promise<string> {
  if (!existsSync(join(folder, 'tsconfig.build.json'))) return npmPack(folder, to, options, ['--ignore-scripts']);
  return packOnce(folder, to, (into) => npmPack(folder, into, options));
}

/** Of a tarball in `vendor/`, in the form that a book takes. */
export function tarballName(path: string): string {
  const name = path
    .split(/[\\/]/)
    .at(-1)
    ?.replaceAll(/[^\w.-]/g, '-')
    .replace(/^\W+/, '')
    .replace(/\.tgz$/i, '');
  return `${name || 'banyan'}.tgz`;
}

/**
 * Puts the package into `vendor/` of a child.
 * @returns how the child depends on it
 */
export async function vendor(source: PackageSource, child: string, options: CommandOptions): Promise<string> {
  if (source.kind === 'spec') return source.spec;
  const folder = join(child, 'vendor');
  await mkdir(folder, { recursive: true });
  if (source.kind === 'folder') return `file:vendor/${await pack(source.path, folder, options)}`;
  const name = tarballName(source.path);
  await copyFile(source.path, join(folder, name));
  return `file:vendor/${name}`;
}

/** What of a package makes a template, and brings a child to it: nothing else is unpacked. */
const OF_A_TEMPLATE = /^(?:package\.json$|CHANGELOG\.md$|child-template\/|templates\/|codemods\/)/;
const MOST_BYTES = 20_000_000;

/**
 * Unpacks the template of a tarball. Links and paths that leave the folder are refused, nothing is executed.
 * @param to an empty folder
 */
export async function unpackTemplate(tarball: string, to: string): Promise<void> {
  const entries = extract();
  // It ends with what it was broken by; each part of a chain of pipes alone would leave the others waiting.
  const read = pipeline(createReadStream(tarball), createGunzip(), entries);
  read.catch(() => undefined);
  let bytes = 0;
  try {
    for await (const entry of entries) {
      const path = entry.header.name.replace(/^[^/]+\//, '');
      const wanted = entry.header.type === 'file' && OF_A_TEMPLATE.test(path);
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) if (wanted && (bytes += chunk.length) <= MOST_BYTES) chunks.push(chunk);
      if (bytes > MOST_BYTES) throw new BanyanError('payload_too_large', 'its template is larger than 20 MB');
      if (!wanted) continue;
      const full = join(to, childPath(path));
      await mkdir(dirname(full), { recursive: true });
      await writeFile(full, Buffer.concat(chunks));
    }
    await read;
  } catch (cause) {
    throw new BanyanError('config_invalid', `${tarball} cannot be read as a package: ${toBanyanError(cause).message}`, {
      fix: 'Give a tarball of npm pack. One that lies in vendor/ comes back from git (from Git LFS: git lfs pull).',
      cause,
    });
  }
}
