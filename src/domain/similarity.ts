/*
 * Whether two issues ask for the same, by their words alone: certain enough to be said aloud, so rather silent than wrong. What many issues
 * have in common (the headings of a template) says nothing about two of them.
 */

import { areContrary, requestOf } from './contrast.ts';
import type { Request } from './contrast.ts';
import { alike, allWordsOf, wordsOf } from './words.ts';

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
/** From so many words on, a short body says something. */
const TELLING_WORDS = 3;

interface Words {
  request: Request;
  /** Pairs of neighbours, so that the order counts. */
  pairs: Set<string>;
  bodyWords: number;
  /** What makes one request another one: numbers, versions, names in code. */
  marks: Set<string>;
}

function lineKey(line: string): string {
  return line.trim().toLowerCase().replaceAll(/\s+/g, ' ');
}

function marksOf(title: string): Set<string> {
  const named = title.match(/`[^`]+`|[\w.-]*\d[\w.-]*|\b[a-z]+[A-Z]\w*|\b\w+_\w+|\b\w+\(\)/g) ?? [];
  return new Set([...named, ...allWordsOf(title).filter((word) => /[+#]$/.test(word))]);
}

function sameMarks(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((mark) => b.has(mark));
}

/** One of the two has hardly more than its title: that must be the same, in its order, and the few words of the body nothing else. */
function isSameShort(a: Words, b: Words): boolean {
  if (a.request.content.join(' ') !== b.request.content.join(' ') || a.request.title.size < 2) return false;
  const [less, more] = a.bodyWords <= b.bodyWords ? [a, b] : [b, a];
  const said = [...less.request.body];
  if (said.length < TELLING_WORDS) return true;
  const shared = said.filter((word) => more.request.body.has(word) || more.request.title.has(word));
  return shared.length >= said.length / 2;
}

function isSame(a: Words, b: Words): boolean {
  if (!sameMarks(a.marks, b.marks)) return false;
  const title = alike(a.request.title, b.request.title);
  // Most have no word of their titles in common, and no body is read for them.
  if (title < 0.25) return false;
  if (Math.min(a.bodyWords, b.bodyWords) < MEANINGFUL_WORDS) return isSameShort(a, b) && !areContrary(a.request, b.request);
  const body = alike(a.pairs, b.pairs);
  const near = (title >= 0.75 && body >= 0.35) || (title >= 0.4 && body >= 0.65) || body >= 0.85;
  return near && !areContrary(a.request, b.request);
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
      return { number, words: { request: requestOf(title, words), pairs, bodyWords: words.length, marks: marksOf(title) } };
    });
  const found = new Map<number, number>();
  read.forEach(({ number, words }, index) => {
    const older = read.slice(0, index).find((candidate) => isSame(candidate.words, words));
    if (older) found.set(number, found.get(older.number) ?? older.number);
  });
  return found;
}
