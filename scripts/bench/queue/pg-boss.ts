import { PgBoss } from 'pg-boss';
import type { TestDatabase } from '../postgres.ts';
import { callers, countdown, portions } from './contender.ts';
import type { Contender, ContenderKind, Shape } from './contender.ts';

/* pg-boss by its own calls: fetch one, complete it. Its upkeep (maintenance, schedules) is off, so that nothing else happens meanwhile. */

const QUEUE = 'develop';

class BossQueue implements Contender {
  readonly #database: TestDatabase;
  readonly #boss: PgBoss;

  constructor(database: TestDatabase, boss: PgBoss) {
    this.#database = database;
    this.#boss = boss;
  }

  async enqueue(count: number): Promise<void> {
    const more = portions(count);
    await callers(async () => {
      while (more()) await this.#boss.send(QUEUE, { goal: 'none' });
    });
    await this.#database.pool.query(`delete from pgboss.job where state = 'created'`);
  }

  async fill(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 1000) {
      await this.#boss.insert(
        QUEUE,
        Array.from({ length: Math.min(left, 1000) }, () => ({ data: { goal: 'none' } })),
      );
    }
  }

  async drain(count: number, shape: Shape): Promise<void> {
    const work = countdown(count);
    await callers(async () => {
      while (work.left()) {
        for (const job of await this.#boss.fetch<{ follows?: true }>(QUEUE, { batchSize: 1 })) {
          if (shape === 'successor' && !job.data.follows) await this.#boss.send(QUEUE, { goal: 'none', follows: true });
          await this.#boss.complete(QUEUE, job.id, { summary: 'done' });
          work.done();
        }
      }
    });
  }

  /** Nudged in the same way as Banyan's worker; its own worker would poll, every half second at most. */
  async latencies(samples: number): Promise<number[]> {
    const found: number[] = [];
    for (let index = 0; index < samples; index += 1) {
      await this.#boss.send(QUEUE, { goal: 'none' });
      const due = performance.now();
      const [job] = await this.#boss.fetch(QUEUE, { batchSize: 1 });
      found.push(performance.now() - due);
      if (job) await this.#boss.complete(QUEUE, job.id);
    }
    return found;
  }

  close(): Promise<void> {
    return this.#boss.stop({ graceful: false });
  }
}

async function addHistory({ pool }: TestDatabase, rows: number): Promise<void> {
  await pool.query(
    `insert into pgboss.job (name, data, state, output, started_on, completed_on)
     select $1, '{"goal": "none"}', 'completed', '{"summary": "done"}', now(), now() from generate_series(1, $2)`,
    [QUEUE, rows],
  );
}

export const pgBoss: ContenderKind = {
  name: 'pg-boss',
  addHistory,
  async open(database) {
    const db = { executeSql: (text: string, values?: unknown[]) => database.pool.query(text, values ?? []) };
    const boss = new PgBoss({ db, supervise: false, schedule: false });
    await boss.start();
    await boss.createQueue(QUEUE);
    return new BossQueue(database, boss);
  },
};
