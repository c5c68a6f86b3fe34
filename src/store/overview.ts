import { criticalPath } from '../domain/graph.ts';
import type { TaskGraph } from '../domain/graph.ts';
import { call } from './call.ts';
import type { Retained, Store, Transport } from './contract.ts';

/** Calls about many rows at once: a run's graph, and what is old. */
export function overviewCalls(transport: Transport): Pick<Store, 'criticalPath' | 'readyTasks' | 'retain'> {
  return {
    criticalPath: async (runId) => criticalPath(await call<TaskGraph>(transport, 'run_graph', { p_run_id: runId })),
    readyTasks: (runId) => call<{ id: string; key: string }[]>(transport, 'ready_tasks', { p_run_id: runId }),
    retain: ({ limit, deliveryDays, historyDays }) =>
      call<Retained>(transport, 'retain', { p_limit: limit, p_delivery_days: deliveryDays, p_history_days: historyDays }),
  };
}
