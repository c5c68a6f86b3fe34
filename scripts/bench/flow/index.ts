/** The section `flow`: how long an issue takes to become a pull request, one and many at once, and where the time goes. */
import type { TestDatabase } from '../postgres.ts';
import type { BenchOptions, BenchSection } from '../section.ts';
import { burstTables, flowTables, summarize, summarizeBurst } from './report.ts';
import type { BurstSummary, Summary } from './report.ts';
import { playMany, playOne } from './rounds.ts';
import type { Round } from './rounds.ts';
import { openStage } from './stage.ts';
import type { Stage } from './stage.ts';

/** What a person waits for a pull request at most, with a model that answers at once. */
const LIMIT_MS = 10_000;

interface Played {
  stack: string;
  cold: Round;
  rounds: Round[];
  flow: Summary;
  bursts: BurstSummary[];
}

interface Plan {
  stack: string;
  rounds: number;
  /** Issues at once, and the repositories that they are spread over. */
  bursts: readonly (readonly [issues: number, repositories: number])[];
  say: (line: string) => void;
}

async function playStage(stage: Stage, { stack, rounds: count, bursts: wanted, say }: Plan): Promise<Played> {
  say(`flow: ${stack}, one issue at a time`);
  const cold = await playOne(stage, 'warm-up');
  const rounds: Round[] = [];
  for (let index = 1; index <= count; index += 1) rounds.push(await playOne(stage, `round-${index}`));
  const bursts: BurstSummary[] = [];
  for (const [issues, repositories] of wanted) {
    say(`flow: ${stack}, ${issues} issues at once in ${repositories} repositories`);
    bursts.push(summarizeBurst(await playMany(stage, issues, repositories)));
  }
  return { stack, cold, rounds, flow: summarize(rounds), bursts };
}

async function playOn(database: TestDatabase | undefined, plan: Plan): Promise<Played> {
  const stage = await openStage(database);
  try {
    return await playStage(stage, plan);
  } finally {
    await stage.stop();
  }
}

const NOTES = [
  'One process of functions works on `BANYAN_WORKER_TASKS` tasks at a time. "Under way" says what was being waited for, "processor" who worked, in percent of one core: what functions, database and GitHub do not use of the cores, the suites, git and the sandboxes use. Many issues at once are bounded by them, and by the database where that is the embedded one, which takes one statement at a time.',
];

export async function runFlow({ rounds, quick, postgres, say }: BenchOptions): Promise<BenchSection> {
  const bursts = quick
    ? ([[4, 2]] as const)
    : ([
        [50, 10],
        [50, 50],
      ] as const);
  const embedded = await playOn(undefined, { stack: 'Embedded Supabase', rounds, bursts, say });
  const database = await postgres.createDatabase();
  try {
    const direct = await playOn(database, { stack: 'Postgres', rounds, bursts, say });
    const played = [embedded, direct];
    const toPull = embedded.flow.marks.pull.median;
    return {
      name: 'flow',
      title: 'From an issue to its pull request',
      tables: [
        ...played.flatMap(({ stack, flow, cold }) => flowTables(stack, flow, cold)),
        ...burstTables(played.flatMap(({ stack, bursts: own }) => own.map((burst) => ({ stack, burst })))),
      ],
      goals: [
        { goal: `Flow: under ${LIMIT_MS / 1000} s from issue to pull request, the model aside`, value: `${Math.round(toPull)} ms`, reached: toPull < LIMIT_MS },
      ],
      notes: NOTES,
      data: played,
    };
  } finally {
    await database.close();
  }
}
