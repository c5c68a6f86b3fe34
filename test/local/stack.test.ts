import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRunning, waitFor } from './support.ts';

const starter = fileURLToPath(new URL('./fixture-start.ts', import.meta.url));

interface StackFile {
  urls: Record<'app' | 'github' | 'supabase', string>;
  keys: { publishable: string; secret: string };
  app: { id: number; privateKey: string; webhookSecret: string };
  cronSecret: string;
  pids: Record<'app' | 'github' | 'supabase', number>;
}

interface Started {
  child: ChildProcess;
  output: () => string;
}

let dataDir: string;
let started: Started[] = [];

/** The supervisor in a process of its own, over services that only listen. */
function start(env: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, [starter], {
    env: {
      PATH: process.env['PATH'],
      BANYAN_PORT: '0',
      BANYAN_GITHUB_PORT: '0',
      BANYAN_SUPABASE_PORT: '0',
      BANYAN_DATA_DIR: dataDir,
      BANYAN_TICK_SECONDS: '0.2',
      ...env,
    },
  });
  let text = '';
  const collect = (chunk: Buffer) => (text += chunk.toString());
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const entry = { child, output: () => text };
  started.push(entry);
  return entry;
}

async function startReady(env: Record<string, string> = {}): Promise<Started & { file: StackFile }> {
  const entry = start(env);
  await waitFor(`"banyan ready" in ${entry.output()}`, () => (entry.output().includes('banyan ready') ? true : undefined));
  return { ...entry, file: readStack() };
}

function readStack(): StackFile {
  return JSON.parse(readFileSync(join(dataDir, 'stack.json'), 'utf8')) as StackFile;
}

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'banyan-stack-'));
});

afterEach(async () => {
  for (const { child } of started) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  started = [];
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

describe('the local stack', () => {
  it('says each service, then that it is ready, and writes stack.json for its owner only', async () => {
    const { output, file } = await startReady();
    expect(output()).toMatch(/^github +http:\/\/127\.0\.0\.1:\d+$/m);
    expect(output()).toMatch(/^supabase +http:\/\/127\.0\.0\.1:\d+$/m);
    expect(output()).toMatch(/^app +http:\/\/127\.0\.0\.1:\d+$/m);
    expect(Object.keys(file).toSorted()).toEqual(['app', 'cronSecret', 'keys', 'pids', 'urls']);
    expect(file.app.privateKey).toContain('PRIVATE KEY');
    expect(file.keys).toMatchObject({ publishable: expect.stringMatching(/^sb_publishable_.{20}/), secret: expect.stringMatching(/^sb_secret_.{20}/) });
    expect(statSync(join(dataDir, 'stack.json')).mode & 0o777).toBe(0o600);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    for (const pid of Object.values(file.pids)) expect(isRunning(pid)).toBe(true);
  });

  it('gives the functions what production would have, and nothing of other accounts', async () => {
    const { file } = await startReady({ GITHUB_TOKEN: 'ghp_real', SUPABASE_ACCESS_TOKEN: 'real', OPENAI_API_KEY: 'sk-x', BANYAN_MODEL_QA: 'openai:x' });
    const env = (await (await fetch(`${file.urls.app}/env`)).json()) as Record<string, string>;
    expect(env).toMatchObject({
      GITHUB_API_URL: file.urls.github,
      GITHUB_GRAPHQL_URL: `${file.urls.github}/graphql`,
      GITHUB_APP_ID: String(file.app.id),
      GITHUB_APP_PRIVATE_KEY: file.app.privateKey,
      GITHUB_WEBHOOK_SECRET: file.app.webhookSecret,
      SUPABASE_URL: file.urls.supabase,
      SUPABASE_SECRET_KEY: file.keys.secret,
      SUPABASE_PUBLISHABLE_KEY: file.keys.publishable,
      CRON_SECRET: file.cronSecret,
      BANYAN_URL: file.urls.app,
      BANYAN_SANDBOX: 'local',
      OPENAI_API_KEY: 'sk-x',
      BANYAN_MODEL_QA: 'openai:x',
    });
    expect(env).not.toHaveProperty('GITHUB_TOKEN');
    expect(env).not.toHaveProperty('SUPABASE_ACCESS_TOKEN');
  });

  it('calls the cron route with the bearer', async () => {
    const { file } = await startReady();
    const call = await waitFor('a tick', async () => ((await (await fetch(`${file.urls.app}/calls`)).json()) as Record<string, string>[])[0]);
    expect(call).toEqual({ url: '/api/cron/tick', authorization: `Bearer ${file.cronSecret}` });
  });

  it('stops everything at SIGTERM and finds its secrets again', async () => {
    const first = await startReady();
    const since = Date.now();
    first.child.kill('SIGTERM');
    const [code] = (await once(first.child, 'exit')) as [number | null];
    expect(code).toBe(0);
    expect(Date.now() - since, 'the contract gives a stop five seconds').toBeLessThan(5000);
    for (const pid of Object.values(first.file.pids)) expect(isRunning(pid)).toBe(false);

    const second = await startReady();
    expect(second.file.app).toEqual(first.file.app);
    expect(second.file.keys).toEqual(first.file.keys);
    expect(second.file.cronSecret).toEqual(first.file.cronSecret);
  });

  it('starts a killed service again and writes down its new process', async () => {
    const { file, output } = await startReady();
    process.kill(file.pids.app, 'SIGKILL');
    await waitFor('another process', () => (readStack().pids.app !== file.pids.app ? true : undefined));
    const answer = await waitFor('the functions to answer', () => fetch(`${file.urls.app}/x`).catch(() => undefined));
    expect(answer.status).toBe(200);
    expect(output()).toContain('app ended (SIGKILL) and is started again');
  });

  it('leaves no orphan when the supervisor is killed, and starts again at once', async () => {
    const { child, file } = await startReady();
    child.kill('SIGKILL');
    await waitFor('the services to end', () => (Object.values(file.pids).some(isRunning) ? undefined : true));
    const again = await startReady();
    expect(again.file.pids.app).not.toBe(file.pids.app);
  });

  it('says that it is running already on the same data folder', async () => {
    await startReady();
    const second = start();
    const [code] = (await once(second.child, 'close')) as [number];
    expect(code).toBe(1);
    expect(second.output()).toContain('already running on the data folder');
    expect(second.output()).toContain('BANYAN_DATA_DIR');
  });

  it('names a busy port and the variable that changes it', async () => {
    const busy = createServer();
    busy.listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as { port: number };
    const { child, output } = start({ BANYAN_GITHUB_PORT: String(port) });
    const [code] = (await once(child, 'close')) as [number];
    busy.close();
    expect(code).toBe(1);
    expect(output()).toContain(`Port ${port} (the local GitHub) is in use`);
    expect(output()).toContain('BANYAN_GITHUB_PORT=');
  });

  it('tells the last words of a service that does not come up, and leaves none behind', async () => {
    const { child, output } = start({ FIXTURE_BROKEN: '1' });
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(1);
    expect(output()).toContain('The service "supabase" did not start');
    expect(output()).toContain('cannot find the words');
  });
});
