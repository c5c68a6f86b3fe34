import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import semver from 'semver';
import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import { VERSION } from '../../kernel/version.generated.ts';
import type { Book } from '../book.ts';
import { runCommand, tailOf, type CommandOptions } from '../command.ts';
import { isOfRegistry, packageSource, unpackTemplate, type PackageSource } from '../package.ts';
import { readTemplate, readVersion, type Template } from '../template.ts';
import { readChildBook } from './child-book.ts';
import { downloadRelease, noMother, releasedVersions } from './mother.ts';

/** A version of the mother that was found. Its template is not read yet: that may need newer code than this. */
export interface Located {
  version: string;
  /** A folder with the package's template, codemods and changelog; of a checkout, or unpacked. */
  folder: string;
  source: PackageSource;
  /** Nobody has named it: it is the newest that there is. */
  newest?: true;
  /** From a registry: a child that depends on a version takes this one by its number. */
  published: boolean;
  /** The repository of the mother that has released it. */
  releasedBy?: string;
}

/** A version of the mother: its template, and the package that a child then depends on. */
export interface Release extends Located {
  template: Template;
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

async function fromTarball(path: string, { scratch }: Place, published: boolean): Promise<Located> {
  const folder = await mkdtemp(join(scratch, 'release-'));
  await unpackTemplate(path, folder);
  return { version: readVersion(folder), folder, source: { kind: 'tarball', path }, published };
}

function unreachable(what: string, output: string): BanyanError {
  return new BanyanError('not_found', `npm has no ${what}:\n${tailOf(output, 6)}`, {
    fix: 'Check the network and the registry, or name a tarball or a checkout of the mother: --to <path>',
    data: { field: 'to' },
  });
}

async function fromRegistry(version: string, place: Place): Promise<Located> {
  const to = await mkdtemp(join(place.scratch, 'pack-'));
  // Nothing that is fetched runs anything here.
  const args = ['pack', `banyan@${version}`, '--ignore-scripts', '--loglevel=error', '--pack-destination', to];
  const { code, output } = await runCommand('npm', args, { ...place.commands, cwd: place.root });
  const [name] = await readdir(to);
  if (code !== 0 || name === undefined) throw unreachable(`banyan@${version}`, output);
  return fromTarball(join(to, name), place, true);
}

const packageSchema = z.object({ name: z.string(), version: z.string() });

/** A file of any name may be in a release: what it says of itself counts. */
function jsonAt(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function requirePackage(folder: string, version: string, mother: string): void {
  const path = join(folder, 'package.json');
  const { data } = packageSchema.safeParse(jsonAt(path));
  if (data?.name === 'banyan' && data.version === version) return;
  const found = data ? `the package of ${data.name} ${data.version}`.slice(0, 200) : 'no package';
  throw new BanyanError('config_invalid', `banyan-${version}.tgz of ${mother} is ${found}, not of banyan ${version}.`, {
    fix: 'Nothing was changed. Tell the mother, and name another release: --to v<version>',
  });
}

async function fromMother(mother: string, wanted: string, place: Place): Promise<Located> {
  const { version, path } = await downloadRelease(mother, wanted, { to: place.scratch, commands: place.commands });
  const folder = await mkdtemp(join(place.scratch, 'release-'));
  await unpackTemplate(path, folder);
  requirePackage(folder, version, mother);
  return { version, folder, source: { kind: 'tarball', path }, published: false, releasedBy: mother };
}

/** A version from where this child gets its updates. Only who depends on a version of a registry has chosen that one. */
async function fromOrigin({ banyan, mother }: Book, wanted: string, place: Place): Promise<Located> {
  if (isOfRegistry(banyan)) return fromRegistry(wanted, place);
  if (mother === undefined) throw noMother();
  return fromMother(mother, wanted, place);
}

export interface Offer {
  versions: string[];
  /** What there is to say where none of them is newer. */
  nothing: string;
}

/** Every version that there is where this child gets its updates. */
export async function offeredVersions({ banyan, mother }: Book, place: Place): Promise<Offer> {
  if (isOfRegistry(banyan)) return { versions: await publishedVersions(place), nothing: 'npm has no newer version.' };
  if (mother !== undefined) return { versions: await releasedVersions(mother, place.commands), nothing: `${mother} has no newer release.` };
  const { message, fix } = noMother();
  return { versions: [], nothing: `${message} ${fix}` };
}

export function same(a: string, b: string): boolean {
  return existsSync(a) && existsSync(b) && realpathSync(a) === realpathSync(b);
}

async function publishedVersions(place: Place): Promise<string[]> {
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
 * What `--to` means; without it, the package whose command is running, or the newest from where the child gets its updates where that is its own.
 * @throws BanyanError `not_found`, `config_invalid`
 */
export async function locateRelease(to: string | undefined, place: Place): Promise<Located> {
  if (to === undefined && !runsItself(place)) {
    const checkout = existsSync(join(place.running, 'tsconfig.build.json'));
    return { version: readVersion(place.running), folder: place.running, source: { kind: 'folder', path: place.running }, published: !checkout };
  }
  const spec = to ?? 'latest';
  const version = semver.valid(spec);
  if (version !== null) return fromOrigin(readChildBook(place.root), version, place);
  if (spec === 'latest' || spec === 'next') return { ...(await fromOrigin(readChildBook(place.root), spec, place)), newest: true };
  const source = await packageSource(spec, { root: place.running, cwd: place.commands.cwd, field: 'to' });
  if (source.kind === 'folder') return { version: readVersion(source.path), folder: source.path, source, published: false };
  if (source.kind === 'tarball') return fromTarball(source.path, place, false);
  throw new BanyanError('config_invalid', `--to: "${spec}" is no version, tarball or folder.`, {
    fix: 'Examples: --to v0.3.0, --to latest, --to ./banyan-0.3.0.tgz, --to ../banyan',
    data: { field: 'to' },
  });
}

/** Whether the newest that there is is older than the child: it was made from a checkout, or a prerelease. */
export function isOutrun({ version, newest }: Located, book: Book): boolean {
  return newest === true && semver.valid(version) !== null && semver.valid(book.version) !== null && semver.lt(version, book.version);
}

/** How a version is told to update a child by its own code. */
export function ownCommand({ version, source, published, releasedBy }: Located): string {
  if (releasedBy !== undefined) return `npx banyan update --to v${version}`;
  if (published) return `npx banyan@${version} update`;
  if (source.kind === 'tarball') return `npm exec --package ${source.path} -- banyan update --to ${source.path}`;
  return source.kind === 'folder' ? `node ${join(source.path, 'scripts/banyan.js')} update` : 'npx banyan update';
}

/** What a newer version has in its template may be beyond this code: then its own has to do it. */
export function withThisCode<T>(located: Located, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof BanyanError) || error.code !== 'config_invalid' || !semver.gt(located.version, VERSION)) throw error;
    throw new BanyanError('config_invalid', `banyan v${VERSION} cannot render the template v${located.version}: ${error.message}`, {
      fix: `Let that version do it: ${ownCommand(located)}`,
      data: { beyond: true },
      cause: error,
    });
  }
}

