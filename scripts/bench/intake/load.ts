import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { Payload } from './payloads.ts';

export interface LoadOptions {
  port: number;
  connections: number;
  milliseconds: number;
  payloads: readonly Payload[];
}

export interface LoadResult {
  requests: number;
  milliseconds: number;
  /** Of each request, from its first byte out to its answer's last byte in. */
  latencies: number[];
}

const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = '0\r\n\r\n';

/** The whole request, with a GUID that never came before. */
function requestBytes({ event, body, signature }: Payload): Buffer {
  const head = [
    'POST /api/github/webhook HTTP/1.1',
    'host: 127.0.0.1',
    'user-agent: GitHub-Hookshot/0000000',
    'content-type: application/json',
    `content-length: ${body.length}`,
    `x-github-delivery: ${randomUUID()}`,
    `x-github-event: ${event}`,
    'x-github-hook-id: 1',
    `x-hub-signature-256: ${signature}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}${HEAD_END}`), body]);
}

/** Whether an answer is whole: as long as it says, or with its last chunk. */
function isComplete(answer: string): boolean {
  const end = answer.indexOf(HEAD_END);
  if (end === -1) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, end));
  return length ? answer.length >= end + HEAD_END.length + Number(length[1]) : answer.endsWith(LAST_CHUNK);
}

/** One answer of a connection on which one request at a time is under way. */
function receive(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const settle = (end: () => void) => {
      socket.off('data', take).off('error', fail).off('close', closed);
      end();
    };
    const take = (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (isComplete(answer)) settle(() => resolve(answer));
    };
    const fail = (error: Error) => settle(() => reject(error));
    const closed = () => settle(() => reject(new Error('the connection was closed before the answer')));
    socket.on('data', take).once('error', fail).once('close', closed);
  });
}

/** Sends one request and waits for its answer. @throws where that is not 2xx */
export async function sendOne(socket: Socket, payload: Payload): Promise<void> {
  const answered = receive(socket);
  socket.write(requestBytes(payload));
  const answer = await answered;
  if (!answer.startsWith('HTTP/1.1 2')) throw new Error(`not taken: ${answer.slice(0, 500)}`);
}

export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });
}

/**
 * As many connections as asked for, each with one request under way at a time. Written on bare sockets: a client library would take
 * more of the processor than some of the servers.
 */
export async function load({ port, connections, milliseconds, payloads }: LoadOptions): Promise<LoadResult> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => openSocket(port)));
  const latencies: number[] = [];
  let next = 0;
  const begun = performance.now();
  const until = begun + milliseconds;
  async function keepSending(socket: Socket): Promise<void> {
    while (performance.now() < until) {
      const payload = payloads[next++ % payloads.length];
      if (!payload) throw new Error('there is nothing to send');
      const sent = performance.now();
      await sendOne(socket, payload);
      latencies.push(performance.now() - sent);
    }
  }
  try {
    await Promise.all(sockets.map(keepSending));
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  return { requests: latencies.length, milliseconds: performance.now() - begun, latencies };
}
