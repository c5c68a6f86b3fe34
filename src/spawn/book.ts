import { createHash } from 'node:crypto';
import { z } from 'zod';
import { BanyanError } from '../kernel/errors.ts';
import { answersSchema, type Answers } from './answers.ts';
import { REPOSITORY } from './hub.ts';
import { FILE_CLASSES, FORMAT, versionSchema } from './manifest.ts';
import { isPackageSpec } from './package.ts';
import { childPath } from './paths.ts';
import type { RenderedFile } from './render.ts';
import type { Template } from './template.ts';

/** Where a child keeps what it was made from. */
export const BOOK_PATH = '.banyan/template.json';

const fileSchema = z.looseObject({
  class: z.enum(FILE_CLASSES),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** An update has left it out, since it was no text then: it is of an older version. */
  older: z.literal(true).optional(),
});

/** Of a file in which an update has left conflicts; false: somebody says that what looks like markers is its text. */
const conflictSchema = z.union([
  z.literal(false),
  z.looseObject({
    count: z.number().int().positive(),
    /** Lines that look like markers, and that the text has of its own. */
    lookalikes: z.array(z.string()).optional(),
  }),
]);

/** Characters of a text that the book keeps of what is behind. */
export const MOST_BEHIND = 200_000;
const behindText = z.string().max(MOST_BEHIND).nullable();

/** Of a file that an update could not push: the template's text of before, and the hash of its new one; null where there was, or is, none. */
const behindSchema = z.looseObject({
  text: behindText,
  sha256: fileSchema.shape.sha256.nullable(),
  /** The version that the file is at. */
  version: versionSchema.optional(),
  /** Where a codemod has mended it: a text before and after; null where there was, or was to be, none. `apart`: the template's change is not in it. */
  mended: z.looseObject({ from: behindText, to: behindText, apart: z.literal(true).optional() }).optional(),
});

/** What a later version of the same format has added is kept as it stands. */
export const bookSchema = z.looseObject({
  format: z.literal(FORMAT),
  template: z.string().min(1),
  version: versionSchema,
  /** The commit of the mother, where it was rendered from a checkout. */
  commit: z.union([z.string().regex(/^[0-9a-f]{40,64}$/), z.null()]),
  /** How the child depends on the package. */
  banyan: z.string().refine(isPackageSpec, 'must be a version, a range, file:vendor/<name>.tgz, or an address with https'),
  answers: answersSchema.loose(),
  /** Of each file of the template as it was rendered, before anybody edited it. */
  files: z.record(z.string(), fileSchema),
  /** false: left out of the mother's fleet view. */
  fleet: z.boolean().optional(),
  /** true: updates to a new major version need no yes. */
  majors: z.boolean().optional(),
  /** Versions whose pull request was closed unmerged. */
  refused: z.array(z.string()).optional(),
  /** By path, what the last update left: there, every line counts that can be a marker. */
  conflicts: z.record(z.string(), conflictSchema).optional(),
  /** Workflows that are older than the version above says. */
  behind: z.record(z.string().startsWith('.github/workflows/'), behindSchema).optional(),
  /** Where improvements go back to: `owner/repository`. */
  mother: z.string().regex(REPOSITORY, 'must be owner/repository').optional(),
});

export type Book = z.infer<typeof bookSchema>;
export type Conflicts = NonNullable<Book['conflicts']>;
export type Behind = NonNullable<Book['behind']>[string];

/** Line ends do not count: git may turn them in a checkout. */
export function hashOf(content: string): string {
  return createHash('sha256').update(content.replaceAll('\r\n', '\n')).digest('hex');
}

export interface BookInput {
  template: Pick<Template, 'name' | 'version'>;
  commit: string | null;
  banyan: string;
  answers: Answers;
  files: readonly RenderedFile[];
}

