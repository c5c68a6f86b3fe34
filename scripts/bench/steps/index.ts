/** The section `steps`: what a step of an agent costs beside its model and its tool, and what it leaves in the database. */
import { randomUUID } from 'node:crypto';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import type { Store } from '../../../src/store/contract.ts';
import { createStore } from '../../../src/store/store.ts';
import { createTransport } from '../../../src/store/transport.ts';
import { startDataApi } from '../data-api.ts';
import { median, percentile, spreadOf } from '../figures.ts';
import type { TestDatabase } from '../postgres.ts';
import type { BenchGoal, BenchOptions, BenchSection, BenchTable } from '../section.ts';
import { runBanyan } from './banyan.ts';
import type { InstantModel } from './model.ts';
import { stepTimes } from './model.ts';
import { runPlain } from './plain.ts';

const TITLES = {
  plain: '`createAgent`, nothing stored',
  saver: '`createAgent` with the Postgres saver, `sync`',
  postgres: 'Banyan on Postgres',
  postgresWriting: 'Banyan on Postgres, each step writes a file',
  embedded: 'Banyan on the embedded Supabase',
  embeddedWriting: 'Banyan on the embedded Supabase, each step writes a file',
} as const;

type Name = keyof typeof TITLES;

const NAMES = Object.keys(TITLES) as Name[];
/** Those whose database tells what it stored. */
const STORING = ['saver', 'postgres', 'postgresWriting'] as const;

interface Run {
  steps: number;
  /** Median of one conversation's steps. */
  p50: number;
  p99: number;
  tableBytes: number | null;
  walBytes: number | null;
}

type Runs = Record<Name, Run[]>;

async function stored({ pool }: TestDatabase): Promise<{ tables: number; wal: number }> {
  const { rows } = await pool.query<{ tables: string; wal: string }>(
    `select (select sum(pg_total_relation_size(c.oid)) from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = 'public' and c.relkind = 'r') as tables, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as wal`,
  );
  return { tables: Number(rows[0]?.tables), wal: Number(rows[0]?.wal) };
}

interface Contender {
  run: (steps: number) => Promise<InstantModel>;
  database: TestDatabase | null;
}

async function measure({ run, database }: Contender, steps: number): Promise<Run> {
  const before = database && (await stored(database));
  const times = stepTimes(await run(steps));
  const after = database && (await stored(database));
  return {
    steps,
    p50: percentile(times, 50),
    p99: percentile(times, 99),
    tableBytes: before && after && after.tables - before.tables,
    walBytes: before && after && after.wal - before.wal,
  };
}

const of = (runs: Runs, name: Name, steps: number) => runs[name].filter((run) => run.steps === steps);

const p50Of = (runs: Runs, name: Name, steps: number) => median(of(runs, name, steps).map(({ p50 }) => p50));

function timeTable(runs: Runs, lengths: readonly number[]): BenchTable {
  return {
    title: 'One step beside its model and its tool, messages of 2 kB',
    columns: ['', ...lengths.flatMap((steps) => [`${steps} steps: p50, ms`, 'spread', 'p99, ms'])],
    rows: NAMES.map((name) => [
      TITLES[name],
      ...lengths.flatMap((steps) => {
        const own = of(runs, name, steps);
        const { median: middle, min, max } = spreadOf(own.map(({ p50 }) => p50));
        return [middle.toFixed(1), `${min.toFixed(1)}-${max.toFixed(1)}`, median(own.map(({ p99 }) => p99)).toFixed(1)];
      }),
    ]),
  };
}

function bytesPerStep(runs: Runs, name: Name, steps: number, what: 'tableBytes' | 'walBytes'): number {
  return median(of(runs, name, steps).map((run) => (run[what] ?? 0) / steps));
}

const kilobytes = (bytes: number) => (bytes / 1000).toFixed(1);

function bytesTable(runs: Runs, lengths: readonly number[]): BenchTable {
  const [first = 0, last = 0] = [lengths[0], lengths.at(-1)];
  return {
    title: 'Stored for each step, kB',
    columns: ['', ...lengths.map((steps) => `${steps} steps`), `${last} to ${first}`],
    rows: STORING.flatMap((name) =>
      (['tableBytes', 'walBytes'] as const).map((what) => [
        `${TITLES[name]}: ${what === 'tableBytes' ? 'tables and indexes' : 'write-ahead log'}`,
        ...lengths.map((steps) => kilobytes(bytesPerStep(runs, name, steps, what))),
        (bytesPerStep(runs, name, last, what) / bytesPerStep(runs, name, first, what)).toFixed(2),
      ]),
    ),
  };
}

