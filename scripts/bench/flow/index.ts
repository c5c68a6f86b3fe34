/** `npm run bench:flow`: how long an issue takes to become a pull request, and where the time goes. See docs/benchmarks.md. */
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { BanyanError } from '../../../src/kernel/errors.ts';
import { reportAndFail } from '../../commands/report.ts';
import { burstText, flowText, summarize, summarizeBurst } from './report.ts';
import { playMany, playOne } from './rounds.ts';
import type { Round } from './rounds.ts';
import { openStage } from './stage.ts';
import type { Stage } from './stage.ts';

/** What a person waits for a pull request at most, with a model that answers at once. */
const LIMIT_MS = 10_000;

const USAGE = `npm run bench:flow -- [--rounds 5] [--at-once 10] [--json FILE]
  --rounds N   issues one after another, after one that warms up
  --at-once N  issues opened at the same time; 0 leaves that part out
  --json FILE  the figures, and every call of the measured rounds`;

const optionsSchema = z.object({
  rounds: z.coerce.number().int().min(1).max(1000).default(5),
  'at-once': z.coerce.number().int().min(0).max(200).default(10),
  json: z.string().min(1).optional(),
  help: z.boolean().default(false),
});

/** @throws BanyanError `config_invalid` */
function readOptions(args: string[]): z.output<typeof optionsSchema> {
  const options = { rounds: { type: 'string' }, 'at-once': { type: 'string' }, json: { type: 'string' }, help: { type: 'boolean' } } as const;
  try {
    return optionsSchema.parse(parseArgs({ args, options }).values);
  } catch (cause) {
    const message = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new BanyanError('config_invalid', message, { fix: USAGE, cause });
  }
}

function machine(): { node: string; cores: number; load: number } {
  return { node: process.version, cores: availableParallelism(), load: Math.round((loadavg()[0] ?? 0) * 100) / 100 };
}

async function playRounds(stage: Stage, count: number): Promise<{ cold: Round; rounds: Round[] }> {
  const cold = await playOne(stage, 'warm-up');
  const rounds: Round[] = [];
  for (let index = 1; index <= count; index += 1) rounds.push(await playOne(stage, `round-${index}`));
  return { cold, rounds };
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(USAGE);
  const here = machine();
  console.log(`node ${here.node}, ${here.cores} cores, load ${here.load} before the start`);
  if (here.load > here.cores / 2) console.log('This machine is busy with something else: the figures are too large.');
  console.log();
  const stage = await openStage();
  try {
    const { cold, rounds } = await playRounds(stage, options.rounds);
    const flow = summarize(rounds);
    console.log(flowText(flow, cold));
    const burst = options['at-once'] > 0 ? summarizeBurst(await playMany(stage, options['at-once'])) : null;
    if (burst) console.log(`\n${burstText(burst)}`);
    if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine: here, flow, burst, cold, rounds }, null, 2)}\n`);
    judge(flow.marks.pull.median);
  } finally {
    await stage.stop();
  }
}

function judge(toPullMs: number): void {
  const holds = toPullMs < LIMIT_MS;
  console.log(
    `\nFrom issues.opened to the pull request: ${Math.round(toPullMs)} ms in the median, ${holds ? 'below' : 'not below'} the limit of ${LIMIT_MS} ms`,
  );
  if (!holds) process.exitCode = 1;
}

main().catch(reportAndFail);
