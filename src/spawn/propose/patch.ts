import { matchLines, splitLines } from '../update/lines.ts';

const CONTEXT = 3;

type Entry = { sign: ' ' | '-' | '+'; text: string; a: number; b: number };

/** Every line of both texts in the order of a difference. */
function entriesOf(before: string, after: string): Entry[] {
  const [a, b] = [splitLines(before), splitLines(after)];
  const entries: Entry[] = [];
  let [x, y] = [0, 0];
  for (const [nextX, nextY] of [...matchLines(a, b), [a.length, b.length] as [number, number]]) {
    for (; x < nextX; x++) entries.push({ sign: '-', text: a[x]?.key ?? '', a: x, b: y });
    for (; y < nextY; y++) entries.push({ sign: '+', text: b[y]?.key ?? '', a: x, b: y });
    if (x < a.length) entries.push({ sign: ' ', text: a[x]?.key ?? '', a: x, b: y });
    x++;
    y++;
  }
  return entries;
}

function range(start: number, count: number): string {
  const first = count === 0 ? start : start + 1;
  return count === 1 ? String(first) : `${first},${count}`;
}

function hunkText(entries: readonly Entry[]): string {
  const [first] = entries;
  const removed = entries.filter(({ sign }) => sign !== '+').length;
  const added = entries.filter(({ sign }) => sign !== '-').length;
  const head = `@@ -${range(first?.a ?? 0, removed)} +${range(first?.b ?? 0, added)} @@`;
  return [head, ...entries.map(({ sign, text }) => `${sign}${text}`)].join('\n');
}

/** A difference of two texts that end with a line end, as `git apply` takes it. Empty where they are the same. */
export function patchOf(path: string, before: string, after: string): string {
  const entries = entriesOf(before, after);
  const near = new Set(entries.flatMap(({ sign }, index) => (sign === ' ' ? [] : Array.from({ length: 2 * CONTEXT + 1 }, (_, k) => index - CONTEXT + k))));
  const hunks: Entry[][] = [];
  entries.forEach((entry, index) => {
    if (!near.has(index)) return;
    if (index === 0 || !near.has(index - 1) || hunks.length === 0) hunks.push([]);
    hunks.at(-1)?.push(entry);
  });
  if (hunks.length === 0) return '';
  return `${[`diff --git a/${path} b/${path}`, `--- a/${path}`, `+++ b/${path}`, ...hunks.map(hunkText)].join('\n')}\n`;
}