/** A step of the 80th must cost what one of the 20th costs; half as much again is what the pages of small tables explain. */
const LINEAR = 1.5;

function goalsOf(runs: Runs, lengths: readonly number[]): BenchGoal[] {
  const [first = 0, last = 0] = [lengths[0], lengths.at(-1)];
  const embedded = p50Of(runs, 'embedded', 40);
  const share = median(of(runs, 'postgres', 40).map(({ p50 }, index) => p50 / (of(runs, 'saver', 40)[index]?.p50 ?? p50)));
  const growth = bytesPerStep(runs, 'postgres', last, 'walBytes') / bytesPerStep(runs, 'postgres', first, 'walBytes');
  return [
    { goal: 'Steps: under 10 ms at p50 on the embedded stack, 40 steps', value: `${embedded.toFixed(1)} ms`, reached: embedded < 10 },
    { goal: "Steps: at most a fifth of the Postgres saver's, 40 steps", value: `${share.toFixed(2)} of it`, reached: share <= 0.2 },
    { goal: `Steps: storage grows linearly, ${first} to ${last} steps`, value: `${growth.toFixed(2)} times a step`, reached: growth < LINEAR },
  ];
}

const NOTES = [
  'A step is one model call and one tool call; the model answers at once and the tool reads a file in memory, or writes one, so what is measured is from one question to the model to the next. `createAgent` alone is the part of the agent library, and it is in every line.',
  "Banyan stores what the model said before its tools run, and what a tool changed before the model is asked again: two calls of the database. What a tool answered that only reads is stored with the model's next words: one call.",
];

/** What of a step on the embedded stack no statement of ours can save. */
function floorNote(floor: number): string {
  return `A call of the embedded Supabase that does nothing (\`look\` for no task) took ${floor.toFixed(1)} ms at p50 in this run: HTTP, the Data API and its statements around the call, in WebAssembly.`;
}

const FLOOR_CALLS = 20;

/** Each of the embedded stack's calls costs at least this. */
async function floorOf(store: Store): Promise<number[]> {
  const times: number[] = [];
  for (let call = 0; call < FLOOR_CALLS; call += 1) {
    const begun = performance.now();
    await store.look('bench', []);
    times.push(performance.now() - begun);
  }
  return times;
}

export async function runSteps({ rounds, quick, postgres, say }: BenchOptions): Promise<BenchSection> {
  const lengths = quick ? [20, 40] : [20, 40, 80];
  const [own, theirs, dataApi] = [await postgres.createDatabase(), await postgres.createEmptyDatabase(), await startDataApi()];
  const checkpointer = PostgresSaver.fromConnString(theirs.url);
  const direct = createStore(createTransport({ supabase: dataApi.supabase, databaseUrl: own.url }));
  const embedded = createStore(createTransport({ supabase: dataApi.supabase, databaseUrl: undefined }));
  const contenders: Record<Name, Contender> = {
    plain: { run: (steps) => runPlain(steps), database: null },
    saver: { run: (steps) => runPlain(steps, { checkpointer, thread: randomUUID() }), database: theirs },
    postgres: { run: (steps) => runBanyan(direct, steps), database: own },
    postgresWriting: { run: (steps) => runBanyan(direct, steps, 'write'), database: own },
    embedded: { run: (steps) => runBanyan(embedded, steps), database: null },
    embeddedWriting: { run: (steps) => runBanyan(embedded, steps, 'write'), database: null },
  };
  try {
    await checkpointer.setup();
    for (const name of NAMES) await contenders[name].run(5);
    const runs = Object.fromEntries(NAMES.map((name) => [name, [] as Run[]])) as Runs;
    const floor: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      say(`steps: round ${round + 1} of ${rounds}`);
      floor.push(...(await floorOf(embedded)));
      for (const steps of lengths) for (const name of NAMES) runs[name].push(await measure(contenders[name], steps));
    }
    return {
      name: 'steps',
      title: 'A step of an agent',
      tables: [timeTable(runs, lengths), bytesTable(runs, lengths)],
      goals: goalsOf(runs, lengths),
      notes: [...NOTES, floorNote(percentile(floor, 50))],
      data: { ...runs, floor },
    };
  } finally {
    await Promise.all([checkpointer.end(), direct.close(), embedded.close()]);
    await Promise.all([own.close(), theirs.close(), dataApi.stop()]);
  }
}
