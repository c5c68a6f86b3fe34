import { BaseAgent } from 'banyan';
import { promptOf } from 'banyan/testing';
import { describe, expect, it } from 'vitest';
import config from '../banyan.config.ts';
import { DOMAIN } from '../src/agents/domain.ts';

/** The roles that this repository specialises. */
const ROLES = [{{role_literals}}];

function agentOf(role: string): BaseAgent {
  const agent = config.roles.get(role);
  if (!(agent instanceof BaseAgent)) throw new Error(`banyan.config.ts names no agent for the role ${role}`);
  return agent;
}

describe.each(ROLES)('the %s', (role) => {
  it('knows the domain and what its role alone must know', async () => {
    const context = await agentOf(role).getDomainContext();
    expect(context).toContain(DOMAIN);
    expect(context.length).toBeGreaterThan(DOMAIN.length + 200);
    // The same for the same code: no clock, no network, no chance.
    expect(await agentOf(role).getDomainContext()).toBe(context);
  });

  it('is given it in its prompt, after the ground rules and before the way to hand in', async () => {
    const agent = agentOf(role);
    const prompt = await promptOf(agent, { config });
    expect(prompt).toContain(await agent.getDomainContext());
    expect(prompt.startsWith('# Ground rules')).toBe(true);
    expect(prompt.lastIndexOf(agent.resultName)).toBeGreaterThan(prompt.indexOf(DOMAIN));
  });
});
