/* The words of what people ask for, as far as they are compared. */

/** What is said in any request. */
const STOP_WORDS = new Set(
  'a an the and or of to in on for with from by at as is are be it its this that please should could would can we i you when if not no do does add make'.split(
    ' ',
  ),
);

function stem(word: string): string {
  return word.length > 3 ? word.replace(/(?<=[^s])s$/, '') : word;
}

/** All of them, in their order; the small ones too, which turn a request around. `c++` and `c#` are words. */
export function allWordsOf(text: string): string[] {
  const words = text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/https?:\/\/\S+/g, ' ')
    .replaceAll(/n['\u2019]t\b/g, ' not')
    .match(/[\p{L}\p{N}]+(?:\+\+|#)?(?![\p{L}\p{N}])/gu);
  return (words ?? []).map(stem);
}

export function isContent(word: string): boolean {
  return !STOP_WORDS.has(word);
}

export function wordsOf(text: string): string[] {
  return allWordsOf(text).filter(isContent);
}

/** 1 where both are the same, 0 where they have nothing in common. */
export function alike(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 || b.size === 0) return 0;
  let common = 0;
  for (const item of a) if (b.has(item)) common += 1;
  return (2 * common) / (a.size + b.size);
}
