import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { readInstance } from '../../../src/config/instance.ts';
import { defaultRepositoryConfig } from '../../../src/config/repository.ts';
import type { Intent } from '../../../src/domain/intents.ts';
import { WORKFLOWS } from '../../../src/domain/workflows.generated.ts';
import { createLog } from '../../../src/engine/log.ts';
import { createTracing } from '../../../src/engine/tracing.ts';
import type { EngineParts } from '../../../src/engine/parts.ts';
import type { RoleAgent } from '../../../src/engine/role.ts';
import { toRunSnapshot } from '../../../src/engine/run-config.ts';
import { createWorker } from '../../../src/engine/worker.ts';
import type { GitHubApp } from '../../../src/github/app.ts';
import type { Repository } from '../../../src/github/repository.ts';
import type { SandboxProvider } from '../../../src/sandbox/types.ts';
import type { Store } from '../../../src/store/contract.ts';
import { InstantModel, notesOf, words } from './model.ts';
import type { ToolKind } from './model.ts';

const ROLE = 'developer';
const PHASE = 'develop';
const LEASE_SECONDS = 60;
const RUN_MS = 280_000;
/** More than any plan has. */
const MAX_STEPS = 1_000;

const resultSchema = z.object({ summary: z.string() });

const agent: RoleAgent = {
  role: ROLE,
  resultName: 'submit_result',
  resultSchema,
  permissions: ['read', 'write'],
  limits: { maxSteps: MAX_STEPS },
  revision: () => Promise.resolve('0'.repeat(40)),
  start: () => Promise.resolve([]),
  brief: () => Promise.resolve({ system: words(1), opening: words(2) }),
  check: () => Promise.resolve(null),
  finish: () => Promise.resolve({ kind: 'complete', output: {}, intents: [] }),
  salvage: () => Promise.resolve(null),
  abandon: () => Promise.resolve(),
};

const TEXT = { title: 'Read', body: 'Please.' };

/** What a task begins with, without the analysis before it. */
function intentsOf(number: number): Intent[] {
  const workflow = WORKFLOWS['default'];
  if (!workflow) throw new Error('the default workflow is missing');
  const repository = { ...defaultRepositoryConfig() };
  repository.limits = { ...repository.limits, maxSteps: MAX_STEPS };
  return [
    { type: 'open_ticket', number, ...TEXT, author: 'maintainer', url: 'https://github.test/1', kind: 'feature', state: 'in_progress' },
    { type: 'start_run', workflow: 'default', config_snapshot: toRunSnapshot({ repository, workflow }), budget_usd: 1_000, warn_at_usd: 900 },
    { type: 'add_task', key: `${PHASE}:1`, role: ROLE, phase: PHASE, title: 'Read', input: {}, max_attempts: 3, timeout_seconds: 600 },
  ];
}

/** A ticket with one task that is due, stored as the inbox stores it. */
async function seed(store: Store): Promise<void> {
  const [guid, worker, number] = [randomUUID(), 'bench-inbox', 1];
  const id = Math.floor(Math.random() * 2 ** 45);
  await store.receiveDelivery({ guid, event: 'issues', action: 'opened', installationId: id, repository: `o${id}/r`, number, issueHint: null, body: '{}' });
  await store.claim(worker, { deliveries: 1, effects: 0, tasks: 0, leaseSeconds: LEASE_SECONDS });
  const account = { id, login: `o${id}`, type: 'Organization' };
  const repository = { id, owner: `o${id}`, name: 'r', defaultBranch: 'main' };
  const { project } = await store.openDelivery({ guid, worker, installationId: id, account, repository, number });
  const { status } = await store.applyIntents(guid, worker, { project_id: project.id, number, expect_version: null }, intentsOf(number));
  if (status !== 'applied') throw new Error(`the task could not be stored: ${status}`);
}

/** The issue's text is read again when the task begins; nothing else of this conversation concerns GitHub, or a sandbox. */
const NO_GITHUB = {
  repository: (project: Repository['project']) => Promise.resolve({ project, issues: { get: () => Promise.resolve(TEXT) } }),
  login: () => Promise.resolve('bench[bot]'),
  giveBack: () => Promise.resolve(),
} as unknown as GitHubApp;

const NO_SANDBOX: SandboxProvider = {
  name: 'none',
  reachesRegistries: false,
  sweep: () => Promise.resolve(0),
  create: () => Promise.reject(new Error('nothing here needs a sandbox')),
};

function partsOf(store: Store, model: InstantModel): EngineParts {
  const content = Buffer.from(words(3));
  const paths = Array.from({ length: MAX_STEPS }, (_, step) => notesOf(step));
  const files = new Map(paths.map((path) => [path, { path, mode: '100644' as const, size: content.length, content }]));
  return {
    store,
    github: NO_GITHUB,
    models: {
      forRole: () => Promise.resolve({ id: 'bench:instant', model, scripted: true, cost: () => ({ usd: 0, estimated: false }), disclosure: null }),
      others: () => [],
    },
    roles: new Map([[ROLE, agent]]),
    instance: readInstance({}),
    sandboxes: NO_SANDBOX,
    snapshots: { get: () => Promise.resolve({ files, bytes: content.length * MAX_STEPS }) },
    log: createLog('warn', (line) => console.error(line)),
    tracing: createTracing(),
    webUrl: 'https://github.test',
    settings: { leaseSeconds: LEASE_SECONDS, tasks: 1, host: 'bench' },
  };
}

/** One task by the engine itself: claim, conversation, every step stored, end. */
export async function runBanyan(store: Store, steps: number, tool: ToolKind = 'read'): Promise<InstantModel> {
  const model = new InstantModel({ steps, tool, end: { name: agent.resultName, args: { summary: 'read' } } });
  await seed(store);
  await createWorker(partsOf(store, model)).drain(Date.now() + RUN_MS);
  if (model.asked.length !== steps + 1) throw new Error(`${steps + 1} answers were planned, ${model.asked.length} were asked for`);
  return model;
}