export function createBook({ template, commit, banyan, answers, files }: BookInput): Book {
  const entries = files.map((file) => [file.path, { class: file.class, sha256: hashOf(file.content) }] as const);
  return { format: FORMAT, template: template.name, version: template.version, commit, banyan, answers, files: Object.fromEntries(entries) };
}

function sorted(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Hashes that a managed file may have: what it was given, or what was to be applied by hand. */
export function givenHashes({ files, behind }: Pick<Book, 'files' | 'behind'>, path: string): ReadonlySet<string | undefined> {
  return new Set([files[path]?.sha256, behind?.[path]?.sha256].filter((hash) => typeof hash === 'string'));
}

/** What a later version has written into the book, and this one does not know. */
export function unknownFields(book: Book): string[] {
  const unknown = (value: object, known: object, prefix: string) => Object.keys(value).flatMap((key) => (Object.hasOwn(known, key) ? [] : [prefix + key]));
  return [...unknown(book, bookSchema.shape, ''), ...unknown(book.answers, answersSchema.shape, 'answers.')];
}

/** The text of the file; the same book gives the same bytes, whatever the order of its fields. */
export function writeBook(book: Book): string {
  const { format, template, version, commit, banyan, answers, fleet, mother, majors, refused, conflicts, behind, files: entries, ...later } = book;
  const { name, domain, agents, owner, description, schedule, effort, ...laterAnswers } = answers;
  const files = Object.fromEntries(
    Object.entries(entries)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, { class: kind, sha256, ...rest }]) => [path, { class: kind, sha256, ...sorted(rest) }]),
  );
  const stable = {
    format,
    template,
    version,
    commit,
    banyan,
    answers: { name, domain, agents, owner, description, schedule, effort, ...sorted(laterAnswers) },
    ...(fleet === undefined ? {} : { fleet }),
    ...(mother === undefined ? {} : { mother }),
    ...(majors === undefined ? {} : { majors }),
    ...(refused === undefined ? {} : { refused }),
    ...(conflicts === undefined ? {} : { conflicts: sorted(conflicts) }),
    ...(behind === undefined ? {} : { behind: sorted(behind) }),
    ...sorted(later),
    files,
  };
  return `${JSON.stringify(stable, null, 2)}\n`;
}

function broken(problem: string, cause?: unknown): BanyanError {
  return new BanyanError('config_invalid', `${BOOK_PATH}: ${problem}`, {
    fix: `Where a newer version has just written it, npm install brings that version. Else see what was changed (git diff -- ${BOOK_PATH}), and mend that.`,
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * The book as it stands in the file, without what is added where it says nothing.
 * @throws BanyanError `config_invalid`
 */
export function parseBook(text: string): unknown {
  try {
    // Editors of some systems put a byte order mark in front.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw broken('is not JSON.', cause);
  }
}

/**
 * @param text of the file; null where it does not exist
 * @throws BanyanError `not_found` (no child of Banyan), `config_invalid` (a broken or a newer book)
 */
export function readBook(text: string | null): Book {
  if (text === null) {
    throw new BanyanError('not_found', `There is no ${BOOK_PATH}: this folder is no child of Banyan.`, {
      fix: 'Go to the folder of a child, or make one: npx banyan spawn <name>',
    });
  }
  const value = parseBook(text);
  const format = z.object({ format: z.number() }).safeParse(value);
  if (format.success && format.data.format > FORMAT) {
    throw new BanyanError('config_invalid', `${BOOK_PATH}: format ${format.data.format} is newer than this banyan.`, {
      fix: 'Use the version that wrote it, or a newer one.',
    });
  }
  const result = bookSchema.safeParse(value);
  if (!result.success) throw broken(`${result.error.issues.map((issue) => `${issue.path.join('.') || '(file)'}: ${issue.message}`).join('; ')}.`);
  for (const path of [...Object.keys(result.data.files), ...Object.keys(result.data.behind ?? {})]) childPath(path);
  return result.data;
}
