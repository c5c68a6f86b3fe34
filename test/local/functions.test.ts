import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFunctionsServer } from '../../src/local/functions/server.ts';

const FILES: Record<string, string> = {
  'vercel.json': JSON.stringify({
    functions: { 'api/slow.ts': { maxDuration: 1 } },
    rewrites: [
      { source: '/api/github/webhook', destination: '/api/echo' },
      { source: '/api/cron/:job', destination: '/api/echo' },
      { source: '/api/v1/:path*', destination: '/api/echo' },
    ],
  }),
  'api/echo.ts': `
    export async function POST(request: Request): Promise<Response> {
      const body = Buffer.from(await request.arrayBuffer()).toString('base64');
      return Response.json({ url: request.url, body, header: request.headers.get('x-hub-signature-256') }, { status: 202, headers: { 'x-own': 'yes' } });
    }
    export function GET(request: Request): Response {
      return Response.json({ url: request.url });
    }`,
  'api/object.ts': `export default { fetch: (request: Request) => new Response(request.method) };`,
  'api/throws.ts': `export function GET(): Response { throw new Error('on purpose'); }`,
  'api/slow.ts': `export function GET(): Promise<Response> { return new Promise(() => undefined); }`,
  'api/later.ts': `
    import { appendFileSync } from 'node:fs';
    import { getDeadline, waitUntil } from '@vercel/functions';
    export function GET(request: Request): Response {
      const file = new URL(request.url).searchParams.get('file') ?? '';
      waitUntil(new Promise((resolve) => setTimeout(resolve, 200)).then(() => appendFileSync(file, 'done')));
      return Response.json({ deadline: getDeadline()?.getTime() });
    }`,
  'api/_private.ts': `export function GET(): Response { return new Response('hidden'); }`,
};

let root: string;
let server: Awaited<ReturnType<typeof createFunctionsServer>>;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'banyan-functions-'));
  mkdirSync(join(root, 'api'));
  for (const [path, text] of Object.entries(FILES)) writeFileSync(join(root, path), text);
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(root, 'node_modules'));
  server = await createFunctionsServer({ root, port: 0 });
});

afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

describe('the functions server', () => {
  it('hands over the raw body and the headers, and gives back status and headers', async () => {
    const body = new Uint8Array([0, 255, 13, 10, 123]);
    const response = await fetch(`${server.url}/api/github/webhook`, { method: 'POST', body, headers: { 'x-hub-signature-256': 'sha256=x' } });
    expect(response.status).toBe(202);
    expect(response.headers.get('x-own')).toBe('yes');
    expect(await response.json()).toMatchObject({ body: Buffer.from(body).toString('base64'), header: 'sha256=x' });
  });

  it('follows rewrites: the path stays, what the source matched comes into the query', async () => {
    expect(await (await fetch(`${server.url}/api/cron/tick`)).json()).toEqual({ url: `${server.url}/api/cron/tick?job=tick` });
    expect(await (await fetch(`${server.url}/api/v1/a/b?x=1`)).json()).toEqual({ url: `${server.url}/api/v1/a/b?x=1&path=a%2Fb` });
    expect(await (await fetch(`${server.url}/api/v1`)).json()).toEqual({ url: `${server.url}/api/v1` });
  });

  it('serves a default export with fetch for every method', async () => {
    expect(await (await fetch(`${server.url}/api/object`, { method: 'PATCH' })).text()).toBe('PATCH');
  });

  it('answers as the platform does where there is no function, no method, or an error', async () => {
    expect((await fetch(`${server.url}/api/nothing`)).status).toBe(404);
    expect((await fetch(`${server.url}/api/_private`)).status).toBe(404);
    expect((await fetch(`${server.url}/`)).status).toBe(404);
    expect((await fetch(`${server.url}/api/echo`, { method: 'DELETE' })).status).toBe(405);
    const failed = await fetch(`${server.url}/api/throws`);
    expect(failed.status).toBe(500);
    expect(await failed.text()).not.toContain('on purpose');
  });

  it('refuses a body over 4.5 MB before the function sees it', async () => {
    const limit = 4.5 * 1024 * 1024;
    expect((await fetch(`${server.url}/api/echo`, { method: 'POST', body: new Uint8Array(limit) })).status).toBe(202);
    const response = await fetch(`${server.url}/api/echo`, { method: 'POST', body: new Uint8Array(limit + 1) });
    expect(response.status).toBe(413);
    expect(await response.text()).toContain('FUNCTION_PAYLOAD_TOO_LARGE');
  });

  it('ends an invocation at its maxDuration', async () => {
    const response = await fetch(`${server.url}/api/slow`);
    expect(response.status).toBe(504);
    expect(response.headers.get('x-vercel-error')).toBe('FUNCTION_INVOCATION_TIMEOUT');
  });
});

describe('waitUntil and getDeadline', () => {
  it('let work go on after the response, and closing waits for it', async () => {
    const { readFileSync } = await import('node:fs');
    const other = await createFunctionsServer({ root, port: 0 });
    const file = join(root, 'later.txt');
    const before = Date.now();
    const { deadline } = (await (await fetch(`${other.url}/api/later?file=${encodeURIComponent(file)}`)).json()) as { deadline: number };
    expect(deadline).toBeGreaterThan(before);
    expect(deadline).toBeLessThanOrEqual(Date.now() + 300_000);
    await other.close();
    expect(readFileSync(file, 'utf8')).toBe('done');
  });
});

describe('a vercel.json that cannot be followed', () => {
  it('is refused with the rewrite named', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'banyan-rewrite-'));
    mkdirSync(join(folder, 'api'));
    writeFileSync(join(folder, 'vercel.json'), JSON.stringify({ rewrites: [{ source: '/old', destination: '/api/gone' }] }));
    await expect(createFunctionsServer({ root: folder, port: 0 })).rejects.toThrow('the rewrite "/old" leads to /api/gone');
    rmSync(folder, { recursive: true });
  });
});
