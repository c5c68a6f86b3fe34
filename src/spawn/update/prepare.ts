import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import semver from 'semver';
import { BanyanError } from '../../kernel/errors.ts';
import { isOptional, type Answers, type OptionalQuestion } from '../answers.ts';
import { BOOK_PATH, createBook, parseBook, writeBook, type Book, type BookInput, type Conflicts } from '../book.ts';
import { commitOf } from '../git.ts';
import { renderTemplate, type RenderedFile } from '../render.ts';
import type { Template } from '../template.ts';
import { behindSince, carryMended, changesOfCarried, mendedFiles, withBehind, withCarried, type Mended } from './behind.ts';
import { readChildBook } from './child-book.ts';
import { changelogBetween, type ChangelogSection } from './changelog.ts';
import { runCodemods, type CodemodNote } from './codemods.ts';
import { asText, findMarkers, labelsOf } from './markers.ts';
import { givenFiles, isGiven, parentsOf, planUpdate, type Aside, type Change, type Notice, type Ours, type Plan } from './plan.ts';
import { followRenames } from './renames.ts';
import { specFor, withDependency, type Specs } from './spec.ts';
import { findOldRelease, withThisCode, type Located, type Place, type Release } from './target.ts';
import { readChildFile, readOurs } from './tree.ts';

/** A question that nobody answered. */
export interface OpenQuestion {
  question: OptionalQuestion;
  answer: unknown;
}

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
  /** Questions of the new template that took their default, with it. */
  questions: OpenQuestion[];
  changelog: ChangelogSection[];
  /** The text of the book afterwards. */
  book: string;
  /** How the child depends on the package afterwards, and before. */
  spec: string;
  oldSpec: string;
  /** What the template had before, by path. */
  base: ReadonlyMap<string, string>;
  /** What codemods have changed, of this update or of one that could not push it. */
  mended: ReadonlyMap<string, Mended>;
}

/** Of all that a rendering is made of. */
function digestOf(files: readonly RenderedFile[]): string {
  const hash = createHash('sha256');
  for (const { path, content, mode, class: kind } of files) hash.update(JSON.stringify([path, content, mode, kind]));
  return hash.digest('hex');
}

function refuseOlder(book: Book, template: Template): void {
  if (book.template !== template.name) {
    throw new BanyanError('conflict', `This child was made from the template "${book.template}", not from "${template.name}".`, {
      fix: 'Name a version of its own template: --to <path>',
    });
  }
  if (!semver.valid(book.version) || !semver.valid(template.version) || semver.gte(template.version, book.version)) return;
  throw new BanyanError('conflict', `This child is at ${book.version} already, which is newer than ${template.version}.`, {
    fix: 'Name a newer one: npx banyan update --to v<version>, or --to <tarball or checkout>',
    data: { child: book.version, target: template.version },
  });
}

const MANIFEST = 'package.json';

/**
 * How the child depends on us is set by the update itself, wherever that stands: `npm install` may have written it anew, and a person may have moved it.
 * So it is the same on all sides, and nothing to be merged.
 */
function withSpec(ours: Ours, specs: Specs): Ours {
  const entry = ours.entries.get(MANIFEST);
  if (entry?.kind !== 'file' || entry.text === null) return ours;
  return { ...ours, entries: new Map([...ours.entries, [MANIFEST, { ...entry, text: withDependency(entry.text, specs) }]]) };
}

function baseWithSpec(base: readonly RenderedFile[], specs: Specs): RenderedFile[] {
  return base.map((file) => (file.path === MANIFEST ? { ...file, content: withDependency(file.content, specs) } : file));
}

/** What is set so and nothing else has changed is a change, too. */
function specChange(ours: Ours, book: Book, changes: readonly Change[]): Change[] {
  const entry = ours.entries.get(MANIFEST);
  const kind = book.files[MANIFEST]?.class;
  if (entry?.kind !== 'file' || entry.text === null || kind === undefined || kind === 'local') return [];
  if (changes.some(({ path, from }) => path === MANIFEST || from === MANIFEST)) return [];
  return [{ path: MANIFEST, kind: 'updated', class: kind, content: entry.text, mode: entry.mode, conflicts: 0 }];
}

