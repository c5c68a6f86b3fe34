import { afterAll, beforeAll, expect, it } from 'vitest';
import { CALCULATOR, PRODUCT_ADDED } from '../e2e/scenarios.ts';
import { checksOf, labelsOf, openIssue, pullsOf } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { simplePlayer } from '../../src/testing/openai-players.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

/** What QA's check says of a change: its conclusion, and the line of the proof. */
async function proofOf(
  repo: string,
  files: Record<string, string | null>,
  commands: string[] = [],
  base: Record<string, string> = CALCULATOR,
): Promise<{ conclusion: string | null | undefined; proof: string; summary: string; labels: string[] }> {
  engine.cast.in(repo, simplePlayer({ files: [files], commands }));
  const watched = await engine.repository(repo, base);
  const issue = await openIssue(watched, { title: 'Multiply', labels: ['ready-for-dev'] });
  await engine.settle();
  const [pull] = await pullsOf(watched);
  const check = (await checksOf(watched, pull?.head.sha ?? '')).find((run) => run.name === 'banyan/qa');
  return {
    conclusion: check?.conclusion,
    proof: /- ((?:Proven|Not proven|Proof not possible): .*)/.exec(check?.output.summary ?? '')?.[1] ?? '',
    summary: check?.output.summary ?? '',
    labels: await labelsOf(watched, issue),
  };
}

const CODE = { 'src/calculator.js': PRODUCT_ADDED['src/calculator.js'] ?? '' };
const IDLE_TEST = "import { test } from 'node:test';\n\ntest('is', () => undefined);\n";

it('tests that fail on the base and pass on the head prove the change; binary and executable test files come along', async () => {
  const makeFixture = 'mkdir -p test/fixtures && printf "\\000\\377" > test/fixtures/raw.bin && chmod +x test/fixtures/raw.bin';
  const { conclusion, proof, labels } = await proofOf('proven', PRODUCT_ADDED, [makeFixture]);
  expect(proof).toMatch(/^Proven: .*`test\/fixtures\/raw\.bin`.* fail on the base and pass on the head\.$/);
  expect(conclusion).toBe('success');
  expect(labels).toEqual(['in-review']);
});

it('tests that pass on the base too prove nothing, and it is said', async () => {
  const { conclusion, proof } = await proofOf('idle', { ...CODE, 'test/idle.test.js': IDLE_TEST });
  expect(proof).toMatch(/^Not proven: .*pass on the base too/);
  expect(conclusion).toBe('success');
});

it.each([
  ['no-tests', CODE, 'the change brings no tests'],
  ['only-tests', { 'test/idle.test.js': IDLE_TEST }, 'the change is tests only'],
])('where there is nothing to prove, why is said: %s', async (repo, files, why) => {
  expect((await proofOf(repo, files)).proof).toContain(`Proof not possible: ${why}`);
});

it('a change that deletes all tests fails by code, though QA is content, and says which', async () => {
  const { conclusion, summary, labels } = await proofOf('all-deleted', { ...CODE, 'test/exists.test.js': null });
  expect(conclusion).toBe('failure');
  expect(summary).toContain('The change removes every test of the repository (`test/exists.test.js`)');
  expect(labels).not.toContain('in-review');
});

it('moving the last tests to where no runner looks is no other thing', async () => {
  const { conclusion, summary } = await proofOf('moved-away', CODE, ['mkdir attic && mv test/exists.test.js attic/exists.js && rmdir test']);
  expect(conclusion).toBe('failure');
  expect(summary).toContain('removes every test of the repository (`test/exists.test.js`)');
});

it('deleting some tests is told, and is no failure; they are not tests that the change brings', async () => {
  const base = { ...CALCULATOR, 'test/idle.test.js': IDLE_TEST };
  const { conclusion, summary, proof } = await proofOf('some-deleted', { ...CODE, 'test/idle.test.js': null }, [], base);
  expect(conclusion).toBe('success');
  expect(summary).toContain('**warning** The change removes tests: `test/idle.test.js`.');
  expect(proof).toBe('Proof not possible: the change brings no tests.');
});
