/** The section `cold`: from the start of a process to its first answer, with the row committed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { median, spreadOf } from '../figures.ts';
import { buildServers } from '../intake/build.ts';
import { portOf } from '../intake/child.ts';
import { serverEnvironment, WEBHOOK_ROWS } from '../intake/contenders.ts';
import { openSocket, sendOne } from '../intake/load.ts';
import { readPayloads } from '../intake/payloads.ts';
import type { Payload } from '../intake/payloads.ts';
import type { TestDatabase } from '../postgres.ts';
import type { BenchGoal, BenchOptions, BenchSection } from '../section.ts';
import { bundleServer } from './bundle.ts';

const TITLES = {
  bare: 'bare `node:http`',
  web: 'bare handler in the form of the platform',
  octokit: '`@octokit/webhooks`',
  probot: 'probot',
  bundledProbot: 'probot, bundled',
  banyan: 'Banyan, file by file as it is deployed',
  bundledBare: 'bare `node:http`, bundled',
  bundledBanyan: 'Banyan, bundled',
} as const;

type Name = keyof typeof TITLES;

const NAMES = Object.keys(TITLES) as Name[];

/** A process that was never there before for each sample. */
async function coldStart(entry: string, env: Record<string, string>, payload: Payload): Promise<number> {
  const begun = performance.now();
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  try {
    const socket = await openSocket(await portOf(child));
    await sendOne(socket, payload);
    const answered = performance.now();
    socket.destroy();
    return answered - begun;
  } finally {
    child.kill();
    await ended;
  }
}

async function countRows({ pool }: TestDatabase): Promise<number> {
  const { rows } = await pool.query<{ count: string }>('select (select count(*) from webhook_rows) + (select count(*) from deliveries) as count');
  return Number(rows[0]?.count);
}

async function entriesOf(entry: (contender: string) => string): Promise<Record<Name, string>> {
  const [bare, web, octokit, probot, banyan] = [entry('bare'), entry('web'), entry('octokit'), entry('probot'), entry('banyan')];
  return {
    bare,
    web,
    octokit,
    probot,
    banyan,
    bundledProbot: await bundleServer(probot, 'probot'),
    bundledBare: await bundleServer(bare, 'bare'),
    bundledBanyan: await bundleServer(banyan, 'banyan'),
  };
}

/** Of two samples of one round, so that what else the machine does meanwhile counts for both; the median of all rounds. */
function ratio(samples: Readonly<Record<Name, number[]>>, own: Name, other: Name): number {
  return median(samples[own].map((ms, index) => ms / (samples[other][index] ?? ms)));
}

function goalsOf(samples: Readonly<Record<Name, number[]>>): BenchGoal[] {
  const slower = (own: Name, other: Name) => (ratio(samples, own, other) - 1) * 100;
  const [more, form] = [slower('banyan', 'bare'), slower('banyan', 'web')];
  const bundled = slower('bundledBanyan', 'bare');
  const value = `${more.toFixed(0)} % more, ${form.toFixed(0)} % more than the bare handler in the form of the platform; as one file ${bundled.toFixed(0)} % more`;
  return [{ goal: 'Cold start: within 15 % of the bare handler', value, reached: more <= 15 }];
}

const NOTES = [
  'From the start of the process to the last byte of its first 2xx, over a connection to Postgres that it opened meanwhile. Node itself and `pg` are most of every line. "File by file" is JavaScript as the platform compiles it, with packages from `node_modules`.',
  "What separates Banyan from the bare handler is reading modules, file by file: in a sampled profile (every 0.1 ms, seven starts) Node's loader took 45 ms of a start instead of 34, as long as with the bare handler of the platform's form, which has the same server before it; Banyan's own code took 6 ms instead of 1, and the rest was alike. A bundle saves most of that, and the platform builds none.",
];

export async function runCold({ rounds, postgres, say }: BenchOptions): Promise<BenchSection> {
  const payload = readPayloads()[0];
  if (!payload) throw new Error('there is nothing to send');
  const build = await buildServers();
  const database = await postgres.createDatabase();
  try {
    await database.pool.query(WEBHOOK_ROWS);
    const env = serverEnvironment(database.url);
    const entries = await entriesOf(build.entry);
    // The first start of each reads its files from the disk; a machine that starts functions has them in memory.
    for (const name of NAMES) await coldStart(entries[name], env, payload);
    const samples = Object.fromEntries(NAMES.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
    const count = rounds * 3;
    say(`cold: ${count} starts of each`);
    for (let index = 0; index < count; index += 1) {
      for (const name of index % 2 === 0 ? NAMES : NAMES.toReversed()) samples[name].push(await coldStart(entries[name], env, payload));
    }
    const stored = await countRows(database);
    const expected = NAMES.length * (count + 1);
    if (stored !== expected) throw new Error(`${expected} requests were answered, and ${stored} rows are there`);
    const rows = NAMES.map((name) => {
      const { median: middle, min, max } = spreadOf(samples[name]);
      return [TITLES[name], Math.round(middle), Math.round(min), Math.round(max), ratio(samples, name, 'bare').toFixed(2)];
    });
    return {
      name: 'cold',
      title: 'Cold start',
      tables: [{ title: `Start of a process to its first 2xx, ${count} starts of each`, columns: ['', 'ms', 'fastest', 'slowest', 'times bare'], rows }],
      goals: goalsOf(samples),
      notes: NOTES,
      data: samples,
    };
  } finally {
    await database.close();
    await build.dispose();
  }
}
