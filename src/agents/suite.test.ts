import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../context/snapshot.ts';
import type { Workspace } from '../context/workspace.ts';
import { defaultRepositoryConfig } from '../config/repository.ts';
import type { TaskSession } from '../engine/session.ts';
import { describeSuite, runSuite, standsUp } from './suite.ts';

/** A session on a repository, and a workspace whose commands end as given; what was run is kept in order. */
function stage(outcomes: Record<string, { exitCode: number; output?: string }>, commands: Record<string, string> = {}) {
  const ran: { command: string; network: string | undefined }[] = [];
  const tree = snapshotOf({ 'package.json': JSON.stringify({ scripts: { test: 'node --test' } }) });
  const session = { config: { ...defaultRepositoryConfig(), commands }, tree: () => Promise.resolve(tree), signal: new AbortController().signal };
  const workspace: Pick<Workspace, 'run'> = {
    run({ command, network }) {
      ran.push({ command, network });
      const { exitCode, output = '' } = outcomes[command] ?? { exitCode: 0 };
      return Promise.resolve({ exitCode, output, timedOut: false, truncated: false, durationMs: 1 });
    },
  };
  return { ran, run: () => runSuite(session as unknown as TaskSession, workspace as Workspace) };
}

describe('the suite', () => {
  it('is what the repository configures, in order, and only the install reaches registries', async () => {
    const { ran, run } = stage({}, { install: 'npm ci', build: 'make', lint: 'lint', test: 'check' });
    expect(await run()).toMatchObject({ command: 'check', passed: true, blocked: null });
    expect(ran.map(({ command, network }) => `${command} ${network}`)).toEqual(['npm ci registries', 'make none', 'lint none', 'check none']);
  });

  it('ends at the first command that fails', async () => {
    const { ran, run } = stage({ lint: { exitCode: 2 } }, { lint: 'lint' });
    const suite = await run();
    expect(suite).toMatchObject({ command: 'lint', passed: false, blocked: null });
    expect(standsUp(suite)).toBe(false);
    expect(ran).toHaveLength(1);
  });

  it.each([
    ['an install that fails', { install: 'npm ci' }, { 'npm ci': { exitCode: 1 } }],
    ['a command that is not there', {}, { 'npm test': { exitCode: 127 } }],
    ['a runner that finds nothing and calls it a success', {}, { 'npm test': { exitCode: 0, output: 'ok\n# tests 0\n# pass 0\n' } }],
    ['unittest that finds nothing', {}, { 'npm test': { exitCode: 5, output: '\nRan 0 tests in 0.000s\n\nNO TESTS RAN\n' } }],
    ['pytest that finds nothing', {}, { 'npm test': { exitCode: 5, output: '===== no tests ran in 0.01s =====\n' } }],
  ])('proves nothing for or against a change after %s', async (_name, commands, outcomes) => {
    const suite = await stage(outcomes, commands).run();
    expect(suite?.blocked).toBeTruthy();
    expect(standsUp(suite)).toBe(true);
  });

  it.each([
    ['fails while its output says that there were no tests', 1, '# tests 0\n# fail 0\n'],
    ['ran tests beside an empty package', 0, '# tests 0\n# tests 3\n'],
    ['ran tests of unittest beside an empty folder', 0, 'Ran 0 tests in 0.000s\n\nOK\nRan 2 tests in 0.001s\n\nOK\n'],
    ['ran tests of pytest after an empty folder', 0, 'no tests ran in 0.01s\n===== 2 passed in 0.02s =====\n'],
    ['ends with the exit code of none although some ran', 5, '# tests 10\n# fail 1\n'],
    ['says nothing', 0, ''],
  ])('is taken by its exit code where it %s', async (_name, exitCode, output) => {
    expect(await stage({ 'npm test': { exitCode, output } }).run()).toMatchObject({ blocked: null, passed: exitCode === 0 });
  });

  it('is described by what it showed', async () => {
    const none = await stage({ 'npm test': { exitCode: 0, output: '\u001b[34m\u2139 tests 0\u001b[39m\n' } }).run();
    expect(none && describeSuite(none)).toBe('nothing shown: no tests were run (`npm test` found none)');
    const failed = await stage({ 'npm test': { exitCode: 1 } }).run();
    expect(failed && describeSuite(failed)).toMatch(/^`npm test` failed with exit code 1 /);
  });
});
