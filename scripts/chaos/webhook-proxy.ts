import { setTimeout as sleep } from 'node:timers/promises';
import { readEnvelope } from '../../src/domain/intake.ts';
import { forward, send, serveRaw } from './http.ts';
import type { Answer, RawServer, Received } from './http.ts';
import type { Injector } from './injector.ts';
import type { Fault } from './plan.ts';

export interface WebhookProxy extends RawServer {
  /** GUIDs of the events that count for Banyan. */
  sent(): ReadonlySet<string>;
  /** Those that the functions have taken. */
  taken(): ReadonlySet<string>;
  /** Deliveries on their way that GitHub holds for delivered. */
  underWay(): number;
}

export interface WebhookProxyOptions {
  injector: Injector;
  /** Addresses of the functions that are up. */
  targets: () => string[];
}

const TAKEN: Answer = { status: 202, headers: { 'content-type': 'application/json' }, body: Buffer.from('{}') };
const LOST: Answer = { status: 502, headers: { 'content-type': 'text/plain' }, body: Buffer.from('bad gateway') };
const AGAIN_MS = 300;

function describe(received: Received): { guid: string; target: string; counts: boolean } {
  const event = received.headers['x-github-event'] ?? '';
  const payload: unknown = JSON.parse(received.body.toString('utf8'));
  const { action, number, repository, ignored } = readEnvelope(event, payload);
  return { guid: received.headers['x-github-delivery'] ?? '', target: `${event}.${action} ${repository}#${number}`, counts: ignored === null };
}

/** The way of a delivery from GitHub to the functions. */
export async function startWebhookProxy({ injector, targets }: WebhookProxyOptions): Promise<WebhookProxy> {
  const sent = new Set<string>();
  const taken = new Set<string>();
  let turn = 0;
  let underWay = 0;
  const waiting: (() => void)[] = [];

  async function pass(received: Received): Promise<Answer> {
    const up = targets();
    const target = up[turn++ % Math.max(1, up.length)];
    if (target === undefined) return LOST;
    const answer = await forward(target, received).catch(() => LOST);
    for (const goOn of waiting.splice(0)) goOn();
    if (answer.status === 202) taken.add(received.headers['x-github-delivery'] ?? '');
    return answer;
  }

  /** GitHub was told that it arrived, so it has to. */
  async function passForSure(received: Received): Promise<void> {
    underWay += 1;
    try {
      while ((await pass(received)).status !== 202) await sleep(AGAIN_MS);
    } finally {
      underWay -= 1;
    }
  }

  async function afterTheNext(milliseconds: number): Promise<void> {
    const next = Promise.withResolvers<void>();
    waiting.push(next.resolve);
    await Promise.race([next.promise, sleep(milliseconds)]);
  }

  async function later(received: Received, wait: () => Promise<unknown>): Promise<void> {
    underWay += 1;
    await wait();
    await passForSure(received).finally(() => (underWay -= 1));
  }

  async function strike(fault: Fault, received: Received): Promise<Answer> {
    const wait = fault.seconds * 1000;
    switch (fault.kind) {
      case 'twice': {
        const first = await pass(received);
        await pass(received);
        return first;
      }
      case 'late':
        void later(received, () => sleep(wait));
        return TAKEN;
      case 'out of order':
        void later(received, () => afterTheNext(wait));
        return TAKEN;
      case 'answer lost':
        await pass(received);
        return LOST;
      default:
        return LOST;
    }
  }

  const server = await serveRaw(async (received, response) => {
    const { guid, target, counts } = describe(received);
    const isFirst = !sent.has(guid);
    if (counts) sent.add(guid);
    const fault = counts && isFirst ? injector.next('webhook', target) : null;
    send(response, fault ? await strike(fault, received) : await pass(received));
  });
  return { ...server, sent: () => sent, taken: () => taken, underWay: () => underWay };
}
