import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import type { Task, WorkerUtils } from 'graphile-worker';
import type { TestDatabase } from '../postgres.ts';
import { CALLERS, callers, portions } from './contender.ts';
import type { Contender, ContenderKind, Shape } from './contender.ts';

/*
 * graphile-worker with its own worker: as many at once as everybody has callers, each fetching one job and completing it by itself (no
 * batching of completions, no local queue: both are its defaults). It deletes what is done, so it has no history.
 */

const TASK = 'develop';
const silent = new Logger(() => () => undefined);

class GraphileQueue implements Contender {
  readonly #database: TestDatabase;
  readonly #utils: WorkerUtils;

  constructor(database: TestDatabase, utils: WorkerUtils) {
    this.#database = database;
    this.#utils = utils;
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
      if (shape === 'successor') await helpers.addJob('qa', { goal: 'none' });
      finished();
    };
    await this.#working({ [TASK]: develop, qa: finished }, () => promise);
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

export const graphile: ContenderKind = {
  name: 'graphile-worker',
  addHistory: null,
  async open(database) {
    const utils = await makeWorkerUtils({ pgPool: database.pool, logger: silent });
    await utils.migrate();
    return new GraphileQueue(database, utils);
  },
};
