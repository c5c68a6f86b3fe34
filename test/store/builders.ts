import { randomUUID } from 'node:crypto';
import type { Intent } from '../../src/domain/intents.ts';
import type { TicketSnapshot } from '../../src/domain/model.ts';
import type { ClaimedTask, DeliveryContext, NewDelivery, NewMessage, Store, TicketRef } from '../../src/store/contract.ts';

export const LEASE = 60;

/** A repository of its own for every test: GitHub's ids are drawn at random, so tests share a database without meeting. */
export interface Place {
  account: { id: number; login: string; type: string };
  installationId: number;
  repository: { id: number; owner: string; name: string; defaultBranch: string };
}

export function aPlace(): Place {
  const id = Math.floor(Math.random() * 2 ** 45);
  const login = `org-${id}`;
  return {
    account: { id, login, type: 'Organization' },
    installationId: id + 1,
    repository: { id: id + 2, owner: login, name: 'shop', defaultBranch: 'main' },
  };
}

export function aDelivery(place: Place, number: number | null, changes: Partial<NewDelivery> = {}): NewDelivery {
  return {
    guid: randomUUID(),
    event: 'issues',
    action: 'opened',
    installationId: place.installationId,
    repository: `${place.repository.owner}/${place.repository.name}`.toLowerCase(),
    number,
    issueHint: null,
    body: '{"zen":"words"}',
    ...changes,
  };
}

export function openTicket(number: number, changes: Partial<Extract<Intent, { type: 'open_ticket' }>> = {}): Intent {
  return {
    type: 'open_ticket',
    number,
    title: 'Add a discount',
    body: 'Please.',
    author: 'maintainer',
    url: `https://github.com/acme/shop/issues/${number}`,
    kind: 'feature',
    state: 'analyzing',
    ...changes,
  };
}

export const startRun: Intent = {
  type: 'start_run',
  workflow: 'default',
  config_snapshot: { models: { developer: 'openai:gpt' } },
  budget_usd: 5,
  warn_at_usd: 4,
};

export function addTask(key: string, changes: Partial<Extract<Intent, { type: 'add_task' }>> = {}): Intent {
  return {
    type: 'add_task',
    key,
    role: 'developer',
    phase: 'build',
    title: `Task ${key}`,
    input: { goal: key },
    max_attempts: 3,
    timeout_seconds: 600,
    ...changes,
  };
}

export function addInput(source: string, changes: Partial<Extract<Intent, { type: 'add_input' }>> = {}): Intent {
  return { type: 'add_input', source, author: 'maintainer', body: `words of ${source}`, debounce_seconds: 0, ...changes };
}

export function effect(key: string, changes: Partial<Extract<Intent, { type: 'effect' }>> = {}): Intent {
  return { type: 'effect', key, kind: 'comment', lane: key, payload: { body: 'hello' }, ...changes };
}

export function aiMessage(changes: Partial<NewMessage> = {}): NewMessage {
  return {
    kind: 'ai',
    content: { type: 'ai', data: { content: 'I shall.' } },
    model: 'openai:gpt',
    tokens_in: 100,
    tokens_out: 10,
    cost_usd: 0.1,
    duration_ms: 12.5,
    ...changes,
  };
}

export function toolMessage(changes: Partial<NewMessage> = {}): NewMessage {
  return {
    kind: 'tool',
    content: { type: 'tool', data: { content: 'done', tool_call_id: 'call-1' } },
    tool_name: 'read_file',
    tool_call_id: 'call-1',
    tool_input: { path: 'README.md' },
    duration_ms: 3,
    is_error: false,
    ...changes,
  };
}

/** Drives one ticket through the store as workers would. */
export interface Desk {
  readonly place: Place;
  /** Receives, claims and opens a delivery about the ticket, and applies the intents to it. */
  deliver(intents: Intent[], expectVersion?: number | null): Promise<'applied' | 'repeated' | 'conflict' | 'lost'>;
  context(): Promise<DeliveryContext>;
  snapshot(): Promise<TicketSnapshot>;
  ref(): Promise<TicketRef>;
  /** The GUID of the newest delivery. */
  delivered(): string;
  /** What is due now, under a lease of this worker. */
  claim(worker: string, leaseSeconds?: number): Promise<ClaimedTask[]>;
}

export function createDesk(store: Store, number = 12, place: Place = aPlace()): Desk {
  const { installationId, account, repository } = place;
  let newest = '';
  function context(guid = 'none', worker = 'nobody'): Promise<DeliveryContext> {
    return store.openDelivery({ guid, worker, installationId, account, repository, number });
  }
  return {
    place,
    context: () => context(),
    async snapshot() {
      const { snapshot } = await context();
      if (snapshot === null) throw new Error('there is no ticket yet');
      return snapshot;
    },
    async ref() {
      return { project_id: (await context()).project.id, number, expect_version: null };
    },
    async deliver(intents, expectVersion = null) {
      const delivery = aDelivery(place, number);
      newest = delivery.guid;
      const worker = `inbox-${delivery.guid}`;
      await store.receiveDelivery(delivery);
      await store.claim(worker, { deliveries: 50, effects: 0, tasks: 0, leaseSeconds: LEASE });
      const { project } = await context(delivery.guid, worker);
      const ref = { project_id: project.id, number, expect_version: expectVersion };
      return (await store.applyIntents(delivery.guid, worker, ref, intents)).status;
    },
    delivered: () => newest,
    async claim(worker, leaseSeconds = LEASE) {
      return (await store.claim(worker, { deliveries: 0, effects: 0, tasks: 50, leaseSeconds })).tasks;
    },
  };
}

/** A ticket with a run and the given tasks. */
export async function aTicketAtWork(store: Store, intents: Intent[] = [addTask('develop:1')], place: Place = aPlace()): Promise<Desk> {
  const desk = createDesk(store, 12, place);
  await desk.deliver([openTicket(12), startRun, ...intents]);
  return desk;
}

/** The same, with its one task claimed. */
export async function aTaskAtWork(store: Store, worker: string, intents: Intent[] = []): Promise<{ desk: Desk; claimed: ClaimedTask; taskId: string }> {
  const desk = await aTicketAtWork(store, [addTask('develop:1'), ...intents]);
  const claimed = only(await desk.claim(worker));
  return { desk, claimed, taskId: claimed.task.id };
}

export function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined || list.length !== 1) throw new Error(`one expected, got ${list.length}`);
  return first;
}
