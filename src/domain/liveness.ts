/*
 * What follows from silence, and from leases that run out.
 *
 * A worker says something every third of a lease. An agent is a role at work in one organization: it is as well as what it was given to do comes to
 * an end. One loss may be anybody's (a deployment, a machine that went away); five workers in a row without one task that ended well are the agent's own, and
 * its work then waits for a pause that grows with each further loss, so that it does not eat worker after worker. A single success makes it well.
 * An agent of elsewhere is its own worker: it is judged by its silence too, and silence never makes it well.
 */

export type AgentState = 'active' | 'degraded' | 'failed' | 'stopped' | 'retired';

export interface AgentFacts {
  state: AgentState;
  /** Workers that were lost over its work without a success in between, as it was judged last. */
  losses_in_a_row: number;
  /** Those that nobody judged yet. */
  new_losses: number;
  /** A task of its ended well between the last judged loss and the first new one. */
  succeeded_before: boolean;
  /** A task of its ended well after its last loss. */
  succeeded_since: boolean;
  lost_at: string | null;
  /** Of an agent of elsewhere that spoke before; null for roles at work here, which do not speak. */
  silent_seconds: number | null;
}

export interface AgentJudgement {
  state: AgentState;
  lossesInARow: number;
  /** For so long its work is held from now on; null: as it was. */
  holdSeconds: number | null;
}

const FAILED_AFTER = 5;
const HOLD_SECONDS = 60;
const MAX_HOLD_SECONDS = 1_800;
/** Longer than the longest pause: whoever lost nothing for so long is no longer judged by it. */
const QUIET_MS = 3_600_000;

/** Agents of elsewhere renew over the network, at their own pace. */
export const ELSEWHERE_LEASE_SECONDS = 120;

export function judgeAgent(facts: AgentFacts, now: Date): AgentJudgement {
  const silence = judgeWorker({ state: 'active', lease_seconds: ELSEWHERE_LEASE_SECONDS, silent_seconds: facts.silent_seconds ?? 0 });
  const quiet = silence === 'active' && (facts.lost_at === null || now.getTime() - Date.parse(facts.lost_at) > QUIET_MS);
  const before = facts.succeeded_before ? 0 : facts.losses_in_a_row;
  const lossesInARow = facts.succeeded_since || quiet ? 0 : before + facts.new_losses;
  // What a person switched off stays off.
  if (facts.state === 'stopped' || facts.state === 'retired') return { state: facts.state, lossesInARow, holdSeconds: null };
  if (lossesInARow < FAILED_AFTER) {
    // One after the other, however late it is noticed.
    if (silence === 'failed' && facts.state !== 'active') return { state: 'failed', lossesInARow, holdSeconds: null };
    return { state: lossesInARow === 0 && silence === 'active' ? 'active' : 'degraded', lossesInARow, holdSeconds: null };
  }
  const holdSeconds = facts.new_losses > 0 ? Math.min(HOLD_SECONDS * 2 ** (lossesInARow - FAILED_AFTER), MAX_HOLD_SECONDS) : null;
  return { state: 'failed', lossesInARow, holdSeconds };
}

export interface WorkerFacts {
  state: 'active' | 'degraded';
  lease_seconds: number;
  silent_seconds: number;
}

/** Silent for two leases it may still come back; for four it does not. */
export function judgeWorker({ state, lease_seconds: lease, silent_seconds: silent }: WorkerFacts): 'active' | 'degraded' | 'failed' {
  if (silent >= 4 * lease) return 'failed';
  return silent >= 2 * lease ? 'degraded' : state;
}
