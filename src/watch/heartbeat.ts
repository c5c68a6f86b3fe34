import { judgeAgent, judgeWorker } from '../domain/liveness.ts';
import type { AgentFacts, WorkerFacts } from '../domain/liveness.ts';
import type { WatchItem } from '../store/watch-contract.ts';
import { lookingJob } from './job.ts';
import type { Look, WatchParts } from './job.ts';

/*
 * Leases and workers that fell silent. A claim takes over what others lost; this is for what no claim comes by for, and it keeps the account of who
 * lost what. Nobody is told in an issue: the work goes on. What is held for long, the diagnosis says.
 */

interface LostLease {
  kind: 'lease';
  ticket_id: string;
  task_id: string;
  worker: string;
}
type SilentWorker = WorkerFacts & { kind: 'worker'; name: string; seen_at: string };
type UnwellAgent = AgentFacts & { kind: 'agent'; organization_id: string; key: string; role: string; newest_loss: number };

type Facts = LostLease | SilentWorker | UnwellAgent;

function releaseLease({ ticket_id: ticketId, task_id, worker }: LostLease): Look {
  // Guarded by the lease itself: the ticket may have changed as it likes.
  const act = { ticketId, expectVersion: null, intents: [{ type: 'release_lost' as const, task_id, worker }] };
  return { finding: `lost:${worker}`, act, did: ['released'] };
}

async function lookAtWorker(facts: SilentWorker, { store }: WatchParts): Promise<Look> {
  const state = judgeWorker(facts);
  const judged = state !== 'active' && (await store.judgeWorker(facts.name, facts.seen_at, state));
  return { finding: judged ? state : null, did: judged ? [`worker_${state}`] : [] };
}

async function lookAtAgent(facts: UnwellAgent, { store, log }: WatchParts): Promise<Look> {
  const { organization_id: organizationId, key, role, newest_loss: newestLoss, state: from } = facts;
  const judgement = judgeAgent(facts, new Date());
  const done = await store.judgeAgent({ organizationId, key, role, newestLoss, from, ...judgement });
  const { state, lossesInARow, holdSeconds } = judgement;
  const changed = done !== null && state !== from;
  if (changed && state === 'failed') log.error({ organization: organizationId, agent: key, lossesInARow, holdSeconds }, 'an agent failed; its work is held');
  const did = [...(changed ? [`agent_${state}`] : []), ...(done && done.held > 0 ? [state === 'failed' ? 'tasks_held' : 'tasks_freed'] : [])];
  return { finding: state === 'active' ? null : state, memory: { losses: lossesInARow }, did };
}

export const heartbeatJob = lookingJob<Facts>({
  name: 'heartbeat',
  rows: 2_000,
  look({ data }: WatchItem<Facts>, parts) {
    if (data.kind === 'lease') return releaseLease(data);
    return data.kind === 'worker' ? lookAtWorker(data, parts) : lookAtAgent(data, parts);
  },
});