/** Conflicts that were left from the last time would be merged as if somebody had written them. */
function refuseLeftovers(ours: Ours, { files, conflicts }: Book): void {
  const left = [...ours.entries].flatMap(([path, entry]) =>
    entry.kind === 'file' && entry.text !== null && files[path]?.class !== 'local'
      ? findMarkers(path, entry.text, conflicts).map(({ line }) => ({ path, line }))
      : [],
  );
  const [first] = left;
  if (first === undefined) return;
  const places = left.map(({ path, line }) => `${path}:${line}`);
  throw new BanyanError('conflict', `Conflicts of an earlier update are left: ${places.slice(0, 6).join(', ')}${places.length > 6 ? ', ...' : ''}.`, {
    fix: `Choose between the sides, remove the markers, commit, then update again. ${asText(first.path)}`,
    data: { places: places.slice(0, 50) },
  });
}

/** What somebody has said of a file's text holds until the file is in conflict anew. */
function conflictsAfter({ conflicts = {} }: Book, files: readonly RenderedFile[], changes: readonly Change[]): Conflicts {
  const said = files.flatMap(({ path }) => (Object.hasOwn(conflicts, path) && conflicts[path] === false ? [[path, false] as const] : []));
  const left = changes.flatMap(({ path, conflicts: count, lookalikes }) =>
    count > 0 ? [[path, { count, ...(lookalikes === undefined ? {} : { lookalikes }) }] as const] : [],
  );
  return Object.fromEntries<Conflicts[string]>([...said, ...left]);
}

/** The package.json as it is on disk counts, whatever was put into the merge. */
function withoutNothing(root: string, changes: readonly Change[]): Change[] {
  return changes.filter(({ path, from, content, mode }) => {
    if (from !== undefined || content === null) return true;
    const now = readChildFile(root, path);
    return now === null || now.text !== content || now.mode !== mode;
  });
}

/**
 * The entries of the files: of one that was not written it stays what the child was given last, or that it was given nothing. What a person has called
 * local stays so, though the template has it no more.
 */
function entriesAfter(book: Book, next: Book, { local, unwritten }: Pick<Plan, 'local' | 'unwritten'>): Book['files'] {
  const entries = Object.entries(next.files).flatMap(([path, entry]) => {
    if (local.includes(path)) return [[path, { ...entry, class: 'local' as const }] as const];
    if (!unwritten.includes(path)) return [[path, entry] as const];
    const given = book.files[path];
    if (given === undefined) return [];
    return [[path, { ...given, class: entry.class, ...(entry.class === 'seed' ? {} : { older: true as const }) }] as const];
  });
  const kept = Object.entries(book.files).filter(([path, { class: kind }]) => kind === 'local' && next.files[path] === undefined);
  return Object.fromEntries([...kept, ...entries]);
}

/** What a person has set in the book stays. */
function bookAfter(book: Book, input: BookInput & Pick<Plan, 'changes' | 'local' | 'unwritten'>): string {
  const { conflicts: _solved, behind: _brought, ...kept } = book;
  const conflicts = conflictsAfter(book, input.files, input.changes);
  const next = createBook(input);
  return writeBook({ ...kept, ...next, files: entriesAfter(book, next, input), ...(Object.keys(conflicts).length === 0 ? {} : { conflicts }) });
}

/** What the book does not answer was asked by no version before. */
function openQuestions(root: string, book: Book): OptionalQuestion[] {
  const { answers = {} } = parseBook(readFileSync(join(root, BOOK_PATH), 'utf8')) as { answers?: Record<string, unknown> };
  return Object.keys(book.answers)
    .filter(isOptional)
    .filter((question) => !Object.hasOwn(answers, question));
}

/** What is known of an update without rendering anything. */
export function outlineOf({ folder, version }: Located, book: Book): Pick<Prepared, 'from' | 'to' | 'changelog'> {
  const path = join(folder, 'CHANGELOG.md');
  const changelog = existsSync(path) ? changelogBetween(readFileSync(path, 'utf8'), book.version, version) : [];
  return { from: book.version, to: version, changelog };
}

/** What a new template asks and the child has not answered. */
export interface NewQuestions {
  open: readonly OptionalQuestion[];
  known: Answers;
  template: Template;
}

export interface PrepareOptions {
  /** Run what the new version brings to mend the child's own code. */
  codemods: boolean;
  /** Called where an update waits whose questions are new; what it leaves out takes its default. */
  answer?(this: void, questions: NewQuestions): Promise<Partial<Answers>>;
}

