import { z } from 'zod';
import { BanyanError } from '../kernel/errors.ts';
import { readText } from './read-file.ts';
import type { AgentTool } from './tool.ts';

const schema = z.object({
  path: z.string().min(1).describe('Relative to the root of the repository'),
  old_string: z.string().min(1).describe('Text that is in the file exactly once, with its indentation; without line numbers'),
  new_string: z.string().describe('What it is replaced by'),
});

const MAX_SHOWN = 5;

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

function occurrences(text: string, part: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + part.length)) found.push(at);
  return found;
}

const squeezed = (line: string) => line.replace(/\s+/g, ' ').trim();

/** Lines that resemble the first meaningful one that was looked for: mostly it is indentation or a stale copy. */
function nearestLines(text: string, wanted: string): string {
  const target =
    wanted
      .split('\n')
      .map(squeezed)
      .find((line) => line.length > 2) ?? squeezed(wanted);
  const words = new Set(
    target
      .toLowerCase()
      .split(/\W+/)
      .filter((word) => word.length > 1),
  );
  const scored = text.split('\n').map((line, index) => {
    const own = new Set(
      squeezed(line)
        .toLowerCase()
        .split(/\W+/)
        .filter((word) => word.length > 1),
    );
    const shared = [...own].filter((word) => words.has(word)).length;
    const score = squeezed(line) === target ? 2 : shared / Math.max(words.size, own.size, 1);
    return { line, number: index + 1, score };
  });
  const near = scored
    .filter(({ score }) => score >= 0.4)
    .toSorted((a, b) => b.score - a.score || a.number - b.number)
    .slice(0, MAX_SHOWN);
  if (near.length === 0) return ' Nothing in the file resembles it: read the file again.';
  return ` Nearest lines (read the file for their exact text):\n${near.map(({ number, line }) => `${String(number).padStart(5)}\t${line.slice(0, 200)}`).join('\n')}`;
}

/** Files with Windows line ends keep them, though models write `\n`. */
function withLineEndsOf(text: string, part: string): string {
  return text.includes('\r\n') && !part.includes('\r\n') ? part.replaceAll('\n', '\r\n') : part;
}

export const editFile: AgentTool<typeof schema> = {
  name: 'edit_file',
  description: 'Replace one piece of a file. old_string must be in the file exactly once: include enough lines around it.',
  schema,
  permission: 'write',
  async execute({ path, old_string, new_string }, { workspace }) {
    const text = readText(workspace, path);
    const wanted = withLineEndsOf(text, old_string);
    const replacement = withLineEndsOf(text, new_string);
    if (wanted === replacement) throw new BanyanError('payload_invalid', 'old_string and new_string are the same; nothing to change.');
    const found = occurrences(text, wanted);
    const [at] = found;
    if (at === undefined) throw new BanyanError('not_found', `old_string was not found in ${path}.${nearestLines(text, old_string)}`);
    if (found.length > 1) {
      const lines = found
        .slice(0, 10)
        .map((index) => lineOf(text, index))
        .join(', ');
      throw new BanyanError(
        'conflict',
        `old_string was found ${found.length} times in ${path} (lines ${lines}). Include more of the surrounding lines, so that it is there once.`,
      );
    }
    workspace.write(path, text.slice(0, at) + replacement + text.slice(at + wanted.length));
    return `Edited ${path} at line ${lineOf(text, at)}.`;
  },
};
