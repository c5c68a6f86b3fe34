import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Intent } from '../../../src/domain/intents.ts';
import type { ClaimedTask, Store } from '../../../src/store/contract.ts';
import { createPostgresTransport } from '../../../src/store/postgres-transport.ts';
import { createStore } from '../../../src/store/store.ts';
import { migrate, withConnection } from '../postgres.ts';
import type { TestDatabase } from '../postgres.ts';
import { callers, countdown, portions } from './contender.ts';
import type { Contender, ContenderKind, Shape } from './contender.ts';

/*
 * Banyan's own calls, as its worker makes them. A task is the work of one role on one issue, so each task here is another issue's, of a run
 * that is under way: what two tasks of one issue wait for (each other, at the ticket) is no property of a queue.
 */

const LEASE_SECONDS = 60;
const NOTHING = { deliveries: 0, effects: 0, leaseSeconds: LEASE_SECONDS };

const PLACE = `
  with o as (
    insert into public.organizations (github_id, login, max_concurrent_agents) values (1, 'acme', null) returning id
  ), i as (
    insert into public.installations (id, organization_id, account_login) select 1, id, 'acme' from o returning id, organization_id
  )
  insert into public.projects (organization_id, installation_id, github_id, owner, name, default_branch)
  select organization_id, id, 1, 'acme', 'shop', 'main' from i`;

/** What a run carries along: about the size of a repository's configuration with a workflow. */
const CONFIG = JSON.stringify({ workflow: 'default', repository: { commands: { test: 'npm test' }, notes: 'x'.repeat(2000) } });

/** Issues with a run that is under way. */
const TICKETS = `
  with t as (
    insert into public.tickets (organization_id, project_id, number, title, author, url, kind, state)
    select p.organization_id, p.id, $1 + n, 'An issue', 'somebody', 'https://github.com/acme/shop/issues/1', 'feature', $3
    from public.projects p, generate_series(1, $2) as n
    returning id, organization_id, project_id
  ), r as (
    insert into public.runs (organization_id, project_id, ticket_id, state, workflow, config_snapshot, budget_usd, warn_at_usd)
    select organization_id, project_id, id, $4, 'default', $5::jsonb, 5, 4 from t
    returning id, ticket_id
  )
  select count(*) from r`;

const LINK = 'update public.tickets t set run_id = r.id from public.runs r where r.ticket_id = t.id and t.run_id is null';

const TASKS = `
  insert into public.tasks (organization_id, project_id, ticket_id, run_id, key, role, phase, title, input, max_attempts, timeout_seconds, state,
    finished_at)
  select organization_id, project_id, ticket_id, id, 'develop:' || k, 'developer', 'develop', 'A task', '{"goal": "none"}', 5, 600, $2::text,
    case when $2::text = 'completed' then now() end
  from public.runs, generate_series(1, $3) as k where ticket_id in (select id from public.tickets where number > $1)`;

const EVENTS = `
  insert into public.events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
  select organization_id, project_id, ticket_id, run_id, id, type, '{"key": "develop:1", "role": "developer", "attempts": 1}'
  from public.tasks, unnest(array['task.started', 'task.completed']) as type`;

const DELIVERIES = `
  insert into public.deliveries (guid, event, action, subject, body, state, attempts, processed_at)
  select gen_random_uuid()::text, 'issues', 'opened', 'acme/shop#' || n % 1000, repeat('x', 200), 'processed', 1, now()
  from generate_series(1, $1) as n`;

/** Ten tasks an issue, two events a task, a delivery a task. */
async function addHistory({ pool }: TestDatabase, rows: number): Promise<void> {
  await pool.query(TICKETS, [1_000_000_000, rows / 10, 'done', 'completed', '{}']);
  await pool.query(LINK);
  await pool.query(TASKS, [1_000_000_000, 'completed', 10]);
  await pool.query(EVENTS);
  await pool.query(DELIVERIES, [rows]);
}

