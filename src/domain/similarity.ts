/*
 * Whether two issues ask for the same, by their words alone: certain enough to be said aloud, so rather silent than wrong. What many issues
 * have in common (the headings of a template) says nothing about two of them.
 */

export interface IssueText {
  number: number;
  title: string;
  body: string;
}

/** Lines that so many issues have are of a template. */
const TEMPLATE_ISSUES = 3;
/** Fewer words than this tell nothing by being alike. */
const MEANINGFUL_WORDS = 8;
const MAX_WORDS = 400;
const STOP_WORDS = new Set(
  'a an the and or of to in on for with from by at as is are be it its this that please should could would can we i you when if not no do does add make'.split(
    ' ',
  ),
);

interface Words {
  title: Set<string>;
  /** Pairs of neighbours, so that the order counts. */
  pairs: Set<string>;
  bodyWords: number;
  /** What makes one request another one: numbers, versions, names in code. */
  marks: Set<string>;
}

function lineKey(line: string): string {
  return line.trim().toLowerCase().replaceAll(/\s+/g, ' ');
}

function wordsOf(text: string): string[] {
  const words = text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/https?:\/\/\S+/g, ' ')
    .match(/[\p{L}\p{N}]+/gu);
  return (words ?? []).filter((word) => !STOP_WORDS.has(word)).map((word) => (word.length > 3 ? word.replace(/(?<=[^s])s$/, '') : word));
}

function marksOf(title: string): Set<string> {
  return new Set(title.match(/`[^`]+`|[\w.-]*\d[\w.-]*|\b[a-z]+[A-Z]\w*|\b\w+_\w+|\b\w+\(\)/g) ?? []);
}

/** 1 where both are the same, 0 where they have nothing in common. */
function alike(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 || b.size === 0) return 0;
  let common = 0;
  for (const item of a) if (b.has(item)) common += 1;
  return (2 * common) / (a.size + b.size);
}

function sameMarks(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((mark) => b.has(mark));
}

function isSame(a: Words, b: Words): boolean {
  if (!sameMarks(a.marks, b.marks)) return false;
  const title = alike(a.title, b.title);
  const short = Math.min(a.bodyWords, b.bodyWords) < MEANINGFUL_WORDS;
  // One of the two has hardly more than its title.
  if (short) return title === 1 && a.title.size >= 2;
  // Most have no word of their titles in common, and no body is read for them.
  if (title < 0.25) return false;
  const body = alike(a.pairs, b.pairs);
  return (title >= 0.75 && body >= 0.35) || (title >= 0.4 && body >= 0.65) || body >= 0.85;
}

/** For each issue that asks for the same as an older one, the number of the oldest of them. */
export function findDuplicates(issues: readonly IssueText[]): Map<number, number> {
  const seen = new Map<string, number>();
  for (const { body } of issues) for (const line of new Set(body.split('\n').map(lineKey))) seen.set(line, (seen.get(line) ?? 0) + 1);
  const read = issues
    .toSorted((a, b) => a.number - b.number)
    .map(({ number, title, body }) => {
      const own = body.split('\n').filter((line) => (seen.get(lineKey(line)) ?? 0) < TEMPLATE_ISSUES);
      const words = wordsOf(own.join('\n')).slice(0, MAX_WORDS);
      const pairs = new Set(words.map((word, index) => `${word} ${words[index + 1] ?? ''}`));
      return { number, words: { title: new Set(wordsOf(title)), pairs, bodyWords: words.length, marks: marksOf(title) } };
    });
  const found = new Map<number, number>();
  read.forEach(({ number, words }, index) => {
    const older = read.slice(0, index).find((candidate) => isSame(candidate.words, words));
    if (older) found.set(number, found.get(older.number) ?? older.number);
  });
  return found;
}
