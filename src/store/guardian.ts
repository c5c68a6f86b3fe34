import { call } from './call.ts';
import type { Transport } from './contract.ts';
import type { GuardianFacts, GuardianStore } from './guardian-contract.ts';

export function guardianCalls(transport: Transport): GuardianStore {
  return {
    guardianFacts: (taskId, afterSeq) => call<GuardianFacts | null>(transport, 'guardian_facts', { p_task_id: taskId, p_after: afterSeq }),
    async spendBeside(taskId, agent, spend) {
      await call(transport, 'spend_beside', { p_task_id: taskId, p_agent: agent, p_call: spend });
    },
  };
}
