import type { AgentStore } from './agent-contract.ts';
import { call } from './call.ts';
import type { Transport } from './contract.ts';

export function agentCalls(transport: Transport): AgentStore {
  return {
    async registerWorker(worker, profile, agents) {
      await call(transport, 'register_worker', { p_worker: worker, p_profile: profile, p_agents: agents });
    },
    async leaveWorker(worker) {
      await call(transport, 'leave_worker', { p_worker: worker });
    },
    judgeWorker: async (name, seenAt, state) =>
      (await call<{ judged: boolean }>(transport, 'judge_worker', { p_name: name, p_seen_at: seenAt, p_state: state })).judged,
    async judgeAgent({ organizationId, key, role, newestLoss, from, state, lossesInARow, holdSeconds }) {
      const { judged, held } = await call<{ judged: boolean; held: number }>(transport, 'judge_agent', {
        p_organization_id: organizationId,
        p_key: key,
        p_role: role,
        p_newest_loss: newestLoss,
        p_from: from,
        p_state: state,
        p_in_a_row: lossesInARow,
        p_hold_seconds: holdSeconds,
      });
      return judged ? { held } : null;
    },
  };
}
