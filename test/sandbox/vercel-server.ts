import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Sandbox, SandboxProvider, SandboxResult } from '../../src/sandbox/types.ts';

/**
 * Vercel Sandbox at the wire: create, files up (gzipped tar) and down, commands with their log stream, kill, network policy, stop.
 * What it is told to run really runs, in a local sandbox that stands for the virtual machine, symlinks followed as a machine does.
 * The local sandbox reaches nothing whatever the policy: a command learns from `REACHABLE` which hosts the machine's proxy would
 * let it through to.
 */
export interface VercelServer {
  url: string;
  /** What clients asked for, in order. */
  requests: WireRequest[];
  /** The next request (of this kind) is answered with this instead. Asked again, it is answered normally. */
  failNext(status: number, headers?: Record<string, string>, kind?: (request: WireRequest) => boolean): void;
  /** A `fetch` that reaches this server where the client means Vercel's API. */
  fetch: typeof globalThis.fetch;
  /** Ends all machines. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export interface WireRequest {
  method: string;
  path: string;
  authorization: string | undefined;
  body: unknown;
}

interface Failure {
  status: number;
  headers: Record<string, string>;
  kind: (request: WireRequest) => boolean;
}

interface Running {
  command: Record<string, unknown>;
  done: Promise<SandboxResult | null>;
  abort: AbortController;
}

interface Machine {
  name: string;
  createdAt: number;
  sandbox: Sandbox;
  commands: Map<string, Running>;
  reachable: string[];
  stopped: boolean;
}

const API = 'https://vercel.com/api';
const CWD = '/workspace';
const FLOOD = 64 * 1024 * 1024;

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function fail(response: ServerResponse, status: number, message: string): void {
  send(response, status, { error: { code: 'error', message } });
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function sessionData(id: string, machine: Machine, now: number): Record<string, unknown> {
  const status = machine.stopped ? 'stopped' : 'running';
  return { id, memory: 2048, vcpus: 1, region: 'iad1', timeout: 300_000, status, requestedAt: now, createdAt: now, updatedAt: now, cwd: CWD };
}

type Policy = { mode: string } | { allow: string[] | Record<string, unknown> };

interface CommandRequest {
  command: string;
  args: string[];
  cwd?: string;
  env?: Record<string, string>;
  timeout?: number;
  wait?: boolean;
}

function startCommand(machine: Machine, sessionId: string, body: CommandRequest): Running {
  const abort = new AbortController();
  const startedAt = Date.now();
  const command = { id: `cmd_${randomUUID()}`, name: body.command, args: body.args, cwd: body.cwd ?? CWD, sessionId, exitCode: null, startedAt };
  const line = [body.command, ...body.args].map(quote).join(' ');
  const done = machine.sandbox
    .run({
      command: `cd ${quote(body.cwd ?? CWD)} && exec ${line}`,
      timeoutSeconds: (body.timeout ?? 300_000) / 1000,
      maxOutputBytes: FLOOD,
      env: { ...body.env, REACHABLE: machine.reachable.join(' ') },
      signal: abort.signal,
    })
    .catch(() => null);
  const running = { command, done, abort };
  machine.commands.set(command.id, running);
  return running;
}

async function finished(running: Running): Promise<Record<string, unknown>> {
  const result = await running.done;
  return { ...running.command, exitCode: result?.exitCode ?? 137, durationMs: result?.durationMs ?? 0 };
}

function logLines(output: string): string {
  const chunks = output.match(/[\s\S]{1,16384}/g) ?? [];
  return chunks.map((data) => `${JSON.stringify({ stream: 'stdout', data })}\n`).join('');
}

/** tar itself unpacks, inside: the machine's own rules for links and folders. */
async function unpack(machine: Machine, archive: Buffer, folder: string): Promise<SandboxResult> {
  const name = `.upload-${randomUUID()}.tgz`;
  await machine.sandbox.writeFiles([{ path: name, content: archive }]);
  const command = `tar -xzf ${name} -C ${quote(folder)} --no-same-owner --keep-directory-symlink; code=$?; rm -f ${name}; exit $code`;
  return machine.sandbox.run({ command, timeoutSeconds: 60, maxOutputBytes: 10_000 });
}

async function download(machine: Machine, cwd: string, path: string): Promise<Buffer | null> {
  const command = `cd ${quote(cwd)} && [ -f ${quote(path)} ] && base64 < ${quote(path)}`;
  const result = await machine.sandbox.run({ command, timeoutSeconds: 60, maxOutputBytes: FLOOD });
  return result.exitCode === 0 ? Buffer.from(result.output, 'base64') : null;
}

type Handler = (context: { machine: Machine; id: string; rest: string; body: Buffer; request: IncomingMessage; response: ServerResponse }) => Promise<void>;

async function command({ machine, id, body, response }: Parameters<Handler>[0]): Promise<void> {
  const request = JSON.parse(body.toString()) as CommandRequest;
  const running = startCommand(machine, id, request);
  if (!request.wait) return send(response, 200, { command: running.command });
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.write(`${JSON.stringify({ command: running.command })}\n`);
  response.write(logLines((await running.done)?.output ?? ''));
  response.end(`${JSON.stringify({ command: await finished(running) })}\n`);
}

async function oneCommand({ machine, rest, request, response }: Parameters<Handler>[0]): Promise<void> {
  const [commandId = '', action] = rest.split('/').slice(1);
  const running = machine.commands.get(commandId);
  if (!running) return fail(response, 404, 'no such command');
  if (action === 'kill') {
    running.abort.abort();
    await running.done;
    return send(response, 200, { command: running.command });
  }
  if (action === 'logs') {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    response.end(logLines((await running.done)?.output ?? ''));
    return;
  }
  const isWaiting = request.url?.includes('wait=true');
  send(response, 200, { command: isWaiting ? await finished(running) : running.command });
}

async function files({ machine, rest, body, request, response }: Parameters<Handler>[0]): Promise<void> {
  if (rest === 'fs/write') {
    const result = await unpack(machine, body, String(request.headers['x-cwd'] ?? CWD));
    return result.exitCode === 0 ? send(response, 200, {}) : fail(response, 400, result.output);
  }
  const { path, cwd } = JSON.parse(body.toString()) as { path: string; cwd?: string };
  const content = await download(machine, cwd ?? CWD, path);
  if (content === null) return fail(response, 404, 'no such file');
  response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(content);
}

/** What a policy lets through, in both forms that the client sends. */
function hostsOf(policy: Policy | undefined): string[] {
  if (policy === undefined || 'mode' in policy) return policy?.mode === 'deny-all' ? [] : ['everything'];
  return Array.isArray(policy.allow) ? policy.allow : Object.keys(policy.allow);
}

async function networkPolicy({ machine, id, body, response }: Parameters<Handler>[0]): Promise<void> {
  machine.reachable = hostsOf(JSON.parse(body.toString()) as Policy);
  send(response, 200, { session: sessionData(id, machine, Date.now()) });
}

async function stop({ machine, id, response }: Parameters<Handler>[0]): Promise<void> {
  machine.stopped = true;
  await machine.sandbox.destroy();
  send(response, 200, { session: sessionData(id, machine, Date.now()) });
}

function handlerFor(rest: string): Handler | null {
  if (rest === 'cmd') return command;
  if (rest.startsWith('cmd/')) return oneCommand;
  if (rest === 'fs/write' || rest === 'fs/read') return files;
  if (rest === 'network-policy') return networkPolicy;
  return rest === 'stop' ? stop : null;
}

async function createMachine(backend: SandboxProvider, machines: Map<string, Machine>, body: Record<string, unknown>): Promise<unknown> {
  const id = `sbx_${randomUUID()}`;
  const now = Date.now();
  const machine: Machine = {
    name: String(body.name),
    createdAt: now,
    sandbox: await backend.create({ timeoutSeconds: Number(body.timeout ?? 300_000) / 1000 }),
    commands: new Map(),
    reachable: hostsOf(body.networkPolicy as Policy | undefined),
    stopped: false,
  };
  machines.set(id, machine);
  return { sandbox: sandboxData(id, machine), session: sessionData(id, machine, now), routes: [] };
}

function sandboxData(id: string, { name, createdAt, stopped }: Machine): Record<string, unknown> {
  return { name, persistent: false, createdAt, updatedAt: createdAt, currentSessionId: id, status: stopped ? 'stopped' : 'running' };
}

/** A page of them all, or one by its name. */
function readSandboxes(machines: Map<string, Machine>, url: URL): unknown {
  const all = [...machines].toSorted(([, a], [, b]) => a.name.localeCompare(b.name));
  const name = /^\/v2\/sandboxes\/([^/]+)$/.exec(url.pathname)?.[1];
  if (name !== undefined) {
    const found = all.find(([, machine]) => machine.name === decodeURIComponent(name));
    return found && { sandbox: sandboxData(...found), session: sessionData(...found, found[1].createdAt), routes: [] };
  }
  const fitting = all.filter(([, machine]) => machine.name.startsWith(url.searchParams.get('namePrefix') ?? ''));
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const to = from + Math.min(Number(url.searchParams.get('limit') ?? 20), 2);
  const pagination = { count: fitting.length, next: to < fitting.length ? String(to) : null };
  return { sandboxes: fitting.slice(from, to).map((entry) => sandboxData(...entry)), pagination };
}

export async function startVercelServer(backend: SandboxProvider): Promise<VercelServer> {
  const machines = new Map<string, Machine>();
  const requests: VercelServer['requests'] = [];
  const failures: Failure[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const body = await bodyOf(request);
    const isJson = request.headers['content-type'] === 'application/json' && body.length > 0;
    const wire = { method: request.method ?? '', path, authorization: request.headers.authorization, body: isJson ? JSON.parse(body.toString()) : null };
    requests.push(wire);
    const failure = failures.find(({ kind }) => kind(wire));
    if (failure) {
      failures.splice(failures.indexOf(failure), 1);
      response.writeHead(failure.status, { 'content-type': 'application/json', ...failure.headers });
      response.end(JSON.stringify({ error: { message: 'as asked for' } }));
      return;
    }
    if (path === '/v3/sandboxes') return send(response, 200, await createMachine(backend, machines, JSON.parse(body.toString()) as Record<string, unknown>));
    if (request.method === 'GET' && /^\/v2\/sandboxes(\/[^/]+)?$/.test(path)) {
      const found = readSandboxes(machines, new URL(request.url ?? '', url));
      return found === undefined ? fail(response, 404, 'no such sandbox') : send(response, 200, found);
    }
    const [, id = '', rest = ''] = /^\/v2\/sandboxes\/sessions\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const machine = machines.get(id);
    const handler = handlerFor(rest);
    if (!machine || machine.stopped || !handler) return fail(response, machine?.stopped ? 410 : 404, 'gone');
    await handler({ machine, id, rest, body, request, response });
  }

  async function clear(): Promise<void> {
    await Promise.all([...machines.values()].map(({ sandbox }) => sandbox.destroy()));
    machines.clear();
  }

  const server: Server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => (response.headersSent ? response.destroy() : fail(response, 500, String(error))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    failNext: (status, headers = {}, kind = () => true) => failures.push({ status, headers, kind }),
    fetch: (input, init) => globalThis.fetch((input instanceof Request ? input.url : input.toString()).replace(API, url), init),
    clear,
    async close() {
      await clear();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
