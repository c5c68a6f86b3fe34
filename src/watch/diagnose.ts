import { decideByRules, focusOf, isTold, silenceOf } from '../domain/diagnosis.ts';
import type { Case, Stall } from '../domain/diagnosis.ts';
import { describeStall, gatherEvidence, tellingEvidence } from '../domain/evidence.ts';
import type { Evidence } from '../domain/evidence.ts';
import { recover } from '../domain/recovery.ts';
import type { Diagnosis } from '../domain/recovery.ts';
import { fromRunSnapshot } from '../engine/run-config.ts';
import type { WatchItem } from '../store/watch-contract.ts';
import type { Asking } from './diagnostician.ts';
import { lookingJob } from './job.ts';
import type { Look, WatchJob, WatchParts } from './job.ts';

/*
 * Finds runs that do not go on though nobody is waited for, and takes over what `anomaly` found. What is known is read in one call; the
 * rules say what is wrong and what to do, out of a closed list; where a model is configured it is asked for a better word, and code says
 * whether that holds. What came of it is learned.
 */

interface Suspect {
  run_id: string;
  ticket_id: string;
  task_id: string | null;
  stall: Stall;
  since: string;
  diagnosis_id: string | null;
  repository: string;
}

/** Diagnoses whose outcome is looked for in one run. */
const SETTLE = 200;
const ROWS = 500;
/** How often a model is asked in one run of the job: each answer may take a minute, and other jobs wait. The rules do for the others. */
const ASKS = 5;
/** A look with a model's answer in it. */
const LEASE_SECONDS = 180;
/** Where only time can tell. */
const LOOK_AGAIN_SECONDS = 120;

function byRules(given: Case, evidence: readonly Evidence[], now: Date): Diagnosis {
  const refersTo = tellingEvidence(evidence, given.facts);
  return { given, proposal: decideByRules(given), hypothesis: `${describeStall(given, now)}.`, refersTo, evidence, asked: null };
}

function findingOf({ stall, task_id: taskId }: Suspect): string {
  return `${stall}:${taskId ?? 'run'}`;
}

async function look({ data }: WatchItem<Suspect>, parts: WatchParts, asking: Asking): Promise<Look> {
  const { store } = parts;
  const facts = await store.diagnosisFacts(data.run_id, data.task_id, data.diagnosis_id);
  if (!facts?.snapshot.run) return { finding: null };
  const { ticket, run } = facts.snapshot;
  const now = new Date();
  const { repository, workflow } = fromRunSnapshot(run.config_snapshot);
  if (data.stall === 'silent' && now.getTime() - Date.parse(data.since) < silenceOf(facts, repository.limits.commandTimeoutSeconds)) {
    return { finding: null, nextLookSeconds: LOOK_AGAIN_SECONDS };
  }
  const role = focusOf(facts)?.role ?? 'developer';
  const given: Case = { stall: data.stall, since: data.since, facts, otherModels: parts.models.others(role, repository.models) };
  if (isTold(given)) return { finding: findingOf(data), nextLookSeconds: LOOK_AGAIN_SECONDS };
  const evidence = gatherEvidence(given, now);
  const rules = byRules(given, evidence, now);
  // LangChain is loaded where there is something to ask.
  const { askDiagnostician } = await import('./diagnostician.ts');
  const diagnosis = await askDiagnostician(rules, { name: data.repository, models: repository.models }, parts, asking);
  const context = { at: { projectId: ticket.project_id, number: ticket.number }, workflow, maxMinutes: repository.limits.maxMinutes, now };
  const { intents, deed } = recover(diagnosis, context);
  return {
    finding: findingOf(data),
    memory: { action: diagnosis.proposal.action },
    act: { ticketId: ticket.id, expectVersion: ticket.version, intents },
    did: [deed],
  };
}

export const diagnoseJob: WatchJob = {
  name: 'diagnose',
  async run(parts, until) {
    await parts.store.settleDiagnoses(SETTLE);
    const asking: Asking = { left: ASKS, until };
    const looking = lookingJob<Suspect>({ name: 'diagnose', look: (item) => look(item, parts, asking), rows: ROWS, leaseSeconds: LEASE_SECONDS });
    return looking.run(parts, until);
  },
};
