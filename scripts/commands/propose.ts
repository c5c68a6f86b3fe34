import { lstat, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BanyanError, toBanyanError } from '../../src/kernel/errors.ts';
import { packageRoot } from '../../src/kernel/package-root.ts';
import { BOOK_PATH, readBook, type Book } from '../../src/spawn/book.ts';
import { childEnvironment, runCommand, type CommandOptions } from '../../src/spawn/command.ts';
import { hubApi, repositoryName, repositoryOf } from '../../src/spawn/hub.ts';
import type { Identity } from '../../src/spawn/propose/identity.ts';
import { leaksOf, makeProposal, type Proposal, type ProposalInput } from '../../src/spawn/propose/proposal.ts';
import { sendProposal, type Sent, type Way } from '../../src/spawn/propose/send.ts';
import { issueBody } from '../../src/spawn/propose/words.ts';
import { findOldRelease, withScratch } from '../../src/spawn/update/target.ts';
import { confirmed } from '../spawn/ask.ts';

type Source = Record<string, string | undefined>;

function parse(args: readonly string[]) {
  const flag = { type: 'boolean' } as const;
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      to: { type: 'string' },
      title: { type: 'string' },
      allow: { type: 'string', multiple: true },
      issue: flag,
      'pull-request': flag,
      'dry-run': flag,
      yes: { type: 'boolean', short: 'y' },
      json: flag,
    },
  });
}

type Options = ReturnType<typeof parse>['values'];

function readOptions(args: readonly string[]): { options: Options; paths: string[] } {
  const { values, positionals } = (() => {
    try {
      return parse(args);
    } catch (cause) {
      throw new BanyanError('config_invalid', toBanyanError(cause).message, { fix: 'See `npx banyan propose --help`.', cause });
    }
  })();
  if (positionals.length === 0)
    throw new BanyanError('config_invalid', 'No file is named.', {
      fix: 'Name what you have improved: npx banyan propose vitest.config.ts',
      data: { field: 'file' },
    });
  if (values.issue && values['pull-request'])
    throw new BanyanError('config_invalid', '--issue and --pull-request exclude each other.', { fix: 'Give one of them.' });
  if (values.title !== undefined && (!/^[^\p{Cc}]{1,200}$/u.test(values.title) || values.title.trim() === '')) {
    throw new BanyanError('config_invalid', '--title must be one line of at most 200 characters.', { fix: 'Give a shorter one.', data: { field: 'title' } });
  }
  return { options: values, paths: positionals };
}

const MOST_BYTES = 500_000;

async function readChild(root: string, given: string): Promise<[path: string, text: string | null]> {
  const path = relative(root, resolve(root, given)).replaceAll('\\', '/');
  const full = join(root, path);
  const found = path.startsWith('../') || path === '' ? undefined : await lstat(full).catch(() => undefined);
  if (!found) return [path, null];
  if (!found.isFile() || found.size > MOST_BYTES) {
    throw new BanyanError('config_invalid', `${given} is no file of text of at most ${MOST_BYTES / 1000} kB.`, {
      fix: 'Name files one by one.',
      data: { path },
    });
  }
  const bytes = await readFile(full);
  if (bytes.includes(0)) throw new BanyanError('config_invalid', `${given} is no text.`, { fix: 'Only text is proposed.', data: { path } });
  return [path, bytes.toString('utf8')];
}

async function gitSays(args: readonly string[], commands: CommandOptions): Promise<string> {
  const { code, output } = await runCommand('git', args, commands).catch(() => ({ code: 1, output: '' }));
  return code === 0 ? output.trim() : '';
}

async function identityOf(book: Book, commands: CommandOptions): Promise<Identity> {
  const remote = await gitSays(['remote', 'get-url', 'origin'], commands);
  const people = [await gitSays(['config', 'user.name'], commands), await gitSays(['config', 'user.email'], commands)];
  return { answers: book.answers, repository: repositoryOf(remote), people: people.filter((word) => word !== '') };
}

/** `repository` of the package that the child depends on, where it says one. */
async function motherOfPackage(): Promise<string | null> {
  const { repository } = JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8')) as { repository?: string | { url?: string } };
  return repositoryOf((typeof repository === 'string' ? repository : repository?.url) ?? '');
}

