import { z } from 'zod';
import type { AgentTool } from './tool.ts';

const schema = z.object({
  kind: z.string().min(1).max(40).describe('bug, debt, security, performance, documentation, idea or other'),
  title: z.string().min(1).max(200).describe('One line'),
  description: z.string().min(1).max(5_000).describe('What it is, where (path and line), why it matters'),
});

export const recordDiscovery: AgentTool<typeof schema> = {
  name: 'record_discovery',
  description: 'Note something that you found and that is outside of the task: a bug elsewhere, a risk, an idea. It is kept for people; do not work on it now.',
  schema,
  permission: 'discover',
  async execute({ kind, title, description }, context) {
    context.recordDiscovery({ kind, title, description });
    return `Recorded: ${title}. Go on with the task.`;
  },
};
