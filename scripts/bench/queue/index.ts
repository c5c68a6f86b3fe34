import { median, percentile, spreadOf } from '../figures.ts';
import type { TestDatabase } from '../postgres.ts';
import type { BenchGoal, BenchOptions, BenchSection, BenchTable } from '../section.ts';
import { banyan, banyanChained } from './banyan.ts';
import type { Contender, ContenderKind } from './contender.ts';
import { graphile, graphileTelling } from './graphile.ts';
import { countStatements, sample } from './measure.ts';
import type { Sample, Size, Statements } from './measure.ts';
import { pgBoss } from './pg-boss.ts';

const KINDS: readonly ContenderKind[] = [banyan, banyanChained, graphile, graphileTelling, pgBoss];
const FULL: Size = { tasks: 5_000, history: 1_000_000, warmUp: 500, latencies: 300 };
const QUICK: Size = { tasks: 200, history: 2_000, warmUp: 100, latencies: 30 };

/** One contender in a database with so many rows of finished work. */
interface Entry {
  kind: ContenderKind;
  history: number;
  database: TestDatabase;
  contender: Contender;
  samples: Sample[];
  latencies: number[];
  statements: Statements | null;
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

async function enter(kind: ContenderKind, history: number, { postgres, say }: BenchOptions): Promise<Entry> {
  const database = await postgres.createEmptyDatabase();
  const contender = await kind.open(database);
  if (history > 0) {
    say(`queue: ${whole.format(history)} rows of history for ${kind.name}`);
    await kind.addHistory?.(database, history);
    await database.pool.query('vacuum (analyze)');
  }
  return { kind, history, database, contender, samples: [], latencies: [], statements: null };
}

/** Contenders take turns, and who begins changes with the round. */
async function play(entries: readonly Entry[], size: Size, { rounds, say }: BenchOptions): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    say(`queue: round ${round + 1} of ${rounds}`);
    const first = round % entries.length;
    for (const entry of [...entries.slice(first), ...entries.slice(0, first)]) {
      entry.samples.push(await sample(entry.contender, entry.database, size));
      entry.latencies.push(...(await entry.contender.latencies(Math.ceil(size.latencies / rounds))));
    }
  }
  for (const entry of entries) entry.statements = await countStatements(entry.contender, entry.database, Math.min(size.tasks, 500));
}

function spread(values: readonly number[]): string {
  const { median: middle, min, max } = spreadOf(values);
  return `${whole.format(middle)} (${whole.format(min)}-${whole.format(max)})`;
}

function tableOf(entries: readonly Entry[]): BenchTable {
  return {
    title: '16 callers with a connection each; one task at a time, each transition its own durable transaction. Median (lowest-highest) of the rounds.',
    columns: [
      '',
      'history',
      'enqueue/s',
      'claim-run-complete/s',
      'with a successor/s',
      'WAL bytes/task',
      'statements sent',
      'and run',
      'due to started p50, p99 ms',
    ],
    rows: entries.map(({ kind, history, samples, latencies, statements }) => [
      kind.name,
      kind.addHistory ? whole.format(history) : 'keeps none',
      spread(samples.map((each) => each.enqueuePerSecond)),
      spread(samples.map((each) => each.plainPerSecond)),
      spread(samples.map((each) => each.successorPerSecond)),
      spread(samples.map((each) => each.walPerTask)),
      statements ? fine.format(statements.sent) : 'not counted',
      statements ? fine.format(statements.run) : 'not counted',
      `${fine.format(percentile(latencies, 50))}, ${fine.format(percentile(latencies, 99))}`,
    ]),
  };
}

/** Of each round, so that what else the machine does counts for both; their median. */
function ratio(own: Entry | undefined, other: Entry | undefined, pick: (sample: Sample) => number): number {
  return median((own?.samples ?? []).map((each, round) => pick(each) / pick(other?.samples[round] ?? each)));
}

