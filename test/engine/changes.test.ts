import { afterAll, beforeAll, expect, it } from 'vitest';
import { labelsOf, marked, openIssue, pullsOf } from '../e2e/watch.ts';
import type { Watched } from '../e2e/watch.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { callTool } from '../../src/testing/openai-server.ts';
import { developerSteps, inRole, PLAIN, SUBMIT_DEVELOPER, toolsCalled, WRITE_GREETING } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function begin(repo: string): Promise<{ watched: Watched; issue: number }> {
  const watched = await engine.repository(repo, PLAIN);
  return { watched, issue: await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] }) };
}

async function treeOfPull({ octokit, owner, repo }: Watched): Promise<string[]> {
  const [pull] = await pullsOf({ octokit, owner, repo });
  const { data } = await octokit.rest.git.getTree({ owner, repo, tree_sha: pull?.head.sha ?? '', recursive: '1' });
  return data.tree.filter((entry) => entry.type === 'blob').map((entry) => `${entry.mode} ${entry.path}`);
}

it('what commands did to files is committed as it is: modes, links, moves, deletions, bytes', async () => {
  const command = [
    'printf "#!/bin/sh\\necho hi\\n" > hi.sh && chmod +x hi.sh',
    'ln -s hi.sh latest',
    'mkdir kept && mv notes/old.txt kept/new.txt',
    'rm README.md',
    'printf "\\000\\001\\377" > bytes.bin',
  ].join(' && ');
  engine.cast.in(
    'modes',
    inRole('developer', (request) => (toolsCalled(request).length === 0 ? callTool('run_command', { command }) : SUBMIT_DEVELOPER)),
  );
  const { watched, issue } = await begin('modes');
  await engine.settle();
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  expect(await treeOfPull(watched)).toEqual(['100644 bytes.bin', '100644 greeting.txt', '100755 hi.sh', '100644 kept/new.txt', '120000 latest']);
  const [pull] = await pullsOf(watched);
  const { data } = await watched.octokit.rest.repos.getContent({ owner: 'acme', repo: 'modes', path: 'bytes.bin', ref: pull?.head.sha ?? '' });
  expect(Buffer.from('content' in data ? data.content : '', 'base64')).toEqual(Buffer.from([0, 1, 255]));
});

it('a change that keeps holding a credential never leaves: a person is called, and nothing shows it', async () => {
  const credential = `ghp_${'a1B2'.repeat(9)}`;
  const leak = callTool('write_file', { path: 'config.js', content: `export const token = '${credential}';\n` });
  engine.cast.in('leak', developerSteps(leak, SUBMIT_DEVELOPER));
  const { watched, issue } = await begin('leak');
  await engine.settle();
  expect(await labelsOf(watched, issue)).toEqual(['needs-human']);
  const [status] = await marked(watched, issue, 'status');
  expect(status).toContain('what looks like a credential (config.js)');
  expect(status).not.toContain(credential);
  expect((await watched.octokit.rest.repos.listBranches({ owner: 'acme', repo: 'leak' })).data.map((branch) => branch.name)).toEqual(['main']);
});

it('a Developer who changes nothing is asked once, and then a person hears why', async () => {
  engine.cast.in('nothing', developerSteps(SUBMIT_DEVELOPER));
  const { watched, issue } = await begin('nothing');
  await engine.settle();
  expect(await labelsOf(watched, issue)).toEqual(['needs-human']);
  expect((await marked(watched, issue, 'status'))[0]).toContain('The Developer made no change: The greeting is friendlier.');
});

it('a commit whose answer was lost is found by its content, also where the change grew since', async () => {
  const isCommit = ({ path, body }: { path: string; body: string }) => path.endsWith('/graphql') && body.includes('createCommitOnBranch');
  engine.cast.in('grown', developerSteps(WRITE_GREETING, SUBMIT_DEVELOPER, callTool('write_file', { path: 'more.txt', content: 'More.\n' }), SUBMIT_DEVELOPER));
  const { watched, issue } = await begin('grown');
  await engine.process({ death: { at: 'github', when: 'after', matches: isCommit } }).drainToDeath();
  await watched.octokit.rest.issues.createComment({ owner: 'acme', repo: 'grown', issue_number: issue, body: 'Add more, please.' });
  await engine.elapse();
  await engine.settle();
  expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  expect(await treeOfPull(watched)).toContain('100644 more.txt');
  const [pull] = await pullsOf(watched);
  const commits = (await watched.octokit.rest.pulls.listCommits({ owner: 'acme', repo: 'grown', pull_number: pull?.number ?? 0 })).data;
  expect(commits).toHaveLength(2);
});
