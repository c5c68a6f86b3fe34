/** As little as a webhook can do: the server of Node, one HMAC, one row. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createInsert, SECRET } from './insert.ts';
import { serve } from './serve.ts';

const insert = createInsert();

function isSigned(body: Buffer, signature: string): boolean {
  const wanted = Buffer.from(`sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`);
  const given = Buffer.from(signature);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function take(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
  const header = (name: string) => String(request.headers[name] ?? '');
  if (!isSigned(body, header('x-hub-signature-256'))) return void response.writeHead(401).end();
  await insert(header('x-github-delivery'), header('x-github-event'), body.toString('utf8'));
  response.writeHead(202).end('ok');
}

serve((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    take(request, response, Buffer.concat(chunks)).catch((error: unknown) => {
      console.error(error);
      response.writeHead(503).end();
    });
  });
});
