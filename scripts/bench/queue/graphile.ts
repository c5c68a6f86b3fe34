import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import type { JobHelpers, Task, WorkerUtils } from 'graphile-worker';
import type { TestDatabase } from '../postgres.ts';
import { CALLERS, callers, portions } from './contender.ts';
import type { Contender, ContenderKind, Shape } from './contender.ts';

/*
 * graphile-worker with its own worker: as many at once as everybody has callers, each fetching one job and completing it by itself (no
 * batching of completions, no local queue: both are its defaults). It deletes what is done, so it has no history.
 */

const TASK = 'develop';

/** As Banyan's, for the contender whose jobs tell what they do: the same columns and indexes, and nothing else hangs on it. */
const EVENTS = `
  create table job_events (
    id bigint generated always as identity primary key,
    organization_id uuid not null,
    project_id uuid,
    ticket_id uuid,
    run_id uuid,
    task_id uuid,
    type text not null,
    data jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp()
  );
  create index job_events_organization on job_events (organization_id, id);
  create index job_events_ticket on job_events (ticket_id, id) where ticket_id is not null`;

const EVENT = `
  insert into job_events (organization_id, project_id, ticket_id, run_id, task_id, type, data)
  values ($1, $1, gen_random_uuid(), $1, $1, $2, '{"key": "develop:1", "role": "developer", "attempts": 1}')`;

const NOBODY = '00000000-0000-0000-0000-000000000000';

const silent = new Logger(() => () => undefined);

class GraphileQueue implements Contender {
  readonly #database: TestDatabase;
  readonly #utils: WorkerUtils;
  readonly #tells: boolean;

  constructor(database: TestDatabase, utils: WorkerUtils, tells: boolean) {
    this.#database = database;
    this.#utils = utils;
    this.#tells = tells;
  }

  async enqueue(count: number): Promise<void> {
    const more = portions(count);
    await callers(async () => {
      while (more()) await this.#utils.addJob(TASK, { goal: 'none' });
    });
    await this.#database.pool.query('delete from graphile_worker._private_jobs');
  }

  async fill(count: number): Promise<void> {
    await this.#database.pool.query(
      `select count(*) from graphile_worker.add_jobs(array(
        select json_populate_record(null::graphile_worker.job_spec, '{"identifier": "${TASK}", "payload": {"goal": "none"}}') from generate_series(1, $1)))`,
      [count],
    );
  }

  async drain(count: number, shape: Shape): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let left = count;
    const finished = () => {
      left -= 1;
      if (left === 0) resolve();
    };
    const develop: Task = async (_payload, helpers) => {
      await this.#tell(helpers, 'task.started');
      if (shape === 'successor') await helpers.addJob('qa', { goal: 'none' });
      await this.#tell(helpers, 'task.completed');
      finished();
    };
    const qa: Task = async (_payload, helpers) => {
      await this.#tell(helpers, 'task.started');
      await this.#tell(helpers, 'task.completed');
      finished();
    };
    await this.#working({ [TASK]: develop, qa }, () => promise);
  }

  /** A job of its has no part in the transaction that fetches or ends it: each event is a transaction of its own. */
  async #tell(helpers: JobHelpers, type: string): Promise<void> {
    if (this.#tells) await helpers.query(EVENT, [NOBODY, type]);
  }

  async latencies(samples: number): Promise<number[]> {
    const found: number[] = [];
    let started: (at: number) => void = () => undefined;
    await this.#working({ [TASK]: () => started(performance.now()) }, async () => {
      for (let index = 0; index < samples; index += 1) {
        const { promise, resolve } = Promise.withResolvers<number>();
        started = resolve;
        // It listens for the notification of the insert, which may come before the insert's own answer.
        await this.#utils.addJob(TASK, { goal: 'none' });
        const due = performance.now();
        found.push(Math.max(0, (await promise) - due));
      }
    });
    return found;
  }

  async #working(taskList: Record<string, Task>, work: () => Promise<void>): Promise<void> {
    const runner = await run({ pgPool: this.#database.pool, concurrency: CALLERS, noHandleSignals: true, logger: silent, taskList });
    await work();
    await runner.stop();
  }

  async close(): Promise<void> {
    await this.#utils.release();
  }
}

async function open(database: TestDatabase, tells: boolean): Promise<Contender> {
  const utils = await makeWorkerUtils({ pgPool: database.pool, logger: silent });
  await utils.migrate();
  if (tells) await database.pool.query(EVENTS);
  return new GraphileQueue(database, utils, tells);
}

export const graphile: ContenderKind = { name: 'graphile-worker', addHistory: null, open: (database) => open(database, false) };
export const graphileTelling: ContenderKind = { name: 'graphile-worker, and two events', addHistory: null, open: (database) => open(database, true) };
