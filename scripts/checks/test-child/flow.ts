/** `npm start` in a child, and one issue that becomes a pull request there. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Octokit } from '@octokit/rest';
import { textOf } from '../../../src/testing/openai-answers.ts';
import { simplePlayer } from '../../../src/testing/openai-players.ts';
import { startOpenAiServer, type OpenAiServer } from '../../../src/testing/openai-server.ts';
import type { Stage } from './stage.ts';

const REPOSITORY = { owner: 'acme', repo: 'shop' };
const ROLES = ['product-owner', 'developer', 'qa', 'reviewer'];
const START_MS = 120_000;
const FLOW_MS = 180_000;

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Looks again until there is something. */
async function until<T>(what: string, limit: number, look: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + limit;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${limit / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

interface Running {
  github: string;
  log: () => string;
  process: ChildProcess;
  ended: Promise<number | null>;
}

async function startChild(stage: Stage, child: string, models: OpenAiServer): Promise<Running> {
  const [app, github, supabase] = [await freePort(), await freePort(), await freePort()];
  const env = {
    ...stage.env,
    BANYAN_PORT: String(app),
    BANYAN_GITHUB_PORT: String(github),
    BANYAN_SUPABASE_PORT: String(supabase),
    BANYAN_DATA_DIR: join(stage.scratch, 'data'),
    BANYAN_MODEL: 'openai:played',
    OPENAI_BASE_URL: models.url,
    OPENAI_API_KEY: 'a key of the test',
  };
  const running = spawn('npm', ['start', '--silent'], { cwd: child, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [running.stdout, running.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  const ended = new Promise<number | null>((resolve) => running.once('close', resolve));
  await until('banyan ready', START_MS, () => {
    if (running.exitCode !== null) throw new Error(`npm start ended with ${running.exitCode}:\n${log}`);
    return Promise.resolve(/^banyan ready/m.test(log) ? true : undefined);
  }).catch((error: unknown) => {
    running.kill('SIGTERM');
    throw error;
  });
  return { github: `http://127.0.0.1:${github}`, log: () => log, process: running, ended };
}

/** An issue of the maintainer, until its pull request may be merged by a person. */
async function playIssue(github: string): Promise<string[]> {
  const octokit = new Octokit({ baseUrl: github, auth: 'maintainer-token' });
  const { data: issue } = await octokit.issues.create({ ...REPOSITORY, title: 'Say which bicycles fit', body: 'A page about sizes.' });
  const pull = await until('a pull request that is no draft', FLOW_MS, async () => {
    const { data } = await octokit.pulls.list({ ...REPOSITORY, state: 'open' });
    return data.find(({ head, draft }) => new RegExp(`^(?:feature|bugfix)/${issue.number}-`).test(head.ref) && draft === false);
  });
  const { data: checks } = await octokit.checks.listForRef({ ...REPOSITORY, ref: pull.head.sha });
  const failed = checks.check_runs.filter(({ conclusion }) => conclusion !== 'success');
  if (checks.check_runs.length === 0 || failed.length > 0)
    throw new Error(`checks: ${checks.check_runs.map(({ name, conclusion }) => `${name} ${conclusion}`).join(', ') || 'none'}`);
  const { data: files } = await octokit.pulls.listFiles({ ...REPOSITORY, pull_number: pull.number });
  return files.map(({ filename }) => filename);
}

/** What each role was told on the wire holds what the child says of its domain, and what that role alone must know. */
function checkPrompts(models: OpenAiServer, { child, description }: { child: string; description: string }): void {
  for (const role of ROLES) {
    const request = models.requests.find(({ agent }) => agent === role);
    if (!request) throw new Error(`the model was never asked as ${role}`);
    const prompt = request.messages[0] ? textOf(request.messages[0]) : '';
    const heading = /^## .+$/m.exec(readFileSync(join(child, `src/agents/${role}.ts`), 'utf8'))?.[0];
    for (const words of [description, heading ?? '(its file has no heading)', 'This product is a shop']) {
      if (!prompt.includes(words)) throw new Error(`the prompt of ${role} on the wire does not hold "${words}"`);
    }
  }
}

export async function playFlow(stage: Stage, { child, description }: { child: string; description: string }): Promise<void> {
  const models = await startOpenAiServer({
    play: simplePlayer({ files: [{ 'docs/sizes.md': '# Sizes\n\nMeasured in Basel.\n' }], title: 'say which bicycles fit' }),
  });
  let running: Running | undefined;
  try {
    running = await stage.step('npm start', () => startChild(stage, child, models));
    const { github, log } = running;
    await stage.step('an issue becomes a pull request, and each prompt holds the domain', async () => {
      const files = await playIssue(github).catch((error: unknown) => {
        throw new Error(`${String(error)}\nmodel: ${models.errors.map(String).join('; ') || `${models.requests.length} requests`}\n${log().slice(-4000)}`);
      });
      if (!files.includes('docs/sizes.md')) throw new Error(`the pull request has ${files.join(', ')}`);
      checkPrompts(models, { child, description });
    });
    const { ended, process: child_ } = running;
    await stage.step('it ends when it is told to', async () => {
      child_.kill('SIGTERM');
      const code = await ended;
      if (code !== 0) throw new Error(`npm start ended with ${code}:\n${log().slice(-2000)}`);
    });
  } finally {
    if (running && running.process.exitCode === null) {
      running.process.kill('SIGTERM');
      await running.ended;
    }
    await models.close();
  }
}
