import type { AgentIdentity, IdentityStore } from './agent-contract.ts';
import { call } from './call.ts';
import type { ClaimedTask, Store, Transport } from './contract.ts';

export function identityCalls(transport: Transport): IdentityStore & Pick<Store, 'claimForAgent'> {
  return {
    registerAgent: ({ organization, role, name, publicKey, capabilities }) =>
      call<Awaited<ReturnType<IdentityStore['registerAgent']>>>(transport, 'register_agent', {
        p_organization: organization,
        p_role: role,
        p_name: name,
        p_public_key: publicKey,
        p_capabilities: capabilities,
      }),
    async retireAgent(id) {
      await call(transport, 'retire_agent', { p_agent_id: id });
    },
    readAgentKey: (id) => call<AgentIdentity | null>(transport, 'read_agent_key', { p_agent_id: id }),
    admitAgent: (id, nonce, expiresAt) =>
      call<AgentIdentity['state'] | null>(transport, 'admit_agent', { p_agent_id: id, p_nonce: nonce, p_expires_at: expiresAt }),
    claimForAgent: (id, leaseSeconds) => call<ClaimedTask | null>(transport, 'claim_for_agent', { p_agent_id: id, p_lease_seconds: leaseSeconds }),
    async noteAgentResult(id) {
      await call(transport, 'note_agent_result', { p_agent_id: id });
    },
  };
}
