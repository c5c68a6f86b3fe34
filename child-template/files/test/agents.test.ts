import { describeAgent, promptOf } from 'banyan/testing';
import { describe, expect, it } from 'vitest';
import config from '../banyan.config.ts';
import { DOMAIN } from '../src/agents/domain.ts';

// Banyan's contract: permissions are not widened, the ground rules stand first, hostile text stays data.
for (const agent of config.agents) describeAgent(agent);

describe('what the team knows', () => {
  it.each(config.agents.map((agent) => [agent.role, agent] as const))('reaches the prompt of the %s', async (_role, agent) => {
    const context = await agent.getDomainContext();
    expect(context).toContain(DOMAIN);
    // A role adds what it alone must know.
    expect(context.length).toBeGreaterThan(DOMAIN.length + 200);
    expect(await promptOf(agent)).toContain(context);
  });
});
