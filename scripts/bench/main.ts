/** `npm run bench`: how fast the parts are, side by side with what else there is. See docs/benchmarks.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { BanyanError } from '../../src/kernel/errors.ts';
import { reportAndFail } from '../commands/report.ts';
import { startPostgres } from './postgres.ts';
import type { TestPostgres } from './postgres.ts';
import { runApart } from './run-section.ts';
import type { BenchSection } from './section.ts';
import { SECTIONS } from './sections.ts';
import { sectionMarkdown, sectionText, withBlock } from './text.ts';

const PAGE = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
const NAMES = Object.keys(SECTIONS);

const USAGE = `npm run bench -- [--only intake,flow] [--rounds 5] [--quick] [--json FILE] [--write]
  --only A,B   of ${NAMES.join(', ')}
  --rounds N   measured rounds of each contender, 5 where nothing is said
  --quick      small sizes, a few minutes in all
  --json FILE  every figure
  --write      puts the tables into docs/benchmarks.md`;

const optionsSchema = z.object({
  only: z
    .string()
    .transform((list) => list.split(','))
    .pipe(z.array(z.string().refine((name) => NAMES.includes(name), `is none of ${NAMES.join(', ')}`)))
    .default(NAMES),
  rounds: z.coerce.number().int().min(1).max(1000).optional(),
  quick: z.boolean().default(false),
  json: z.string().min(1).optional(),
  write: z.boolean().default(false),
  help: z.boolean().default(false),
});

type Options = z.output<typeof optionsSchema>;

/** @throws BanyanError `config_invalid` */
function readOptions(args: string[]): Options {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const;
  try {
    return optionsSchema.parse(parseArgs({ args, options: { only: text, rounds: text, quick: flag, json: text, write: flag, help: flag } }).values);
  } catch (cause) {
    const message = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new BanyanError('config_invalid', message, { fix: USAGE, cause });
  }
}

interface Machine {
  node: string;
  system: string;
  processor: string;
  cores: number;
  memoryGb: number;
  postgres: string;
  /** Before the start. */
  load: number;
}

async function readMachine(postgres: TestPostgres): Promise<Machine> {
  const database = await postgres.createEmptyDatabase();
  const { rows } = await database.pool.query<{ server_version: string }>('show server_version');
  await database.close();
  return {
    node: process.version,
    system: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    postgres: rows[0]?.server_version ?? 'unknown',
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

function machineText(machine: Machine): string {
  const { node, system, processor, cores, memoryGb, postgres, load } = machine;
  const busy = load > cores / 2 ? ' The machine was busy with something else: times are too large, ratios count.' : '';
  return `Node ${node}, ${system}, ${cores} cores (${processor}), ${memoryGb} GB, Postgres ${postgres} with fsync, load ${load} before the start.${busy}`;
}

function write(machine: Machine, sections: readonly BenchSection[]): void {
  const blocks = [['machine', machineText(machine)] as const, ...sections.map((section) => [section.name, sectionMarkdown(section)] as const)];
  const page = blocks.reduce((text, [name, block]) => withBlock(text, name, block), readFileSync(PAGE, 'utf8'));
  writeFileSync(PAGE, page);
}

async function runSections(options: Options, postgres: TestPostgres): Promise<(BenchSection & { seconds: number })[]> {
  const done: (BenchSection & { seconds: number })[] = [];
  for (const name of NAMES.filter((known) => options.only.includes(known))) {
    const begun = performance.now();
    const rounds = options.rounds ?? (options.quick ? 3 : 5);
    const section = await runApart({ name, rounds, quick: options.quick }, postgres.url);
    const seconds = Math.round((performance.now() - begun) / 1000);
    console.log(`\n${sectionText(section)}\n\n(${seconds} s)`);
    done.push({ ...section, seconds });
  }
  return done;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(USAGE);
  const postgres = await startPostgres({ durable: true });
  try {
    const machine = await readMachine(postgres);
    console.log(machineText(machine));
    const sections = await runSections(options, postgres);
    if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, sections }, null, 2)}\n`);
    if (options.write) write(machine, sections);
    const goals = sections.flatMap((section) => section.goals);
    console.log(`\n${goals.filter(({ reached }) => reached).length} of ${goals.length} goals reached`);
  } finally {
    await postgres.stop();
  }
}

main().catch(reportAndFail);
