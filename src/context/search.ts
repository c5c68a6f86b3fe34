export interface SearchMatch {
  path: string;
  /** From 1. */
  line: number;
  text: string;
}

export interface SearchResult {
  matches: SearchMatch[];
  /** Of all matching lines; more than `matches` where the list was cut. */
  total: number;
}

const MAX_MATCHES = 100;
const MAX_LINE_CHARS = 240;

/** A query compiled to something that can only take linear time, whatever a model or an issue's author puts into it. */
type LineTest = (lowerCaseLine: string) => boolean;

/** `parts` one after the other, with anything between. */
function inOrder(parts: string[]): LineTest {
  return (line) => {
    let from = 0;
    for (const part of parts) {
      const at = line.indexOf(part, from);
      if (at === -1) return false;
      from = at + part.length;
    }
    return true;
  };
}

/** `\(` means `(`; anchors and word boundaries are left out, which finds a little more rather than nothing. */
function unescape(part: string): string {
  return part.replace(/\\[bB]|[$^]/g, '').replace(/\\(.)/g, '$1');
}

/** Of regular expressions only `a|b` and `a.*b` are understood. */
function patternTest(pattern: string): LineTest {
  const alternatives = pattern
    .toLowerCase()
    .split('|')
    .map((alternative) =>
      alternative
        .split(/\.[*+]\??/)
        .map(unescape)
        .filter((part) => part !== ''),
    )
    .filter((parts) => parts.length > 0)
    .map(inOrder);
  return (line) => alternatives.some((test) => test(line));
}

/** From exact to loose; the first that finds anything is used. */
function testsFor(query: string): LineTest[] {
  const text = query.toLowerCase();
  const words = text.split(/\s+/).filter((word) => word !== '');
  const slashed = /^\/(.+)\/[a-z]*$/.exec(query)?.[1];
  const pattern = slashed ?? (/\||\.\*/.test(query) ? query : null);
  return [
    (line) => line.includes(text),
    ...(pattern === null ? [] : [patternTest(pattern)]),
    ...(words.length > 1 ? [(line: string) => words.every((word) => line.includes(word))] : []),
  ];
}

function searchWith(test: LineTest, files: Iterable<{ path: string; text: string }>): SearchResult {
  const matches: SearchMatch[] = [];
  let total = 0;
  for (const { path, text } of files) {
    for (const [index, line] of text.split('\n').entries()) {
      if (!test(line.toLowerCase())) continue;
      total += 1;
      if (matches.length < MAX_MATCHES) matches.push({ path, line: index + 1, text: line.trimEnd().slice(0, MAX_LINE_CHARS) });
    }
  }
  return { matches, total };
}

/** Case-insensitive: the query as it is; else `/a|b/` or `/a.*b/`; else lines that have all its words. */
export function searchFiles(query: string, files: () => Iterable<{ path: string; text: string }>): SearchResult {
  let result: SearchResult = { matches: [], total: 0 };
  for (const test of testsFor(query)) {
    result = searchWith(test, files());
    if (result.total > 0) break;
  }
  return result;
}
