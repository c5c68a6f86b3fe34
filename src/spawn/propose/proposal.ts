import { createHash } from 'node:crypto';
import { BanyanError } from '../../kernel/errors.ts';
import { hashOf, type Book } from '../book.ts';
import { childPath } from '../paths.ts';
import { fillIn } from '../placeholders.ts';
import { placeholderValues, renderTemplate, type RenderedFile } from '../render.ts';
import type { Template } from '../template.ts';
import { anonymiser, commonWords, domainWords, findLeaks, type Identity, type Leak } from './identity.ts';
import { patchOf } from './patch.ts';
import { transplant, type LeftOut } from './transplant.ts';

/** A file of the mother and what it should become. */
export interface ProposedFile {
  /** In the mother. */
  origin: string;
  /** In the child. */
  path: string;
  before: string;
  after: string;
  leftOut: LeftOut[];
}

/** What would leave a child, decided and not sent. */
export interface Proposal {
  title: string;
  version: string;
  domain: string;
  files: ProposedFile[];
  patch: string;
  /** What it is about: the same files again are the same proposal, brought up to date. */
  key: string;
  /** Of what it says. */
  hash: string;
}

export interface ProposalInput {
  book: Book;
  /** The version that the child was made from. */
  template: Template;
  /** The child's files as they are, by path; null where there is none. */
  files: ReadonlyMap<string, string | null>;
  identity: Identity;
  title: string | undefined;
  /** `owner/repository` of the mother, where that is known. */
  mother?: string;
  allowed: readonly string[];
}

function originText(template: Template, origin: string): string {
  const files = [
    ...template.files,
    ...[...template.domains.values()].flatMap((domain) => domain.files),
    ...template.parts.flatMap((part) => [...part.files.values()]),
  ];
  const found = files.find((file) => file.origin === origin);
  if (!found) throw new BanyanError('internal', `The template has no ${origin}.`);
  return found.text;
}

function renderedFile(path: string, { book, files }: ProposalInput, rendered: readonly RenderedFile[]): RenderedFile {
  const entry = book.files[childPath(path)];
  const file = rendered.find((candidate) => candidate.path === path);
  const known = Object.entries(book.files).flatMap(([name, { class: kind }]) => (kind === 'managed' || kind === 'merged' ? [name] : []));
  if (!entry || !file) {
    const there = files.get(path) !== null;
    throw new BanyanError(
      there ? 'config_invalid' : 'not_found',
      there ? `${path} is a file of this child alone: the mother has nothing that it would improve.` : `There is no ${path}.`,
      {
        fix: there
          ? `Open an issue at the mother, and say there what it is good for. Files that can be proposed: ${known.join(', ')}.`
          : `Files that can be proposed: ${known.join(', ')}.`,
        data: { path, class: 'local' },
      },
    );
  }
  if (entry.class === 'managed' || entry.class === 'merged') return file;
  throw new BanyanError(
    'config_invalid',
    `${path} is of the class ${entry.class}: it is yours alone, so that your version says nothing about the template's.`,
    {
      fix: `What new children should start with is ${file.origin} at the mother: open an issue there. Files that can be proposed: ${known.join(', ')}.`,
      data: { path, class: entry.class },
    },
  );
}

function refuseLeaks(leaks: readonly Leak[]): void {
  if (leaks.length === 0) return;
  const places = leaks.map(
    ({ kind, path, line, text }) => `${path}${line === 0 ? '' : `:${line}`}: ${kind}${kind === 'secret' ? ` (${text})` : ` "${text.slice(0, 80)}"`}`,
  );
  const may = leaks.filter(({ always }) => !always);
  const secret = leaks.some(({ kind }) => kind === 'secret');
  throw new BanyanError(
    secret ? 'secret_found' : 'forbidden',
    `What would leave names this child, its people or its domain, or looks like a secret:\n  ${places.join('\n  ')}`,
    {
      fix:
        may.length === leaks.length
          ? `Write it so that it holds for every child. What means nobody may be let through: ${[...new Set(may.map(({ text }) => `--allow ${JSON.stringify(text)}`))].join(' ')}`
          : 'Take it out of the file first: a secret, and {{...}} that the template would read as its own, never leave.',
      data: { leaks: leaks.map(({ kind, path, line, text, always }) => ({ kind, path, line, text, always })) },
    },
  );
}

