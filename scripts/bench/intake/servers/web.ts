/** The bare handler in the form that the platform calls: one `Request` in, one `Response` out. Node loads its half a megabyte of `fetch` for it. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { listen } from '../../../../src/local/http.ts';
import { createInsert, SECRET } from './insert.ts';
import { announce } from './serve.ts';

const MAX_BODY_BYTES = 4.5 * 1024 * 1024;

const insert = createInsert();

async function handle(request: Request): Promise<Response> {
  const body = Buffer.from(await request.arrayBuffer());
  const header = (name: string) => request.headers.get(name) ?? '';
  const wanted = Buffer.from(`sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`);
  const given = Buffer.from(header('x-hub-signature-256'));
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return new Response(null, { status: 401 });
  await insert(header('x-github-delivery'), header('x-github-event'), body.toString('utf8'));
  return new Response('ok', { status: 202 });
}

const server = await listen({ port: 0, handle, maxBodyBytes: MAX_BODY_BYTES, tooLarge: () => new Response(null, { status: 413 }) });
announce(server.port);
