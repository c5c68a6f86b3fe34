import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { expect, it } from 'vitest';
import { createAppInspection } from './inspection.ts';

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

it('a GitHub that accepts and does not answer is given up, also where a token is asked for first', async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const app = createAppInspection({ appId: 1, privateKey, apiUrl: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` }, 50);
  const questions = [app.app(), app.installations(), app.hook(), app.attempts(), app.budget(7)];
  for (const answer of await Promise.allSettled(questions)) {
    expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'github_unavailable' } });
  }
  expect(sockets.size).toBeGreaterThan(0);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});
