/** Writes `vercel.json` from the tables below, `src/domain/schedule.ts` and the files of `api/`. With `--check`: fails when it is stale. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { timedJobs } from '../src/domain/schedule.ts';

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
  rest: { maxDuration: 60, sources: ['/api/v1/:path*'] },
  mcp: { maxDuration: 60, sources: [] },
};

const target = new URL('../vercel.json', import.meta.url);

function presentFunctions(): [string, FunctionPlan][] {
  const names = readdirSync(new URL('../api/', import.meta.url)).map((file) => file.replace(/\.ts$/, ''));
  const unknown = names.filter((name) => !(name in FUNCTIONS));
  if (unknown.length > 0) throw new Error(`scripts/generate-vercel.ts has no plan for api/${unknown.join('.ts, api/')}.ts`);
  return Object.entries(FUNCTIONS).filter(([name]) => names.includes(name));
}

function render(): string {
  const functions = presentFunctions();
  const config = {
    $schema: 'https://openapi.vercel.sh/vercel.json',
    framework: null,
    // The platform compiles and traces each function itself: nothing is built ahead. Without a folder named here it would publish the sources as static files.
    buildCommand: null,
    outputDirectory: 'public',
    functions: Object.fromEntries(functions.map(([name, { maxDuration }]) => [`api/${name}.ts`, { maxDuration }])),
    rewrites: functions.flatMap(([name, { sources }]) => sources.map((source) => ({ source, destination: `/api/${name}` }))),
    crons: timedJobs().map(({ job, schedule }) => ({ path: `/api/cron/${job}`, schedule })),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

const wanted = render();
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== wanted) {
    console.error('vercel.json is stale: npm run generate');
    process.exitCode = 1;
  }
} else {
  writeFileSync(target, wanted);
}
