/** A line as it is compared (without its end and a byte order mark) and as it is written. */
export interface Line {
  key: string;
  raw: string;
}

export type LineEnd = '\n' | '\r\n';

export function splitLines(text: string): Line[] {
  const raws = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  return raws.map((raw, index) => ({ raw, key: (index === 0 ? raw.replace(/^\uFEFF/, '') : raw).replace(/\r?\n$/, '') }));
}

/** What most lines of a text end with. */
export function lineEndOf(text: string): LineEnd {
  const turned = text.split('\r\n').length - 1;
  return turned > 0 && turned * 2 > text.split('\n').length - 1 ? '\r\n' : '\n';
}

export function sameLines(a: readonly Line[], b: readonly Line[]): boolean {
  return a.length === b.length && a.every((line, index) => line.key === b[index]?.key);
}

/** Beyond so many edits two texts have nothing in common worth a search. */
const MOST_EDITS = 3_000;

type Trace = Map<number, number>[];

/** The furthest ways of Myers' greedy search, one map for each number of edits; null beyond the bound. */
function searchEdits(a: readonly Line[], b: readonly Line[]): Trace | null {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: Trace = [];
  for (let edits = 0; edits <= Math.min(a.length + b.length, MOST_EDITS); edits++) {
    trace.push(new Map(furthest));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = stepOf(furthest, diagonal, edits).x;
      while (x < a.length && x - diagonal < b.length && a[x]?.key === b[x - diagonal]?.key) x++;
      furthest.set(diagonal, x);
      if (x >= a.length && x - diagonal >= b.length) return trace;
    }
  }
  return null;
}

/** From which diagonal a way with so many edits arrives, and where. */
function stepOf(furthest: ReadonlyMap<number, number>, diagonal: number, edits: number): { from: number; x: number } {
  const below = furthest.get(diagonal + 1) ?? -1;
  const left = furthest.get(diagonal - 1) ?? -1;
  const down = diagonal === -edits || (diagonal !== edits && left < below);
  return down ? { from: diagonal + 1, x: below } : { from: diagonal - 1, x: left + 1 };
}

function walkBack(trace: Trace, ends: { x: number; y: number }): [number, number][] {
  const pairs: [number, number][] = [];
  let { x, y } = ends;
  for (let edits = trace.length - 1; edits > 0; edits--) {
    const furthest = trace[edits] ?? new Map<number, number>();
    const { from, x: start } = stepOf(furthest, x - y, edits);
    while (x > start) pairs.push([--x, --y]);
    x = furthest.get(from) ?? 0;
    y = x - from;
  }
  while (x > 0 && y > 0) pairs.push([--x, --y]);
  return pairs.toReversed();
}

/** The lines that two texts share, as pairs of indexes in rising order. */
export function matchLines(a: readonly Line[], b: readonly Line[]): [number, number][] {
  let head = 0;
  while (head < a.length && head < b.length && a[head]?.key === b[head]?.key) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail]?.key === b[b.length - 1 - tail]?.key) tail++;
  const [middleA, middleB] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  const trace = searchEdits(middleA, middleB);
  const middle = trace === null ? [] : walkBack(trace, { x: middleA.length, y: middleB.length });
  return [
    ...Array.from({ length: head }, (_, index): [number, number] => [index, index]),
    ...middle.map(([x, y]): [number, number] => [x + head, y + head]),
    ...Array.from({ length: tail }, (_, index): [number, number] => [a.length - tail + index, b.length - tail + index]),
  ];
}
