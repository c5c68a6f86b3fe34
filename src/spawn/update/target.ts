import { existsSync, realpathSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import semver from 'semver';
import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import type { Book } from '../book.ts';
import { runCommand, tailOf, type CommandOptions } from '../command.ts';
import { packageSource, unpackTemplate, type PackageSource } from '../package.ts';
import { readTemplate, type Template } from '../template.ts';

/** A version of the mother: its template, and the package that a child then depends on. */
export interface Release {
  template: Template;
  /** A folder with the package's template, codemods and changelog; of a checkout, or unpacked. */
  folder: string;
  source: PackageSource;
  /** From a registry: a child that depends on a version takes this one by its number. */
  published: boolean;
}

export interface Place {
  /** The child. */
  root: string;
  /** The package whose command is running. */
  running: string;
  /** Where packages are unpacked; the caller removes it. */
  scratch: string;
  commands: CommandOptions;
}

/** A scratch folder for the time of some work. */
export async function withScratch<T>(work: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), 'banyan-update-'));
  try {
    return await work(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function fromTarball(path: string, { scratch }: Place, published: boolean): Promise<Release> {
  const folder = await mkdtemp(join(scratch, 'release-'));
  await unpackTemplate(path, folder);
  return { template: readTemplate(folder), folder, source: { kind: 'tarball', path }, published };
}

function unreachable(what: string, output: string): BanyanError {
  return new BanyanError('not_found', `npm has no ${what}:\n${tailOf(output, 6)}`, {
    fix: 'Check the network and the registry, or name a tarball or a checkout of the mother: --to <path>',
    data: { field: 'to' },
  });
}

async function fromRegistry(version: string, place: Place): Promise<Release> {
  const to = await mkdtemp(join(place.scratch, 'pack-'));
  // Nothing that is fetched runs anything here.
  const args = ['pack', `banyan@${version}`, '--ignore-scripts', '--loglevel=error', '--pack-destination', to];
  const { code, output } = await runCommand('npm', args, { ...place.commands, cwd: place.root });
  const [name] = await readdir(to);
  if (code !== 0 || name === undefined) throw unreachable(`banyan@${version}`, output);
  return fromTarball(join(to, name), place, true);
}

function same(a: string, b: string): boolean {
  return existsSync(a) && existsSync(b) && realpathSync(a) === realpathSync(b);
}

/** Every version that the registry has. */
export async function publishedVersions(place: Place): Promise<string[]> {
  const { code, output } = await runCommand('npm', ['view', 'banyan', 'versions', '--json', '--loglevel=error'], { ...place.commands, cwd: place.root });
  // A mother that was never published has no versions there.
  if (code !== 0 && /"code": "E404"/.test(output)) return [];
  if (code !== 0) throw unreachable('banyan', output);
  const parsed = z.union([z.string(), z.array(z.string())]).safeParse(JSON.parse(output.slice(output.search(/[["]/))));
  return parsed.success ? [parsed.data].flat() : [];
}

/** Whether the command that runs is the child's own, which knows nothing newer than itself. */
export function runsItself({ root, running }: Place): boolean {
  return same(running, join(root, 'node_modules/banyan'));
}

/**
 * What `--to` means; without it, the package whose command is running, or the newest of the registry where that is the child's own.
 * @throws BanyanError `not_found`, `config_invalid`
 */
export async function findRelease(to: string | undefined, place: Place): Promise<Release> {
  if (to === undefined && !runsItself(place)) {
    const checkout = existsSync(join(place.running, 'tsconfig.build.json'));
    return { template: readTemplate(place.running), folder: place.running, source: { kind: 'folder', path: place.running }, published: !checkout };
  }
  const spec = to ?? 'latest';
  const version = semver.valid(spec);
  if (version !== null || spec === 'latest' || spec === 'next') return fromRegistry(version ?? spec, place);
  const source = await packageSource(spec, { root: place.running, cwd: place.commands.cwd });
  if (source.kind === 'folder') return { template: readTemplate(source.path), folder: source.path, source, published: false };
  if (source.kind === 'tarball') return fromTarball(source.path, place, false);
  throw new BanyanError('config_invalid', `--to: "${spec}" is no version, tarball or folder.`, {
    fix: 'Examples: --to v0.3.0, --to latest, --to ./banyan-0.3.0.tgz, --to ../banyan',
    data: { field: 'to' },
  });
}

/** Where a child keeps the package, as a path below it; null for a package of a registry. */
export function vendored(spec: string): string | null {
  return /^file:(vendor\/[\w.-]+\.tgz)$/.exec(spec)?.[1] ?? null;
}

/**
 * The template that the child was made from: from its own vendor folder, what is installed, or the registry.
 * @throws BanyanError `not_found` where none of them has that version
 */
export async function findOldTemplate(book: Book, place: Place): Promise<Template> {
  const path = vendored(book.banyan);
  const tarball = path === null ? null : join(place.root, path);
  if (tarball !== null && existsSync(tarball)) {
    const { template } = await fromTarball(tarball, place, false);
    if (template.version === book.version) return template;
  }
  const installed = join(place.root, 'node_modules/banyan');
  if (existsSync(join(installed, 'child-template'))) {
    const template = readTemplate(installed);
    if (template.version === book.version) return template;
  }
  try {
    return (await fromRegistry(book.version, place)).template;
  } catch (cause) {
    throw new BanyanError(
      'not_found',
      `The template ${book.version}, from which this child was made, is nowhere: not in ${path ?? 'vendor/'}, not installed, not at npm.`,
      {
        fix: `Bring back ${path ?? `vendor/banyan-${book.version}.tgz`} from git, or run npm install, then update again.`,
        cause,
      },
    );
  }
}
