import { defineConfig } from 'vitest/config';
import { SkipReporter } from './scripts/checks/skip-reporter.ts';

/** Two cores are what a small CI machine has; a test that starts servers or a database is heavier than a worker more is worth. */
const shared = { environment: 'node', pool: 'forks', testTimeout: 30_000, hookTimeout: 60_000, teardownTimeout: 10_000 } as const;

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default', new SkipReporter({ failOnUnexpected: Boolean(process.env['CI']) })],
    projects: [
      { test: { ...shared, name: 'unit', include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'] } },
      { test: { ...shared, name: 'integration', include: ['test/**/*.test.ts'], exclude: ['test/bench/**'] } },
      // Every benchmark once, small: minutes, and nothing that other tests need.
      { test: { ...shared, name: 'benchmarks', include: ['test/bench/**/*.test.ts'] } },
    ],
    coverage: { provider: 'v8', include: ['src/**/*.ts', 'api/**/*.ts'], exclude: ['**/*.test.ts', '**/*.generated.ts'] },
  },
});
