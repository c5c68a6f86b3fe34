import { afterAll, beforeAll, expect, it } from 'vitest';
import { CALCULATOR, PRODUCT_ADDED } from '../e2e/scenarios.ts';
import { checksOf, labelsOf, openIssue, pullsOf } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { simplePlayer } from '../support/openai-players.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

/** What QA's check says of a change: its conclusion, and the line of the proof. */
async function proofOf(
  repo: string,
  files: Record<string, string>,
  commands: string[] = [],
): Promise<{ conclusion: string | null | undefined; proof: string; labels: string[] }> {
  engine.cast.in(repo, simplePlayer({ files: [files], commands }));
  const watched = await engine.repository(repo, CALCULATOR);
  const issue = await openIssue(watched, { title: 'Multiply', labels: ['ready-for-dev'] });
  await engine.settle();
  const [pull] = await pullsOf(watched);
  const check = (await checksOf(watched, pull?.head.sha ?? '')).find((run) => run.name === 'banyan/qa');
  return {
    conclusion: check?.conclusion,
    proof: /- ((?:Proven|Not proven|Proof not possible): .*)/.exec(check?.output.summary ?? '')?.[1] ?? '',
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
