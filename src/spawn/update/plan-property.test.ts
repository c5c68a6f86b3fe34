import { expect, it } from 'vitest';
import { hashOf } from '../book.ts';
import { FILE_CLASSES } from '../manifest.ts';
import type { RenderedFile } from '../render.ts';
import { givenFiles, planUpdate, type Entry, type Plan } from './plan.ts';
import { followRenames } from './renames.ts';

/** A generator of numbers that gives the same on each run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PATHS = ['a', 'b', 'c', 'd/x', 'd/y', 'e'];
type Next = (below: number) => number;

function pathAt(index: number): string {
  return PATHS[index % PATHS.length] ?? '';
}

/** @param shift by how many places all texts have moved, each to the path of another */
function template(next: Next, word: string, shift = 0): RenderedFile[] {
  return PATHS.filter(() => next(6) > 0).map((path, index) => ({
    path,
    content: Array.from({ length: 8 }, (_, line) =>
      next(8) === 0 ? `${word}${next(99)}\n` : `${pathAt(PATHS.indexOf(path) + PATHS.length - shift)} line ${line}\n`,
    ).join(''),
    mode: 0o644,
    class: FILE_CLASSES[(index + path.length) % 3] ?? 'merged',
    origin: path,
  }));
}

/** The child after somebody has worked on it: every word of theirs is found again by its number. */
function worked(base: readonly RenderedFile[], next: Next): Map<string, string> {
  const files = new Map(base.filter(() => next(8) > 0).map(({ path, content }) => [path, content]));
  for (const path of PATHS) {
    if (next(2) === 0) continue;
    const lines = (files.get(path) ?? '').split(/(?<=\n)/);
    lines.splice(next(lines.length + 1), next(2), `mine ${path} ${next(1_000_000)}\n`);
    files.set(path, lines.join(''));
  }
  return files;
}

/** @param local paths that the book calls so */
function run(
  rendering: readonly RenderedFile[],
  theirs: readonly RenderedFile[],
  ours: ReadonlyMap<string, string>,
  { local = [], shift = 0 }: { local?: readonly string[]; shift?: number } = {},
): Plan {
  const entries = new Map([...ours].map(([path, text]): [string, Entry] => [path, { kind: 'file', text, mode: 0o644 }]));
  const files = Object.fromEntries(
    rendering.map((file) => [file.path, { class: local.includes(file.path) ? ('local' as const) : file.class, sha256: hashOf(file.content) }]),
  );
  const base = givenFiles(rendering, { files });
  const declared = shift === 0 ? [] : PATHS.map((path, index) => ({ from: path, to: pathAt(index + shift), version: '2.0.0' }));
  const places = followRenames({ base, theirs, declared, from: '1.0.0', to: '2.0.0' });
  return planUpdate({ base, theirs, ours: { entries, twins: new Map() }, places, book: { files }, labels: { ours: 'o', base: 'b', theirs: 't' } });
}

function applied(ours: ReadonlyMap<string, string>, plan: Plan): Map<string, string> {
  const after = new Map(ours);
  for (const { from, path, content } of plan.changes) {
    if (from !== undefined) after.delete(from);
    if (content === null) after.delete(path);
  }
  for (const { path, content } of plan.changes) if (content !== null) after.set(path, content);
  return after;
}

const ROUNDS = Array.from({ length: 400 }, (_, seed) => {
  const next = generator(seed * 7_919 + 1);
  // In one of three versions all files change their places.
  const shift = next(3) === 0 ? 1 + next(PATHS.length - 1) : 0;
  const [base, theirs] = [template(next, 'old'), template(next, 'new', shift)];
  const ours = worked(base, next);
  const plan = run(base, theirs, ours, { shift });
  return { seed, shift, base, theirs, ours, plan, after: applied(ours, plan) };
});

it('loses no line of the person, in conflict or not', () => {
  const lost = ROUNDS.flatMap(({ seed, ours, plan, after }) => {
    const kept = new Set([...after.values(), ...plan.asides.map(({ text }) => text)].flatMap((text) => text.split('\n')));
    return [...ours.values()]
      .flatMap((text) => text.split('\n'))
      .filter((line) => line.startsWith('mine') && !kept.has(line))
      .map((line) => `${seed}: ${line}`);
  });
  expect(lost).toEqual([]);
});

it('touches no file at a path that the template never had, now or later', () => {
  const own = ROUNDS.flatMap(({ seed, base, ours, plan, theirs, after }) => {
    const later = applied(after, run(theirs, template(generator(seed + 11), 'later'), after, plan));
    const moved = new Set(plan.changes.map(({ from }) => from));
    return [...ours].flatMap(([path, text]) => {
      if (base.some((file) => file.path === path) || theirs.find((file) => file.path === path)?.content === text) return [];
      return [{ seed, path, touched: moved.has(path) || after.get(path) !== text || (plan.local.includes(path) && later.get(path) !== text) }];
    });
  });
  expect(own.filter(({ touched }) => touched)).toEqual([]);
  expect(own.length).toBeGreaterThan(50);
});

it('does nothing the second time', () => {
  const again = ROUNDS.flatMap(({ theirs, after, plan }) => run(theirs, theirs, after, plan).changes);
  expect(again).toEqual([]);
  expect(ROUNDS.filter(({ plan }) => plan.changes.length > 0).length).toBeGreaterThan(300);
});

it('leaves every managed file that it writes as the template has it, so that the check passes', () => {
  const changed = ROUNDS.flatMap(({ theirs, plan }) =>
    plan.changes.filter(({ content, path }) => content !== theirs.find((file) => file.path === path)?.content),
  );
  expect(changed.filter((change) => change.class === 'managed' && change.content !== null)).toEqual([]);
});

it('gives the new template where nobody has edited anything', () => {
  // A seed that is one still, or is dropped, stays at its place: what was to come there has to stay away.
  const free = ROUNDS.filter(({ base, theirs, shift }) => {
    const next = (path: string) => theirs.find((file) => file.path === pathAt(PATHS.indexOf(path) + shift))?.class ?? 'seed';
    return shift === 0 || base.every(({ path, class: kind }) => kind !== 'seed' || next(path) !== 'seed');
  });
  expect(free.filter(({ shift }) => shift > 0).length).toBeGreaterThan(10);
  const wrong = free.filter(({ base, theirs, shift }) => {
    const after = applied(
      new Map(base.map(({ path, content }) => [path, content])),
      run(base, theirs, new Map(base.map(({ path, content }) => [path, content])), { shift }),
    );
    return theirs.some(
      ({ path, content, class: kind }) => kind !== 'seed' && base.find((file) => file.path === path)?.class !== 'seed' && after.get(path) !== content,
    );
  });
  expect(wrong.map(({ seed }) => seed)).toEqual([]);
});
