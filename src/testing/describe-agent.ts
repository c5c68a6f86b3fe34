import type { BaseAgent } from '../agents/base.ts';
import { BanyanError } from '../kernel/errors.ts';
import { agentContract } from './contract.ts';
import type { ContractOptions } from './contract.ts';

/** The test runner of whoever imports this; with another one, `agentContract` is what to use. */
const runner = await import('vitest').catch((thrown: unknown) => {
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_MODULE_NOT_FOUND') return null;
  throw thrown;
});

/** Registers the contract of an agent as tests of Vitest. @throws BanyanError `config_invalid` where Vitest is not installed */
export function describeAgent(agent: BaseAgent, options: ContractOptions = {}): void {
  if (!runner)
    throw new BanyanError('config_invalid', 'describeAgent() needs Vitest.', { fix: 'Install vitest, or register the checks of agentContract() yourself.' });
  runner.describe(`the agent ${agent.role}`, () => {
    for (const { name, check } of agentContract(agent, options)) runner.it(name, check);
  });
}
