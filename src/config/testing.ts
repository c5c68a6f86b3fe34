/** What tests take from the environment of whoever runs them. */
export interface TestingEnvironment {
  /** Commands run without a sandbox, as `BANYAN_UNSAFE_LOCAL_SANDBOX=1` allows for the functions too. */
  unsafeSandbox: boolean;
  /** `BANYAN_TEST_LOG=debug` shows what the engine says. */
  logLevel: string;
}

export function readTestingEnvironment(source: Record<string, string | undefined> = process.env): TestingEnvironment {
  return { unsafeSandbox: source['BANYAN_UNSAFE_LOCAL_SANDBOX'] === '1', logLevel: source['BANYAN_TEST_LOG'] ?? 'silent' };
}
