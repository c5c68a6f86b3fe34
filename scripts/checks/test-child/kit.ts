/** `startStack()` of `banyan/testing`, in a child. */
import type { Stage } from './stage.ts';

const TEST = `
import { startStack } from 'banyan/testing';
const stack = await startStack({ note: (line) => console.error(line) });
const { octokit } = await stack.repository('kit');
const at = { owner: 'acme', repo: 'kit' };
const { data: issue } = await octokit.rest.issues.create({ ...at, title: 'Say which bicycles fit' });
const end = Date.now() + 120_000;
for (;;) {
  const { data } = await octokit.rest.issues.listComments({ ...at, issue_number: issue.number });
  if (data.some(({ body }) => body.includes('<!-- banyan:status:'))) break;
  if (Date.now() > end) throw new Error('no status comment');
  await new Promise((resolve) => setTimeout(resolve, 250));
}
await stack.close();
`;

export async function playKit(stage: Stage, child: string): Promise<void> {
  await stage.step('startStack() starts the child, an issue gets its status comment, and the process ends by itself', () =>
    stage.run(child, [process.execPath, '--input-type=module', '--eval', TEST]),
  );
}
