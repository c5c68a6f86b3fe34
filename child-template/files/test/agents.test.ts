import { BaseAgent } from 'banyan';
import { describeAgent, playIssue, startEngine, type Engine } from 'banyan/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import config from '../banyan.config.ts';
import { DOMAIN } from '../src/agents/domain.ts';

/** The roles that this repository specialises. */
const ROLES = [{{role_literals}}];

function agentOf(role: string): BaseAgent {
  const agent = config.roles.get(role);
  if (!(agent instanceof BaseAgent)) throw new Error(`banyan.config.ts names no agent for the role ${role}`);
  return agent;
}

// Banyan's contract: no wider permissions, the ground rules first and the way to hand in last, hostile text stays data.
for (const role of ROLES) describeAgent(agentOf(role), { config });

describe.each(ROLES)('the %s', (role) => {
  it('knows the domain, and what its role alone must know', async () => {
    const context = await agentOf(role).getDomainContext();
    expect(context).toContain(DOMAIN);
    expect(context.length).toBeGreaterThan(DOMAIN.length + 200);
  });
});

describe('an issue', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await startEngine({ config });
  });

  afterAll(() => engine?.close());

  it('becomes a pull request, and the prompts on the wire hold what each role must know', async () => {
    const files = { 'greeting.js': "export const greeting = 'Hello';\n" };
    const { pull, prompts } = await playIssue(engine, { repository: 'played', issue: { title: 'Add a greeting' }, roles: { files: [files] } });
    expect(pull?.files).toContain('greeting.js');
    expect(Object.keys(prompts)).toEqual(expect.arrayContaining(ROLES));
    for (const role of ROLES) expect(prompts[role]).toContain(await agentOf(role).getDomainContext());
  });
});
