import { createWorkspace } from '../context/workspace.ts';
import type { FileChange } from '../context/overlay.ts';
import type { Workspace } from '../context/workspace.ts';
import type { JsonObject } from '../domain/model.ts';
import { phaseOf } from '../domain/phases.ts';
import type { PullRequest } from '../github/pulls.ts';
import { BanyanError } from '../kernel/errors.ts';
import type { ClaimedTask, WorkspaceFile } from '../store/contract.ts';
import { createLedger } from './ledger.ts';
import type { EngineParts } from './parts.ts';
import { fromRunSnapshot } from './run-config.ts';
import type { ConversationState, TaskSession } from './session.ts';

/** A session and what the engine alone does with it. */
export interface OwnedSession {
  session: TaskSession;
  /** The files that differ from what was given out last; none while nobody has opened the workspace. */
  changed: () => Promise<WorkspaceFile[]>;
  /** Goes on from these changes, without what commands left behind in the sandbox. */
  reset: (files: JsonObject[]) => Promise<void>;
  dispose(): Promise<void>;
}

export interface SessionOptions {
  parts: EngineParts;
  options: { worker: string; signal: AbortSignal; wake(): void };
  claimed: ClaimedTask;
  state: ConversationState;
  disclosure: string | null;
}

export async function openSession({ parts, options, claimed, state, disclosure }: SessionOptions): Promise<OwnedSession> {
  const { worker, signal } = options;
  const { task, run, ticket, project } = claimed;
  const [repository, login] = await Promise.all([parts.github.repository(project), parts.github.login()]);
  const { repository: config, workflow } = fromRunSnapshot(run.config_snapshot);
  const at = { projectId: project.id, number: ticket.number };
  const opened: Promise<Workspace>[] = [];
  const pulls = new Map<number, Promise<PullRequest>>();
  let main: Promise<Workspace> | undefined;
  let known = byPath(state.changes);

  function tree(revision: string) {
    return parts.snapshots.get(repository, revision, config.limits.maxRepositoryMb * 1024 * 1024);
  }

  function open(revision: string, changes: FileChange[]): Promise<Workspace> {
    const opening = tree(revision).then((snapshot) =>
      createWorkspace({
        snapshot,
        changes,
        sandboxProvider: parts.sandboxes,
        sandboxSeconds: Math.max(600, 2 * config.limits.commandTimeoutSeconds),
        sandboxName: `banyan-${task.id}`,
        protectedPaths: config.protectedPaths,
      }),
    );
    opening.catch(() => undefined);
    opened.push(opening);
    return opening;
  }

  const session: TaskSession = {
    task,
    run,
    ticket,
    project,
    base: ticket.base_branch ?? project.default_branch,
    config,
    workflow,
    phase: phaseOf(workflow, task.phase),
    instance: parts.instance,
    at,
    repository,
    repositoryUrl: `${parts.webUrl}/${project.owner}/${project.name}`,
    login,
    ledger: createLedger(parts, { worker, ticketId: ticket.id, taskId: task.id, leaseSeconds: parts.settings.leaseSeconds }),
    disclosure,
    state,
    signal,
    snapshot: () => parts.store.ticketSnapshot(ticket.id),
    unheard: async () => (await parts.store.pendingInputs(task.id, worker)).map(({ source }) => source),
    workspace: () => (main ??= open(state.revision, state.changes as FileChange[])),
    tree: () => tree(state.revision),
    workspaceAt: (revision, changes = []) => open(revision, changes),
    pullRequest(number) {
      const pull = pulls.get(number) ?? repository.pulls.get(number);
      pulls.set(number, pull);
      return pull;
    },
    async record(intents) {
      const { status } = await parts.store.applyTaskIntents(task.id, worker, intents);
      if (status !== 'applied') throw new BanyanError('lease_lost', `task ${task.id} is ${status}`, { retry: 'permanent' });
      options.wake();
    },
    phaseContext: (snapshot) => ({
      at,
      workflow,
      tasks: snapshot.tasks,
      source: task.id,
      fixCycles: config.limits.fixCycles,
      maxMinutes: config.limits.maxMinutes,
    }),
  };

  return {
    session,
    async changed() {
      if (!main) return [];
      state.changes = (await main).changes();
      const before = known;
      known = byPath(state.changes);
      return differences(before, known);
    },
    async reset(files) {
      const left = main;
      main = undefined;
      state.changes = files;
      known = byPath(files);
      await (await left)?.dispose();
    },
    async dispose() {
      await Promise.allSettled(opened.map(async (opening) => (await opening).dispose()));
    },
  };
}

type Files = ReadonlyMap<string, { text: string; change: JsonObject }>;

function byPath(changes: readonly JsonObject[]): Files {
  return new Map((changes as unknown as FileChange[]).map((change) => [change.path, { text: JSON.stringify(change), change }]));
}

function differences(before: Files, after: Files): WorkspaceFile[] {
  const gone = [...before.keys()].filter((path) => !after.has(path)).map((path) => ({ path, change: null }));
  const changed = [...after].filter(([path, { text }]) => before.get(path)?.text !== text).map(([path, { change }]) => ({ path, change }));
  return [...gone, ...changed];
}
