import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkHealth } from '../../src/engine/health.ts';
import { createStore } from '../../src/store/store.ts';
import { createTransport } from '../../src/store/transport.ts';

const UNREACHABLE = { status: 'unavailable', database: 'unreachable' };
const never = () => new Promise<never>(() => undefined);

describe('health of a database that accepts connections and never answers', () => {
  const sockets = new Set<Socket>();
  let silent: Server;
  let at: string;
  beforeAll(async () => {
    silent = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    at = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });

  it.each(['the Data API', 'Postgres'])('is told before the call of %s would give up by itself', async (way) => {
    const supabase = { url: `http://${at}`, secretKey: 'sb_secret_nobody' };
    const store = createStore(createTransport({ supabase, databaseUrl: way === 'Postgres' ? `postgres://postgres@${at}/postgres` : undefined }));
    let gaveUp = false;
    const health = () =>
      store.health().finally(() => {
        gaveUp = true;
      });
    const response = await checkHealth({ health, close: () => store.close() }, 200);
    expect(gaveUp).toBe(false);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject(UNREACHABLE);
  });

  it('does not wait for the connection to be closed, and has a limit where none is named', async () => {
    const response = await checkHealth({ health: never, close: never });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject(UNREACHABLE);
  });
});
