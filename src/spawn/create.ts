import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import semver from 'semver';
import { BanyanError } from '../kernel/errors.ts';
import type { Answers } from './answers.ts';
import { BOOK_PATH, createBook, writeBook } from './book.ts';
import { cancelled, childEnvironment, runCommand, tailOf, type CommandOptions } from './command.ts';
import { openSite, refused, writeFiles, type BuildSite, type FolderState } from './folder.ts';
import { commitOf, firstCommit, motherOf, type GitOutcome } from './git.ts';
import { unpackTemplate, vendor, type PackageSource } from './package.ts';
import { renderTemplate } from './render.ts';
import { readTemplate, type Template } from './template.ts';

export interface CreateOptions {
  /** The folder of the child, absolute. */
  target: string;
  state: FolderState;
  answers: Answers;
  source: PackageSource;
  /** The folder whose template is rendered where the source is no tarball or folder. */
  root: string;
  install: boolean;
  test: boolean;
  git: boolean;
  nestedGit: boolean;
  env: Record<string, string | undefined>;
  signal: AbortSignal;
  /** Shows what goes on; called when a step begins and when it has ended. */
  progress(step: string): (outcome: string) => void;
}

export interface Created {
  git: GitOutcome | null;
  files: number;
  banyan: string;
}

/** Only the code of a version has its template, where the package is to come from a registry. What a tag means is known there alone. */
function refuseOtherVersion(spec: string, version: string): void {
  const range = semver.validRange(spec);
  if (range === null || semver.satisfies(version, range, { includePrerelease: true })) return;
  const wanted = semver.valid(spec) ?? spec;
  throw new BanyanError('config_invalid', `--banyan: the template here is that of ${version}, a child of it cannot depend on ${wanted}.`, {
    fix: `Let that version spawn it: npx banyan@${/^[\w.+-]+$/.test(wanted) ? wanted : `'${wanted}'`} spawn`,
    data: { field: 'banyan' },
  });
}

/** Reads the template of the package that the child will depend on; calls back with the folder while it is there. */
export async function templateOf(source: PackageSource, root: string): Promise<{ template: Template; folder: string }> {
  if (source.kind !== 'tarball') {
    const folder = source.kind === 'folder' ? source.path : root;
    const template = readTemplate(folder);
    if (source.kind === 'spec') refuseOtherVersion(source.spec, template.version);
    return { template, folder };
  }
  const folder = await mkdtemp(join(tmpdir(), 'banyan-template-'));
  try {
    await unpackTemplate(source.path, folder);
    return { template: readTemplate(folder), folder: root };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function step<T>(options: CreateOptions, title: string, work: () => Promise<T>, said: (result: T) => string = () => ''): Promise<T> {
  if (options.signal.aborted) throw cancelled();
  const began = Date.now();
  const end = options.progress(title);
  try {
    const result = await work();
    const detail = said(result);
    end(`${title}${detail === '' ? '' : `: ${detail}`} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    return result;
  } catch (error) {
    end(`${title}: failed`);
    throw error;
  }
}

async function npm(args: readonly string[], what: string, options: CommandOptions): Promise<void> {
  const { code, output } = await runCommand('npm', args, options);
  if (code !== 0) {
    throw new BanyanError('internal', `${what} failed (npm ${args.join(' ')}):\n${tailOf(output, 40)}`, {
      fix: 'Nothing was left behind. Correct what is said above and run it again; --no-test or --no-install leave these steps out.',
    });
  }
}

async function build(site: BuildSite, options: CreateOptions): Promise<Omit<Created, 'git'>> {
  const { answers, source } = options;
  const commands: CommandOptions = { cwd: site.path, env: childEnvironment(options.env), signal: options.signal };
  const { template, folder } = await templateOf(source, options.root);
  const banyan = await step(
    options,
    source.kind === 'spec' ? 'Package' : 'Package into vendor/',
    () => vendor(source, site.path, commands),
    (spec) => spec,
  );
  const commit = source.kind === 'folder' ? await commitOf(folder, { env: commands.env }) : null;
  const mother = source.kind === 'folder' ? await motherOf(folder, { env: commands.env }) : null;
  const files = await step(
    options,
    'Files',
    async () => {
      const rendered = renderTemplate(template, answers, { banyan });
      const book = writeBook({ ...createBook({ template, commit, banyan, answers, files: rendered }), ...(mother === null ? {} : { mother }) });
      await writeFiles(site.path, [...rendered, { path: BOOK_PATH, content: book, mode: 0o644 }]);
      return rendered;
    },
    (rendered) => `${rendered.length + 1} written`,
  );
  if (options.install) {
    await step(options, 'npm install', () => npm(['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], 'Installing', commands));
    if (options.test) {
      await step(options, 'npm run check', () => npm(['run', '-s', 'check'], "The child's check", commands));
      await step(options, 'npm test', () => npm(['test', '-s'], "The child's tests", commands));
    }
  }
  return { files: files.length + 1, banyan };
}

async function commitChild(site: BuildSite, options: CreateOptions): Promise<GitOutcome> {
  const { target, answers, nestedGit } = options;
  const commands: CommandOptions = { cwd: target, env: childEnvironment(options.env), signal: options.signal };
  const paths = (await site.entries()).filter((entry) => entry !== 'node_modules');
  const message = `feat: spawn ${answers.name}\n\nA child of Banyan for ${answers.domain}, made by banyan spawn; .banyan/template.json says from what.`;
  return firstCommit({ name: answers.name, message, paths, nested: nestedGit }, commands);
}

function isOfFiles(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && !(error instanceof BanyanError) && 'syscall' in error;
}

/**
 * Makes a child: all of it in a folder beside its place, then moved there. Whatever fails or stops it on the way, the disk is as
 * it was before.
 * @throws BanyanError saying which step failed; `data.stopped` where the signal ended it
 */
export async function createChild(options: CreateOptions): Promise<Created> {
  const site = await openSite(options.target, options.state);
  try {
    const made = await build(site, options);
    if (options.signal.aborted) throw cancelled();
    await site.finish();
    const git = options.git
      ? await step(
          options,
          'First commit',
          () => commitChild(site, options),
          ({ committed }) => (committed ? 'done' : 'not made'),
        )
      : null;
    if (options.signal.aborted) throw cancelled();
    return { ...made, git };
  } catch (error) {
    await site.undo();
    throw isOfFiles(error) ? refused(error, options.target) : error;
  }
}

/** The files that a child would be made of, for a dry run and for a question before it is written. */
export async function previewChild({ source, root, answers }: Pick<CreateOptions, 'source' | 'root' | 'answers'>): Promise<{ path: string; class: string }[]> {
  const { template } = await templateOf(source, root);
  const rendered = renderTemplate(template, answers, { banyan: 'file:vendor/banyan.tgz' });
  return [...rendered.map(({ path, class: kind }) => ({ path, class: kind as string })), { path: BOOK_PATH, class: 'book' }];
}
