import { defineConfig } from 'vitest/config';
import { SkipReporter } from './scripts/checks/skip-reporter.ts';

/** Two cores are what a small CI machine has; a test that starts servers or a database is heavier than a worker more is worth. */
const shared = { environment: 'node', pool: 'forks', testTimeout: 30_000, hookTimeout: 60_000, teardownTimeout: 10_000 } as const;

/**
 * Run by CI on its own, so that `npm test` stays a matter of minutes: every benchmark once, small; kills at each moment over HTTP (of which `npm
 * test` has those in one process); the share of failures that the watch finds, and runs that it mends over the whole engine (of which `npm test` has
 * each job on its database); the contract of the store over the embedded Supabase (of which `npm test` has it over PGlite and Postgres); the doctor
 * on installations that are bent on purpose; every fault of a model through a whole issue, outages, and GitHub's limits under several workers (of
 * which `npm test` has failures and the budget); the proof by QA and the nightly comparison over the whole engine; pauses at every
 * moment and jobs of the watch over the whole engine (of which `npm test` has the commands, and each job on its database); graphs of 10,000 tasks;
 * the conformance of sandboxes; the whole stack started by a test; the commands of children as processes, with packages and git (of which
 * `npm test` has rendering, merge, plan and the way an update is written).
 */
const LONG = [
  'test/bench/**/*.test.ts',
  'test/e2e/kills.test.ts',
  'test/watch/held-out/*.test.ts',
  'test/store/contract.supabase.test.ts',
  'test/doctor/doctor.test.ts',
  'test/engine/model.test.ts',
  'test/engine/limits.test.ts',
  'test/engine/proof.test.ts',
  'test/engine/reconcile.test.ts',
  'test/engine/trouble.test.ts',
  'test/engine/pause.test.ts',
  'test/engine/guardian.test.ts',
  'test/engine/branches.test.ts',
  'test/engine/conductor.test.ts',
  'test/store/graph.test.ts',
  'test/docs/children.test.ts',
  'test/watch/healing.test.ts',
  'test/sandbox/sandbox.test.ts',
  'test/spawn/*.test.ts',
  'test/testing/*.test.ts',
];

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default', new SkipReporter({ failOnUnexpected: Boolean(process.env['CI']) })],
    projects: [
      // One process for many files: starting one takes longer than most of these. They leave nothing behind that another file could see.
      { test: { ...shared, isolate: false, name: 'unit', include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'] } },
      { test: { ...shared, name: 'integration', include: ['test/**/*.test.ts'], exclude: [...LONG] } },
      { test: { ...shared, name: 'long', include: [...LONG] } },
    ],
    coverage: { provider: 'v8', include: ['src/**/*.ts', 'api/**/*.ts'], exclude: ['**/*.test.ts', '**/*.generated.ts'] },
  },
});
