import { parseArgs } from 'node:util';
import { BanyanError, toBanyanError } from '../../src/kernel/errors.ts';
import { packageRoot } from '../../src/kernel/package-root.ts';
import { BOOK_PATH, unknownFields } from '../../src/spawn/book.ts';
import { childEnvironment } from '../../src/spawn/command.ts';
import { everywhere } from '../../src/spawn/git.ts';
import { isHalfway, recover } from '../../src/spawn/update/apply.ts';
import { readChildBook } from '../../src/spawn/update/child-book.ts';
import { checkLocally, type LocalState } from '../../src/spawn/update/check.ts';
import { handOver, type Handover } from '../../src/spawn/update/handover.ts';
import { conflictsOf, outlineOf, prepareUpdate } from '../../src/spawn/update/prepare.ts';
import { refusal } from '../../src/spawn/update/request/answers.ts';
import { requestUpdate } from '../../src/spawn/update/request/request.ts';
import { isOutrun, locateRelease, readRelease, withScratch, type Located, type Place } from '../../src/spawn/update/target.ts';
import { applyUpdate } from '../../src/spawn/update/update.ts';
import { requireClean } from '../../src/spawn/update/worktree.ts';
import { answering } from '../update/answers.ts';
import { checkReport, doneReport, outlineReport, planReport, preparedData } from '../update/words.ts';
import { untilStopped } from './until-stopped.ts';

type Source = Record<string, string | undefined>;

/** What machines read from the end of `--check`. */
const EXIT = { problems: 1, unknown: 2, waits: 10 } as const;

function readOptions(args: readonly string[]) {
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        to: { type: 'string' },
        data: { type: 'string' },
        yes: { type: 'boolean', short: 'y' },
        check: flag,
        local: flag,
        json: flag,
        force: flag,
        'dry-run': flag,
        'no-install': flag,
        'no-codemods': flag,
        'pull-request': flag,
        major: flag,
      },
    }).values;
  } catch (cause) {
    throw new BanyanError('config_invalid', toBanyanError(cause).message, { fix: 'See `npx banyan update --help`.', cause });
  }
}

type Options = ReturnType<typeof readOptions>;

function print(options: Options, data: unknown, text: string): void {
  console.log(options.json ? JSON.stringify(data, null, 2) : text);
}

async function withPlace<T>(env: Source, work: (place: Place) => Promise<T>): Promise<T | undefined> {
  const root = process.cwd();
  return untilStopped((signal) =>
    withScratch((scratch) => work({ root, running: packageRoot(), scratch, commands: { cwd: root, env: childEnvironment(env), signal } })),
  );
}

/** The options as they were given, for the code of another version. */
function handoverOf(options: Options): Handover {
  const flags = Object.entries(options).flatMap(([name, value]) => (value === true ? [`--${name}`] : []));
  if (options.data !== undefined) flags.push('--data', options.data);
  return { args: (to) => ['update', ...flags, '--to', to], progress: (step) => (options.json ? undefined : console.log(`${step} ...`)) };
}

/** What `--check` says of an update that waits. */
interface Ahead {
  data: object;
  text: string;
}

/** No code of the other version is run for this: where its template is beyond this one's, only that it waits is known. */
async function lookAhead(options: Options, place: Place): Promise<Ahead | undefined> {
  const located = await locateRelease(options.to, place);
  if (isOutrun(located, readChildBook(place.root))) return undefined;
  try {
    const prepared = await prepareUpdate(readRelease(located), place, { codemods: false });
    return prepared.waits ? { data: preparedData(prepared), text: planReport(prepared) } : undefined;
  } catch (error) {
    if (!(error instanceof BanyanError) || error.data['beyond'] !== true) throw error;
    const outline = outlineOf(located, readChildBook(place.root));
    if (outline.from === outline.to) return undefined;
    return { data: { ...outline, waits: true, note: error.message }, text: outlineReport(outline) };
  }
}

/** An update that cannot be looked for is neither there nor not there. */
async function lookForUpdate(env: Source, options: Options): Promise<Ahead | BanyanError | undefined> {
  try {
    return await withPlace(env, (place) => lookAhead(options, place));
  } catch (error) {
    if (error instanceof BanyanError) return error;
    throw error;
  }
}

/** Nothing that is read of such a child is true. */
function refuseHalfway(root: string): void {
  if (!isHalfway(root)) return;
  throw new BanyanError('conflict', 'An update is at work here, or was broken off.', {
    fix: 'Where none is at work: npx banyan update undoes what was broken off before it does anything else.',
  });
}

