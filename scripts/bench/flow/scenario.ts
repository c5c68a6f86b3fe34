/** The repository that the benchmark's issues are about: a few files and a suite that runs in a moment. */
export const FILES: Record<string, string> = {
  'package.json': `${JSON.stringify({ name: 'numbers', version: '1.0.0', type: 'module', scripts: { test: 'node --test' } }, null, 2)}\n`,
  'src/numbers.js': 'export function add(a, b) {\n  return a + b;\n}\n',
  'test/add.test.js':
    "import assert from 'node:assert/strict';\nimport { test } from 'node:test';\nimport { add } from '../src/numbers.js';\n\ntest('adds', () => assert.equal(add(2, 3), 5));\n",
};

export const ISSUE = { title: 'Multiply', body: 'We need to multiply two numbers.' };

interface ToolCall {
  name: string;
  args: Record<string, unknown>;
}

const CHANGE: ToolCall[] = [
  { name: 'write_file', args: { path: 'src/numbers.js', content: `${FILES['src/numbers.js']}\nexport function multiply(a, b) {\n  return a * b;\n}\n` } },
  {
    name: 'write_file',
    args: {
      path: 'test/multiply.test.js',
      content: FILES['test/add.test.js']?.replace("'adds'", "'multiplies'").replaceAll('add', 'multiply').replace('5', '6'),
    },
  },
];

const RESULTS: Record<string, Record<string, unknown>> = {
  'product-owner': {
    needs_clarification: false,
    questions: [],
    refined_description: 'A function `multiply(a, b)` in `src/numbers.js`.',
    acceptance_criteria: ['`multiply(2, 3)` is 6.'],
    priority: 'medium',
  },
  developer: {
    summary: 'Added `multiply` and its test.',
    commit_message: 'feat: add multiply',
    pr_title: 'feat: add multiply',
    pr_body: 'A function that multiplies two numbers.',
  },
  qa: { passed: true, summary: 'The product is right.', findings: [] },
  reviewer: { decision: 'approve', summary: 'Small and right.', comments: [] },
};

/** What a role calls next: the Developer writes in one turn and hands in in the next, the others hand in at once. */
export function nextCalls(role: string, turn: { tools: string[]; hasActed: boolean }): ToolCall[] {
  if (role === 'developer' && !turn.hasActed) return CHANGE;
  const submit = turn.tools.find((name) => name.startsWith('submit_'));
  const result = RESULTS[role];
  if (!submit || !result) throw new Error(`the scenario has no part for "${role}"`);
  return [{ name: submit, args: result }];
}
