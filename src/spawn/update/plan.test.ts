import { describe, expect, it } from 'vitest';
import { hashOf } from '../book.ts';
import type { FileClass } from '../manifest.ts';
import type { RenderedFile } from '../render.ts';
import { givenFiles, planUpdate, type Entry, type Plan } from './plan.ts';
import { followRenames } from './renames.ts';

const LABELS = { ours: 'your child', base: 'template v1.0.0', theirs: 'template v2.0.0' };
const OLD = 'one\ntwo\nthree\nfour\nfive\n';
const NEW = 'one\ntwo\nthree\nfour\nFIVE\n';
const EDIT = 'ONE\ntwo\nthree\nfour\nfive\n';
const BOTH = 'ONE\ntwo\nthree\nfour\nFIVE\n';
const CLASH = 'one\ntwo\nthree\nfour\nmine\n';

function rendered(files: Record<string, string>, kind: FileClass, mode = 0o644): RenderedFile[] {
  return Object.entries(files).map(([path, content]) => ({ path, content, mode, class: kind, origin: path }));
}

interface Scene {
  base?: RenderedFile[];
  theirs?: RenderedFile[];
  ours?: Record<string, string | Entry>;
  renames?: { from: string; to: string; version: string }[];
  twins?: Record<string, string>;
  /** Paths that the book calls local. */
  local?: string[];
  /** What the child was given, where that is older than `base`; null: the book has no such file. */
  given?: Record<string, string | null>;
}

function plan({ base: rendering = [], theirs = [], ours = {}, renames = [], twins = {}, local = [], given = {} }: Scene): Plan {
  const entries = Object.entries(ours).map(([path, entry]): [string, Entry] => [
    path,
    typeof entry === 'string' ? { kind: 'file', text: entry, mode: 0o644 } : entry,
  ]);
  const files = Object.fromEntries(
    rendering.flatMap(({ path, class: kind, content }) => {
      const text = given[path] === undefined ? content : given[path];
      return text === null ? [] : [[path, { class: local.includes(path) ? ('local' as const) : kind, sha256: hashOf(text) }]];
    }),
  );
  const base = givenFiles(rendering, { files });
  const places = followRenames({ base, theirs, declared: renames, from: '1.0.0', to: '2.0.0' });
  return planUpdate({ base, theirs, ours: { entries: new Map(entries), twins: new Map(Object.entries(twins)) }, places, book: { files }, labels: LABELS });
}

const summary = ({ changes, notices }: Plan) => ({
  changes: changes.map(({ kind, path, from, conflicts }) => [kind, from ?? '', path, conflicts].join(' ')),
  notices: notices.map(({ kind, path }) => `${kind} ${path}`),
});

