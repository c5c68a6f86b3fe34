import { hashOf, type Book } from '../book.ts';
import type { FileClass } from '../manifest.ts';
import type { RenderedFile } from '../render.ts';
import { mergeJson } from './merge-json.ts';
import { labelsOf, type Labels } from './markers.ts';
import { mergeText, type Merge, type Sides } from './merge-text.ts';
import { areAlike } from './renames.ts';

/** What stands at a path of the child. */
export type Entry =
  /** `text` is null for what is no text. */
  | { kind: 'file'; text: string | null; mode: number }
  /** With all files below. */
  | { kind: 'folder'; files: string[] }
  | { kind: 'other' };

/** The child as it is: whatever stands at the paths of either template and above them; and names that differ by capitals alone. */
export interface Ours {
  entries: ReadonlyMap<string, Entry>;
  /** By path of a template: what stands there under other capitals. */
  twins: ReadonlyMap<string, string>;
}

export interface Change {
  path: string;
  /** Where it was, when it moves. */
  from?: string;
  kind: 'added' | 'updated' | 'merged' | 'moved' | 'deleted' | 'codemod';
  class: FileClass;
  /** null: it is removed. */
  content: string | null;
  mode: number;
  conflicts: number;
  /** See `Merge`. */
  lookalikes?: string[];
}

/** What a person should know and nothing needs to be done about. */
export interface Notice {
  path: string;
  kind: 'deleted_by_you' | 'dropped_but_yours' | 'yours_is_there' | 'managed_edit_replaced' | 'in_the_way' | 'not_text' | 'mended_elsewhere';
  message: string;
}

/** The text of a managed file that a person edited, before it was replaced. */
export interface Aside {
  path: string;
  text: string;
  mode: number;
}

export interface Plan {
  changes: Change[];
  notices: Notice[];
  asides: Aside[];
  /** Paths of the new template at which the child has a file of its own: the book calls them local from now on. */
  local: string[];
  /** Paths of the new template whose text the child did not get: the book says of them what it said before. */
  unwritten: string[];
}

/** Whether the child has, or had, the template's file: not where something of its own was there first. */
export function isGiven(path: string, { files, behind }: Pick<Book, 'files' | 'behind'>): boolean {
  const entry = files[path];
  return entry === undefined ? behind?.[path] !== undefined : entry.class !== 'local';
}

/** What the child has of the old template. */
export function givenFiles(base: readonly RenderedFile[], book: Pick<Book, 'files' | 'behind'>): RenderedFile[] {
  return base.filter(({ path }) => isGiven(path, book));
}

export interface PlanInput {
  /** See `givenFiles`. */
  base: readonly RenderedFile[];
  theirs: readonly RenderedFile[];
  ours: Ours;
  /** Old path to new path. */
  places: ReadonlyMap<string, string>;
  book: Pick<Book, 'files'>;
  labels: Labels;
  /** Where the base of a file is of an older version than the others: which. */
  since?: ReadonlyMap<string, string>;
}

/** A file of the new template, with what it was and what the child has. */
interface Case {
  theirs: RenderedFile;
  base: RenderedFile | undefined;
  /** Where the child has it. */
  at: string;
  own: Entry | undefined;
}

class Planner {
  readonly plan: Plan = { changes: [], notices: [], asides: [], local: [], unwritten: [] };
  /** Paths of the old template whose file goes, whatever comes in its place. */
  readonly gone = new Set<string>();
  private readonly input: PlanInput;

  constructor(input: PlanInput) {
    this.input = input;
  }

  notice(kind: Notice['kind'], path: string, message: string): void {
    this.plan.notices.push({ kind, path, message });
  }

  /** The file stays what it is, and so does what the book says of it. */
  private leave({ theirs, at }: Case, kind: Notice['kind'], message: string): void {
    this.plan.unwritten.push(theirs.path);
    this.notice(kind, at, message);
  }

