import { describe, expect, it } from 'vitest';
import { createSupabaseTransport } from './supabase-transport.ts';

function answering(status: number, body: unknown, seen: Request[] = []): ReturnType<typeof createSupabaseTransport> {
  return createSupabaseTransport({
    url: 'http://127.0.0.1:1',
    secretKey: 'sb_secret_x',
    fetch: (input, init) => {
      seen.push(new Request(input, init));
      return Promise.resolve(new Response(typeof body === 'string' ? body : JSON.stringify(body), { status }));
    },
  });
}

describe('transport over the Data API', () => {
  it('posts the arguments by name with the secret key', async () => {
    const seen: Request[] = [];
    expect(await answering(200, { status: 'accepted' }, seen).call('receive', { p_guid: 'g', p_list: [1] })).toEqual({ status: 'accepted' });
    const [request] = seen;
    expect([request?.method, request?.url]).toEqual(['POST', 'http://127.0.0.1:1/rest/v1/rpc/receive']);
    expect(request?.headers.get('apikey')).toBe('sb_secret_x');
    expect(await request?.json()).toEqual({ p_guid: 'g', p_list: [1] });
  });

  it.each([
    [409, { code: 'PT409', message: 'changed', details: null, hint: null }, 'conflict', 'permanent'],
    [400, { code: '23514', message: 'check', details: 'row', hint: null }, 'database_error', 'permanent'],
    [404, { code: 'PGRST202', message: 'no function', details: null, hint: null }, 'database_error', 'permanent'],
    [401, { message: 'Invalid API key' }, 'database_error', 'permanent'],
    [500, { code: '40P01', message: 'deadlock', details: null, hint: null }, 'database_unavailable', 'transient'],
    [503, { code: 'PGRST002', message: 'no schema cache', details: null, hint: null }, 'database_unavailable', 'transient'],
    [502, '<html>bad gateway</html>', 'database_unavailable', 'transient'],
    [429, { message: 'slow down' }, 'database_unavailable', 'transient'],
  ])('status %i with %o is %s, %s', async (status, body, code, retry) => {
    await expect(answering(status, body).call('f', {})).rejects.toMatchObject({ code, retry, data: { fn: 'f' } });
  });

  it('takes a network that fails, and a call that takes too long, for no answer', async () => {
    const failing = createSupabaseTransport({ url: 'http://127.0.0.1:1', secretKey: 'k', fetch: () => Promise.reject(new TypeError('fetch failed')) });
    await expect(failing.call('f', {})).rejects.toMatchObject({ code: 'database_unavailable', retry: 'transient' });
    const hanging = createSupabaseTransport({
      url: 'http://127.0.0.1:1',
      secretKey: 'k',
      timeoutMs: 5,
      fetch: (_input, init) => new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error))),
    });
    await expect(hanging.call('f', {})).rejects.toMatchObject({ code: 'database_unavailable' });
  });
});
