import type { Intent } from '../../../src/domain/intents.ts';
import type { EngineParts } from '../../../src/engine/parts.ts';
import type { GitHubApp } from '../../../src/github/app.ts';
import type { Repository } from '../../../src/github/repository.ts';
import type { Sandbox, SandboxProvider } from '../../../src/sandbox/types.ts';
import type { ClaimedTask, Claims, NewDelivery, Store } from '../../../src/store/contract.ts';
import type { ClaimedEffect } from '../../../src/store/effect-contract.ts';
import type { Recorder } from './recorder.ts';

/** What of the parts is handed in by whoever claims, and what each waits for. */
interface Queue {
  /** A delivery or the next task of an issue is stored: from now on it waits for a worker. */
  stored(key: string, repo: string | null): void;
  claimed(key: string, name: string): void;
}

function createQueue(recorder: Recorder): Queue {
  const waiting = new Map<string, (name?: string) => void>();
  /** The answer to a claim may be here before that to the call that stored what was claimed: such a wait was over before it was seen. */
  const early = new Set<string>();
  return {
    stored(key, repo) {
      if (early.delete(key)) return;
      waiting.get(key)?.();
      waiting.set(key, recorder.begin({ category: 'scheduling', name: key, repo }));
    },
    claimed(key, name) {
      const end = waiting.get(key);
      if (!end) early.add(key);
      end?.(name);
      waiting.delete(key);
    },
  };
}

const READING_EFFECTS = new Set(['status_comment', 'label']);

const addsTask = (intents: readonly Intent[]) => intents.some((intent) => intent.type === 'add_task');

export interface MeasureOptions {
  recorder: Recorder;
  /** Calls of the database go by `fetch`, where they are measured anyway. */
  callsAreMeasured: boolean;
}

/** Calls that go over a connection, from the call to its answer. */
function measureCalls(store: Store, recorder: Recorder): Store {
  const measured = Object.entries(store).map(([name, call]: [string, (...args: unknown[]) => Promise<unknown>]) => [
    name,
    (...args: unknown[]) => recorder.time({ category: 'database', name }, () => call(...args)),
  ]);
  return Object.fromEntries(measured) as Store;
}

/** The parts of a worker, with everything noted that a task waits for, and the intake's store beside them. */
export function measureParts(
  parts: EngineParts,
  { recorder, callsAreMeasured }: MeasureOptions,
): { parts: EngineParts; receiveDelivery: Store['receiveDelivery'] } {
  const queue = createQueue(recorder);
  /** `<project>#<number>` of the issue that a task works on. */
  const issues = new Map<string, { key: string; repo: string }>();
  const effects = new Set<string>();
  const effectProjects = new WeakSet<object>();
  /** Tickets whose effects are about to read them: effects render what is true when they are performed. */
  const readers: string[] = [];

  function noteClaims(claims: Claims): void {
    for (const delivery of claims.deliveries) queue.claimed(delivery.guid, 'delivery');
    for (const effect of claims.effects) noteEffect(effect);
    noteTasks(claims.tasks);
  }

  function noteEffect(effect: ClaimedEffect): void {
    effects.add(effect.key);
    effectProjects.add(effect.project);
    if (effect.ticket_id && READING_EFFECTS.has(effect.kind)) readers.push(effect.ticket_id);
  }

  function noteTasks(tasks: readonly ClaimedTask[]): void {
    for (const { task, ticket, project } of tasks) {
      const issue = { key: `${project.id}#${ticket.number}`, repo: project.name };
      issues.set(task.id, issue);
      queue.claimed(issue.key, task.role);
    }
  }

  const store = callsAreMeasured ? parts.store : measureCalls(parts.store, recorder);
  const measured: Store = {
    ...store,
    async claim(...args) {
      const claims = await recorder.beside(() => store.claim(...args));
      noteClaims(claims);
      return claims;
    },
    ticketSnapshot(ticketId) {
      const reader = readers.indexOf(ticketId);
      if (reader === -1) return store.ticketSnapshot(ticketId);
      readers.splice(reader, 1);
      return recorder.beside(() => store.ticketSnapshot(ticketId));
    },
    renew: (...args) => recorder.beside(() => store.renew(...args)),
    async settleEffect(key, ...rest) {
      if (!effects.has(key)) return store.settleEffect(key, ...rest);
      const settled = await recorder.beside(() => store.settleEffect(key, ...rest));
      if (settled.next) noteEffect(settled.next);
      return settled;
    },
    async applyIntents(guid, worker, ref, intents) {
      const applied = await store.applyIntents(guid, worker, ref, intents);
      if (ref && applied.status === 'applied' && addsTask(intents)) queue.stored(`${ref.project_id}#${ref.number}`, null);
      return applied;
    },
    async completeTask(taskId, worker, output, decision) {
      const settled = await store.completeTask(taskId, worker, output, decision);
      const issue = issues.get(taskId);
      if (settled.status === 'completed' && issue && addsTask(decision.intents)) queue.stored(issue.key, issue.repo);
      if ('next' in settled) noteTasks(settled.next ?? []);
      return settled;
    },
  };
  return {
    parts: { ...parts, store: measured, github: measureGitHub(parts.github, recorder, effectProjects), sandboxes: measureSandboxes(parts.sandboxes, recorder) },
    async receiveDelivery(delivery: NewDelivery) {
      const status = await store.receiveDelivery(delivery);
      if (status === 'accepted') queue.stored(delivery.guid, delivery.repository?.split('/')[1] ?? null);
      return status;
    },
  };
}

/** Effects are performed while the task goes on: their calls are told from its own by the project object that came with the claim. */
function measureGitHub(github: GitHubApp, recorder: Recorder, effectProjects: WeakSet<object>): GitHubApp {
  return {
    ...github,
    async repository(project) {
      if (!effectProjects.has(project)) return github.repository(project);
      return besideTheWay(await recorder.beside(() => github.repository(project)), recorder);
    },
  };
}

function besideTheWay(repository: Repository, recorder: Recorder): Repository {
  const { project, ...groups } = repository;
  const wrapped = Object.entries(groups).map(([group, calls]: [string, object]) => [
    group,
    Object.fromEntries(
      Object.entries(calls).map(([name, call]: [string, (...args: unknown[]) => unknown]) => [
        name,
        (...args: unknown[]) => recorder.beside(() => call(...args)),
      ]),
    ),
  ]);
  return { project, ...(Object.fromEntries(wrapped) as Omit<Repository, 'project'>) };
}

/** What the workspace runs for itself, to see what a command changed, starts with this. */
const OWN_SCRIPT = 'export GIT_DIR=';

function measureSandboxes(provider: SandboxProvider, recorder: Recorder): SandboxProvider {
  const time = <T>(name: string, work: () => Promise<T>) => recorder.time({ category: 'sandbox', name }, work);
  return {
    ...provider,
    async create(options) {
      const sandbox = await time('create', () => provider.create(options));
      const measured: Sandbox = {
        id: sandbox.id,
        provider: sandbox.provider,
        writeFiles: (files) => time('write files', () => sandbox.writeFiles(files)),
        readFile: (path) => time('read file', () => sandbox.readFile(path)),
        run(command) {
          if (command.command.startsWith(OWN_SCRIPT)) return time("git's eye on the files", () => sandbox.run(command));
          return recorder.time({ category: 'tests', name: command.command }, () => sandbox.run(command));
        },
        destroy: () => recorder.beside(() => time('destroy', () => sandbox.destroy())),
      };
      return measured;
    },
  };
}