/** Leaks that a person may let through; the caller asks, and calls again with what was allowed. */
export function leaksOf(error: unknown): Leak[] {
  const found = error instanceof BanyanError ? error.data['leaks'] : undefined;
  return Array.isArray(found) ? (found as Leak[]) : [];
}

/** Rendered again, the change must be what the child has, wherever nothing was left out. */
function verify(file: ProposedFile, ours: string, render: (text: string) => string): void {
  const again = render(file.after);
  if (file.leftOut.length > 0 || again.trimEnd() === ours.replaceAll('\r\n', '\n').trimEnd()) return;
  throw new BanyanError('internal', `${file.path}: the change cannot be told in the words of the template.`, {
    fix: 'Propose a smaller part of it, or open an issue at the mother by hand.',
    data: { path: file.path },
  });
}

function sha(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * What the mother would be told about these files.
 * @throws BanyanError `config_invalid` (seed, local), `nothing_changed`, `secret_found` or `forbidden` (it names the child; `leaksOf` tells what)
 */
export function makeProposal(input: ProposalInput): Proposal {
  const { book, template, identity } = input;
  const facts = { banyan: book.banyan };
  const rendered = renderTemplate(template, book.answers, facts);
  const values = placeholderValues(template, book.answers, facts);
  const common = commonWords(template);
  const search = {
    identity,
    common,
    mother: input.mother,
    placeholders: new Set([
      ...Object.keys(values.words).flatMap((word) => [`{{${word}}}`, `{{json:${word}}}`]),
      ...Object.keys(values.packages).map((name) => `{{version:${name}}}`),
    ]),
    allowed: input.allowed,
  };
  const ofDomain = domainWords(template, book.answers.domain);
  const searchIn = (origin: string) => ({ ...search, domain: origin.startsWith(`templates/domains/${book.answers.domain}/`) ? [] : ofDomain });
  const anonymise = anonymiser(identity, common);
  const leaks: Leak[] = input.title === undefined ? [] : findLeaks('--title', [{ line: 0, text: input.title }], { ...search, domain: [] });
  const unchanged: string[] = [];
  const files = [...input.files]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([path, ours]): ProposedFile[] => {
      const file = renderedFile(path, input, rendered);
      if (ours === null)
        throw new BanyanError('not_found', `There is no ${path} here: you deleted it.`, {
          fix: 'To say that the template should not have it, open an issue at the mother.',
          data: { path },
        });
      if (hashOf(ours) === hashOf(file.content)) return [];
      const before = originText(template, file.origin);
      const moved = transplant({ template: before, origin: file.origin, ours, values, anonymise });
      leaks.push(...findLeaks(path, moved.added, searchIn(file.origin)));
      const proposed = { origin: file.origin, path, before, after: moved.text, leftOut: moved.leftOut };
      if (moved.text.trimEnd() === before.trimEnd()) unchanged.push(...moved.leftOut.map(({ line, why }) => `${path}:${line}: ${why}`));
      return moved.text.trimEnd() === before.trimEnd() ? [] : [proposed];
    });
  refuseLeaks(leaks);
  for (const file of files) verify(file, input.files.get(file.path) ?? '', (text) => fillIn(text, file.origin, values));
  if (files.length === 0) {
    throw new BanyanError(
      'nothing_changed',
      `There is nothing to propose: ${unchanged.length > 0 ? `\n  ${unchanged.join('\n  ')}` : `${[...input.files.keys()].join(', ')}: as the template has it.`}`,
      {
        fix: 'Name a managed or merged file with an improvement that holds for every child.',
      },
    );
  }
  const origins = files.map(({ origin }) => origin);
  const patch = files.map(({ origin, before, after }) => patchOf(origin, before, after)).join('');
  const title = input.title ?? `template: improve ${origins.length > 2 ? `${origins.length} files` : origins.join(' and ')}`;
  return {
    title,
    version: template.version,
    domain: book.answers.domain,
    files,
    patch,
    key: sha(origins.join('\n')).slice(0, 16),
    hash: sha(patch).slice(0, 16),
  };
}