/** Whether a file that an update left out can be written now, because what was in its way has left, or it is text again. */
function canCatchUp(root: string, book: Book, theirs: readonly RenderedFile[]): boolean {
  const paths = theirs.flatMap((file) => (file.class !== 'local' && !isGiven(file.path, book) ? [file.path] : []));
  const { entries, twins } = readOurs(root, paths);
  const isFree = (path: string) => !twins.has(path) && [path, ...parentsOf(path)].every((at) => !entries.has(at));
  const older = theirs.filter(({ path }) => book.files[path]?.older === true).map(({ path }) => path);
  return paths.some(isFree) || older.some((path) => readChildFile(root, path) !== null);
}

/** The new template from the answers, the new ones among them. */
async function renderAnswered(
  release: Release,
  child: { root: string; book: Book; spec: string },
  options: { waits(defaults: RenderedFile[]): boolean } & Pick<PrepareOptions, 'answer'>,
) {
  const { root, book, spec } = child;
  const { template } = release;
  const render = (answers: Answers) => withThisCode(release, () => renderTemplate(template, answers, { banyan: spec }));
  const defaults = render(book.answers);
  const waits = options.waits(defaults);
  const open = openQuestions(root, book);
  const given = waits && open.length > 0 ? ((await options.answer?.({ open, known: book.answers, template })) ?? {}) : {};
  const answers = { ...book.answers, ...given };
  const questions = open.flatMap((question) => (Object.hasOwn(given, question) ? [] : [{ question, answer: answers[question] }]));
  return { theirs: Object.keys(given).length === 0 ? defaults : render(answers), waits, answers, questions };
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
  const rendered = withThisCode(old, () => renderTemplate(old.template, book.answers, { banyan: book.banyan }));
  const carried = carryMended(root, book);
  const base = withBehind(rendered, root, book, carried);
  const [from, to] = [book.version, template.version];
  const { theirs, waits, answers, questions } = await renderAnswered(
    release,
    { root, book, spec },
    {
      ...options,
      waits: (defaults) =>
        from !== to || digestOf(base) !== digestOf(defaults) || carried.texts.size + carried.notices.length > 0 || canCatchUp(root, book, defaults),
    },
  );
  const specs = { spec, old: book.banyan };
  const given = baseWithSpec(givenFiles(base, book), specs);
  const since = new Map([...behindSince(root, book)].filter(([path]) => !carried.whole.has(path) || !rendered.some((file) => file.path === path)));
  const places = followRenames({ base: given, theirs, declared: template.manifest.renames, from, to, since });
  const read = readOurs(root, [...[...base, ...theirs].map(({ path }) => path), ...carried.texts.keys()]);
  refuseLeftovers(read, book);
  const ours = withCarried(withSpec(read, specs), carried);
  const plan = planUpdate({ base: given, theirs, ours, places, book, labels: labelsOf(from, to), since });
  const classes = new Map(theirs.map((file) => [file.path, file.class]));
  const planned = [...plan.changes, ...specChange(ours, book, plan.changes), ...changesOfCarried(carried, read, plan.changes, classes)];
  const mended = options.codemods
    ? await runCodemods(join(release.folder, 'codemods'), { root, changes: planned, classes }, { from, to, signal: place.commands.signal })
    : { changes: planned, notes: [] };
  const commit = release.source.kind === 'folder' ? await commitOf(release.folder, place.commands) : null;
  return {
    ...plan,
    ...outlineOf(release, book),
    notices: [...plan.notices, ...carried.notices],
    waits,
    changes: withoutNothing(root, mended.changes),
    codemods: mended.notes,
    questions,
    book: bookAfter(book, { template, commit, banyan: spec, answers, files: theirs, changes: mended.changes, local: plan.local, unwritten: plan.unwritten }),
    spec,
    oldSpec: book.banyan,
    base: new Map(base.map(({ path, content }) => [path, content])),
    mended: mendedFiles(planned, mended.changes, carried),
  };
}

export interface Conflict {
  path: string;
  count: number;
}

export function conflictsOf({ changes }: Pick<Prepared, 'changes'>): Conflict[] {
  return changes.flatMap(({ path, conflicts }) => (conflicts > 0 ? [{ path, count: conflicts }] : []));
}
