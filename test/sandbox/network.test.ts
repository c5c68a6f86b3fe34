import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLocalSandboxProvider } from '../../src/sandbox/local/provider.ts';
import { REGISTRY_HOSTS } from '../../src/sandbox/registries.ts';
import type { Sandbox, SandboxCommand, SandboxNetwork } from '../../src/sandbox/types.ts';
import { createVercelSandboxProvider } from '../../src/sandbox/vercel/provider.ts';
import { startVercelServer, type VercelServer, type WireRequest } from './vercel-server.ts';
import { whyNot } from './ways.ts';

const credentials = { token: 'vercel-token', teamId: 'team_1', projectId: 'prj_1' };
const backendProblem = await whyNot('unshare');

let server: VercelServer;
let sandbox: Sandbox;

function look(network: SandboxNetwork, more: Partial<SandboxCommand> = {}) {
  return sandbox.run({ command: 'echo "reaches: $REACHABLE"', timeoutSeconds: 10, maxOutputBytes: 4_000, network, ...more });
}

function isPolicy(request: WireRequest): boolean {
  return request.path.endsWith('/network-policy');
}

function isClosing(request: WireRequest): boolean {
  return isPolicy(request) && JSON.stringify(request.body) === '{"mode":"deny-all"}';
}

/** What the machine was told, in order, in one word each. */
function story(): string[] {
  return server.requests.flatMap((request) => {
    if (isPolicy(request)) return [isClosing(request) ? 'close' : 'open'];
    if (request.path.endsWith('/cmd')) return ['command'];
    return /\/(kill|stop)$/.exec(request.path)?.[1] ?? [];
  });
}

const OPEN = `reaches: ${REGISTRY_HOSTS.join(' ')}\n`;
const CLOSED = 'reaches: \n';

describe('network of a vercel sandbox', () => {
  beforeAll(async () => {
    server = await startVercelServer(createLocalSandboxProvider({ way: 'unshare' }));
  });

  afterAll(() => server.close());

  beforeEach(async (context) => {
    context.skip(backendProblem !== null, backendProblem ?? '');
    sandbox = await createVercelSandboxProvider({ ...credentials, fetch: server.fetch }).create({ timeoutSeconds: 60 });
    server.requests.length = 0;
  });

  afterEach(() => server.clear());

  it('opens to the registries alone, for the one command that asks', async () => {
    expect((await look('none')).output).toBe(CLOSED);
    expect((await look('registries')).output).toBe(OPEN);
    expect((await look('none')).output).toBe(CLOSED);
    expect(story()).toEqual(['command', 'open', 'command', 'close', 'command']);
    expect(server.requests.find(isPolicy)?.body).toEqual({ allow: REGISTRY_HOSTS });
  });

  it('lets no second command in while it is open', async () => {
    const results = await Promise.all([look('registries', { command: 'sleep 0.2; echo "reaches: $REACHABLE"' }), look('none'), look('registries')]);
    expect(results.map(({ output }) => output)).toEqual([OPEN, CLOSED, OPEN]);
    expect(story()).toEqual(['open', 'command', 'close', 'command', 'open', 'command', 'close']);
  });

  it('is closed after a command that fails and after one that takes too long', async () => {
    expect(await look('registries', { command: 'exit 7' })).toMatchObject({ exitCode: 7 });
    expect(await look('registries', { command: 'sleep 30', timeoutSeconds: 1 })).toMatchObject({ timedOut: true });
    expect((await look('none')).output).toBe(CLOSED);
    expect(story()).toEqual(['open', 'command', 'close', 'open', 'command', 'close', 'command']);
  });

  it('is closed after an abort', async () => {
    const controller = new AbortController();
    const running = look('registries', { command: 'sleep 30', signal: controller.signal });
    await vi.waitFor(() => expect(server.requests.at(-1)?.path).toMatch(/\/logs$/), { interval: 20 });
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect((await look('none')).output).toBe(CLOSED);
    expect(story()).toEqual(['open', 'command', 'kill', 'close', 'command']);
  });

  it('is closed where the command could not be started, and where the opening was refused', async () => {
    server.failNext(400, {}, (request) => request.path.endsWith('/cmd'));
    await expect(look('registries')).rejects.toMatchObject({ code: 'sandbox_failed' });
    server.failNext(400, {}, isPolicy);
    await expect(look('registries')).rejects.toMatchObject({ code: 'sandbox_failed' });
    expect((await look('none')).output).toBe(CLOSED);
    expect(story()).toEqual(['open', 'command', 'close', 'open', 'close', 'command']);
  });

  it('destroys the machine whose network cannot be closed again', async () => {
    server.failNext(400, {}, isClosing);
    await expect(look('registries')).rejects.toMatchObject({
      code: 'sandbox_failed',
      retry: 'transient',
      message: expect.stringContaining('it was destroyed'),
    });
    await expect(look('none')).rejects.toMatchObject({ code: 'sandbox_timeout' });
    expect(story()).toEqual(['open', 'command', 'close', 'stop']);
  });

  it('uses it no more where it cannot even be destroyed, and tries that again', async () => {
    server.failNext(400, {}, isClosing);
    server.failNext(400, {}, (request) => request.path.endsWith('/stop'));
    await expect(look('registries')).rejects.toMatchObject({ code: 'sandbox_failed', message: expect.stringContaining('destroying it failed') });
    await expect(look('none')).rejects.toMatchObject({ code: 'sandbox_timeout' });
    await sandbox.destroy();
    expect(story()).toEqual(['open', 'command', 'close', 'stop', 'stop']);
  });

  it('takes a machine that is gone for closed', async () => {
    server.failNext(410, {}, isClosing);
    expect((await look('registries')).output).toBe(OPEN);
    await expect(look('none')).rejects.toMatchObject({ code: 'sandbox_timeout' });
  });
});

it('says which provider reaches registries', () => {
  expect(createVercelSandboxProvider().reachesRegistries).toBe(true);
  expect(createLocalSandboxProvider().reachesRegistries).toBe(false);
});
