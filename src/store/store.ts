import type { MetricsReading } from '../domain/metrics.ts';
import { agentCalls } from './agents.ts';
import { boardCalls } from './board.ts';
import { call } from './call.ts';
import { claimCalls } from './claims.ts';
import type { Health, Store, Transport } from './contract.ts';
import { conversationCalls } from './conversations.ts';
import { deliveryCalls } from './deliveries.ts';
import { diagnoseCalls } from './diagnose.ts';
import { effectCalls } from './effects.ts';
import { guardianCalls } from './guardian.ts';
import { identityCalls } from './identity.ts';
import { createIntakeStore } from './intake.ts';
import type { Inspection } from './inspect-contract.ts';
import { limitCalls } from './limits.ts';
import { redeliveryCalls } from './redelivery.ts';
import { overviewCalls } from './overview.ts';
import { taskCalls } from './tasks.ts';
import { watchCalls } from './watch.ts';

/** All calls over one transport. */
export function createStore(transport: Transport): Store {
  return {
    ...createIntakeStore(transport),
    ...deliveryCalls(transport),
    ...redeliveryCalls(transport),
    ...claimCalls(transport),
    ...taskCalls(transport),
    ...overviewCalls(transport),
    ...conversationCalls(transport),
    ...effectCalls(transport),
    ...limitCalls(transport),
    ...watchCalls(transport),
    ...diagnoseCalls(transport),
    ...agentCalls(transport),
    ...identityCalls(transport),
    metrics: () => call<MetricsReading>(transport, 'metrics', {}),
    ...boardCalls(transport),
    ...guardianCalls(transport),
    health: () => call<Health>(transport, 'health', {}),
    inspect: () => call<Inspection>(transport, 'inspect', {}),
  };
}