describe('each class, when the template changes a file', () => {
  it.each<[FileClass, string, string | undefined, string[], string[]]>([
    ['managed', 'unedited', OLD, ['updated  f 0'], []],
    ['managed', 'edited', EDIT, ['updated  f 0'], ['managed_edit_replaced f']],
    ['managed', 'edited to the same', NEW, [], []],
    ['managed', 'deleted', undefined, [], ['deleted_by_you f']],
    ['merged', 'unedited', OLD, ['updated  f 0'], []],
    ['merged', 'unedited, with other line ends', OLD.replaceAll('\n', '\r\n'), ['updated  f 0'], []],
    ['merged', 'edited elsewhere', EDIT, ['merged  f 0'], []],
    ['merged', 'edited in the same place', CLASH, ['merged  f 1'], []],
    ['merged', 'edited to the same', NEW, [], []],
    ['merged', 'deleted', undefined, [], ['deleted_by_you f']],
    ['seed', 'unedited', OLD, [], []],
    ['seed', 'edited', EDIT, [], []],
    ['seed', 'deleted', undefined, [], ['deleted_by_you f']],
    ['local', 'edited', EDIT, [], []],
    ['local', 'deleted', undefined, [], []],
  ])('%s, %s', (kind, _what, own, changes, notices) => {
    const ours: Record<string, string> = own === undefined ? {} : { f: own };
    expect(summary(plan({ base: rendered({ f: OLD }, kind), theirs: rendered({ f: NEW }, kind), ours }))).toEqual({ changes, notices });
  });

  it('writes both edits, and turns the line ends of the new text', () => {
    const scene = (own: string) => plan({ base: rendered({ f: OLD }, 'merged'), theirs: rendered({ f: NEW }, 'merged'), ours: { f: own } }).changes[0]?.content;
    expect(scene(EDIT)).toBe(BOTH);
    expect(scene(OLD.replaceAll('\n', '\r\n'))).toBe(NEW.replaceAll('\n', '\r\n'));
  });

  it('keeps aside what somebody wrote into a managed file', () => {
    const { asides, changes } = plan({ base: rendered({ f: OLD }, 'managed'), theirs: rendered({ f: NEW }, 'managed'), ours: { f: EDIT } });
    expect(asides).toEqual([{ path: 'f', text: EDIT, mode: 0o644 }]);
    expect(changes[0]?.content).toBe(NEW);
  });

  it('leaves alone what is no text any more', () => {
    const scene = plan({
      base: rendered({ f: OLD }, 'merged'),
      theirs: rendered({ f: NEW }, 'merged'),
      ours: { f: { kind: 'file', text: null, mode: 0o644 } },
    });
    expect(summary(scene)).toEqual({ changes: [], notices: ['not_text f'] });
  });

  it.each<[FileClass, FileClass, string, string[], string[]]>([
    ['merged', 'managed', EDIT, ['updated  f 0'], ['managed_edit_replaced f']],
    ['managed', 'merged', EDIT, ['merged  f 0'], []],
    ['merged', 'seed', EDIT, [], []],
    ['local', 'managed', EDIT, [], ['yours_is_there f']],
  ])('from %s to %s', (before, after, own, changes, notices) => {
    expect(summary(plan({ base: rendered({ f: OLD }, before), theirs: rendered({ f: NEW }, after), ours: { f: own } }))).toEqual({ changes, notices });
  });

  it.each<[string, FileClass, string, string, string[], string[]]>([
    ['unedited', 'merged', OLD, OLD, ['updated  f 0'], []],
    ['unedited', 'managed', OLD, OLD, ['updated  f 0'], []],
    ['unedited, of an older template', 'merged', 'first\n', 'first\n', ['updated  f 0'], []],
    ['unedited, of an older template', 'managed', 'first\n', 'first\n', ['updated  f 0'], []],
    ['edited', 'merged', OLD, EDIT, ['merged  f 0'], []],
    ['edited, of an older template', 'merged', 'first\n', 'first\nmine\n', [], ['yours_is_there f']],
    ['edited, of an older template', 'managed', 'first\n', 'first\nmine\n', [], ['yours_is_there f']],
  ])('from a seed that is %s to %s', (_what, after, first, own, changes, notices) => {
    const scene = plan({ base: rendered({ f: OLD }, 'seed'), theirs: rendered({ f: NEW }, after), ours: { f: own }, given: { f: first } });
    expect(summary(scene)).toEqual({ changes, notices });
  });

  it('says of what it did not write that the child was given what it was given before', () => {
    const next = rendered({ f: NEW }, 'seed');
    expect(plan({ base: rendered({ f: OLD }, 'seed'), theirs: next, ours: { f: OLD } }).unwritten).toEqual(['f']);
    expect(plan({ base: rendered({ f: OLD }, 'seed'), theirs: next }).unwritten).toEqual([]);
    expect(plan({ theirs: next }).unwritten).toEqual([]);
    for (const own of [{ kind: 'other' as const }, { kind: 'file' as const, text: null, mode: 0o644 }]) {
      expect(plan({ base: rendered({ f: OLD }, 'managed'), theirs: rendered({ f: NEW }, 'managed'), ours: { f: own } }).unwritten).toEqual(['f']);
    }
  });

  it("takes the template's change of the mode, else keeps the child's", () => {
    const [base, theirs] = [rendered({ f: OLD }, 'merged'), rendered({ f: OLD }, 'merged', 0o755)];
    expect(plan({ base, theirs, ours: { f: EDIT } }).changes[0]).toMatchObject({ mode: 0o755, content: EDIT });
    const own: Entry = { kind: 'file', text: OLD, mode: 0o755 };
    expect(plan({ base, theirs: rendered({ f: NEW }, 'merged'), ours: { f: own } }).changes[0]?.mode).toBe(0o755);
  });
});

