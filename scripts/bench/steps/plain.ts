import type { BaseCheckpointSaver } from '@langchain/langgraph-checkpoint';
import { createAgent, tool } from 'langchain';
import { z } from 'zod';
import { InstantModel, words } from './model.ts';

const readFile = tool(() => words(3), { name: 'read_file', description: 'Read a text file.', schema: z.object({ path: z.string() }) });

/** The agent loop alone; with a saver, its state is stored before each next step. */
export async function runPlain(steps: number, saver?: { checkpointer: BaseCheckpointSaver; thread: string }): Promise<InstantModel> {
  const model = new InstantModel({ steps, tool: 'read', end: null });
  const agent = createAgent({ model, tools: [readFile], systemPrompt: words(1), ...(saver ? { checkpointer: saver.checkpointer } : {}) });
  const persistence = saver ? { configurable: { thread_id: saver.thread }, durability: 'sync' as const } : {};
  await agent.invoke({ messages: [{ role: 'user', content: words(2) }] }, { recursionLimit: 4 * steps + 10, ...persistence });
  return model;
}