async function check(env: Source, options: Options): Promise<void> {
  refuseHalfway(process.cwd());
  const book = readChildBook(process.cwd());
  const unknown = unknownFields(book);
  const local: LocalState = checkLocally(process.cwd(), book);
  const blocked = options.local === true || local.problems.some(({ kind }) => kind === 'conflict_left');
  const found = blocked ? undefined : await lookForUpdate(env, options);
  const failed = found instanceof BanyanError ? found : undefined;
  const waiting = found instanceof BanyanError ? undefined : found;
  const data = {
    version: book.version,
    ...local,
    unknown,
    update: waiting?.data ?? null,
    ...(failed === undefined ? {} : { error: { code: failed.code, message: failed.message, fix: failed.fix } }),
  };
  print(options, data, checkReport(book.version, { ...local, unknown }, { waiting: waiting?.text, failed, looked: !blocked }));
  if (local.problems.length > 0) process.exitCode = EXIT.problems;
  else if (failed) process.exitCode = EXIT.unknown;
  else if (waiting) process.exitCode = EXIT.waits;
}

/** A dry run asks nothing: it shows what defaults and a file bring. */
function answeringFor(options: Options, { commands: { signal } }: Place): ReturnType<typeof answering> {
  const quiet = [options.yes, options.json, options['dry-run']].includes(true);
  const interactive = process.stdin.isTTY && process.stdout.isTTY && !quiet;
  return answering({ data: options.data, interactive, ...(signal === undefined ? {} : { signal }) });
}

async function apply(env: Source, options: Options): Promise<void> {
  const say = (line: string) => (options.json ? undefined : console.log(line));
  const dry = options['dry-run'] === true;
  // Not a child is said before anything is looked for.
  readChildBook(process.cwd());
  if (dry) refuseHalfway(process.cwd());
  else if (recover(process.cwd(), options.force === true)) say('An update that was broken off before has been undone.');
  await withPlace(env, async (place) => {
    const located = await locateRelease(options.to, place);
    const book = readChildBook(place.root);
    if (isOutrun(located, book)) {
      const { version } = book;
      print(options, { from: version, to: version, waits: false, applied: false }, `Up to date: template v${version}, newer than the newest release.`);
      return;
    }
    const code = await handOver(located, place, handoverOf(options));
    if (code !== null) {
      process.exitCode = code;
      return;
    }
    const release = readRelease(located);
    const repository = dry || options.force ? true : await requireClean(place.commands);
    if (!repository) say('The child is not under git: nothing can be brought back later.');
    const prepared = await prepareUpdate(release, place, { codemods: options['no-codemods'] !== true, answer: answeringFor(options, place) });
    const data = preparedData(prepared);
    if (dry || !prepared.waits) {
      print(options, { ...data, applied: false }, prepared.waits ? planReport(prepared) : `Up to date: template v${prepared.from}.`);
      return;
    }
    say(planReport(prepared));
    const { installed } = await applyUpdate(release, prepared, place, { install: options['no-install'] !== true, progress: (step) => say(`  ${step} ...`) });
    print(options, { ...data, applied: true, installed }, doneReport(prepared, installed));
    if (conflictsOf(prepared).length > 0) process.exitCode = EXIT.problems;
  });
}

/** The pull requests of two would have one branch, and each run would write over the other's. */
async function requireOnlyChild({ commands }: Place): Promise<void> {
  const books = await everywhere(BOOK_PATH, commands);
  if (books.length < 2) return;
  throw new BanyanError('conflict', `--pull-request: the repository has ${books.length} children: ${books.slice(0, 5).join(', ')}. Nothing was written.`, {
    fix: 'Update each in its folder: npx banyan update, and commit it.',
  });
}

async function request(env: Source, options: Options): Promise<void> {
  readChildBook(process.cwd());
  const [token, repository] = [env['GITHUB_TOKEN'] || env['GH_TOKEN'], env['GITHUB_REPOSITORY']];
  if (!token || !repository) {
    throw new BanyanError('config_invalid', `--pull-request: ${token ? 'GITHUB_REPOSITORY' : 'GITHUB_TOKEN'} is not set.`, {
      fix: 'GitHub Actions sets GITHUB_REPOSITORY; give GITHUB_TOKEN as .github/workflows/banyan-update.yml does.',
    });
  }
  const api = env['GITHUB_API_URL'] || 'https://api.github.com';
  await withPlace(env, async (place) => {
    const { signal } = place.commands;
    await requireOnlyChild(place);
    try {
      const handover = (located: Located) => handOver(located, place, handoverOf(options));
      const outcome = await requestUpdate({ token, repository, api, signal, to: options.to, major: options.major === true, handover }, place);
      if (typeof outcome === 'number') process.exitCode = outcome;
      else print(options, outcome, outcome.notes.join('\n'));
    } catch (error) {
      throw refusal(error);
    }
  });
}

/** Brings a child to a newer version of its template. */
export async function update(env: Source, args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options.data !== undefined && (options.check || options['pull-request'])) {
    throw new BanyanError('config_invalid', '--data answers what an update asks that is written here.', {
      fix: 'Leave out --check and --pull-request, or --data.',
    });
  }
  if (options.local && !options.check) {
    throw new BanyanError('config_invalid', '--local is a part of --check: what is checked is the child alone.', { fix: 'npx banyan update --check --local' });
  }
  const work = options['pull-request'] ? request : options.check ? check : apply;
  await work(env, options);
}
