import type { TestDatabase } from '../postgres.ts';
import type { Contender, Shape } from './contender.ts';

export interface Size {
  /** Of each measurement. */
  tasks: number;
  history: number;
  /** Before each round, unmeasured. */
  warmUp: number;
  latencies: number;
}

/** One contender's figures of one round. */
export interface Sample {
  enqueuePerSecond: number;
  plainPerSecond: number;
  successorPerSecond: number;
  /** Bytes of write-ahead log, from claim to completion. */
  walPerTask: number;
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (count / (performance.now() - begun)) * 1000;
}

async function walPosition({ pool }: TestDatabase): Promise<number> {
  const { rows } = await pool.query<{ bytes: number }>("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as bytes");
  return rows[0]?.bytes ?? 0;
}

/** Fills the queue, and lets what came before be settled: pages cleaned, statistics true, nothing left for a checkpoint. */
async function prepare(contender: Contender, database: TestDatabase, count: number): Promise<void> {
  await contender.fill(count);
  await database.pool.query('vacuum (analyze)');
  await database.pool.query('checkpoint');
}

async function drain(contender: Contender, database: TestDatabase, run: { tasks: number; shape: Shape }): Promise<{ perSecond: number; wal: number }> {
  await prepare(contender, database, run.shape === 'plain' ? run.tasks : run.tasks / 2);
  const before = await walPosition(database);
  const speed = await perSecond(run.tasks, () => contender.drain(run.tasks, run.shape));
  return { perSecond: speed, wal: ((await walPosition(database)) - before) / run.tasks };
}

export async function sample(contender: Contender, database: TestDatabase, { tasks, warmUp }: Size): Promise<Sample> {
  // Connections that were idle are new ones, and a new one has no plans yet; a worker's live for minutes.
  for (const shape of ['plain', 'successor'] as const) await drain(contender, database, { tasks: warmUp, shape });
  const enqueuePerSecond = await perSecond(tasks, () => contender.enqueue(tasks));
  const plain = await drain(contender, database, { tasks, shape: 'plain' });
  const successor = await drain(contender, database, { tasks, shape: 'successor' });
  return { enqueuePerSecond, plainPerSecond: plain.perSecond, successorPerSecond: successor.perSecond, walPerTask: plain.wal };
}

export interface Statements {
  /** Sent by the client for each task. */
  sent: number;
  /** Run for each task, those inside of functions included. */
  run: number;
}

/** Counted by the server, beside the measured rounds because counting costs. Null where it cannot count. */
export async function countStatements(contender: Contender, database: TestDatabase, tasks: number): Promise<Statements | null> {
  const { pool } = database;
  await prepare(contender, database, tasks);
  try {
    await pool.query('create extension if not exists pg_stat_statements');
    await pool.query('select pg_stat_statements_reset()');
  } catch {
    await contender.drain(tasks, 'plain');
    return null;
  }
  try {
    await pool.query("alter system set pg_stat_statements.track = 'all'");
    await pool.query('select pg_reload_conf()');
    await contender.drain(tasks, 'plain');
    const { rows } = await pool.query<Statements>(
      `select coalesce(sum(calls) filter (where toplevel), 0)::float8 / $1 as sent, coalesce(sum(calls), 0)::float8 / $1 as run
       from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())`,
      [tasks],
    );
    return rows[0] ?? null;
  } finally {
    await pool.query('alter system reset pg_stat_statements.track');
    await pool.query('select pg_reload_conf()');
  }
}
