import { z } from 'zod';
import type { AgentTool } from './tool.ts';

const schema = z.object({
  question: z.string().min(1).max(2_000).describe('One question that a person can answer without reading the code, with the choices you see'),
});

export const askHuman: AgentTool<typeof schema> = {
  name: 'ask_human',
  description:
    'Ask a person. The work waits until the answer comes, maybe for days: ask only where guessing would probably lead to the wrong result, and find out yourself what the repository can tell.',
  schema,
  permission: 'ask',
  async execute({ question }, context) {
    context.askHuman(question);
    return 'The question was recorded; the answer will come as a message.';
  },
};
