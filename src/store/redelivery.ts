import { call } from './call.ts';
import type { MissedDelivery, RedeliveryProgress, Store, Transport } from './contract.ts';

type RedeliveryCalls = Pick<Store, 'redeliveryProgress' | 'recordAttempts' | 'closeMissed' | 'claimMissed' | 'settleMissed'>;

export function redeliveryCalls(transport: Transport): RedeliveryCalls {
  return {
    redeliveryProgress: () => call<RedeliveryProgress>(transport, 'redelivery_progress', {}),
    recordAttempts: (attempts, progress) =>
      call(transport, 'record_attempts', {
        p_version: progress.version,
        p_attempts: attempts,
        p_seen_until: progress.seen_until,
        p_gaps: progress.gaps,
      }),
    closeMissed: (maxAttempts) => call<MissedDelivery[]>(transport, 'close_missed', { p_max_attempts: maxAttempts }),
    claimMissed: () => call<MissedDelivery | null>(transport, 'claim_missed', {}),
    async settleMissed(guid, state, outcome) {
      await call(transport, 'settle_missed', { p_guid: guid, p_state: state, p_outcome: outcome });
    },
  };
}
