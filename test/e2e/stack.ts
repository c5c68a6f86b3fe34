import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Octokit } from '@octokit/rest';
import type { Answer, ChatRequest, OpenAiServer } from '../../src/testing/openai-server.ts';
import { startOpenAiServer } from '../../src/testing/openai-server.ts';

export interface StackFile {
  urls: { app: string; github: string; supabase: string };
  keys: { publishable: string; secret: string };
  app: { id: number; privateKey: string; webhookSecret: string };
  cronSecret: string;
  pids: { app: number; github: number; supabase: number };
}

export interface RunningStack {
  file(): Promise<StackFile>;
  as(user: 'maintainer' | 'visitor'): Octokit;
  models: OpenAiServer;
  /** SIGKILL to the process of the functions; the stack starts another. */
  killFunctions(): Promise<void>;
  /** Stops everything and starts it again on the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  output(): string;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Waits for a condition and names it when it does not come. */
export async function until<T>(what: string, probe: () => Promise<T | null | undefined | false>, seconds = 60): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The whole of `npm start` in a folder and on ports of its own, with a model that a test plays. */
export async function startStack(play: (request: ChatRequest) => Answer | Promise<Answer>, env: Record<string, string> = {}): Promise<RunningStack> {
  const models = await startOpenAiServer({ play });
  const data = await mkdtemp(join(tmpdir(), 'banyan-e2e-'));
  const ports = { BANYAN_PORT: await freePort(), BANYAN_GITHUB_PORT: await freePort(), BANYAN_SUPABASE_PORT: await freePort() };
  let child: ChildProcess;
  let output = '';

  async function start(): Promise<void> {
    child = spawn(process.execPath, ['scripts/start.ts'], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        BANYAN_DATA_DIR: data,
        ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
        OPENAI_BASE_URL: models.url,
        OPENAI_API_KEY: 'sk-not-a-real-key',
        BANYAN_MODEL: 'openai:played-by-the-test',
        BANYAN_LEASE_SECONDS: '3',
        BANYAN_TICK_SECONDS: '1',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const started = output.length;
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await until('banyan ready', async () => {
      if (child.exitCode !== null) throw new Error(`npm start ended:\n${output}`);
      return output.slice(started).includes('banyan ready');
    });
  }

  async function end(): Promise<void> {
    if (child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  const file = async () => JSON.parse(await readFile(join(data, 'stack.json'), 'utf8')) as StackFile;
  await start();
  const { urls } = await file();
  return {
    file,
    models,
    as: (user) => new Octokit({ baseUrl: urls.github, auth: `${user}-token` }),
    async killFunctions() {
      const { pids } = await file();
      process.kill(pids.app, 'SIGKILL');
      await until(
        'another process of the functions',
        async () =>
          (await file()).pids.app !== pids.app &&
          (await fetch(`${urls.app}/api/health`).then(
            (response) => response.ok,
            () => false,
          )),
      );
    },
    async restart() {
      await end();
      await start();
    },
    async stop() {
      await end();
      await models.close();
      await rm(data, { recursive: true, force: true });
    },
    output: () => output,
  };
}
