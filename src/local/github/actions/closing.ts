/** Numbers of the issues that a text closes: "Fixes #1, closes acme/shop#2". Pure. Text in code is not meant. */
export function closingReferences(text: string, repository: { owner: string; name: string }): number[] {
  const plain = text
    .replace(/```[\s\S]*?(```|$)/g, ' ')
    .replace(/`[^`\n]*`/g, ' ')
    .replace(/<!--[\s\S]*?-->/g, ' ');
  const pattern = /\b(?:close[sd]?|fix(?:es|ed)?|resolve[sd]?):?\s+(?:([\w.-]+)\/([\w.-]+))?#(\d{1,9})\b/gi;
  const numbers = [...plain.matchAll(pattern)].flatMap(([, owner, name, number]) => {
    const here = owner === undefined || (same(owner, repository.owner) && same(name ?? '', repository.name));
    return here ? [Number(number)] : [];
  });
  return [...new Set(numbers)];
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