describe('files that the template drops or brings', () => {
  it.each<[FileClass, string | undefined, string[], string[]]>([
    ['managed', OLD, ['deleted  f 0'], []],
    ['merged', OLD, ['deleted  f 0'], []],
    ['merged', EDIT, [], ['dropped_but_yours f']],
    ['managed', EDIT, [], ['dropped_but_yours f']],
    ['seed', OLD, [], ['dropped_but_yours f']],
    ['merged', undefined, [], []],
    ['local', EDIT, [], []],
  ])('dropped: %s %j', (kind, own, changes, notices) => {
    const ours: Record<string, string> = own === undefined ? {} : { f: own };
    expect(summary(plan({ base: rendered({ f: OLD }, kind), ours }))).toEqual({ changes, notices });
  });

  it.each<[FileClass, string | undefined, string[], string[]]>([
    ['managed', undefined, ['added  f 0'], []],
    ['merged', undefined, ['added  f 0'], []],
    ['seed', undefined, ['added  f 0'], []],
    ['local', undefined, [], []],
    ['merged', 'mine\n', [], ['yours_is_there f']],
    ['managed', 'mine\n', [], ['yours_is_there f']],
    ['managed', NEW, [], []],
    ['seed', 'mine\n', [], ['yours_is_there f']],
    ['merged', NEW, [], []],
  ])('new: %s %j', (kind, own, changes, notices) => {
    const ours: Record<string, string> = own === undefined ? {} : { f: own };
    expect(summary(plan({ theirs: rendered({ f: NEW }, kind), ours }))).toEqual({ changes, notices });
  });

  it.each<Entry>([{ kind: 'file', text: 'mine\n', mode: 0o600 }, { kind: 'file', text: null, mode: 0o644 }, { kind: 'other' }])(
    'calls local what was there first: %j',
    (own) => {
      for (const kind of ['managed', 'merged', 'seed'] as const) {
        expect(plan({ theirs: rendered({ f: NEW }, kind), ours: { f: own } })).toMatchObject({ local: ['f'], changes: [], asides: [] });
      }
    },
  );

  it('leaves alone, from then on, what the book calls local, whatever the template does with its own', () => {
    const [base, local] = [rendered({ f: OLD }, 'managed'), ['f']];
    for (const kind of ['managed', 'merged', 'seed'] as const) {
      const next = plan({ base, theirs: rendered({ f: NEW }, kind), ours: { f: EDIT }, local });
      expect([summary(next), next.local]).toEqual([{ changes: [], notices: ['yours_is_there f'] }, ['f']]);
    }
    expect(plan({ base, theirs: rendered({ f: NEW }, 'managed'), ours: { f: NEW }, local })).toMatchObject({ local: ['f'], changes: [] });
    expect(summary(plan({ base, ours: { f: OLD }, local }))).toEqual({ changes: [], notices: [] });
  });

  it('brings its own once yours has left the place', () => {
    const scene = plan({ base: rendered({ f: OLD }, 'managed'), theirs: rendered({ f: NEW }, 'managed'), ours: {}, local: ['f'] });
    expect([summary(scene).changes, scene.local]).toEqual([['added  f 0'], []]);
  });

  it('lets a managed file that was edited, went and is back stay the one that was said to be yours', () => {
    const [first, back] = [rendered({ f: OLD }, 'managed'), rendered({ f: NEW }, 'managed')];
    expect(summary(plan({ base: first, ours: { f: EDIT } }))).toEqual({ changes: [], notices: ['dropped_but_yours f'] });
    expect(summary(plan({ theirs: back, ours: { f: EDIT } }))).toEqual({ changes: [], notices: ['yours_is_there f'] });
  });

  it('writes no second file that differs by capitals alone', () => {
    expect(summary(plan({ theirs: rendered({ 'A.md': NEW }, 'merged'), twins: { 'A.md': 'a.md' } }))).toEqual({ changes: [], notices: ['in_the_way A.md'] });
  });

  it('lets a file become a folder, and a folder a file', () => {
    const toFolder = plan({ base: rendered({ docs: OLD }, 'merged'), theirs: rendered({ 'docs/a': 'other\n' }, 'merged'), ours: { docs: OLD } });
    expect(summary(toFolder).changes).toEqual(['deleted  docs 0', 'added  docs/a 0']);
    const ours = { 'docs/a': OLD, docs: { kind: 'folder' as const, files: ['docs/a'] } };
    const toFile = plan({ base: rendered({ 'docs/a': OLD }, 'merged'), theirs: rendered({ docs: 'other\n' }, 'merged'), ours });
    expect(summary(toFile).changes).toEqual(['added  docs 0', 'deleted  docs/a 0']);
  });

  it("lets nothing of the person's own go for that", () => {
    const inFolder = plan({ theirs: rendered({ docs: NEW }, 'merged'), ours: { docs: { kind: 'folder', files: ['docs/mine'] } } });
    expect(summary(inFolder)).toEqual({ changes: [], notices: ['in_the_way docs'] });
    const above = plan({ theirs: rendered({ 'docs/a': NEW }, 'managed'), ours: { docs: 'mine\n' } });
    expect(summary(above)).toEqual({ changes: [], notices: ['in_the_way docs/a'] });
    const link = plan({ theirs: rendered({ 'docs/a': NEW }, 'managed'), ours: { docs: { kind: 'other' } } });
    expect(summary(link)).toEqual({ changes: [], notices: ['in_the_way docs/a'] });
    expect([inFolder.unwritten, above.unwritten, link.unwritten]).toEqual([['docs'], ['docs/a'], ['docs/a']]);
  });

  it('writes what was in the way once the way is free', () => {
    const scene = plan({ base: rendered({ 'docs/a': OLD }, 'managed'), theirs: rendered({ 'docs/a': NEW }, 'managed'), given: { 'docs/a': null } });
    expect(summary(scene)).toEqual({ changes: ['added  docs/a 0'], notices: [] });
  });
});

