import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  /** From 0. */
  count: number;
  method: string;
  url: string;
  body: string;
}

export interface Fault {
  status: number;
  body: string;
  headers?: Record<string, string>;
}

/** What GitHub answers to a token whose budget is used up. */
export const LIMITED: Fault = {
  status: 403,
  headers: { 'x-ratelimit-remaining': '0', 'retry-after': '7' },
  body: '{"message":"API rate limit exceeded for installation ID 1."}',
};

/** GitHub with faults in front: what `fault` answers in its place, else the local GitHub at `target`. */
export async function withFaults<T>(target: string, fault: (asked: Asked) => Fault | null, use: (api: string) => Promise<T>): Promise<T> {
  let count = 0;
  const proxy = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString();
      const method = request.method ?? 'GET';
      const answer = fault({ count: count++, method, url: request.url ?? '', body });
      if (answer) {
        response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body);
        return;
      }
      const headers = { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' };
      const real = await fetch(`${target}${request.url}`, { method, headers, ...(body === '' ? {} : { body }) });
      const link = real.headers.get('link');
      response.writeHead(real.status, { 'content-type': real.headers.get('content-type') ?? '', ...(link === null ? {} : { link }) }).end(await real.text());
    })();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  } finally {
    proxy.close();
  }
}
