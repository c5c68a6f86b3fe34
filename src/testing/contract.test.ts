import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DeveloperAgent } from '../agents/developer/agent.ts';
import { ProductOwnerAgent } from '../agents/product-owner/agent.ts';
import { QaAgent } from '../agents/qa/agent.ts';
import { ReviewerAgent } from '../agents/reviewer/agent.ts';
import { defineConfig } from '../agents/instance.ts';
import type { BaseAgent } from '../agents/base.ts';
import { agentContract } from './contract.ts';
import { describeAgent } from './describe-agent.ts';
import { promptOf } from './prompt.ts';

const KNOWLEDGE = 'Stock is reserved before payment.';

class ShopDeveloper extends DeveloperAgent {
  override getDomainContext(): string {
    return KNOWLEDGE;
  }
}

class ShopProductOwner extends ProductOwnerAgent {
  override getDomainContext(): string {
    return KNOWLEDGE;
  }
}

class ShopQa extends QaAgent {
  override getDomainContext(): string {
    return KNOWLEDGE;
  }
}

class ShopReviewer extends ReviewerAgent {
  override getDomainContext(): string {
    return KNOWLEDGE;
  }
}

for (const agent of [new ShopDeveloper(), new ShopProductOwner(), new ShopQa(), new ShopReviewer()]) describeAgent(agent);

async function failuresOf(agent: BaseAgent): Promise<string[]> {
  const names: string[] = [];
  for (const { name, check } of agentContract(agent)) {
    await check().catch(() => names.push(name));
  }
  return names;
}

class Forgetful extends ShopDeveloper {
  override customizePrompt(): string {
    return 'Just do it.';
  }
}

class Last extends ShopDeveloper {
  override customizePrompt(prompt: string): string {
    return `${prompt}\n\nAnd by the way.`;
  }
}

class Wide extends ShopQa {
  override readonly permissions = ['read', 'run', 'write'] as never;
}

class Loose extends ShopDeveloper {
  override readonly resultSchema = z.any() as never;
}

class Fickle extends ShopDeveloper {
  #times = 0;
  override getDomainContext(): string {
    this.#times += 1;
    return `${KNOWLEDGE} ${this.#times}`;
  }
}

class Gullible extends ShopDeveloper {
  override customizePrompt(prompt: string, { issueTitle }: { issueTitle: string }): string {
    return prompt.replace(KNOWLEDGE, `${KNOWLEDGE} ${issueTitle}`);
  }
}

describe('the contract of an agent', () => {
  it.each<[string, BaseAgent, string[]]>([
    [
      'drops the rules',
      new Forgetful(),
      ['keeps the ground rules first and the handing in last', 'brings its domain context into the prompt', 'keeps hostile text out of its rules'],
    ],
    ['speaks after the handing in', new Last(), ['keeps the ground rules first and the handing in last']],
    ['may write as QA', new Wide(), ['has no permission that its role has not']],
    ['takes anything for a result', new Loose(), ['hands in results that the workflow can read']],
    [
      'says something else each time',
      new Fickle(),
      ['brings its domain context into the prompt', 'says the same each time', 'keeps hostile text out of its rules'],
    ],
    ["puts a stranger's title into its rules", new Gullible(), ['keeps hostile text out of its rules']],
    ['knows no domain', new DeveloperAgent(), ['brings its domain context into the prompt']],
  ])('finds an agent that %s', async (_what, agent, names) => {
    expect(await failuresOf(agent)).toEqual(names);
  });
});

describe('promptOf', () => {
  it('holds the domain of the instance, of the agent, and the skills of the role, in this order', async () => {
    const skill = { description: 'When money goes back.', instructions: 'Refund to the card that paid.' };
    const config = defineConfig({
      domain: { name: 'e-commerce', description: 'A shop for shoes.' },
      agents: [new ShopDeveloper()],
      skills: [
        { name: 'refunds', ...skill },
        { name: 'testing-payments', ...skill, roles: ['qa'] },
      ],
    });
    const prompt = await promptOf(config.agents[0]!, { config });
    const order = ['# About this domain', 'Domain: e-commerce.', 'A shop for shoes.', KNOWLEDGE, '## Skill: refunds', 'Refund to the card', '# This phase'];
    const places = order.map((text) => prompt.indexOf(text));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(prompt).not.toContain('testing-payments');
  });
});
