import { OWN_MARKER, POSSIBLE_MARKER } from '../../domain/update-issue.ts';
import type { Conflicts } from '../book.ts';
import { splitLines, type Line } from './lines.ts';

/** What stands beside the markers. */
export interface Labels {
  ours: string;
  base: string;
  theirs: string;
}

export function labelsOf(from: string, to: string): Labels {
  return { ours: 'your child', base: `template v${from}`, theirs: `template v${to}` };
}

/** What hardly any text has by chance: seven `=` alone may underline a heading. */
const TELLING = /^(?:<{7}|>{7}|\|{7})(?: |$)/;

/** The lines that could be markers, as they are compared. */
export function lookalikesIn(lines: readonly Line[]): string[] {
  return lines.flatMap(({ key }) => (POSSIBLE_MARKER.test(key) ? [key.trimEnd()] : []));
}

export function hasOwnMarkers(text: string): boolean {
  return splitLines(text).some(({ key }) => OWN_MARKER.test(key));
}

/** Of a block of code in Markdown: its signs, and what follows them. */
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;

/** The lines between fences, by index. A fence that nothing closes hides nothing. */
function fenced(lines: readonly string[]): Set<number> {
  const inside = new Set<number>();
  for (let index = 0; index < lines.length; index++) {
    const [, signs, info = ''] = FENCE.exec(lines[index] ?? '') ?? [];
    if (signs === undefined || (signs.startsWith('`') && info.includes('`'))) continue;
    const end = lines.findIndex((line, at) => {
      const [, closing = '', rest = ''] = (at > index && FENCE.exec(line)) || [];
      return closing.length >= signs.length && closing.startsWith(signs) && rest.trim() === '';
    });
    if (end < 0) continue;
    for (let at = index; at <= end; at++) inside.add(at);
    index = end;
  }
  return inside;
}

/** In a file of which nothing is known: markers that leave no doubt. */
function tellingLines(lines: readonly string[], path: string): number[] {
  const hidden = /\.(?:md|mdx|markdown)$/i.test(path) ? fenced(lines) : new Set<number>();
  return lines.flatMap((line, index) => (OWN_MARKER.test(line.trimEnd()) || (TELLING.test(line) && !hidden.has(index)) ? [index] : []));
}

/** The lines of conflicts that stand there whole, by index. */
function wholeConflicts(lines: readonly string[]): Set<number> {
  const whole = new Set<number>();
  let open: number[] = [];
  for (const [index, line] of lines.entries()) {
    if (!POSSIBLE_MARKER.test(line)) continue;
    if (line.startsWith('<')) open = [index];
    else if (open.length > 0) open.push(index);
    if (!line.startsWith('>')) continue;
    if (open.some((at) => lines[at]?.startsWith('='))) for (const at of open) whole.add(at);
    open = [];
  }
  return whole;
}

/** In a file that an update has left in conflict: every line that can be a marker, but as many as its text has of its own. */
function possibleLines(lines: readonly string[], ownLookalikes: readonly string[]): number[] {
  const own = [...ownLookalikes];
  const whole = wholeConflicts(lines);
  const found = lines.flatMap((line, index) => (POSSIBLE_MARKER.test(line) ? [{ index, text: line.trimEnd() }] : []));
  return [...Map.groupBy(found, ({ text }) => text)]
    .flatMap(([text, same]) => {
      const excess = same.length - own.filter((line) => line === text).length;
      if (excess <= 0) return [];
      // Which of them is the marker cannot be told, unless the rest of its conflict still stands around it.
      const certain = same.filter(({ index }) => whole.has(index));
      return certain.length >= excess ? certain : same;
    })
    .map(({ index }) => index)
    .toSorted((a, b) => a - b);
}

export interface Marker {
  /** From 1. */
  line: number;
}

/**
 * Where conflicts are left in a file of the child.
 * @param conflicts what the book says that the last update left
 */
export function findMarkers(path: string, text: string, conflicts: Conflicts | undefined): Marker[] {
  const left = conflicts !== undefined && Object.hasOwn(conflicts, path) ? conflicts[path] : undefined;
  if (left === false) return [];
  const lines = splitLines(text).map(({ key }) => key);
  const found = left === undefined ? tellingLines(lines, path) : possibleLines(lines, left.lookalikes ?? []);
  return found.map((index) => ({ line: index + 1 }));
}

/** How somebody says that a line which looks like a marker is none. */
export function asText(path: string): string {
  return `Where it is text that belongs there, say so in .banyan/template.json: "conflicts": { ${JSON.stringify(path)}: false }`;
}
