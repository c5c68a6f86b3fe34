import { ANOMALY_SCORE, anomalyCause, anomalyEvidence, MIN_RUNS, scoreRun } from '../domain/anomaly.ts';
import type { WatchItem } from '../store/watch-contract.ts';
import { lookingJob } from './job.ts';
import type { Look, WatchJob, WatchParts } from './job.ts';

/*
 * Compares every run at work with the history of its kind. What is unusual opens a diagnosis, once in a run; the job `diagnose` then says
 * what to do about it.
 */

/** Runs that ended since, counted in one call; what is left is counted at the next run of the job. */
const LEARN = 200;

interface RunAtWork {
  run_id: string;
  ticket_id: string;
}

const ROWS = 1_000;

async function look({ data }: WatchItem<RunAtWork>, { store }: WatchParts): Promise<Look> {
  const known = await store.runFigures(data.run_id, MIN_RUNS);
  if (!known) return { finding: null };
  const anomaly = scoreRun(known.figures, known.norms);
  if (anomaly.score < ANOMALY_SCORE) return { finding: null };
  const cause = anomalyCause(anomaly);
  const diagnosis = { kind: 'anomaly' as const, run_id: data.run_id, task_id: null, cause, score: anomaly.score, evidence: anomalyEvidence(anomaly) };
  return {
    finding: `anomaly:${cause}`,
    memory: { score: anomaly.score },
    act: { ticketId: data.ticket_id, expectVersion: null, intents: [{ type: 'diagnosis', ...diagnosis }] },
    did: ['found'],
  };
}

const looking = lookingJob<RunAtWork>({ name: 'anomaly', look, rows: ROWS });

export const anomalyJob: WatchJob = {
  name: 'anomaly',
  async run(parts, until) {
    await parts.store.learnNorms(LEARN);
    return looking.run(parts, until);
  },
};
