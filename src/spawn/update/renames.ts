import semver from 'semver';
import type { ScaffoldManifest } from '../manifest.ts';
import type { RenderedFile } from '../render.ts';
import { splitLines } from './lines.ts';

type Declared = ScaffoldManifest['renames'];

/** Renames of the versions after `from`, up to `to`, oldest first; those of one version happen at once, so that two files may swap names. */
function stages(renames: Declared, from: string, to: string): Map<string, string>[] {
  const [after, until] = [semver.parse(from), semver.parse(to)];
  const applies = renames.filter(({ version }) => {
    const at = semver.parse(version);
    return !at || !after || !until || (semver.gt(at, after) && semver.lte(at, until)) || semver.eq(after, until);
  });
  const versions = [...new Set(applies.map(({ version }) => version))].toSorted((a, b) => {
    const [left, right] = [semver.parse(a), semver.parse(b)];
    return left && right ? semver.compare(left, right) : 0;
  });
  return versions.map((version) => new Map(applies.filter((rename) => rename.version === version).map((rename) => [rename.from, rename.to])));
}

/** Of 1 (the same) to 0 (nothing in common): the share of lines that both have. */
function likeness(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => splitLines(text).flatMap(({ key }) => (key.trim() === '' ? [] : [key])));
  if (!left || !right || left.length + right.length === 0) return 0;
  const counts = new Map<string, number>();
  for (const key of left) counts.set(key, (counts.get(key) ?? 0) + 1);
  let shared = 0;
  for (const key of right) {
    const count = counts.get(key) ?? 0;
    if (count > 0) shared++;
    counts.set(key, count - 1);
  }
  return (2 * shared) / (left.length + right.length);
}

const LIKE_ENOUGH = 0.6;

/** Whether two texts have so much in common that one was made from the other. */
export function areAlike(a: string, b: string): boolean {
  return likeness(a, b) >= LIKE_ENOUGH;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function bySimilarity(gone: readonly RenderedFile[], fresh: readonly RenderedFile[]): Map<string, string> {
  const candidates = gone.flatMap((from) =>
    fresh.map((to) => {
      const caseOnly = from.path.toLowerCase() === to.path.toLowerCase();
      const likely = caseOnly ? 2 : likeness(from.content, to.content) + (baseName(from.path) === baseName(to.path) ? 0.05 : 0);
      return { from: from.path, to: to.path, likely };
    }),
  );
  const renames = new Map<string, string>();
  const taken = new Set<string>();
  for (const { from, to, likely } of candidates.toSorted((a, b) => b.likely - a.likely)) {
    if (likely < LIKE_ENOUGH || renames.has(from) || taken.has(to)) continue;
    renames.set(from, to);
    taken.add(to);
  }
  return renames;
}

export interface RenameInput {
  base: readonly RenderedFile[];
  theirs: readonly RenderedFile[];
  declared: Declared;
  from: string;
  to: string;
  /** Files that are at an older version than `from`. */
  since?: ReadonlyMap<string, string>;
}

/**
 * Where the files of the old template are in the new one: as its manifest says, under the same path, by a change of capitals alone, or
 * by what they have in common.
 * @returns by old path; a file that is missing was dropped
 */
export function followRenames({ base, theirs, declared, from, to, since = new Map<string, string>() }: RenameInput): Map<string, string> {
  const there = new Set(theirs.map(({ path }) => path));
  const steps = new Map([from, ...since.values()].map((version) => [version, stages(declared, version, to)]));
  const places = new Map<string, string>();
  const taken = new Set<string>();
  const place = (path: string, at: string) => {
    if (!there.has(at) || taken.has(at)) return;
    places.set(path, at);
    taken.add(at);
  };
  for (const { path } of base) {
    const said = (steps.get(since.get(path) ?? from) ?? []).reduce((at, step) => step.get(at) ?? at, path);
    if (said !== path) place(path, said);
  }
  for (const { path } of base) if (!places.has(path)) place(path, path);
  const gone = base.filter(({ path }) => !places.has(path));
  const fresh = theirs.filter(({ path }) => !taken.has(path));
  for (const [path, at] of bySimilarity(gone, fresh)) place(path, at);
  return places;
}
