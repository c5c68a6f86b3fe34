import type { BaseAgent } from '../agents/base.ts';
import type { BanyanConfig } from '../agents/instance.ts';
import type { PromptContext } from '../agents/prompts/assemble.ts';

export interface PromptOptions {
  /** The instance whose domain and skills the prompt holds; none where it is left out. */
  config?: BanyanConfig;
  /** What the prompt is written for, where it is not to be the example's. */
  context?: Partial<PromptContext>;
}

export function exampleContext(role: string): PromptContext {
  return {
    role,
    repository: 'acme/shop',
    defaultBranch: 'main',
    issueNumber: 7,
    issueTitle: 'Add discount codes to the cart',
    phase: { name: 'example', prompt: 'Do what the issue asks.', done: ['It works as described.'] },
    repositoryInstructions: null,
  };
}

/** The system prompt that a model would be given for this agent, from the ground rules to handing in. */
export function promptOf(agent: BaseAgent, { config, context }: PromptOptions = {}): Promise<string> {
  return agent.systemPrompt({ ...exampleContext(agent.role), ...context }, config?.settings ?? { domain: null, skills: [] });
}
