/**
 * Writes `vercel.json` and `templates/vercel-configs/` from the tables below, `src/domain/schedule.ts` and the files of `api/`.
 * With `--check`: fails when one is stale.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dailyJobs, timedJobs } from '../src/domain/schedule.ts';
import type { TimedJob } from '../src/domain/schedule.ts';

interface FunctionPlan {
  maxDuration: number;
  /** Public paths beside the function's own. */
  sources: string[];
}

/** GitHub waits ten seconds for the webhook; workers use what the smallest plan allows and stop by themselves before it. */
const FUNCTIONS: Record<string, FunctionPlan> = {
  webhook: { maxDuration: 10, sources: ['/api/github/webhook'] },
  worker: { maxDuration: 300, sources: [] },
  cron: { maxDuration: 300, sources: ['/api/cron/:job'] },
  health: { maxDuration: 10, sources: [] },
  metrics: { maxDuration: 10, sources: [] },
  agents: { maxDuration: 60, sources: ['/api/agents/:action'] },
  rest: { maxDuration: 60, sources: ['/api/v1/:path*'] },
  mcp: { maxDuration: 60, sources: [] },
};

function presentFunctions(): [string, FunctionPlan][] {
  const names = readdirSync(new URL('../api/', import.meta.url)).map((file) => file.replace(/\.ts$/, ''));
  const unknown = names.filter((name) => !(name in FUNCTIONS));
  if (unknown.length > 0) throw new Error(`scripts/generate-vercel.ts has no plan for api/${unknown.join('.ts, api/')}.ts`);
  return Object.entries(FUNCTIONS).filter(([name]) => names.includes(name));
}

function render(jobs: readonly TimedJob[]): string {
  const functions = presentFunctions();
  const config = {
    $schema: 'https://openapi.vercel.sh/vercel.json',
    framework: null,
    // The platform compiles and traces each function itself: nothing is built ahead. Without a folder named here it would publish the sources as static files.
    buildCommand: null,
    outputDirectory: 'public',
    functions: Object.fromEntries(functions.map(([name, { maxDuration }]) => [`api/${name}.ts`, { maxDuration }])),
    rewrites: functions.flatMap(([name, { sources }]) => sources.map((source) => ({ source, destination: `/api/${name}` }))),
    crons: jobs.map(({ job, schedule }) => ({ path: `/api/cron/${job}`, schedule })),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

const root = new URL('../', import.meta.url);

function present(path: string): string {
  const file = new URL(path, root);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** An owner whose plan allows one run a day has put the daily file in the place of `vercel.json`; it stays that one. */
function isDaily(text: string): boolean {
  const tick = dailyJobs()[0];
  return tick !== undefined && text.includes(`"schedule": "${tick.schedule}"`);
}

const files: Record<string, string> = {
  'vercel.json': render(isDaily(present('vercel.json')) ? dailyJobs() : timedJobs()),
  'templates/vercel-configs/daily.json': render(dailyJobs()),
  'templates/vercel-configs/minute.json': render(timedJobs()),
};

for (const [path, wanted] of Object.entries(files)) {
  if (!process.argv.includes('--check')) {
    writeFileSync(new URL(path, root), wanted);
  } else if (present(path) !== wanted) {
    console.error(`${path} is stale: npm run generate`);
    process.exitCode = 1;
  }
}