class BanyanQueue implements Contender {
  readonly #pool: Pool;
  readonly #store: Store;
  readonly #chained: boolean;
  #numbers = 0;

  constructor(pool: Pool, chained: boolean) {
    this.#pool = pool;
    this.#store = createStore(createPostgresTransport(pool));
    this.#chained = chained;
  }

  async enqueue(count: number): Promise<void> {
    const more = portions(count);
    await callers(async () => {
      while (more()) {
        const number = (this.#numbers += 1);
        const place = { installationId: 1, repository: 'acme/shop', number, issueHint: null };
        await this.#store.receiveDelivery({ guid: randomUUID(), event: 'issues', action: 'opened', body: '{"zen":"words"}', ...place });
      }
    });
    await this.#pool.query('truncate public.deliveries');
  }

  async fill(count: number): Promise<void> {
    const first = this.#numbers;
    this.#numbers += count;
    await this.#pool.query(TICKETS, [first, count, 'in_progress', 'running', CONFIG]);
    await this.#pool.query(LINK);
    await this.#pool.query(TASKS.replace('number > $1', `number > $1 and number <= ${first + count}`), [first, 'pending', 1]);
  }

  async drain(count: number, shape: Shape): Promise<void> {
    const work = countdown(count);
    await callers(async (caller) => {
      const worker = `w${caller}`;
      while (work.left()) {
        const { tasks } = await this.#store.claim(worker, { ...NOTHING, tasks: 1 });
        for (const claimed of tasks) await this.#finish(worker, claimed, shape, work.done);
      }
    });
  }

  /** Completes a task, and where each completion brings the next one, what comes. */
  async #finish(worker: string, claimed: ClaimedTask, shape: Shape, completed: () => void): Promise<void> {
    for (let current: ClaimedTask | undefined = claimed; current;) {
      const { id, key } = current.task;
      const follows: Intent[] = shape === 'successor' && key.startsWith('develop') ? [successor] : [];
      const next = { tasks: this.#chained ? 1 : 0, leaseSeconds: LEASE_SECONDS };
      const settled = await this.#store.completeTask(id, worker, { summary: 'done' }, { expectVersion: null, intents: follows, next });
      if (settled.status !== 'completed') throw new Error(`a task was ${settled.status}`);
      completed();
      current = settled.next?.[0];
    }
  }

  /** A task adds the next one, and whoever adds it nudges a worker of the same process: its claim starts when the addition is committed. */
  async latencies(samples: number): Promise<number[]> {
    await this.fill(1);
    const { tasks } = await this.#store.claim('adder', { ...NOTHING, tasks: 1 });
    const adder = tasks[0]?.task.id ?? '';
    const found: number[] = [];
    for (let index = 0; index < samples; index += 1) {
      await this.#store.applyTaskIntents(adder, 'adder', [{ ...successor, key: `latency:${index}` }]);
      const due = performance.now();
      const claims = await this.#store.claim('nudged', { ...NOTHING, tasks: 1 });
      found.push(performance.now() - due);
      for (const { task } of claims.tasks) await this.#store.completeTask(task.id, 'nudged', {}, { expectVersion: null, intents: [] });
    }
    await this.#store.completeTask(adder, 'adder', {}, { expectVersion: null, intents: [] });
    return found;
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

const successor: Extract<Intent, { type: 'add_task' }> = {
  type: 'add_task',
  key: 'qa:1',
  role: 'qa',
  phase: 'qa',
  title: 'The next task',
  input: { goal: 'none' },
  max_attempts: 5,
  timeout_seconds: 600,
};

async function open(database: TestDatabase, chained: boolean): Promise<Contender> {
  await withConnection(database.pool, migrate);
  await database.pool.query(PLACE);
  return new BanyanQueue(database.pool, chained);
}

export const banyan: ContenderKind = { name: 'Banyan', addHistory, open: (database) => open(database, false) };
export const banyanChained: ContenderKind = { name: 'Banyan, complete and claim next', addHistory, open: (database) => open(database, true) };
