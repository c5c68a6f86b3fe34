/** Where a line comment may stand: only on lines that the diff shows. Pure. */

export type Side = 'LEFT' | 'RIGHT';

export interface DiffLine {
  kind: 'hunk' | 'add' | 'delete' | 'context' | 'note';
  text: string;
  left: number | null;
  right: number | null;
  /** Count of lines below the first hunk header, as GitHub's `position`. */
  position: number;
}

export function readPatch(patch: string): DiffLine[] {
  let left = 0;
  let right = 0;
  return patch.split('\n').map((text, position): DiffLine => {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(text);
    if (hunk !== null) {
      left = Number(hunk[1]);
      right = Number(hunk[2]);
      return { kind: 'hunk', text, left: null, right: null, position };
    }
    if (text.startsWith('+')) return { kind: 'add', text, left: null, right: right++, position };
    if (text.startsWith('-')) return { kind: 'delete', text, left: left++, right: null, position };
    if (text.startsWith('\\')) return { kind: 'note', text, left: null, right: null, position };
    return { kind: 'context', text, left: left++, right: right++, position };
  });
}

export function findLine(lines: DiffLine[], line: number, side: Side): DiffLine | undefined {
  return lines.find((candidate) => (side === 'LEFT' ? candidate.left : candidate.right) === line);
}

/** The hunk's header and its lines down to the commented one, as GitHub's `diff_hunk`. */
export function hunkUpTo(lines: DiffLine[], target: DiffLine): string {
  const shown = lines.slice(0, target.position + 1);
  const start = shown.findLastIndex((line) => line.kind === 'hunk');
  return shown
    .slice(Math.max(start, 0))
    .map((line) => line.text)
    .join('\n');
}
