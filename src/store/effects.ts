import { call } from './call.ts';
import type { Transport } from './contract.ts';
import type { EffectBegin, EffectSettled, EffectStore } from './effect-contract.ts';

export function effectCalls(transport: Transport): EffectStore {
  return {
    beginEffect: (effect) =>
      call<EffectBegin>(transport, 'begin_effect', {
        p_key: effect.key,
        p_kind: effect.kind,
        p_ticket_id: effect.ticketId,
        p_task_id: effect.taskId,
        p_payload: effect.payload,
        p_worker: effect.worker,
        p_lease_seconds: effect.leaseSeconds,
      }),
    settleEffect: (key, worker, { generation, result, next }) =>
      call<EffectSettled>(transport, 'settle_effect', {
        p_key: key,
        p_worker: worker,
        p_generation: generation,
        p_result: result,
        p_lease_seconds: next?.leaseSeconds ?? null,
      }),
    async failEffect(key, worker, error, retryAt) {
      await call(transport, 'fail_effect', { p_key: key, p_worker: worker, p_error: error, p_retry_at: retryAt, p_said_at: new Date() });
    },
  };
}
