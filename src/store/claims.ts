import { call } from './call.ts';
import type { Claims, Deaths, Renewed, StepGate, Store, Transport } from './contract.ts';

export function claimCalls(transport: Transport): Pick<Store, 'claim' | 'renew' | 'look' | 'readDeaths' | 'tryAlone'> {
  return {
    claim: (worker, want) =>
      call<Claims>(transport, 'claim', {
        p_worker: worker,
        p_deliveries: want.deliveries,
        p_effects: want.effects,
        p_tasks: want.tasks,
        p_lease_seconds: want.leaseSeconds,
      }),
    renew: (worker, leases, leaseSeconds) =>
      call<Renewed>(transport, 'renew', {
        p_worker: worker,
        p_tasks: leases.tasks,
        p_effects: leases.effects,
        p_deliveries: leases.deliveries,
        p_lease_seconds: leaseSeconds,
      }),
    look: (worker, tasks) => call<Record<string, StepGate>>(transport, 'look', { p_worker: worker, p_tasks: tasks }),
    readDeaths: (kind, key) => call<Deaths | null>(transport, 'read_deaths', { p_kind: kind, p_key: key }),
    async tryAlone(kind, key) {
      await call(transport, 'try_alone', { p_kind: kind, p_key: key });
    },
  };
}
