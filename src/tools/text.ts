/** Cut at a byte limit, on a line's end where there is one near, and said so. */
export function boundText(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  // The last character may have been cut through: its pieces decode to U+FFFD.
  const head = bytes
    .subarray(0, Math.max(maxBytes - 80, 0))
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
  const lineEnd = head.lastIndexOf('\n');
  const kept = lineEnd > head.length / 2 ? head.slice(0, lineEnd) : head;
  return `${kept}\n[... cut: ${bytes.length - Buffer.byteLength(kept)} more bytes]`;
}

/** Paths that resemble one that does not exist: same file name, or the name contained. */
export function similarPaths(wanted: string, paths: readonly string[], max = 5): string[] {
  const name = wanted.split('/').at(-1)?.toLowerCase() ?? '';
  const stem = name.split('.')[0] ?? '';
  const same = paths.filter((path) => path.toLowerCase().endsWith(`/${name}`) || path.toLowerCase() === name);
  const near = stem.length < 3 ? [] : paths.filter((path) => !same.includes(path) && (path.split('/').at(-1) ?? '').toLowerCase().includes(stem));
  return [...same, ...near].slice(0, max);
}