async function motherOf(options: Options, book: Book): Promise<string> {
  if (options.to !== undefined) return repositoryName(options.to, '--to');
  if (book.mother !== undefined) return book.mother;
  const named = await motherOfPackage();
  if (named !== null) return named;
  throw new BanyanError('config_invalid', 'Nothing says where the mother is.', {
    fix: `Name her: --to owner/repository, or "mother": "owner/repository" in ${BOOK_PATH}`,
    data: { field: 'to' },
  });
}

function isInteractive(options: Options): boolean {
  return process.stdin.isTTY && process.stdout.isTTY && !options.json && !options.yes;
}

/** What looks like the child's own and may mean nobody is asked for, once each. */
async function propose(input: ProposalInput, options: Options): Promise<Proposal> {
  try {
    return makeProposal(input);
  } catch (error) {
    const leaks = leaksOf(error);
    if (leaks.length === 0 || leaks.some(({ always }) => always) || !isInteractive(options)) throw error;
    const words = [...new Set(leaks.map(({ text }) => text))];
    for (const word of words) {
      const leak = leaks.find(({ text }) => text === word);
      if (!(await confirmed(`${leak?.path}:${leak?.line} holds "${word}", which looks like this child's ${leak?.kind}. May it leave?`))) throw error;
    }
    return makeProposal({ ...input, allowed: [...input.allowed, ...words] });
  }
}

function show(proposal: Proposal, mother: string): string {
  const left = proposal.files.flatMap(({ path, leftOut }) => leftOut.map(({ line, text, why }) => `  ${path}:${line}: ${text.slice(0, 100)}\n    ${why}`));
  return [
    `To ${mother}, as the account of the token, would go:`,
    '',
    `  ${proposal.title}`,
    '',
    ...issueBody(proposal)
      .split('\n')
      .map((line) => `  ${line}`.trimEnd()),
    ...(left.length === 0 ? [] : ['What stays here:', ...left]),
  ].join('\n');
}

const SAID: Record<Sent['what'], string> = {
  created: 'Proposed',
  updated: 'The proposal of before is up to date',
  there: 'Exactly that is proposed already, and open',
  declined: 'Exactly that was proposed before, and is closed: nothing was sent',
};

/** Gives an improvement of the template back to the mother, without what is the child's own. */
export async function proposeBack(env: Source, args: readonly string[]): Promise<void> {
  const { options, paths } = readOptions(args);
  const root = process.cwd();
  const book = readBook(await readFile(join(root, BOOK_PATH), 'utf8').catch(() => null));
  const signal = new AbortController().signal;
  const commands: CommandOptions = { cwd: root, env: childEnvironment(env), signal };
  const mother = await motherOf(options, book);
  const files = new Map(await Promise.all(paths.map((path) => readChild(root, path))));
  const { template } = await withScratch((scratch) => findOldRelease(book, { root, running: packageRoot(), scratch, commands }));
  const proposal = await propose(
    { book, template, files, identity: await identityOf(book, commands), title: options.title, mother, allowed: options.allow ?? [] },
    options,
  );
  const { title, patch } = proposal;
  const data = { mother, title, patch, files: proposal.files.map(({ path, origin, leftOut }) => ({ path, origin, leftOut })) };
  if (!options.json) console.log(show(proposal, mother));
  if (options['dry-run']) {
    if (options.json) console.log(JSON.stringify({ ...data, sent: null }, null, 2));
    return;
  }
  const api = hubApi(env, signal, { name: 'propose', needs: `open issues at ${mother}` });
  if (!options.yes) {
    if (!isInteractive(options))
      throw new BanyanError('config_invalid', 'Nothing was sent: there is no terminal to ask at.', {
        fix: 'Read what would leave (--dry-run), then give --yes.',
        data: { field: 'yes' },
      });
    if (!(await confirmed(`Send this to ${mother}?`))) {
      console.log('Nothing was sent.');
      return;
    }
  }
  const way: Way | undefined = options.issue ? 'issue' : options['pull-request'] ? 'pull-request' : undefined;
  const sent = await sendProposal(api, mother, { proposal, way });
  if (options.json) console.log(JSON.stringify({ ...data, sent }, null, 2));
  else console.log([...sent.notes, `${SAID[sent.what]}: ${sent.url}`].join('\n'));
}