  private callLocal({ theirs }: Case): void {
    this.plan.local.push(theirs.path);
    this.notice('yours_is_there', theirs.path, `The template has its own ${theirs.path}; yours is local and stays as it is.`);
  }

  /** As the template rendered it, whether by the older code that wrote the book or by this one. */
  isUnedited(base: RenderedFile, text: string): boolean {
    const hash = hashOf(text);
    return hash === hashOf(base.content) || hash === this.input.book.files[base.path]?.sha256;
  }

  /** Whether the child was given this very text; a seed may be older than the template of the book. */
  private wasWritten({ path, content }: RenderedFile): boolean {
    return this.input.book.files[path]?.sha256 === hashOf(content);
  }

  private put(item: Case, kind: Change['kind'], result: Merge, mode: number): void {
    const { theirs, at, own } = item;
    const moved = at !== theirs.path;
    const text = own?.kind === 'file' ? own.text : null;
    if (!moved && text === result.text && own?.kind === 'file' && own.mode === mode) return;
    this.plan.changes.push({
      path: theirs.path,
      ...(moved ? { from: at } : {}),
      kind: moved && kind === 'updated' ? 'moved' : kind,
      class: theirs.class,
      content: result.text,
      mode,
      conflicts: result.conflicts,
      ...(result.lookalikes === undefined ? {} : { lookalikes: result.lookalikes }),
    });
  }

  /** Line ends of a checkout are the person's. */
  private fresh(item: Case): Merge {
    const turned = item.own?.kind === 'file' && item.own.text?.includes('\r\n') === true && !/[^\r]\n/.test(item.own.text);
    return { text: turned ? item.theirs.content.replaceAll('\n', '\r\n') : item.theirs.content, conflicts: 0 };
  }

  private merge(item: Case, text: string): Merge {
    // Where an update left it out, its text is of no known version: both sides are shown.
    const base = this.input.book.files[item.base?.path ?? '']?.older === true ? '' : (item.base?.content ?? '');
    const sides: Sides = { base, ours: text, theirs: item.theirs.content };
    const since = this.input.since?.get(item.base?.path ?? '');
    const labels = since === undefined ? this.input.labels : { ...this.input.labels, base: labelsOf(since, '').base };
    return item.theirs.path.endsWith('.json') ? mergeJson(sides, labels) : mergeText(sides, labels);
  }

  /** A file that the template did not have before. */
  private addFile(item: Case): void {
    const { theirs, own } = item;
    if (theirs.class === 'local') return;
    const twin = this.input.ours.twins.get(theirs.path);
    if (own === undefined && twin !== undefined) {
      this.leave(item, 'in_the_way', `${twin} is there, which is the same file where capitals do not count: not written.`);
    } else if (own === undefined || own.kind === 'folder') {
      // Whether there is room in place of a folder is seen when all is known that leaves it.
      this.put(item, 'added', { text: theirs.content, conflicts: 0 }, theirs.mode);
    } else if (this.isAdopted(item)) {
      // The person has made the same file.
    } else this.callLocal(item);
  }

  /** A file that is as the template's is the template's, unless the book says that it is not. */
  private isAdopted({ theirs, own }: Case): boolean {
    const same = own?.kind === 'file' && own.text !== null && hashOf(own.text) === hashOf(theirs.content);
    return same && this.input.book.files[theirs.path]?.class !== 'local';
  }

