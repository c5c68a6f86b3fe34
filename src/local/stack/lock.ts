import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { BanyanError } from '../../kernel/errors.ts';

/** Socket paths are short on every system (104 bytes on macOS). */
const MAX_SOCKET_PATH = 100;

/**
 * One stack per data folder: who listens on the folder's socket has it. The system closes the socket of a process that dies, however it dies,
 * so a lock never outlives its owner.
 * @returns gives the lock back.
 */
export async function lockFolder(dataDir: string): Promise<() => void> {
  const path = socketPath(dataDir);
  const server = createServer((socket) => socket.end());
  if (!(await tryListen(server, path))) {
    if (await answers(path)) throw inUse(dataDir);
    rmSync(path, { force: true });
    if (!(await tryListen(server, path))) throw inUse(dataDir);
  }
  server.unref();
  return () => server.close();
}

function socketPath(dataDir: string): string {
  const inside = join(dataDir, 'stack.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH) return inside;
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return join(tmpdir(), `banyan-${userInfo().uid}-${name}.sock`);
}

function inUse(dataDir: string): BanyanError {
  return new BanyanError('conflict', `Banyan is already running on the data folder ${dataDir}.`, {
    fix: 'Stop it first (Ctrl-C where it runs), or set BANYAN_DATA_DIR to another folder and the BANYAN_*PORT variables to other ports.',
  });
}

function tryListen(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
    server.listen(path, () => resolve(true));
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
