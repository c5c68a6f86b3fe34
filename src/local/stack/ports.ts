import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { BanyanError } from '../../kernel/errors.ts';

/** A stack that was killed takes a moment to let its ports go. */
const PATIENCE_MS = 4000;

/** The port asked for once it is free, or any free one for 0. */
export async function claimPort(port: number, use: { what: string; variable: string }): Promise<number> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const got = await probe(port);
    if (got !== undefined) return got;
    if (Date.now() > until) {
      throw new BanyanError('conflict', `Port ${port} (${use.what}) is in use by another program.`, {
        fix: `Stop that program, or choose another port: ${use.variable}=${port + 10} npm start`,
      });
    }
    await sleep(200);
  }
}

function probe(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(port, '127.0.0.1', () => {
      const got = (server.address() as AddressInfo).port;
      server.close(() => resolve(got));
    });
  });
}
