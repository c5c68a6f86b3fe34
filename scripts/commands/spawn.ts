import { lstat, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { BanyanError } from '../../src/kernel/errors.ts';
import { packageRoot } from '../../src/kernel/package-root.ts';
import type { Answers } from '../../src/spawn/answers.ts';
import { BOOK_PATH, readBook } from '../../src/spawn/book.ts';
import { createChild, previewChild, templateOf, type Created, type CreateOptions } from '../../src/spawn/create.ts';
import { childEnvironment } from '../../src/spawn/command.ts';
import { lookAtFolder, type FolderState } from '../../src/spawn/folder.ts';
import { packageSource } from '../../src/spawn/package.ts';
import { SERVICES } from '../../src/spawn/services/index.ts';
import type { Child, ServiceStep } from '../../src/spawn/services/step.ts';
import { untilStopped } from './until-stopped.ts';
import { completeAnswers, confirmed } from '../spawn/ask.ts';
import { givenAnswers, readOptions, type SpawnOptions } from '../spawn/options.ts';
import { dryRun, nextSteps, summary } from '../spawn/words.ts';

type Source = Record<string, string | undefined>;

function isInteractive(options: SpawnOptions): boolean {
  return process.stdin.isTTY && process.stdout.isTTY && !options.json;
}

/** Where a child goes; only the folder is looked at. */
async function targetOf(options: SpawnOptions, name: string | undefined): Promise<{ target: string; state: FolderState }> {
  const target = options.dir === undefined ? resolve(options.name === '.' ? '.' : (name ?? '.')) : resolve(options.dir);
  const state = await lookAtFolder(target);
  if (state.kind === 'full' && (await lstat(join(target, BOOK_PATH)).catch(() => undefined))) {
    throw new BanyanError('conflict', `${target} is a child of Banyan already.`, {
      fix: `To update it: npx banyan update. To set up a service: npx banyan spawn --github (there).`,
    });
  }
  return { target, state };
}

async function allowFullFolder(options: SpawnOptions, place: { target: string; state: FolderState }, files: readonly { path: string }[]): Promise<void> {
  const { target, state } = place;
  if (state.kind !== 'full') return;
  const tops = new Set([...files.map(({ path }) => path.split('/')[0] ?? path), 'vendor', 'node_modules', 'package-lock.json']);
  const taken = state.entries.filter((entry) => tops.has(entry));
  if (taken.length > 0) {
    throw new BanyanError('conflict', `${target} is not empty, and has ${taken.join(', ')}, which the child would have, too.`, {
      fix: 'Nothing is overwritten: choose another folder with --dir, or move these away.',
    });
  }
  if (options.into || options['dry-run']) return;
  const some = state.entries.slice(0, 5).join(', ');
  if (!isInteractive(options) || options.yes) {
    throw new BanyanError('conflict', `${target} is not empty: it has ${some}.`, {
      fix: 'Choose another folder with --dir, or say --into to write beside what is there (nothing is overwritten).',
    });
  }
  if (!(await confirmed(`${target} is not empty (${some}). Write beside that? Nothing is overwritten.`))) {
    throw new BanyanError('conflict', 'Nothing was written.', { fix: 'Choose another folder with --dir.' });
  }
}

function wantedServices(options: SpawnOptions): ServiceStep[] {
  return SERVICES.filter(({ id }) => options[id]);
}

/**
 * Runs what was asked for; one that fails leaves the child and the others as they are, and sets the exit code.
 * @returns the services that are done
 */
async function setUp(services: readonly ServiceStep[], child: Child): Promise<Set<string>> {
  const done = new Set<string>();
  for (const service of services) {
    child.say(`\n${service.title}`);
    try {
      for (const line of await service.run(child)) child.say(`  ${line}`);
      done.add(service.id);
    } catch (error) {
      if (!(error instanceof BanyanError)) throw error;
      process.exitCode = child.signal.aborted ? 130 : 1;
      if (child.signal.aborted) {
        console.error(`  Stopped. The child stays as it is. Again, in its folder: npx banyan spawn --${service.id}`);
        return done;
      }
      console.error(`  ${error.message}\n  ${error.fix ?? ''}\n  Again, in the folder of the child: npx banyan spawn --${service.id}`);
    }
  }
  return done;
}

/** `banyan spawn --github` in the folder of a child: only the services. */
async function setUpExisting(env: Source, options: SpawnOptions): Promise<void> {
  const folder = resolve(options.dir ?? '.');
  const { answers } = readBook(await readFile(join(folder, BOOK_PATH), 'utf8').catch(() => null));
  const services = wantedServices(options);
  const owner = options.owner === undefined ? {} : { owner: options.owner };
  await untilStopped(async (signal) => {
    const child: Child = { folder, answers: { ...answers, ...owner }, url: options.url, env: childEnvironment(env), signal, say: (line) => console.log(line) };
    if (options['dry-run']) {
      for (const service of services) console.log([service.title, ...service.plan(child).map((line) => `  - ${line}`)].join('\n'));
    } else await setUp(services, child);
  });
}

function progressOf(options: SpawnOptions): CreateOptions['progress'] {
  if (options.json) return () => () => undefined;
  const terminal = isInteractive(options);
  return (step) => {
    if (terminal) process.stdout.write(`  ${step} ...`);
    return (outcome) => process.stdout.write(terminal ? `\r\u001b[2K  ${outcome}\n` : `  ${outcome}\n`);
  };
}

function report(options: SpawnOptions, target: string, { answers, created, done }: { answers: Answers; created: Created; done: ReadonlySet<string> }): void {
  if (options.json) {
    const { files, banyan, git } = created;
    console.log(JSON.stringify({ folder: target, answers, files, banyan, committed: git?.committed ?? false, notes: git?.notes ?? [] }, null, 2));
    return;
  }
  for (const note of created.git?.notes ?? []) console.log(`  ${note}`);
  const left = SERVICES.map(({ id }) => id).filter((id) => !done.has(id));
  console.log(nextSteps({ folder: relative(process.cwd(), target) || '.', installed: !options['no-install'], left }));
}

/** Makes a child, or sets up services for one that there is. */
export async function spawn(env: Source, args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  const given = givenAnswers(options);
  if (given.name === undefined && wantedServices(options).length > 0) return setUpExisting(env, options);
  const root = packageRoot();
  const source = await packageSource(options.banyan, { root, cwd: process.cwd() });
  const { template } = await templateOf(source, root);
  const say = (line: string) => (options.json ? console.error(line) : console.log(line));
  const asking = { interactive: isInteractive(options), yes: options.yes ?? false, say, folder: resolve(options.dir ?? '.') };
  const answers = await untilStopped(() => completeAnswers(given, template, asking));
  if (answers === undefined) return;
  const { target, state } = await targetOf(options, answers.name);
  const files = await previewChild({ source, root, answers });
  await allowFullFolder(options, { target, state }, files);
  const services = wantedServices(options);
  await untilStopped(async (signal) => {
    const child: Child = { folder: target, answers, url: options.url, env: childEnvironment(env), signal, say };
    const switches = { install: !options['no-install'], test: !options['no-test'], git: !options['no-git'], nestedGit: options['nested-git'] ?? false };
    if (options['dry-run']) {
      const plans = services.map((service) => ({ title: service.title, lines: service.plan(child) }));
      console.log(
        options.json
          ? JSON.stringify({ folder: target, answers, files, services: plans }, null, 2)
          : dryRun({ target, answers, files, source, switches, plans }),
      );
      return;
    }
    if (!options.json) console.log(summary({ target, answers, files: files.length }));
    if (asking.interactive && !asking.yes && !(await confirmed('Go ahead?'))) {
      console.log('Nothing was written.');
      return;
    }
    const created = await createChild({ target, state, answers, source, root, ...switches, env, signal, progress: progressOf(options) });
    const done = await setUp(services, child);
    report(options, target, { answers, created, done });
  });
}