  private updateFile(item: Case, base: RenderedFile): void {
    const { theirs, at, own } = item;
    if (theirs.class === 'local' || base.class === 'local') return;
    if (own === undefined) {
      this.notice('deleted_by_you', at, `You deleted ${at}: it stays deleted.`);
      return;
    }
    if (own.kind !== 'file') {
      this.leave(item, 'in_the_way', `At ${at} stands no file: not updated.`);
      return;
    }
    if (theirs.class === 'seed') {
      this.keepSeed(item, base);
      return;
    }
    const turned = theirs.mode !== base.mode;
    const mode = turned ? theirs.mode : own.mode;
    if (own.text !== null && this.isUnedited(base, own.text)) {
      this.put(item, 'updated', hashOf(own.text) === hashOf(theirs.content) ? { text: own.text, conflicts: 0 } : this.fresh(item), mode);
    } else if (own.text === null) {
      this.leave(item, 'not_text', `${at} is no text any more: not updated.`);
    } else if (base.class === 'seed' && !this.wasWritten(base)) {
      // It was written from an older template than `base`: nothing is known that both sides began with.
      this.callLocal(item);
    } else if (theirs.class === 'managed') {
      this.replaceManaged(item, own.text, mode);
    } else this.put(item, 'merged', this.merge(item, own.text), mode);
  }

  /** Written once: its text is the person's. What was no seed before moves with its name, a seed stays where it is. */
  private keepSeed(item: Case, base: RenderedFile): void {
    const { theirs, at, own } = item;
    if (at === theirs.path) this.plan.unwritten.push(at);
    else if (base.class !== 'seed' && own?.kind === 'file' && own.text !== null) this.put(item, 'updated', { text: own.text, conflicts: 0 }, own.mode);
  }

  private replaceManaged(item: Case, text: string, mode: number): void {
    if (hashOf(text) !== hashOf(item.theirs.content)) {
      this.plan.asides.push({ path: item.at, text, mode });
      this.notice(
        'managed_edit_replaced',
        item.at,
        item.base?.class === 'managed'
          ? `${item.at} is managed by the template, and you edited it: replaced, yours is kept aside.`
          : `${item.at} is managed by the template from now on, and yours was there: replaced, yours is kept aside.`,
      );
    }
    this.put(item, 'updated', this.fresh(item), mode);
  }

  add(item: Case): void {
    if (item.base) this.updateFile(item, item.base);
    else this.addFile(item);
  }

  /** Whether a file may be deleted, since nobody has made it theirs. */
  isTemplates(base: RenderedFile): boolean {
    const own = this.input.ours.entries.get(base.path);
    return own?.kind === 'file' && own.text !== null && base.class !== 'seed' && base.class !== 'local' && this.isUnedited(base, own.text);
  }

  /** A file of the old template that the new one has nowhere, or at a place that is taken. */
  drop(base: RenderedFile): void {
    if (!this.input.ours.entries.has(base.path) || base.class === 'local') return;
    const refused = this.plan.local.includes(this.input.places.get(base.path) ?? '');
    if (this.isTemplates(base) && !refused) {
      this.gone.add(base.path);
      // Something else comes to its place.
      if (this.plan.changes.some(({ path }) => path === base.path)) return;
      this.plan.changes.push({ path: base.path, kind: 'deleted', class: base.class, content: null, mode: base.mode, conflicts: 0 });
    } else if (!this.plan.local.includes(base.path)) {
      this.notice('dropped_but_yours', base.path, `The template has no ${base.path} any more; yours stays, and is yours alone now.`);
    }
  }
}

/** Where the child has a file that the template moved; the person may have moved it before, or have something of their own at the new place. */
function movedCase(before: RenderedFile, next: RenderedFile, find: (path: string) => Entry | undefined): Pick<Case, 'base' | 'at'> {
  const stays = before.class === 'seed' && next.class === 'seed';
  const there = find(next.path);
  // Whether there is room in place of a folder is seen when all is known that leaves it.
  if (stays || there === undefined || there.kind === 'folder') return { base: before, at: before.path };
  const movedByHand = find(before.path) === undefined && there.kind === 'file' && there.text !== null && areAlike(before.content, there.text);
  return { base: movedByHand ? before : undefined, at: next.path };
}

/**
 * Pairs each file of the new template with what it was and what the child has.
 * @param leaving paths that the child's files leave: what stands there now is in nobody's way
 */
