import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import semver from 'semver';
import { BanyanError } from '../../kernel/errors.ts';
import { BOOK_PATH, createBook, readBook, writeBook, type Book } from '../book.ts';
import { commitOf } from '../git.ts';
import { renderTemplate, type RenderedFile } from '../render.ts';
import type { Template } from '../template.ts';
import { changelogBetween, type ChangelogSection } from './changelog.ts';
import { runCodemods, type CodemodNote } from './codemods.ts';
import { Draft } from './draft.ts';
import { findMarkers } from './merge-text.ts';
import { planUpdate, type Aside, type Change, type Notice, type Ours } from './plan.ts';
import { followRenames } from './renames.ts';
import { findOldRelease, vendored, withThisCode, type Located, type Place, type Release } from './target.ts';
import { readChildFile, readOurs } from './tree.ts';

/** What an update would do, decided and not written. */
export interface Prepared {
  from: string;
  to: string;
  /** Whether there is anything to do at all. */
  waits: boolean;
  changes: Change[];
  notices: Notice[];
  asides: Aside[];
  codemods: CodemodNote[];
  /** Questions of the new template that took their default. */
  questions: string[];
  changelog: ChangelogSection[];
  /** The text of the book afterwards. */
  book: string;
  /** How the child depends on the package afterwards, and before. */
  spec: string;
  oldSpec: string;
}

/** @throws BanyanError `not_found` where the folder is no child */
export function readChildBook(root: string): Book {
  const path = join(root, BOOK_PATH);
  return readBook(existsSync(path) ? readFileSync(path, 'utf8') : null);
}

/** Of all that a rendering is made of. */
function digestOf(files: readonly RenderedFile[]): string {
  const hash = createHash('sha256');
  for (const { path, content, mode, class: kind } of files) hash.update(JSON.stringify([path, content, mode, kind]));
  return hash.digest('hex');
}

/** A child that took its package from a registry goes on so; else the package lies in it. */
function specFor(book: Book, { template, published, source }: Release): string {
  if (vendored(book.banyan) === null && published) return template.version;
  const given =
    source.kind === 'tarball'
      ? source.path
          .split(/[\\/]/)
          .at(-1)
          ?.replaceAll(/[^\w.-]/g, '-')
      : undefined;
  return `file:vendor/${given ?? `banyan-${template.version}.tgz`}`;
}

function refuseOlder(book: Book, template: Template): void {
  if (book.template !== template.name) {
    throw new BanyanError('conflict', `This child was made from the template "${book.template}", not from "${template.name}".`, {
      fix: 'Name a version of its own template: --to <path>',
    });
  }
  if (!semver.valid(book.version) || !semver.valid(template.version) || semver.gte(template.version, book.version)) return;
  throw new BanyanError('conflict', `This child is at ${book.version} already, which is newer than ${template.version}.`, {
    fix: 'Run a newer banyan: npx banyan@latest update, or name one with --to.',
    data: { child: book.version, target: template.version },
  });
}

/** `npm install` may have changed how the child depends on us: an update sets that itself, so it is no edit to be merged. */
function withSpec(ours: Ours, spec: string): Ours {
  const entry = ours.entries.get('package.json');
  if (entry?.kind !== 'file' || entry.text === null) return ours;
  const text = entry.text.replace(/("banyan"\s*:\s*)"(?:[^"\\]|\\.)*"/, (_whole, key: string) => `${key}${JSON.stringify(spec)}`);
  return { ...ours, entries: new Map([...ours.entries, ['package.json', { ...entry, text }]]) };
}

/** Conflicts that were left from the last time would be merged as if somebody had written them. */
function refuseLeftovers(ours: Ours): void {
  const left = [...ours.entries].flatMap(([path, entry]) =>
    entry.kind === 'file' && entry.text !== null ? findMarkers(entry.text).map(({ line }) => `${path}:${line}`) : [],
  );
  if (left.length === 0) return;
  throw new BanyanError('conflict', `Conflicts of an earlier update are left: ${left.slice(0, 6).join(', ')}${left.length > 6 ? ', ...' : ''}.`, {
    fix: 'Choose between the sides, remove the markers, commit, then update again.',
    data: { places: left.slice(0, 50) },
  });
}

