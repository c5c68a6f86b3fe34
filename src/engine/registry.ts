import { roleTitle } from '../domain/roles.ts';
import { toBanyanError } from '../kernel/errors.ts';
import { VERSION } from '../kernel/version.generated.ts';
import type { AgentProfile } from '../store/agent-contract.ts';
import type { ClaimedTask } from '../store/contract.ts';
import { toolsFor } from '../tools/index.ts';
import type { EngineParts } from './parts.ts';

/*
 * Who works where, written down beside the work: once for a worker that took on a task, and once in a while for each role that this process works in for
 * an organization. Nothing waits for it, and what cannot be written down is worked on all the same.
 */

/** An agent that is at work all the time is heard of this often; `public.register_worker` leaves out what it knows. */
const AGAIN_MS = 600_000;

export interface Registry {
  /** What a worker claimed, as far as it is known yet. */
  seen(worker: string, claimed: readonly ClaimedTask[]): Promise<void>;
  /** The worker ends of itself. */
  left(worker: string): Promise<void>;
}

/** That of one process. */
export function createRegistry({ store, roles, settings, log }: Pick<EngineParts, 'store' | 'roles' | 'settings' | 'log'>): Registry {
  const workers = new Set<string>();
  const known = new Map<string, number>();

  function newOnes(claimed: readonly ClaimedTask[]): AgentProfile[] {
    const now = Date.now();
    return claimed.flatMap(({ task, project: { organization_id } }) => {
      const id = `${organization_id}/${task.role}`;
      const agent = roles.get(task.role);
      if (!agent || now - (known.get(id) ?? 0) < AGAIN_MS) return [];
      known.set(id, now);
      return [{ organization_id, role: task.role, name: roleTitle(task.role), capabilities: toolsFor(agent.permissions).map(({ name }) => name) }];
    });
  }

  return {
    async seen(worker, claimed) {
      const agents = newOnes(claimed);
      if (workers.has(worker) && agents.length === 0) return;
      workers.add(worker);
      try {
        const profile = { version: VERSION, host: settings.host, roles: [...roles.keys()], lease_seconds: settings.leaseSeconds };
        await store.registerWorker(worker, profile, agents);
      } catch (thrown) {
        workers.delete(worker);
        for (const { organization_id, role } of agents) known.delete(`${organization_id}/${role}`);
        log.warn({ worker, code: toBanyanError(thrown).code }, 'a worker could not be registered');
      }
    },
    async left(worker) {
      if (!workers.delete(worker)) return;
      try {
        await store.leaveWorker(worker);
      } catch (thrown) {
        log.warn({ worker, code: toBanyanError(thrown).code }, 'a worker that ends could not say so');
      }
    },
  };
}