function casesOf({ base, theirs, ours, places }: PlanInput, leaving: ReadonlySet<string>): Case[] {
  const baseAt = new Map(base.flatMap((file) => (places.has(file.path) ? [[places.get(file.path), file] as const] : [])));
  const find = (path: string, before?: string) => (leaving.has(path) && path !== before ? undefined : ours.entries.get(path));
  return theirs.map((next) => {
    const before = baseAt.get(next.path);
    if (before === undefined || before.path === next.path) return { theirs: next, base: before, at: next.path, own: find(next.path, before?.path) };
    const { base: known, at } = movedCase(before, next, (path) => find(path, before.path));
    return { theirs: next, base: known, at, own: find(at, before.path) };
  });
}

/** The folders above a path, the outermost first. */
export function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Takes back what has no room: a file where a folder has to be, or a folder that is not empty where a file has to be. */
function makeRoom(plan: Plan, { entries }: Ours, staying: ReadonlySet<string>): Plan {
  const moved = plan.changes.flatMap(({ path, from, content }) => (content === null ? [path] : from === undefined ? [] : [from]));
  const leaving = new Set(moved.filter((path) => !staying.has(path)));
  const stays = (path: string) => {
    const entry = entries.get(path);
    return entry !== undefined && entry.kind !== 'folder' && !leaving.has(path);
  };
  const inTheWay = (path: string): string | undefined => {
    const above = parentsOf(path).find(stays);
    if (above !== undefined) return above;
    const entry = entries.get(path);
    if (entry?.kind === 'folder') return entry.files.find((file) => !leaving.has(file));
    return entry?.kind === 'other' ? path : undefined;
  };
  const kept: Change[] = [];
  const notices = [...plan.notices];
  const unwritten = [...plan.unwritten];
  for (const change of plan.changes) {
    const obstacle = change.content === null ? undefined : inTheWay(change.path);
    if (obstacle === undefined) {
      kept.push(change);
      continue;
    }
    unwritten.push(change.path);
    notices.push({ kind: 'in_the_way', path: change.path, message: `${obstacle} is in the way of ${change.path}: not written.` });
  }
  return { ...plan, changes: kept, notices, unwritten };
}

function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : Number(a.path > b.path);
}

interface Attempt {
  plan: Plan;
  /** Paths that were taken for left, and are not: nothing may come there. */
  stayed: string[];
}

function attempt(input: PlanInput, staying: ReadonlySet<string>): Attempt {
  const planner = new Planner(input);
  const moved = [...input.places].flatMap(([from, to]) => (from === to || staying.has(from) ? [] : [from]));
  const dropped = input.base.filter((file) => !input.places.has(file.path) && planner.isTemplates(file)).map(({ path }) => path);
  const cases = casesOf(input, new Set([...moved, ...dropped]));
  for (const item of cases) planner.add(item);
  const followed = new Set(cases.map(({ base }) => base?.path));
  for (const file of input.base) if (!followed.has(file.path)) planner.drop(file);
  const plan = makeRoom(planner.plan, input.ours, staying);
  const left = new Set([...planner.gone, ...plan.changes.flatMap(({ from }) => (from === undefined ? [] : [from]))]);
  const stayed = [...input.places].flatMap(([from, to]) => (from !== to && input.ours.entries.has(from) && !left.has(from) ? [from] : []));
  return { plan, stayed: stayed.filter((path) => !staying.has(path)) };
}

/** Decides what an update does, file by file. Pure: nothing is read or written. */
export function planUpdate(input: PlanInput): Plan {
  const staying = new Set<string>();
  for (;;) {
    // A file that cannot move keeps its old place, and so what was to come there may have to stay away: seen only when all is planned.
    const { plan, stayed } = attempt(input, staying);
    if (stayed.length === 0) return { ...plan, changes: plan.changes.toSorted(byPath), notices: plan.notices.toSorted(byPath) };
    for (const path of stayed) staying.add(path);
  }
}
