import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLocalSandboxProvider } from '../../src/sandbox/local/provider.ts';
import type { LocalWay } from '../../src/sandbox/local/detect.ts';
import { createVercelSandboxProvider } from '../../src/sandbox/vercel/provider.ts';
import { describeSandbox } from './conformance.ts';
import { startVercelServer, type VercelServer } from './vercel-server.ts';
import { whyNot } from './ways.ts';

async function describeLocal(way: LocalWay): Promise<void> {
  const reason = await whyNot(way);
  if (reason === null) describeSandbox(`local by ${way}`, () => createLocalSandboxProvider({ way }));
  else {
    it(`sandbox: local by ${way}`, (context) => {
      context.skip(reason);
      expect.unreachable();
    });
  }
}

await describeLocal('bubblewrap');
await describeLocal('unshare');

const backendProblem = await whyNot('unshare');
describe('vercel over its protocol', () => {
  beforeEach((context) => context.skip(backendProblem !== null, backendProblem ?? ''));

  const credentials = { token: 'vercel-token', teamId: 'team_1', projectId: 'prj_1' };
  let server: VercelServer;

  beforeAll(async () => {
    server = await startVercelServer(createLocalSandboxProvider({ way: 'unshare' }));
  });

  afterAll(() => server.close());

  describeSandbox('vercel', () => createVercelSandboxProvider({ ...credentials, fetch: server.fetch }));

  it('ends what was left behind: by its name, not before its time, and one that cannot be ended holds up no other', async () => {
    await server.clear();
    const provider = createVercelSandboxProvider({ ...credentials, fetch: server.fetch });
    const names = ['banyan-gone-1', 'banyan-gone-2', 'banyan-gone-3', 'banyan-busy', 'else-gone'];
    for (const name of names) await provider.create({ timeoutSeconds: 60, name });
    const sweep = (before: number) => {
      const gone = async (asked: readonly string[]) => asked.filter((name) => name.includes('gone'));
      return provider.sweep({ before: new Date(before), abandoned: gone, until: Number.MAX_SAFE_INTEGER });
    };
    expect(await sweep(Date.now() - 60_000)).toBe(0);
    server.failNext(400, {}, ({ path }) => path.endsWith('/stop'));
    expect(await sweep(Date.now() + 1_000)).toBe(2);
    expect(await sweep(Date.now() + 1_000)).toBe(1);
    expect(await sweep(Date.now() + 1_000)).toBe(0);
    server.failNext(403);
    await expect(sweep(Date.now())).rejects.toMatchObject({ code: 'sandbox_unavailable', retry: 'needs_human' });
    await server.clear();
  });

  it('asks for a machine that is not kept and has no network, and hands over no credential', async () => {
    server.requests.length = 0;
    const sandbox = await createVercelSandboxProvider({ ...credentials, fetch: server.fetch }).create({
      timeoutSeconds: 90,
      name: 'acme/shop #1',
      memoryMb: 4096,
    });
    await sandbox.run({ command: 'true', timeoutSeconds: 5, maxOutputBytes: 100 });
    await sandbox.destroy();
    const [created, ...others] = server.requests;
    expect(created).toMatchObject({ path: '/v3/sandboxes', authorization: 'Bearer vercel-token' });
    expect(created?.body).toMatchObject({
      persistent: false,
      networkPolicy: { mode: 'deny-all' },
      timeout: 90_000,
      resources: { vcpus: 2 },
      projectId: 'prj_1',
    });
    expect(created?.body).toHaveProperty('name', expect.stringMatching(/^acme-shop-1-[0-9a-f]{8}$/));
    expect(JSON.stringify([created?.body, ...others.map(({ body }) => body)])).not.toContain('vercel-token');
    expect(others.at(-1)?.path).toMatch(/\/stop$/);
  });

  it.each([
    [401, {}, 'sandbox_unavailable', 'needs_human'],
    [402, {}, 'sandbox_unavailable', 'needs_human'],
    [429, { 'retry-after': '120' }, 'sandbox_unavailable', 'rate_limit'],
    [400, {}, 'sandbox_failed', 'permanent'],
  ])('turns a %i into a typed error', async (status, headers, code, retry) => {
    server.failNext(status, headers);
    const creating = createVercelSandboxProvider({ ...credentials, fetch: server.fetch }).create({ timeoutSeconds: 10 });
    await expect(creating).rejects.toMatchObject({ code, retry });
  });

  it('does not go on in an empty machine when its own is gone', async () => {
    const sandbox = await createVercelSandboxProvider({ ...credentials, fetch: server.fetch }).create({ timeoutSeconds: 10 });
    server.failNext(410);
    await expect(sandbox.run({ command: 'true', timeoutSeconds: 5, maxOutputBytes: 100 })).rejects.toMatchObject({
      code: 'sandbox_timeout',
      retry: 'transient',
    });
    await sandbox.destroy();
  });

  it('refuses half of the credentials', async () => {
    const creating = createVercelSandboxProvider({ token: 'only', fetch: server.fetch }).create({ timeoutSeconds: 10 });
    await expect(creating).rejects.toMatchObject({ code: 'sandbox_unavailable', fix: expect.stringContaining('VERCEL_TEAM_ID') });
  });
});