function goalsOf(entries: readonly Entry[]): BenchGoal[] {
  const find = (kind: ContenderKind, old = false) => entries.find((entry) => entry.kind === kind && entry.history > 0 === old);
  const own = find(banyanChained);
  const oldest = find(banyanChained, true);
  const goals: BenchGoal[] = [];
  const atLeast = (goal: string, value: number, least: number) =>
    goals.push({ goal: `Queue: ${goal}`, value: `${value.toFixed(2)} times`, reached: value >= least });
  const plain = ({ plainPerSecond }: Sample) => plainPerSecond;
  const successor = ({ successorPerSecond }: Sample) => successorPerSecond;
  atLeast("claim-run-complete with a successor ahead of graphile-worker's", ratio(own, find(graphile), successor), 1);
  atLeast("claim-run-complete with a successor ahead of pg-boss's", ratio(own, find(pgBoss), successor), 1);
  atLeast("claim-run-complete without a successor ahead of graphile-worker's", ratio(own, find(graphile), plain), 1);
  atLeast("claim-run-complete without a successor ahead of pg-boss's", ratio(own, find(pgBoss), plain), 1);
  atLeast('claim-run-complete with a successor ahead of graphile-worker that writes its events', ratio(own, find(graphileTelling), successor), 1);
  atLeast('claim-run-complete without a successor ahead of graphile-worker that writes its events', ratio(own, find(graphileTelling), plain), 1);
  atLeast('speed with history within 5 % of none', ratio(oldest, own, plain), 0.95);
  const wal = ratio(oldest, own, ({ walPerTask }) => walPerTask);
  goals.push({ goal: 'Queue: write-ahead log with history within 5 % of none', value: `${wal.toFixed(2)} times`, reached: wal <= 1.05 });
  const p99 = percentile(own?.latencies ?? [], 99);
  goals.push({ goal: 'Queue: due to started under 10 ms at p99', value: `${fine.format(p99)} ms`, reached: p99 < 10 });
  const best = median((own?.samples ?? []).map(successor));
  goals.push({ goal: 'Queue: 8,500 a second by completing and claiming in one call', value: whole.format(best), reached: best >= 8_500 });
  return goals;
}

const NOTES = [
  "What bounds it is the processor time of Postgres, which shares its cores with the callers. Where a task's 1.2-1.4 ms went while lists of values were CHECKs and triggers had conditions (a sampled profile, and what taking a part away saved): CHECKs and triggers, parsed anew in every statement, 20 %; the JSON handed out 18 %; starting four statements 13 %; commit and flush 9 %; the entries in indexes of three rows written anew and two events 7 %. With domains, one trigger after the change and JSON written as text, the execution of one completion with the next claim fell from 0.79 to 0.65 ms, with a successor every second time from 1.10 to 0.89 (one caller): the claim with its event and answer 31 %, the completion with its event 19 %, the version of the issue 12 %, whose turn it is 4 %, and the rest the start and end of those statements and of the functions around them. Counting for the metrics from the logs instead of by triggers took a task's time in Postgres from 1.39 to 1.02 ms, with a successor from 1.52 to 1.17; graphile-worker's is 0.31: one narrow row, no event, no version of an issue, nobody's turn to keep.",
  "The others write one narrow row, and no history. A successor is in the completion's own transaction with Banyan only; the others add it in a transaction of its own before. graphile-worker with two events writes each in a transaction of its own, because its jobs have no part in the one that ends them.",
  'Banyan enqueues deliveries (its inbox), the others jobs. Its worker and the caller that nudges it are one process here; graphile-worker listens for a notification, pg-boss is asked at once as Banyan is (its own worker polls). graphile-worker deletes what is done.',
];

export async function runQueue(options: BenchOptions): Promise<BenchSection> {
  const size = options.quick ? QUICK : FULL;
  const entries: Entry[] = [];
  try {
    for (const kind of KINDS) {
      entries.push(await enter(kind, 0, options));
      if (kind.addHistory) entries.push(await enter(kind, size.history, options));
    }
    await play(entries, size, options);
    const data = entries.map(({ kind, history, samples, latencies, statements }) => ({ name: kind.name, history, samples, latencies, statements }));
    return { name: 'queue', title: 'The queue', tables: [tableOf(entries)], goals: goalsOf(entries), notes: NOTES, data: { size, entries: data } };
  } finally {
    for (const { contender, database } of entries) {
      await contender.close();
      await database.close();
    }
  }
}
