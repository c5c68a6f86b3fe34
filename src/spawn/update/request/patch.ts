import { matchLines, splitLines, type Line } from '../lines.ts';

/** Told apart by their ends, too: a line that ends otherwise is another one. */
function rawLines(text: string | null): Line[] {
  return splitLines(text ?? '').map(({ raw }) => ({ raw, key: raw }));
}

function lineOf(sign: ' ' | '-' | '+', { raw }: Line): string {
  return raw.endsWith('\n') ? `${sign}${raw}` : `${sign}${raw}\n\\ No newline at end of file\n`;
}

function range(lines: readonly Line[]): string {
  return `${lines.length === 0 ? 0 : 1},${lines.length}`;
}

/**
 * A change of a file as a patch of one hunk, which `git apply` takes; empty where nothing changes.
 * @param before null where there was no such file
 * @param after null where it is deleted
 */
export function patchOf(path: string, before: string | null, after: string | null): string {
  if (before === after) return '';
  const [a, b] = [rawLines(before), rawLines(after)];
  let hunk = '';
  let [i, j] = [0, 0];
  for (const [x, y] of [...matchLines(a, b), [a.length, b.length] as const]) {
    for (const line of a.slice(i, x)) hunk += lineOf('-', line);
    for (const line of b.slice(j, y)) hunk += lineOf('+', line);
    const same = a[x];
    if (same) hunk += lineOf(' ', same);
    [i, j] = [x + 1, y + 1];
  }
  // git needs to be told the mode where no line says that the file is there.
  const mode = before === null ? 'new file mode 100644\n' : after === null ? 'deleted file mode 100644\n' : '';
  const [old, next] = [before === null ? '/dev/null' : `a/${path}`, after === null ? '/dev/null' : `b/${path}`];
  const lines = hunk === '' ? '' : `--- ${old}\n+++ ${next}\n@@ -${range(a)} +${range(b)} @@\n${hunk}`;
  return `diff --git a/${path} b/${path}\n${mode}${lines}`;
}
