import { lineEndOf, matchLines, sameLines, splitLines, type Line, type LineEnd } from './lines.ts';
import { lookalikesIn, type Labels } from './markers.ts';

export interface Sides {
  base: string;
  ours: string;
  theirs: string;
}

export interface Merge {
  text: string;
  conflicts: number;
  /** Where there are conflicts: lines that look like markers, and that the text has of its own once all are solved. */
  lookalikes?: string[];
}

interface Chunk {
  base: Line[];
  ours: Line[];
  theirs: Line[];
}

/** Cuts three texts where all of them have the same line: between such lines somebody has changed something. */
function cut(base: Line[], ours: Line[], theirs: Line[]): (Chunk | Line)[] {
  const inOurs = new Map(matchLines(base, ours));
  const inTheirs = new Map(matchLines(base, theirs));
  const parts: (Chunk | Line)[] = [];
  let at = { base: 0, ours: 0, theirs: 0 };
  const chunkUntil = (end: typeof at) => {
    const chunk = { base: base.slice(at.base, end.base), ours: ours.slice(at.ours, end.ours), theirs: theirs.slice(at.theirs, end.theirs) };
    if (chunk.base.length + chunk.ours.length + chunk.theirs.length > 0) parts.push(chunk);
  };
  for (let index = 0; index < base.length; index++) {
    const [own, other] = [inOurs.get(index), inTheirs.get(index)];
    if (own === undefined || other === undefined) continue;
    chunkUntil({ base: index, ours: own, theirs: other });
    const line = ours[own];
    if (line) parts.push(line);
    at = { base: index + 1, ours: own + 1, theirs: other + 1 };
  }
  chunkUntil({ base: base.length, ours: ours.length, theirs: theirs.length });
  return parts;
}

/** Collects lines. What comes from elsewhere takes the line ends of the child's text. */
class Paper {
  private readonly parts: string[] = [];
  private readonly end: LineEnd;
  private readonly lookalikes: string[] = [];
  private conflicts = 0;

  constructor(end: LineEnd) {
    this.end = end;
  }

  /** The child's own lines, as they are. */
  own(lines: readonly Line[]): void {
    this.lookalikes.push(...lookalikesIn(lines));
    this.write(lines);
  }

  foreign(lines: readonly Line[]): void {
    this.lookalikes.push(...lookalikesIn(lines));
    this.writeTurned(lines);
  }

  /** A marker needs the lines before and after it to end. */
  conflict(chunk: Chunk, labels: Labels): void {
    this.conflicts++;
    this.marker('<<<<<<<', labels.ours);
    this.write(chunk.ours);
    this.marker('|||||||', labels.base);
    this.writeTurned(chunk.base);
    this.marker('=======', '');
    this.writeTurned(chunk.theirs);
    this.marker('>>>>>>>', labels.theirs);
    // Either side is kept: what both have is there once.
    const ours = lookalikesIn(chunk.ours);
    this.lookalikes.push(...ours);
    for (const line of lookalikesIn(chunk.theirs)) {
      const at = ours.indexOf(line);
      if (at < 0) this.lookalikes.push(line);
      else ours.splice(at, 1);
    }
  }

  private write(lines: readonly Line[]): void {
    for (const { raw } of lines) this.push(raw);
  }

  private writeTurned(lines: readonly Line[]): void {
    for (const { key, raw } of lines) this.push(raw.endsWith('\n') ? key + this.end : key);
  }

  private marker(sign: string, label: string): void {
    this.push(`${sign}${label === '' ? '' : ` ${label}`}${this.end}`);
  }

  private push(raw: string): void {
    const last = this.parts.at(-1);
    if (last !== undefined && !last.endsWith('\n')) this.parts.push(this.end);
    this.parts.push(raw);
  }

  merged(): Merge {
    const { conflicts, lookalikes } = this;
    return { text: this.parts.join(''), conflicts, ...(conflicts > 0 && lookalikes.length > 0 ? { lookalikes } : {}) };
  }
}

/** Both added something where nothing was: what both begin and end with is no conflict. */
function writeAdded(paper: Paper, { ours, theirs }: Chunk, labels: Labels): void {
  let head = 0;
  while (head < ours.length && head < theirs.length && ours[head]?.key === theirs[head]?.key) head++;
  let tail = 0;
  while (tail < ours.length - head && tail < theirs.length - head && ours.at(-1 - tail)?.key === theirs.at(-1 - tail)?.key) tail++;
  const middle = { base: [], ours: ours.slice(head, ours.length - tail), theirs: theirs.slice(head, theirs.length - tail) };
  paper.own(ours.slice(0, head));
  if (middle.ours.length > 0 && middle.theirs.length > 0) paper.conflict(middle, labels);
  else {
    paper.own(middle.ours);
    paper.foreign(middle.theirs);
  }
  paper.own(ours.slice(ours.length - tail));
}

function writeChunk(paper: Paper, chunk: Chunk, labels: Labels): void {
  const { base, ours, theirs } = chunk;
  if (sameLines(theirs, base) || sameLines(ours, theirs)) paper.own(ours);
  else if (sameLines(ours, base)) paper.foreign(theirs);
  else if (base.length === 0) writeAdded(paper, chunk, labels);
  else paper.conflict(chunk, labels);
}

/**
 * Merges three ways by lines, as `git merge-file --diff3` does; without git, so that a child needs none. Line ends are not compared:
 * the child's own lines keep theirs.
 */
export function mergeText({ base, ours, theirs }: Sides, labels: Labels): Merge {
  const paper = new Paper(lineEndOf(ours));
  for (const part of cut(splitLines(base), splitLines(ours), splitLines(theirs))) {
    if ('key' in part) paper.own([part]);
    else writeChunk(paper, part, labels);
  }
  return paper.merged();
}
