/** What tests take from the environment of whoever runs them. */
export interface TestingEnvironment {
  /** Commands run without a sandbox, as `BANYAN_UNSAFE_LOCAL_SANDBOX=1` allows for the functions too. */
  unsafeSandbox: boolean;
  /** `BANYAN_TEST_LOG=debug` shows what the engine says. */
  logLevel: string;
  /** What processes that a test starts need of the shell. No key and no setting of whoever runs the tests reaches them. */
  shell: Record<string, string>;
}

const OF_THE_SHELL = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'USER', 'BANYAN_UNSAFE_LOCAL_SANDBOX'];

export function readTestingEnvironment(source: Record<string, string | undefined> = process.env): TestingEnvironment {
  const shell = Object.fromEntries(OF_THE_SHELL.flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]]])));
  return { unsafeSandbox: source['BANYAN_UNSAFE_LOCAL_SANDBOX'] === '1', logLevel: source['BANYAN_TEST_LOG'] ?? 'silent', shell };
}
