import { isTestFile } from '../../context/test-files.ts';
import type { FileChange } from '../../context/overlay.ts';
import type { RepositorySnapshot } from '../../context/snapshot.ts';
import type { TaskSession } from '../../engine/session.ts';
import type { PullFile } from '../../github/pulls.ts';
import { runSuite } from '../suite.ts';
import { filesWithConflicts } from '../update-base.ts';
import type { QaEvidence } from './policy.ts';

function notPossible(reason: string): QaEvidence['proof'] {
  return { state: 'not_possible', reason, run: null };
}

/** The head's test files as changes of the base, bytes and modes as they are; test files that the change deletes are gone there too. */
function testChanges(head: RepositorySnapshot, tests: PullFile[]): FileChange[] {
  return tests.map(({ path, status }): FileChange => {
    const file = status === 'removed' ? undefined : head.files.get(path);
    return file ? { path, mode: file.mode, content: Buffer.from(file.content).toString('base64') } : { path, deleted: true };
  });
}

/**
 * Shows that the change is what makes its tests pass: the new tests must fail on the base and pass on the head.
 * The method is the one of SWE-bench's "fail to pass" tests, on whole suites.
 */
async function prove(session: TaskSession, options: { files: PullFile[]; baseSha: string; headPassed: boolean }): Promise<QaEvidence['proof']> {
  const tests = options.files.filter((file) => isTestFile(file.path));
  if (tests.every((file) => file.status === 'removed')) return notPossible('the change brings no tests.');
  if (tests.length === options.files.length) return notPossible('the change is tests only, so there is no code to prove.');
  if (!options.headPassed) return notPossible('the suite does not pass on the head.');
  const base = await session.workspaceAt(options.baseSha, testChanges(await session.tree(), tests));
  const run = await runSuite(session, base, 'tests');
  await base.dispose();
  if (!run) return notPossible('the base has no test command.');
  if (run.blocked !== null) return notPossible(`${run.blocked}.`);
  const names = tests
    .filter((file) => file.status !== 'removed')
    .map((file) => `\`${file.path}\``)
    .join(', ');
  if (run.passed) return { state: 'not_proven', reason: `the tests in ${names} pass on the base too, so they do not show the change.`, run };
  return { state: 'proven', reason: `the tests in ${names} fail on the base and pass on the head.`, run };
}

/** Where the head has no tests, those of the base are what is gone: the list of files can be cut short, and hides tests moved to where no runner looks. */
async function findRemovedTests(session: TaskSession, files: PullFile[], baseSha: string): Promise<QaEvidence['removedTests']> {
  const noneLeft = ![...(await session.tree()).files.keys()].some(isTestFile);
  if (!noneLeft) return { paths: files.filter((file) => file.status === 'removed' && isTestFile(file.path)).map((file) => file.path), noneLeft };
  const base = await session.workspaceAt(baseSha);
  const paths = base.list().filter(isTestFile);
  await base.dispose();
  return { paths, noneLeft };
}

/** Runs the suite on the pull request's head in a clean sandbox, and the proof on its base. */
export async function gatherEvidence(session: TaskSession, files: PullFile[], baseSha: string): Promise<QaEvidence> {
  const removedTests = await findRemovedTests(session, files, baseSha);
  const head = await session.workspaceAt(session.state.revision);
  const seen = { removedTests, ...(session.ticket.base_branch ? { conflicts: filesWithConflicts(head) } : {}) };
  const suite = await runSuite(session, head);
  await head.dispose();
  if (!suite) return { suite: null, proof: notPossible('the repository has no test command that I could find.'), ...seen };
  if (suite.blocked !== null) return { suite, proof: notPossible(`${suite.blocked}.`), ...seen };
  return { suite, ...seen, proof: await prove(session, { files, baseSha, headPassed: suite.passed }) };
}