/** @throws BanyanError `config_invalid` for a template of a form that this code does not know */
export function readRelease(located: Located): Release {
  return { ...located, template: withThisCode(located, () => readTemplate(located.folder)) };
}

/** @throws BanyanError `not_found`, `config_invalid` */
export async function findRelease(to: string | undefined, place: Place): Promise<Release> {
  return readRelease(await locateRelease(to, place));
}

/** Where a child keeps the package, as a path below it; null for a package of a registry. */
export function vendored(spec: string): string | null {
  return /^file:(vendor\/[\w.-]+\.tgz)$/.exec(spec)?.[1] ?? null;
}

function nowhere({ version, banyan, mother }: Book, cause: unknown): BanyanError {
  const path = vendored(banyan);
  const origin = isOfRegistry(banyan) ? 'not at npm' : `not among the releases of ${mother ?? 'a mother, since none is named'}`;
  return new BanyanError(
    'not_found',
    `The template ${version}, from which this child was made, is nowhere: not in ${path ?? 'vendor/'}, not installed, ${origin}.`,
    {
      fix: `Bring back ${path ?? `vendor/banyan-${version}.tgz`} from git, or run npm install, then update again.`,
      cause,
    },
  );
}

/**
 * The version that the child was made from: from its own vendor folder, what is installed, or where it gets its updates.
 * @throws BanyanError `not_found` where none of them has that version
 */
export async function locateOwn(book: Book, place: Place): Promise<Located> {
  const path = vendored(book.banyan);
  const tarball = path === null ? null : join(place.root, path);
  if (tarball !== null && existsSync(tarball)) {
    const located = await fromTarball(tarball, place, false);
    if (located.version === book.version) return located;
  }
  const installed = join(place.root, 'node_modules/banyan');
  if (existsSync(join(installed, 'child-template'))) {
    const version = readVersion(installed);
    if (version === book.version) return { version, folder: installed, source: { kind: 'folder', path: installed }, published: true };
  }
  try {
    return await fromOrigin(book, book.version, place);
  } catch (cause) {
    throw place.commands.signal?.aborted ? cause : nowhere(book, cause);
  }
}

/** The template that the child was made from. */
export async function findOldRelease(book: Book, place: Place): Promise<Release> {
  return readRelease(await locateOwn(book, place));
}
