/** The section `profile`: where the time of a request, and of an agent's step, goes; sampled, after what the other sections measured. */
import { randomUUID } from 'node:crypto';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import { createStore } from '../../../src/store/store.ts';
import { createTransport } from '../../../src/store/transport.ts';
import { startDataApi } from '../data-api.ts';
import { buildServers } from '../intake/build.ts';
import { startServer } from '../intake/child.ts';
import { serverEnvironment, TITLES, WEBHOOK_ROWS } from '../intake/contenders.ts';
import { load } from '../intake/load.ts';
import { readPayloads } from '../intake/payloads.ts';
import type { BenchOptions, BenchSection, BenchTable } from '../section.ts';
import { runBanyan } from '../steps/banyan.ts';
import { runPlain } from '../steps/plain.ts';
import { startProfile, WAITING } from './sampled.ts';
import type { Parts } from './sampled.ts';

const CONNECTIONS = 32;
const CONTENDERS = ['web', 'octokit', 'probot', 'banyan'] as const;
const STEPS = 40;

/** Parts below this share are put together. */
const SMALL = 0.02;

interface Column {
  title: string;
  /** Milliseconds a unit: a thousand requests, or a step. */
  parts: Parts;
}

const sumOf = (parts: Parts) => Object.values(parts).reduce((sum, ms) => sum + ms, 0);

function divided(parts: Parts, by: number): Parts {
  return Object.fromEntries(Object.entries(parts).map(([name, ms]) => [name, ms / by]));
}

/** Parts as rows, the largest of all columns first; what is small everywhere is one row. */
function tableOf(title: string, unit: string, columns: readonly Column[], digits: number): BenchTable {
  const names = [...new Set(columns.flatMap(({ parts }) => Object.keys(parts)))];
  const largest = (name: string) => Math.max(...columns.map(({ parts }) => (parts[name] ?? 0) / sumOf(parts)));
  const shown = names.filter((name) => largest(name) >= SMALL).toSorted((a, b) => largest(b) - largest(a));
  const cells = (pick: (parts: Parts) => number) => columns.map(({ parts }) => pick(parts).toFixed(digits));
  const rest = (parts: Parts) => sumOf(parts) - shown.reduce((sum, name) => sum + (parts[name] ?? 0), 0);
  return {
    title,
    columns: [unit, ...columns.map((column) => column.title)],
    rows: [...shown.map((name) => [name, ...cells((parts) => parts[name] ?? 0)]), ['all else', ...cells(rest)], ['sum', ...cells(sumOf)]],
  };
}

async function profileIntake({ quick, postgres, say }: BenchOptions): Promise<Column[]> {
  const [payloads, build, database] = [readPayloads(), await buildServers(), await postgres.createDatabase()];
  const [warmUpMs, measuredMs] = quick ? [500, 500] : [4_000, 5_000];
  const columns: Column[] = [];
  try {
    await database.pool.query(WEBHOOK_ROWS);
    for (const name of CONTENDERS) {
      say(`profile: ${name}`);
      const server = await startServer(build.entry(name), serverEnvironment(database.url));
      const at = { port: server.port, connections: CONNECTIONS, payloads };
      try {
        await load({ ...at, milliseconds: warmUpMs });
        await server.profile();
        const { requests } = await load({ ...at, milliseconds: measuredMs });
        const { [WAITING]: _waiting, ...parts } = await server.profiled();
        columns.push({ title: TITLES[name], parts: divided(parts, requests / 1000) });
      } finally {
        await server.stop();
      }
    }
  } finally {
    await database.close();
    await build.dispose();
  }
  return columns;
}

/** Milliseconds of each part in one step of a conversation. */
async function profileSteps(run: () => Promise<unknown>, rounds: number): Promise<Parts> {
  await run();
  const stop = await startProfile();
  for (let round = 0; round < rounds; round += 1) await run();
  return divided(await stop(), rounds * STEPS);
}

async function profileAgents({ rounds, quick, postgres, say }: BenchOptions): Promise<Column[]> {
  const [own, theirs, dataApi] = [await postgres.createDatabase(), await postgres.createEmptyDatabase(), await startDataApi()];
  const checkpointer = PostgresSaver.fromConnString(theirs.url);
  const direct = createStore(createTransport({ supabase: dataApi.supabase, databaseUrl: own.url }));
  const embedded = createStore(createTransport({ supabase: dataApi.supabase, databaseUrl: undefined }));
  const times = quick ? 1 : rounds;
  try {
    await checkpointer.setup();
    const columns: Column[] = [];
    const runs: [string, () => Promise<unknown>][] = [
      ['nothing stored', () => runPlain(STEPS)],
      ['Postgres saver', () => runPlain(STEPS, { checkpointer, thread: randomUUID() })],
      ['Banyan on Postgres', () => runBanyan(direct, STEPS)],
      ['Banyan, embedded', () => runBanyan(embedded, STEPS)],
    ];
    for (const [title, run] of runs) {
      say(`profile: steps, ${title}`);
      columns.push({ title, parts: await profileSteps(run, times) });
    }
    return columns;
  } finally {
    await Promise.all([checkpointer.end(), direct.close(), embedded.close()]);
    await Promise.all([own.close(), theirs.close(), dataApi.stop()]);
  }
}

const NOTES = [
  'Sampled by V8 every 0.2 ms, which costs time itself: shares count. A sample belongs to whoever was on top of the stack: native code that is called counts for its caller, so reading JSON is its reader\'s, and system calls for sockets are "native code" or their caller\'s.',
  'A request: milliseconds of processor time for a thousand of them, of the server\'s process alone. A step: milliseconds from question to question; "waiting" is for the database (for one call or two), which shares the cores.',
];

export async function runProfile(options: BenchOptions): Promise<BenchSection> {
  const intake = await profileIntake(options);
  const steps = await profileAgents(options);
  return {
    name: 'profile',
    title: 'Where the time goes',
    tables: [
      tableOf('A webhook: processor time of the server', 'ms, 1,000 requests', intake, 0),
      tableOf(`A step of an agent, of ${STEPS}`, 'ms a step', steps, 2),
    ],
    goals: [],
    notes: NOTES,
    data: { intake, steps },
  };
}
