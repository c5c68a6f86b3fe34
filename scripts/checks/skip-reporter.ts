import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Skips that a Linux machine cannot avoid. A test says why by `context.skip('reason')`; whatever else is skipped was not expected. */
const EXPECTED = [/^needs macOS\b/, /^needs a network\b/];

export interface Skip {
  test: string;
  reason: string | undefined;
  expected: boolean;
}

export function describeSkip(test: string, reason: string | undefined): Skip {
  return { test, reason, expected: reason !== undefined && EXPECTED.some((pattern) => pattern.test(reason)) };
}

function reasonOf(test: TestCase): string | undefined {
  const result = test.result();
  return result.state === 'skipped' ? result.note : undefined;
}

/** Prints every skipped test with its reason at the end of a run. In CI a skip that is not expected fails the run, so that no test goes missing in silence. */
export class SkipReporter implements Reporter {
  readonly #failOnUnexpected: boolean;

  constructor(options: { failOnUnexpected: boolean }) {
    this.#failOnUnexpected = options.failOnUnexpected;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skips = modules.flatMap((module) =>
      [...module.children.allTests('skipped')]
        // What never ran because its set-up failed is told as that failure.
        .filter((test) => reasonOf(test) !== undefined || module.state() !== 'failed')
        .map((test) => describeSkip(`${module.relativeModuleId} > ${test.fullName}`, reasonOf(test))),
    );
    for (const skip of skips) console.log(`skipped: ${skip.test}: ${skip.reason ?? 'no reason given'}${skip.expected ? '' : ' (not expected)'}`);
    const unexpected = skips.filter((skip) => !skip.expected);
    if (!this.#failOnUnexpected || unexpected.length === 0) return;
    console.error(`${unexpected.length} tests were skipped that should run here`);
    process.exitCode = 1;
  }
}
