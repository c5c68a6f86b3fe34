import { ANOMALY_SCORE, anomalyCause, anomalyEvidence, dearPart, describePart, MIN_RUNS, scoreRun } from '../domain/anomaly.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import { refreshStatus } from '../domain/effects.ts';
import type { Intent } from '../domain/intents.ts';
import { clockTime } from '../kernel/time.ts';
import type { RunFigures } from '../store/diagnose-contract.ts';
import type { WatchItem } from '../store/watch-contract.ts';
import { lookingJob } from './job.ts';
import type { Look, WatchJob, WatchParts } from './job.ts';

/*
 * Compares every run at work with the history of its kind. What is unusual opens a diagnosis, once in a run; the job `diagnose` then says
 * what to do about it. A run that is only dear, for its kind, is told in its status comment and goes on.
 */

/** Runs that ended since, counted in one call; what is left is counted at the next run of the job. */
const LEARN = 200;

interface RunAtWork {
  run_id: string;
  ticket_id: string;
  project_id: string;
  number: number;
  /** Its cost was told before. */
  told: boolean;
}

const ROWS = 1_000;

async function look({ data }: WatchItem<RunAtWork>, { store }: WatchParts): Promise<Look> {
  const known = await store.runFigures(data.run_id, MIN_RUNS);
  if (!known) return { finding: null };
  const anomaly = scoreRun(known.figures, known.norms);
  if (anomaly.score < ANOMALY_SCORE) return lookAtCost(data, known);
  const cause = anomalyCause(anomaly);
  return {
    finding: `anomaly:${cause}`,
    memory: { score: anomaly.score },
    act: { ticketId: data.ticket_id, expectVersion: null, intents: [opened(data, anomaly, cause)] },
    did: ['found'],
  };
}

function opened({ run_id: runId }: RunAtWork, anomaly: Anomaly, cause: string): Extract<Intent, { type: 'diagnosis' }> {
  return { type: 'diagnosis', kind: 'anomaly', run_id: runId, task_id: null, cause, score: anomaly.score, evidence: anomalyEvidence(anomaly) };
}

function lookAtCost(data: RunAtWork, { figures, norms }: RunFigures): Look {
  const part = dearPart(figures, norms);
  if (!part) return { finding: null };
  if (data.told) return { finding: 'dear' };
  const note = `Dear for its kind: ${describePart(part)}. It goes on (${clockTime(new Date())} UTC).`;
  const told: Intent = { ...opened(data, { score: part.score, parts: [part] }, part.figure), told_only: true };
  const intents: Intent[] = [told, { type: 'set_ticket', note }, refreshStatus({ projectId: data.project_id, number: data.number })];
  return { finding: 'dear', act: { ticketId: data.ticket_id, expectVersion: null, intents }, did: ['told'] };
}

const looking = lookingJob<RunAtWork>({ name: 'anomaly', look, rows: ROWS });

export const anomalyJob: WatchJob = {
  name: 'anomaly',
  async run(parts, until) {
    await parts.store.learnNorms(LEARN);
    return looking.run(parts, until);
  },
};
