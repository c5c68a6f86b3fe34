import { call } from './call.ts';
import type { Transport } from './contract.ts';
import type { DiagnoseStore } from './diagnose-contract.ts';

export function diagnoseCalls(transport: Transport): DiagnoseStore {
  return {
    learnNorms: async (limit) => (await call<{ learned: number }>(transport, 'learn_norms', { p_limit: limit })).learned,
    runFigures: (runId, minRuns) => call<Awaited<ReturnType<DiagnoseStore['runFigures']>>>(transport, 'run_figures', { p_run_id: runId, p_min_runs: minRuns }),
  };
}
