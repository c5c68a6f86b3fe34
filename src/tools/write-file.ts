import { z } from 'zod';
import { isUnchanged } from './changes.ts';
import type { AgentTool } from './tool.ts';

const schema = z.object({
  path: z.string().min(1).describe('Relative to the root of the repository; folders are made as needed'),
  content: z.string().describe('The whole new content of the file'),
});

export const writeFile: AgentTool<typeof schema> = {
  name: 'write_file',
  description: 'Create a file or replace the whole of one. To change a part of a file use edit_file.',
  schema,
  permission: 'write',
  async execute({ path, content }, { workspace }) {
    if (isUnchanged(workspace, path, content)) return `${path} has exactly this content already; nothing was changed.`;
    workspace.write(path, content);
    return `Wrote ${path} (${content.split('\n').length} lines).`;
  },
};