describe('renames', () => {
  const renames = [{ from: 'a', to: 'b', version: '1.5.0' }];
  const [base, theirs] = [rendered({ a: OLD }, 'merged'), rendered({ b: NEW }, 'merged')];

  it.each([
    ['declared, unedited', { a: OLD }, ['moved a b 0'], []],
    ['declared, edited', { a: EDIT }, ['merged a b 0'], []],
    ['declared, deleted', {}, [], ['deleted_by_you a']],
    ['moved by the person already', { b: EDIT }, ['merged  b 0'], []],
    ["the new place has a file of the person's own", { a: EDIT, b: 'mine\n' }, [], ['dropped_but_yours a', 'yours_is_there b']],
    ['the old one is unedited then', { a: OLD, b: 'mine\n' }, [], ['dropped_but_yours a', 'yours_is_there b']],
    ['the old one is deleted then', { b: 'mine\n' }, [], ['yours_is_there b']],
    ['the new place has the same file already', { a: OLD, b: NEW }, ['deleted  a 0'], []],
  ])('%s', (_what, ours, changes, notices) => {
    expect(summary(plan({ base, theirs, ours, renames }))).toEqual({ changes, notices });
  });

  it('carries local edits along', () => {
    expect(plan({ base, theirs, ours: { a: EDIT }, renames }).changes[0]).toMatchObject({ from: 'a', path: 'b', content: BOTH });
    expect(plan({ base, theirs, ours: { a: EDIT } }).changes[0]).toMatchObject({ from: 'a', path: 'b', content: BOTH });
  });

  it('follows several in a row, and two that swap their names', () => {
    const row = [...renames, { from: 'b', to: 'c', version: '1.7.0' }];
    expect(summary(plan({ base, theirs: rendered({ c: NEW }, 'merged'), ours: { a: EDIT }, renames: row })).changes).toEqual(['merged a c 0']);
    const swap = [...renames, { from: 'b', to: 'a', version: '1.5.0' }];
    const both = rendered({ a: OLD, b: 'else\n' }, 'merged');
    const turned = plan({ base: both, theirs: rendered({ a: 'else\n', b: OLD }, 'merged'), ours: { a: EDIT, b: 'else\nmine\n' }, renames: swap });
    expect(turned.changes.map(({ path, from, content }) => [path, from, content])).toEqual([
      ['a', 'b', 'else\nmine\n'],
      ['b', 'a', EDIT],
    ]);
  });

  it('brings the new place where the book calls the old one local', () => {
    const scene = plan({ base, theirs, ours: { a: EDIT }, renames, local: ['a'] });
    expect(summary(scene)).toEqual({ changes: ['added  b 0'], notices: [] });
  });

  describe('a file that cannot move keeps its place, whatever was to come there', () => {
    const fresh = { a: 'something new\n' };
    const scene = (kind: FileClass, after: Record<string, string>, ours: Record<string, string | Entry>, more = renames) =>
      plan({ base: rendered({ a: OLD }, kind), theirs: rendered(after, kind), ours, renames: more });

    it.each<FileClass>(['managed', 'merged'])('%s: something of the person’s own is at the new place', (kind) => {
      const found = scene(kind, { ...fresh, b: NEW }, { a: EDIT, b: 'mine\n' });
      expect([summary(found), found.local]).toEqual([{ changes: [], notices: ['yours_is_there a', 'yours_is_there b'] }, ['b', 'a'].toSorted()]);
    });

    it('a seed', () => {
      const found = scene('seed', { ...fresh, b: NEW }, { a: EDIT });
      expect([summary(found), found.local]).toEqual([{ changes: [], notices: ['yours_is_there a'] }, ['a']]);
    });

    it('there is no room at the new place', () => {
      const to = [{ from: 'a', to: 'docs/b', version: '1.5.0' }];
      const found = scene('merged', { ...fresh, 'docs/b': NEW }, { a: EDIT, docs: 'mine\n' }, to);
      expect(summary(found)).toEqual({ changes: [], notices: ['yours_is_there a', 'in_the_way docs/b'] });
    });

    it('a folder is at the new place', () => {
      const found = scene('merged', { b: NEW }, { a: OLD, b: { kind: 'folder', files: ['b/mine'] } });
      expect([summary(found), found.unwritten]).toEqual([{ changes: [], notices: ['in_the_way b'] }, ['b']]);
    });

    it('nor does the next one in a row come to its place', () => {
      const row = [
        { from: 'a', to: 'docs/b', version: '1.5.0' },
        { from: 'c', to: 'a', version: '1.5.0' },
      ];
      const found = plan({
        base: rendered({ a: OLD, c: 'other\ntext\n' }, 'merged'),
        theirs: rendered({ 'docs/b': NEW, a: 'other\ntext\n' }, 'merged'),
        ours: { a: EDIT, c: 'other\ntext\n', docs: 'mine\n' },
        renames: row,
      });
      expect(summary(found)).toEqual({ changes: [], notices: ['yours_is_there a', 'dropped_but_yours c', 'in_the_way docs/b'] });
    });

    it('but an unedited one whose new place has the same text already makes room', () => {
      expect(summary(scene('merged', { ...fresh, b: NEW }, { a: OLD, b: NEW }))).toEqual({ changes: ['added  a 0'], notices: [] });
    });
  });

  it('shows both sides where the text is of no known version', () => {
    const [base, theirs] = [rendered({ f: OLD }, 'merged'), rendered({ f: NEW }, 'merged')];
    const book = { files: { f: { class: 'merged' as const, sha256: hashOf('first\n'), older: true as const } } };
    const at = (text: string) =>
      planUpdate({
        base,
        theirs,
        ours: { entries: new Map([['f', { kind: 'file', text, mode: 0o644 }]]), twins: new Map() },
        places: new Map([['f', 'f']]),
        book,
        labels: LABELS,
      });
    expect(summary(at('first\n')).changes).toEqual(['updated  f 0']);
    expect(summary(at(EDIT)).changes).toEqual(['merged  f 1']);
  });

  it('leaves out renames of other versions', () => {
    const other = [{ from: 'a', to: 'b', version: '3.0.0' }];
    expect(summary(plan({ base, theirs: rendered({ b: 'nothing alike\n' }, 'merged'), ours: { a: EDIT }, renames: other }))).toEqual({
      changes: ['added  b 0'],
      notices: ['dropped_but_yours a'],
    });
  });

  it('takes a change of capitals for a rename', () => {
    const scene = plan({
      base: rendered({ 'readme.md': OLD }, 'merged'),
      theirs: rendered({ 'README.md': 'new text\n' }, 'merged'),
      ours: { 'readme.md': OLD },
    });
    expect(summary(scene).changes).toEqual(['moved readme.md README.md 0']);
  });

  it('takes the text along where a file becomes a seed under another name', () => {
    const { changes } = plan({ base, theirs: rendered({ b: NEW }, 'seed'), ours: { a: EDIT }, renames });
    expect(changes).toEqual([expect.objectContaining({ from: 'a', path: 'b', content: EDIT, class: 'seed' })]);
  });

  it('leaves a seed where it is', () => {
    expect(summary(plan({ base: rendered({ a: OLD }, 'seed'), theirs: rendered({ b: NEW }, 'seed'), ours: { a: EDIT }, renames })).changes).toEqual([]);
  });
});
