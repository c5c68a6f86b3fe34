import { call } from './call.ts';
import type { Transport } from './contract.ts';
import type { Facts } from '../domain/diagnosis.ts';
import type { DiagnoseStore, RunFigures } from './diagnose-contract.ts';

export function diagnoseCalls(transport: Transport): DiagnoseStore {
  return {
    learnNorms: async (limit) => (await call<{ learned: number }>(transport, 'learn_norms', { p_limit: limit })).learned,
    runFigures: (runId, minRuns) => call<RunFigures | null>(transport, 'run_figures', { p_run_id: runId, p_min_runs: minRuns }),
    diagnosisFacts: (runId, taskId, diagnosisId) =>
      call<Facts | null>(transport, 'diagnosis_facts', { p_run_id: runId, p_task_id: taskId, p_diagnosis_id: diagnosisId }),
    settleDiagnoses: async (limit) => (await call<{ settled: number }>(transport, 'settle_diagnoses', { p_limit: limit })).settled,
    async spendOnDiagnosis(taskId, spent) {
      await call(transport, 'spend_on_diagnosis', { p_task_id: taskId, p_call: spent });
    },
  };
}
