import { z } from 'zod';
import { readText } from './read-file.ts';
import { BanyanError } from '../kernel/errors.ts';
import type { AgentTool } from './tool.ts';

const schema = z.object({ path: z.string().min(1).describe('A file, relative to the root of the repository') });

export const deleteFile: AgentTool<typeof schema> = {
  name: 'delete_file',
  description: 'Delete one file of the repository.',
  schema,
  permission: 'write',
  async execute({ path }, { workspace }) {
    try {
      workspace.remove(path);
    } catch (error) {
      // Reading it says in better words that it is not there, with what may have been meant.
      if (error instanceof BanyanError && error.code === 'not_found') readText(workspace, path);
      throw error;
    }
    return `Deleted ${path}.`;
  },
};