/** The package.json as it is on disk counts, whatever was put into the merge. */
function withoutNothing(root: string, changes: readonly Change[]): Change[] {
  return changes.filter(({ path, from, content, mode }) => {
    if (from !== undefined || content === null) return true;
    const now = readChildFile(root, path);
    return now === null || now.text !== content || now.mode !== mode;
  });
}

/** What a person has set in the book stays. */
function bookAfter(book: Book, input: { template: Template; commit: string | null; spec: string; files: readonly RenderedFile[] }): string {
  const { template, commit, spec, files } = input;
  return writeBook({ ...book, ...createBook({ template, commit, banyan: spec, answers: book.answers, files }) });
}

function newQuestions(root: string, book: Book): string[] {
  const { answers = {} } = JSON.parse(readFileSync(join(root, BOOK_PATH), 'utf8')) as { answers?: Record<string, unknown> };
  return Object.keys(book.answers).filter((question) => !Object.hasOwn(answers, question));
}

/** What is known of an update without rendering anything. */
export function outlineOf({ folder, version }: Located, book: Book): Pick<Prepared, 'from' | 'to' | 'changelog'> {
  const path = join(folder, 'CHANGELOG.md');
  const changelog = existsSync(path) ? changelogBetween(readFileSync(path, 'utf8'), book.version, version) : [];
  return { from: book.version, to: version, changelog };
}

export interface PrepareOptions {
  /** Run what the new version brings to mend the child's own code. */
  codemods: boolean;
}

/**
 * Renders both templates from the recorded answers, and decides. Reads only.
 * @throws BanyanError `not_found` (no child, no old template), `conflict` (a newer child, conflicts left)
 */
export async function prepareUpdate(release: Release, place: Place, options: PrepareOptions): Promise<Prepared> {
  const { root } = place;
  const book = readChildBook(root);
  const { template } = release;
  refuseOlder(book, template);
  const old = await findOldRelease(book, place);
  const spec = specFor(book, release);
  const base = withThisCode(old, () => renderTemplate(old.template, book.answers, { banyan: book.banyan }));
  const theirs = withThisCode(release, () => renderTemplate(template, book.answers, { banyan: spec }));
  const [from, to] = [book.version, template.version];
  const labels = { ours: 'your child', base: `template v${from}`, theirs: `template v${to}` };
  const places = followRenames({ base, theirs, declared: template.manifest.renames, from, to });
  const read = readOurs(
    root,
    [...base, ...theirs].map(({ path }) => path),
  );
  refuseLeftovers(read);
  const plan = planUpdate({ base, theirs, ours: withSpec(read, book.banyan), places, book, labels });
  const draft = new Draft(root, plan.changes, new Map(theirs.map((file) => [file.path, file.class])));
  const codemods = options.codemods ? await runCodemods(join(release.folder, 'codemods'), draft, { from, to }) : [];
  const commit = release.source.kind === 'folder' ? await commitOf(release.folder, place.commands) : null;
  return {
    ...plan,
    ...outlineOf(release, book),
    waits: from !== to || digestOf(base) !== digestOf(theirs),
    changes: withoutNothing(root, draft.changes),
    codemods,
    questions: newQuestions(root, book),
    book: bookAfter(book, { template, commit, spec, files: theirs }),
    spec,
    oldSpec: book.banyan,
  };
}

export interface Conflict {
  path: string;
  count: number;
}

export function conflictsOf({ changes }: Pick<Prepared, 'changes'>): Conflict[] {
  return changes.flatMap(({ path, conflicts }) => (conflicts > 0 ? [{ path, count: conflicts }] : []));
}
