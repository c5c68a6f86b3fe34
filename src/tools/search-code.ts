import { z } from 'zod';
import { boundText } from './text.ts';
import type { AgentTool } from './tool.ts';

const schema = z.object({
  query: z
    .string()
    .min(1)
    .max(500)
    .describe('Text to find. Case does not matter. `a|b` finds either, `a.*b` finds both in order; other regular expressions are taken literally'),
  path: z.string().optional().describe('A folder or file to search in; everything when absent'),
});

export const searchCode: AgentTool<typeof schema> = {
  name: 'search_code',
  description: 'Find text in the files of the repository, as they are now with your changes. Shows path:line: text.',
  schema,
  permission: 'read',
  async execute({ query, path }, { workspace, limits }) {
    const { matches, total } = workspace.search(query, path);
    if (total === 0) return `No line contains ${JSON.stringify(query)}${path === undefined ? '' : ` below ${path}`}.`;
    const lines = matches.map((match) => `${match.path}:${match.line}: ${match.text}`);
    const more = total > matches.length ? `\n[${total - matches.length} more matching lines: search for something narrower or in a folder]` : '';
    return boundText(`${total} matching lines:\n${lines.join('\n')}${more}`, limits.maxOutputBytes);
  },
};
