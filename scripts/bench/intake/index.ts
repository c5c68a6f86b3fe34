/** The section `intake`: verify, store and answer, side by side with what else takes webhooks. */
import { median, percentile, spreadOf } from '../figures.ts';
import type { TestDatabase } from '../postgres.ts';
import type { BenchGoal, BenchOptions, BenchSection, BenchTable } from '../section.ts';
import { buildServers } from './build.ts';
import { startServer } from './child.ts';
import type { Server } from './child.ts';
import { CONTENDERS, serverEnvironment, TITLES, WEBHOOK_ROWS } from './contenders.ts';
import { startDataApi } from '../data-api.ts';
import { load } from './load.ts';
import type { LoadResult } from './load.ts';
import { readPayloads } from './payloads.ts';
import type { Payload } from './payloads.ts';
import { cpuBetween, postgresCpu } from '../processor.ts';

const CONNECTIONS = 32;

interface Sample {
  perSecond: number;
  p50: number;
  p99: number;
  rssMb: number;
  cpuUs: number;
  /** Of Postgres' processes; null where the system does not tell. */
  postgresUs: number | null;
}

type Name = (typeof CONTENDERS)[number] | 'nothing' | 'dataApi';

interface Duration {
  /** Before the first round: what runs hot is compiled by then. */
  firstMs: number;
  warmUpMs: number;
  measuredMs: number;
}

interface Measured {
  server: Server;
  payloads: readonly Payload[];
  database: TestDatabase;
}

async function sample({ server, payloads, database }: Measured, { warmUpMs, measuredMs }: Duration): Promise<Sample> {
  await database.pool.query('truncate webhook_rows, deliveries');
  await database.pool.query('checkpoint');
  const at = { port: server.port, connections: CONNECTIONS, payloads };
  await load({ ...at, milliseconds: warmUpMs });
  const [before, postgresBefore] = [await server.usage(), await postgresCpu(database.pool)];
  const result = await load({ ...at, milliseconds: measuredMs });
  const [after, postgresAfter] = [await server.usage(), await postgresCpu(database.pool)];
  const each = (ms: number) => (ms * 1000) / result.requests;
  const postgresMs = cpuBetween(postgresBefore, postgresAfter);
  return {
    ...ratesOf(result),
    rssMb: after.rssBytes / 1024 / 1024,
    cpuUs: each(after.cpuMs - before.cpuMs),
    postgresUs: postgresMs === null ? null : each(postgresMs),
  };
}

function ratesOf({ requests, milliseconds, latencies }: LoadResult): Pick<Sample, 'perSecond' | 'p50' | 'p99'> {
  return { perSecond: (requests * 1000) / milliseconds, p50: percentile(latencies, 50), p99: percentile(latencies, 99) };
}

/** The order changes from round to round, so that nobody always runs after the same one. */
function rotated<T>(list: readonly T[], by: number): T[] {
  return list.map((_, index) => list[(index + by) % list.length] as T);
}

const medianOf = (samples: readonly Sample[], pick: (sample: Sample) => number) => median(samples.map(pick));

function row(name: Name, samples: readonly Sample[]): (string | number)[] {
  const { median: middle, min, max } = spreadOf(samples.map(({ perSecond }) => perSecond));
  const postgres = samples.map(({ postgresUs }) => postgresUs).filter((value) => value !== null);
  const whole = (pick: (sample: Sample) => number) => Math.round(medianOf(samples, pick));
  return [
    TITLES[name],
    Math.round(middle),
    `${Math.round(min)}-${Math.round(max)}`,
    medianOf(samples, ({ p50 }) => p50).toFixed(1),
    medianOf(samples, ({ p99 }) => p99).toFixed(1),
    whole(({ rssMb }) => rssMb),
    whole(({ cpuUs }) => cpuUs),
    postgres.length === 0 || name === 'nothing' || name === 'dataApi' ? '' : Math.round(median(postgres)),
  ];
}

function tableOf(results: ReadonlyMap<Name, Sample[]>): BenchTable {
  return {
    title: `Webhook intake: verify, store, answer; ${CONNECTIONS} connections`,
    columns: ['', 'requests/s', 'spread', 'p50, ms', 'p99, ms', 'RSS, MB', 'processor, us a request', 'Postgres, us a request'],
    rows: [...results].map(([name, samples]) => row(name, samples)),
  };
}

/** Ratios of one round, so that what else the machine does meanwhile counts for both; their median. */
function ratio(results: ReadonlyMap<Name, Sample[]>, pick: (sample: Sample) => number): number {
  const theirs = results.get('probot') ?? [];
  return median((results.get('banyan') ?? []).map((own, index) => pick(own) / pick(theirs[index] ?? own)));
}

function goalsOf(results: ReadonlyMap<Name, Sample[]>): BenchGoal[] {
  const throughput = ratio(results, ({ perSecond }) => perSecond);
  const memory = ratio(results, ({ rssMb }) => rssMb);
  const processor = ratio(results, ({ cpuUs }) => cpuUs);
  return [
    { goal: "Intake: at least 1.3 times probot's throughput", value: `${throughput.toFixed(2)} times`, reached: throughput >= 1.3 },
    { goal: "Intake: under two thirds of probot's memory", value: `${memory.toFixed(2)} of it`, reached: memory < 2 / 3 },
    { goal: "Intake: under two thirds of probot's processor time per request", value: `${processor.toFixed(2)} of it`, reached: processor < 2 / 3 },
  ];
}

const NOTES = [
  'Everybody stores before answering, over a pool of five connections. Banyan stores deliveries that arrive while others are being stored together, in one call and one commit; its row is text, with the indexes by which workers claim it.',
  "The load, the server and Postgres share the cores, so throughput is bounded by the processor time of all three. In the function the bytes of the body through the sockets, reading it as JSON, and `Request` and `Response` are what is left (the profile below); the bare handler does without the last two. Memory under load is Node itself and the room that its collector takes for bodies under way, for the bare handler as well: most of it is nobody's code.",
];

export async function runIntake({ rounds, quick, postgres, say }: BenchOptions): Promise<BenchSection> {
  const payloads = readPayloads();
  const duration = quick ? { firstMs: 1000, warmUpMs: 200, measuredMs: 500 } : { firstMs: 3000, warmUpMs: 500, measuredMs: 3000 };
  const build = await buildServers();
  const database = await postgres.createDatabase();
  const servers = new Map<Name, Server>();
  const dataApi = await startDataApi();
  try {
    await database.pool.query(WEBHOOK_ROWS);
    const env = serverEnvironment(database.url);
    for (const name of ['nothing', ...CONTENDERS] as const) servers.set(name, await startServer(build.entry(name), env));
    servers.set('dataApi', await startServer(build.entry('banyan'), serverEnvironment(undefined, dataApi.supabase)));
    const names = [...servers.keys()];
    const results = new Map<Name, Sample[]>(names.map((name) => [name, []]));
    for (const { port } of servers.values()) await load({ port, connections: CONNECTIONS, milliseconds: duration.firstMs, payloads });
    for (let round = 0; round < rounds; round += 1) {
      say(`intake: round ${round + 1} of ${rounds}`);
      for (const name of rotated(names, round)) {
        const server = servers.get(name);
        if (server) results.get(name)?.push(await sample({ server, payloads, database }, duration));
      }
    }
    return {
      name: 'intake',
      title: 'Webhook intake',
      tables: [tableOf(results)],
      goals: goalsOf(results),
      notes: NOTES,
      data: Object.fromEntries(results),
    };
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()));
    await dataApi.stop();
    await database.close();
    await build.dispose();
  }
}
