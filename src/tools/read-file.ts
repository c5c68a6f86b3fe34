import { z } from 'zod';
import { BanyanError } from '../kernel/errors.ts';
import { similarPaths } from './text.ts';
import type { AgentTool, ToolWorkspace } from './tool.ts';

const schema = z.object({
  path: z.string().min(1).describe('Relative to the root of the repository'),
  offset: z.number().int().min(1).optional().describe('First line to show, from 1'),
  limit: z.number().int().min(1).optional().describe('How many lines to show'),
});

const MAX_LINES = 2_000;
const MAX_LINE_CHARS = 2_000;

/** A missing file comes back with what the model may have meant. */
export function readText(workspace: ToolWorkspace, path: string): string {
  try {
    return workspace.read(path);
  } catch (error) {
    if (!(error instanceof BanyanError) || error.code !== 'not_found') throw error;
    const similar = similarPaths(path, workspace.list());
    const hint = similar.length > 0 ? ` Did you mean: ${similar.join(', ')}?` : ' Use list_files to see what there is.';
    throw new BanyanError('not_found', error.message + hint, { data: error.data, cause: error });
  }
}

/** Without the empty piece after a last line break. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function numbered(line: string, number: number): string {
  const shown = line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS)} [... ${line.length - MAX_LINE_CHARS} more characters]` : line;
  return `${String(number).padStart(5)}\t${shown}`;
}

export const readFile: AgentTool<typeof schema> = {
  name: 'read_file',
  description:
    'Read a text file, as it is now with your changes. Each line is shown with its number and a tab, which are not part of the file. Long files come in parts: use offset and limit.',
  schema,
  permission: 'read',
  async execute({ path, offset = 1, limit = MAX_LINES }, { workspace, limits }) {
    const lines = linesOf(readText(workspace, path));
    if (lines.length === 0) return `${path} is empty.`;
    if (offset > lines.length) throw new BanyanError('payload_invalid', `${path} has ${lines.length} lines; offset ${offset} is beyond its end.`);
    const shown: string[] = [];
    let bytes = 0;
    for (const [index, line] of lines.slice(offset - 1, offset - 1 + Math.min(limit, MAX_LINES)).entries()) {
      const text = numbered(line, offset + index);
      bytes += Buffer.byteLength(text) + 1;
      // One line at least, so that going on by offset always gets ahead.
      if (bytes > limits.maxOutputBytes - 100 && shown.length > 0) break;
      shown.push(text);
    }
    const next = offset + shown.length;
    const more = lines.length - next + 1;
    return more > 0 ? `${shown.join('\n')}\n[${more} more lines: offset=${next}]` : shown.join('\n');
  },
};
