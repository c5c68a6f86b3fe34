/** `npm run chaos`: issues on their way while everything around them fails. See docs/operations.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { BanyanError } from '../../src/kernel/errors.ts';
import { reportAndFail } from '../commands/report.ts';
import { FAMILIES, makePlan } from './plan.ts';
import type { Family } from './plan.ts';
import { holds, planText, repeatText, reportText } from './report.ts';
import { runOnce } from './run.ts';
import type { RunOptions } from './run.ts';

const USAGE = `npm run chaos -- [--seed 1] [--issues 15] [--minutes 5] [--database postgres|supabase|both] [--only FAMILY,...] [--json FILE] [--keep]
  --seed N      what goes wrong, and when; the same seed plans the same faults
  --issues N    issues; 15 are one of each kind
  --minutes N   when a run that does not become quiet is given up
  --only LIST   families of faults: ${FAMILIES.join(', ')}; "none" for a run without
  --seeds       the runs that have failed before, of scripts/chaos/seeds.json
  --json FILE   the whole report
  --keep        keeps the folder with the logs also where everything holds`;

const optionsSchema = z.object({
  seed: z.coerce.number().int().default(1),
  issues: z.coerce.number().int().min(1).max(1000).default(15),
  minutes: z.coerce.number().min(0.1).max(600).default(5),
  database: z.enum(['postgres', 'supabase', 'both']).default('postgres'),
  only: z
    .string()
    .transform((list) => list.split(',').map((name) => name.trim()))
    .pipe(z.array(z.enum([...FAMILIES, 'none'])))
    .optional(),
  json: z.string().min(1).optional(),
  keep: z.boolean().default(false),
  seeds: z.boolean().default(false),
  help: z.boolean().default(false),
});

type Options = z.output<typeof optionsSchema>;

/** @throws BanyanError `config_invalid` */
function readOptions(args: string[]): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    seed: text,
    issues: text,
    minutes: text,
    database: text,
    only: text,
    json: text,
    keep: flag,
    seeds: flag,
    help: flag,
  } as const;
  try {
    return optionsSchema.parse(parseArgs({ args, options }).values);
  } catch (cause) {
    const message = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new BanyanError('config_invalid', message, { fix: USAGE, cause });
  }
}

const seedsSchema = z.array(z.object({ seed: z.number().int(), issues: z.number().int(), database: z.enum(['postgres', 'supabase']), found: z.string() }));

/** The runs that found something once. */
function knownRuns(minutes: number): RunOptions[] {
  const known = seedsSchema.parse(JSON.parse(readFileSync(new URL('seeds.json', import.meta.url), 'utf8')));
  return known.map(({ seed, issues, database }) => ({ seed, issues, database, minutes, families: FAMILIES }));
}

function runsOf({ seed, issues, minutes, database, only, seeds }: Options): RunOptions[] {
  if (seeds) return knownRuns(minutes);
  const families = only ? only.filter((name): name is Family => name !== 'none') : FAMILIES;
  const databases = database === 'both' ? (['postgres', 'supabase'] as const) : [database];
  return databases.map((kind) => ({ seed, issues, minutes, database: kind, families }));
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(USAGE);
  for (const run of runsOf(options)) {
    console.log(planText(makePlan(run)));
    const report = await runOnce(run);
    console.log(reportText(report));
    if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
    const held = holds(report);
    if (!held) {
      process.exitCode = 1;
      console.log(`again with: ${repeatText(report)}`);
    }
    if (held && !options.keep) await rm(report.dataDir, { recursive: true, force: true });
    else console.log(`logs: ${report.dataDir}`);
  }
}

main().catch(reportAndFail);
