import { AIMessage } from '@langchain/core/messages';
import { z } from 'zod';
import { ELSEWHERE_LEASE_SECONDS } from '../domain/liveness.ts';
import { BanyanError } from '../kernel/errors.ts';
import type { AgentIdentity } from '../store/agent-contract.ts';
import type { StepGate } from '../store/contract.ts';
import { mayWork } from './conversation.ts';
import type { EngineParts } from './parts.ts';
import type { RoleAgent } from './role.ts';
import { toRow } from './step-log.ts';
import { createSuspects } from './suspects.ts';
import { TaskRunner } from './tasks.ts';
import { danglingCalls, normalizeAnswer, restore } from './transcript.ts';

/*
 * Agents of elsewhere. One of them takes the place of the model in a conversation: it claims a task and gets its brief, and hands in files and a result,
 * which are stored as the calls of tools by which a model would have done the same. The task is then given back, and a worker of this deployment runs
 * those calls: protected paths, gates and the end of the task are the same code, whoever did the work. What a gate refuses, Banyan's own model goes on
 * with.
 */

export interface HandedIn {
  task: string;
  result: Record<string, unknown>;
  changes: ({ path: string; content: string } | { path: string; deleted: true })[];
}

/** What admitted agents of elsewhere may do with tasks. Each call is one answer to one of them. */
export class ElsewhereWork {
  readonly #parts: EngineParts;
  readonly #runner: TaskRunner;
  readonly #nudge: () => void;

  /** @param nudge called when a worker of this deployment has something to go on with */
  constructor(parts: EngineParts, nudge: () => void) {
    this.#parts = parts;
    this.#runner = new TaskRunner(parts, createSuspects(parts.store));
    this.#nudge = nudge;
  }

  #roleOf(agent: AgentIdentity): RoleAgent {
    const role = this.#parts.roles.get(agent.role);
    if (role) return role;
    throw new BanyanError('forbidden', `This deployment has no role "${agent.role}".`);
  }

  async claim(agent: AgentIdentity): Promise<object> {
    const role = this.#roleOf(agent);
    const claimed = await this.#parts.store.claimForAgent(agent.id, ELSEWHERE_LEASE_SECONDS);
    if (!claimed) return { task: null };
    const { task, ticket, project } = claimed;
    try {
      const { revision, brief } = await this.#runner.prepare(claimed, nameOf(agent));
      const { key, phase, title, timeout_seconds } = task;
      return {
        task: { id: task.id, key, role: task.role, phase, title, timeout_seconds },
        repository: `${project.owner}/${project.name}`,
        issue: { number: ticket.number, title: ticket.title, url: ticket.url },
        revision,
        system: brief[0] ?? '',
        opening: brief[1] ?? '',
        result_schema: z.toJSONSchema(role.resultSchema, { io: 'output', unrepresentable: 'any' }),
        lease_seconds: ELSEWHERE_LEASE_SECONDS,
      };
    } catch (thrown) {
      // A worker of this deployment meets the same, and tells the people of the issue.
      await this.release(agent, task.id);
      throw thrown;
    }
  }

  async renew(agent: AgentIdentity, task: string): Promise<object> {
    const { tasks } = await this.#parts.store.renew(nameOf(agent), { tasks: [task], effects: [], deliveries: [] }, ELSEWHERE_LEASE_SECONDS);
    const gate = requireHeld(tasks[task]);
    return { status: 'renewed', lease_seconds: ELSEWHERE_LEASE_SECONDS, inputs: gate.inputs };
  }

  async release(agent: AgentIdentity, task: string): Promise<object> {
    await this.#parts.store.releaseTask(task, nameOf(agent), 0);
    this.#nudge();
    return { status: 'released' };
  }

  /** Stored once, also where the answer to it got lost and it comes again. */
  async handIn(agent: AgentIdentity, { task, result, changes }: HandedIn): Promise<object> {
    const role = this.#roleOf(agent);
    const worker = nameOf(agent);
    const { store } = this.#parts;
    const parsed = role.resultSchema.safeParse(result);
    if (!parsed.success) throw new BanyanError('payload_invalid', `The result was not accepted: ${z.prettifyError(parsed.error)}`);
    if (changes.length > 0 && !role.permissions.includes('write')) throw new BanyanError('payload_invalid', `The role "${agent.role}" changes no files.`);
    // Before anything of the task is read: it may be anybody's.
    requireHeld((await store.look(worker, [task]))[task]);
    const { messages, rollbacks } = await store.loadConversation(task, worker);
    const transcript = restore(messages, rollbacks);
    if (danglingCalls(transcript.messages).length === 0) {
      const calls = [
        ...changes.map((change) => ('deleted' in change ? { name: 'delete_file', args: { path: change.path } } : { name: 'write_file', args: { ...change } })),
        { name: role.resultName, args: result },
      ].map((call, index) => ({ ...call, id: `elsewhere_${index}`, type: 'tool_call' as const }));
      const message = normalizeAnswer(new AIMessage({ content: '', tool_calls: calls }), transcript.everything);
      requireHeld(await store.appendMessages(task, worker, [toRow(message, { model: `agent:${agent.key}` })]));
    }
    await store.noteAgentResult(agent.id);
    await this.release(agent, task);
    return { status: 'handed_in' };
  }
}

/** In whose name it holds leases. */
function nameOf(agent: AgentIdentity): string {
  return `agent-${agent.id}`;
}

/** One answer for a task that is another's, that is nobody's, and that does not exist. */
function requireHeld(gate: StepGate | undefined): StepGate {
  if (!gate || gate.status === 'lost') throw new BanyanError('lease_lost', 'You do not hold this task.');
  if (!mayWork(gate)) throw new BanyanError('conflict', 'The work was paused or stopped; release the task.');
  return gate;
}
